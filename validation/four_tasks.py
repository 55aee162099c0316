"""Four small notebooks that leave every kind of result, for trials of the runner."""

import json
from pathlib import Path

PARAMETERS = """\
cohort_dir: str = "data/synthetic/study"  # the cohort
run_dir: str = "results/lab"  # the run
seed: int = 1  # seed; 0 to 100
"""
START = """\
import os, random
from pathlib import Path
out = Path(os.environ["COHABIT_OUTPUT_DIR"])
run = Path(os.environ["COHABIT_ROOT"]) / run_dir
made = random.Random(seed)
for name in ("cohort", "tables", "figures"):
    (out / name).mkdir(exist_ok=True)
"""
MAKE = """\
(out / "tables").rmdir(), (out / "figures").rmdir()
for number in range(30):
    (out / "cohort" / f"part_{number}.bin").write_bytes(made.randbytes(20_000))
(out / "cohort" / "participants.tsv").write_text("id\\n" * 100)
"""
ANALYSE = """\
(out / "cohort").rmdir()
parts = [path.read_bytes() for path in sorted((run / "cohort").iterdir())]
for number in range(20):
    (out / "tables" / f"NN_{number}.tsv").write_text(f"{sum(map(len, parts))}\\n" * 500)
    (out / "figures" / f"NN_{number}.png").write_bytes(made.randbytes(10_000) + parts[number])
"""
COLLECT = """\
(out / "cohort").rmdir()
found = [path for name in ("tables", "figures") for path in sorted((run / name).iterdir())]
lines = [f"{path.name} {len(path.read_bytes())}" for path in found]
(out / "claims.tsv").write_text("\\n".join(lines))
(out / "recovery.tsv").write_text("\\n".join(reversed(lines)))
"""


def plant(root: Path) -> Path:
    """Write `02_make`, then `05_first` and `07_second`, then `13_all` below a root; return it."""
    for folder in ("notebooks", "config", "data/reference"):
        (root / folder).mkdir(parents=True)
    (root / "run_all.py").touch()
    (root / "config" / "classroom.toml").write_text('preset = "study"\n', encoding="utf-8")
    _write(root, "02_make", MAKE, after=[])
    _write(root, "05_first", ANALYSE.replace("NN", "05"), after=["02"])
    _write(root, "07_second", ANALYSE.replace("NN", "07"), after=["02"])
    _write(root, "13_all", COLLECT, after="all")
    return root


def _write(root: Path, name: str, code: str, *, after: list[str] | str) -> None:
    sources = [(PARAMETERS, ["parameters"]), (START, []), (code, [])]
    cells = [
        {
            "cell_type": "code",
            "execution_count": None,
            "id": f"cell-{number}",
            "metadata": {"tags": tags},
            "outputs": [],
            "source": source,
        }
        for number, (source, tags) in enumerate(sources)
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "cohabit": {"after": after}}
    notebook = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    path = root / "notebooks" / f"{name}.ipynb"
    path.write_text(json.dumps(notebook), encoding="utf-8")
