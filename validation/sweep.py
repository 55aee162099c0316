"""500 cohorts of about 30 pairs through notebooks 02 and 07 in one sweep, failures planted.

In ten of them notebook 07 breaks, in one of these its kernel is killed. The sweep must name
exactly these and finish all others; once the cause is gone, the same command must run these
alone. Promised within 60 minutes on two cores.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd

from cohabit.compute.fingerprint import hash_folder
from cohabit.files import paths
from validation.kills import copy_collection

TITLE = "A sweep of 500"
N_COHORTS = 500
N_PLANTED = 10
NAME = "thirty"
SWEEP = """question = "How often do 30 pairs see what 576 see?"
notebooks = ["02", "07"]

[grid]
02.pairs = [0.052]
02.seed = {{ from = 1, to = {n} }}
"""
PLANTED = """import json, os
from cohabit.files import paths
cohort_seed = json.loads((paths.from_root(cohort_dir) / "cohort.json").read_text())["seed"]
if cohort_seed % {every} == 0 and not (paths.root() / "mended").exists():
    if cohort_seed == {every}:
        os.kill(os.getpid(), 9)
    raise RuntimeError("planted failure")
"""


def parts() -> list[str]:
    """Return the one sweep; `cohorts-10` is a short one."""
    return [f"cohorts-{N_COHORTS}"]


def state() -> dict[str, str]:
    """Return what the sweep depends on besides the library: the notebooks."""
    return {name: str(hash_folder(paths.root() / name)) for name in ("notebooks", "config")}


def measure(part: str) -> pd.DataFrame:
    """Return one row a call of the command: how many failed, were expected to, and ran."""
    count = int(part.split("-")[1])
    every = max(5, count // N_PLANTED)
    planted = set(range(every, count + 1, every))
    root = paths.root() / "results" / "validation" / f"sweep-{count}"
    if not root.exists():
        _plant(root, count, every)
    rows = [] if (root / "mended").exists() else [_call(root, "with failures", planted)]
    (root / "mended").touch()
    return pd.DataFrame([*rows, _call(root, "once more", set())])


def _plant(root: Path, count: int, every: int) -> None:
    """Copy the collection, write the sweep, and let notebook 07 break in some cohorts."""
    copy_collection(root)
    (root / "sweeps").mkdir()
    (root / "sweeps" / f"{NAME}.toml").write_text(SWEEP.format(n=count), encoding="utf-8")
    (path,) = (root / "notebooks").glob("07_*.ipynb")
    notebook = json.loads(path.read_text(encoding="utf-8"))
    tags = [cell["metadata"].get("tags", []) for cell in notebook["cells"]]
    (place,) = [number for number, found in enumerate(tags) if "parameters" in found]
    breaks = {"cell_type": "code", "execution_count": None, "id": "planted", "outputs": []}
    breaks |= {"metadata": {}, "source": PLANTED.format(every=every)}
    notebook["cells"].insert(place + 1, breaks)
    path.write_text(json.dumps(notebook), encoding="utf-8")


def _call(root: Path, call: str, planted: set[int]) -> dict[str, object]:
    """Give the command once and read what it reports."""
    command = [sys.executable, "-m", "cohabit", "run", "--sweep", NAME]
    began = time.monotonic()
    environment = {**os.environ, "COHABIT_ROOT": str(root)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    minutes = (time.monotonic() - began) / 60
    folder = root / "results" / "sweeps" / NAME
    if not (folder / "settings.tsv").is_file():
        raise RuntimeError(f"the sweep left no report: {done.stderr[-2000:]}")
    settings = pd.read_csv(folder / "settings.tsv", sep="\t")
    failed = set(settings.loc[settings["status"] != "done", "02.seed"])
    return {
        "call": call,
        "cohorts": settings["setting"].nunique(),
        "failed": len(failed),
        "as_planted": failed == planted and done.returncode == bool(planted),
        "reported": _is_reported(folder, len(planted)),
        "ran": int((~settings["reused"]).sum()),
        "minutes": round(minutes, 1),
    }


def _is_reported(folder: Path, n_planted: int) -> bool:
    page = (folder / "report.html").read_text(encoding="utf-8")
    if n_planted == 0:
        return "Every notebook of every setting finished." in page
    return f"{n_planted} of" in page and "planted failure" in page


def summarise(measured: pd.DataFrame) -> pd.DataFrame:
    """Return the calls."""
    return measured


def conclude(summary: pd.DataFrame) -> str:
    """Say whether every failure was planted and reported, and how long it took."""
    good = summary["as_planted"].astype(bool) & summary["reported"].astype(bool)
    kept = "as planted" if good.all() else "NOT as planted"
    return f"Failures {kept}; {summary['minutes'].sum():.0f} minutes in all."
