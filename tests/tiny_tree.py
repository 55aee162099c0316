"""A collection of four tiny notebooks in a folder of its own, for tests of the runner."""

import json
import os
import threading
from dataclasses import dataclass, field
from pathlib import Path

from cohabit.data.schema import MissingInput
from cohabit.run.graph import Notebook, discover

PARAMETERS = """\
cohort_dir: str = "data/synthetic/study"  # the cohort
run_dir: str = "results/lab"  # the run
seed: int = 1  # seed; 0 to 100
"""
START = """\
import os
from pathlib import Path
out = Path(os.environ["COHABIT_OUTPUT_DIR"])
(out / "tables").mkdir(exist_ok=True)
"""
MAKE = """(out / "cohort").mkdir()
(out / "cohort" / "participants.tsv").write_text(f"person {seed}\\n")
"""
SUMS = """text = (Path(os.environ["COHABIT_ROOT"]) / cohort_dir / "participants.tsv").read_text()
(out / "tables" / "05_sums.tsv").write_text(text * n)
"""
FAILS = """assert not wrong, "as asked"
(out / "tables" / "07_fails.tsv").write_text("7")
"""
ALL = """tables = Path(os.environ["COHABIT_ROOT"]) / run_dir / "tables"
found = [f"{path.name} {path.read_text()}" for path in sorted(tables.iterdir())]
(out / "claims.tsv").write_text("\\n".join(found))
"""


@dataclass(frozen=True)
class Tree:
    """`02_make` -> `05_sums`, `07_fails` -> `13_all`, in a root of their own."""

    root: Path

    @property
    def notebooks(self) -> dict[str, Notebook]:
        return discover(self.root / "notebooks")

    def write(self, name: str, code: str, *, parameters: str = "", after=None) -> None:
        """Write one notebook: heading, parameters cell, one cell of code."""
        cells = [
            {"cell_type": "markdown", "metadata": {}, "source": f"# About {name}\n", "id": "a"},
            _code_cell("b", PARAMETERS + parameters, tags=["parameters"]),
            _code_cell("c", START + code),
        ]
        kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
        metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
        if after is not None:
            metadata["cohabit"] = {"after": after}
        notebook = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
        path = self.root / "notebooks" / f"{name}.ipynb"
        path.write_text(json.dumps(notebook), encoding="utf-8")

    def run_folder(self, name: str = "study") -> Path:
        return self.root / "results" / name

    def summary(self, name: str = "study") -> dict:
        text = (self.run_folder(name) / "run.json").read_text(encoding="utf-8")
        return json.loads(text)

    def statuses(self, name: str = "study") -> dict[str, str]:
        return {row["number"]: row["status"] for row in self.summary(name)["notebooks"]}

    def results(self, name: str = "study") -> dict[str, str]:
        """Return what a run left for readers: path -> text."""
        folder = self.run_folder(name)
        kept = [folder / "cohort", folder / "tables"]
        paths = [path for place in kept for path in place.rglob("*") if path.is_file()]
        paths += folder.glob("*.tsv")
        return {str(path.relative_to(folder)): path.read_text() for path in paths}


def _code_cell(identity: str, source: str, **metadata) -> dict:
    content = {"source": source, "outputs": [], "execution_count": None, "id": identity}
    return {"cell_type": "code", "metadata": metadata, **content}


def plant(root: Path) -> Tree:
    """Write the tree."""
    for folder in ("notebooks", "config", "data/reference"):
        (root / folder).mkdir(parents=True)
    (root / "run_all.py").touch()
    (root / "config" / "study.toml").write_text('preset = "study"\n', encoding="utf-8")
    tree = Tree(root)
    tree.write("02_make", MAKE, after=[])
    tree.write("05_sums", SUMS, parameters="n: int = 3  # how many; 1 to 10")
    tree.write("07_fails", FAILS, parameters="wrong: bool = False  # whether to fail")
    tree.write("13_all", ALL, after="all")
    return tree


@dataclass
class FakeWorkers:
    """Stands in for `cohabit.run.workers.Workers`: runs a notebook's code without a kernel."""

    ran: list[str] = field(default_factory=list)
    guard: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None

    def count(self) -> int:
        return 1

    def run(self, source, attempt, parameters, *, timeout, on_cell) -> dict:
        code = json.loads(source.read_text(encoding="utf-8"))["cells"][2]["source"]
        self.ran.append(source.stem[:2])
        (attempt / "notebook.ipynb").write_text("{}", encoding="utf-8")
        cost = {"seconds": 1.5, "memory_mb": 80.0}
        with self.guard:
            os.environ["COHABIT_OUTPUT_DIR"] = str(attempt / "output")
            try:
                exec(code, dict(parameters))
            except MissingInput as error:
                return {"status": "skipped", "reason": str(error), **cost}
            except AssertionError as error:
                message = f"AssertionError: {error}"
                return {"status": "failed", "error": {"message": message, "source": code}, **cost}
        return {"status": "done", **cost}

    def stop(self) -> None:
        """Nothing runs elsewhere."""
