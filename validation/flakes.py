"""Twenty runs of the whole of `make test`: a test that fails once in twenty is a defect."""

import os
import re
import subprocess
import sys
import time

import pandas as pd

from cohabit.compute.fingerprint import hash_folder
from cohabit.files import paths

TITLE = "Flakes"
N_RUNS = 20
COMMAND = [sys.executable, "-m", "pytest", "-q", "--no-header", "-p", "no:cacheprovider"]
LAST_LINE = re.compile(r"(\d+) (passed|failed|error)")


def parts() -> list[str]:
    """Return the names of the runs."""
    return [f"run-{number:02d}" for number in range(1, N_RUNS + 1)]


def state() -> dict[str, str]:
    """Return what a run depends on: everything that is tested, and the tests."""
    folders = ("src", "tests", "notebooks", "benchmarks", "config")
    return {name: str(hash_folder(paths.root() / name)) for name in folders}


def measure(part: str) -> pd.DataFrame:
    """Return one row: what one run says, each with its own hash seed."""
    began = time.monotonic()
    environment = os.environ | {"PYTHONHASHSEED": part.removeprefix("run-").lstrip("0")}
    done = subprocess.run(
        COMMAND, cwd=paths.root(), env=environment, capture_output=True, text=True, check=False
    )
    row = read_outcome(done.stdout) | {"code": done.returncode}
    return pd.DataFrame([{"run": part, **row, "seconds": round(time.monotonic() - began)}])


def read_outcome(output: str) -> dict[str, object]:
    """Return counts from pytest's last line and the names of what failed."""
    lines = output.strip().splitlines()
    counts = {word: int(number) for number, word in LAST_LINE.findall(lines[-1] if lines else "")}
    failures = [line.split(" ")[1] for line in lines if line.startswith(("FAILED ", "ERROR "))]
    failed = counts.get("failed", 0) + counts.get("error", 0)
    return {"passed": counts.get("passed", 0), "failed": failed, "names": "; ".join(failures)}


def summarise(measured: pd.DataFrame) -> pd.DataFrame:
    """Return the runs."""
    return measured


def conclude(summary: pd.DataFrame) -> str:
    """Say how many runs are green."""
    green = summary["code"] == 0
    names = sorted(set("; ".join(summary.loc[~green, "names"].dropna()).split("; ")) - {""})
    return (
        f"{green.sum()} of {len(summary)} runs are green.{' ' + ', '.join(names) if names else ''}"
    )
