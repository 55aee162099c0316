"""The results of a run in memory; missing files are left out."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from cohabit.data.shapes import Number, check_shape
from cohabit.files import paths
from cohabit.judge.recovery import score_claims
from cohabit.run.graph import read_notebook
from cohabit.run.results import Run, read_reference

EMPTY = pd.DataFrame()
NOTEBOOK_ROW = {"number": str, "title": str, "status": str, "reason": str, "seconds": Number}
SUMMARY_SHAPE = {
    "notebooks": [NOTEBOOK_ROW],
    "settings": [{"name": str, "values": dict, "simulated": bool, "notebooks": [NOTEBOOK_ROW]}],
    "axes": {str: str},
}


@dataclass(frozen=True)
class NotebookResult:
    """One notebook of a run: its outcome and its executed copy, if any."""

    number: str
    title: str
    status: str
    seconds: float | None = None
    memory_mb: float | None = None
    reason: str = ""
    path: Path | None = None

    @property
    def anchor(self) -> str:
        """Anchor of the notebook on the page."""
        return f"notebook-{self.number}"


@dataclass(frozen=True)
class RunResults:
    """Everything that the report shows."""

    folder: Path
    summary: dict
    claims: pd.DataFrame
    recovery: pd.DataFrame
    notebooks: list[NotebookResult]

    @property
    def name(self) -> str:
        """Name of the run."""
        return str(self.summary.get("run") or self.folder.name)

    @property
    def case(self) -> str:
        """What the level ``MS`` of `group` stands for."""
        return str(self.summary.get("case") or "MS")

    @property
    def simulated(self) -> bool:
        """True if the people were simulated, the default if the run does not say."""
        return bool(self.summary.get("simulated", True))


def collect_run(folder: Path) -> RunResults:
    """Read a run's folder.

    Raises
    ------
    FileNotFoundError
        When there is no such folder.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such run; make one with `python run_all.py`")
    summary = read_summary(folder / "run.json")
    return RunResults(
        folder,
        summary,
        read_claims(folder),
        _read_table(folder / "recovery.tsv"),
        _find_notebooks(folder, summary),
    )


def read_summary(path: Path) -> dict:
    """Read `run.json` or `sweep.json`; return an empty dict if it does not exist.

    Raises
    ------
    ValueError
        When it has another shape: it was damaged, or not written by cohabit.
    """
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        check_shape(content, SUMMARY_SHAPE, path.name)
        for row in content.get("settings", ()):
            paths.inside(path.parent, row["name"])
    except (ValueError, KeyError) as error:
        raise ValueError(f"{path}: damaged ({error}); run again to write it anew") from None
    return content


def _read_table(path: Path) -> pd.DataFrame:
    if not path.is_file():
        return EMPTY
    return pd.read_csv(path, sep="\t", dtype={"notebook": str, "claim_id": str, "published": str})


def read_claims(folder: Path) -> pd.DataFrame:
    """Read the scorecard, or build it from the estimates if recovery did not run."""
    path = folder / "claims.tsv"
    if path.is_file():
        return _read_table(path)
    estimates = Run(folder, folder, "", 0).read_estimates()
    return score_claims(estimates, read_reference("claims")) if len(estimates) else EMPTY


def _find_notebooks(folder: Path, summary: dict) -> list[NotebookResult]:
    """Join the notebooks of run.json with the executed notebooks in the folder."""
    found = [path for name in ("failed", "notebooks") for path in (folder / name).glob("*.ipynb")]
    executed = {path.name.split("_")[0]: path for path in found if _is_whole(path)}
    told = {about["number"]: about for about in summary.get("notebooks", [])}
    left = {path.name.split("_")[0] for path in (folder / "tables").glob("*.tsv")}
    return [
        _describe(number, told.get(number, {}), executed.get(number), number in left)
        for number in sorted(told.keys() | executed.keys())
    ]


def _is_whole(path: Path) -> bool:
    """Return True when a notebook can be read; a killed run can leave an incomplete one."""
    try:
        return "cells" in read_notebook(path).content
    except ValueError:
        return False


def _describe(number: str, about: dict, path: Path | None, left_tables: bool) -> NotebookResult:
    status = str(about.get("status") or "done")
    if status == "skipped" and left_tables:  # it lacked what its second part needs
        status = "done in part"
    named = path.stem[3:].replace("_", " ").capitalize() if path else ""
    return NotebookResult(
        number,
        strip_number(str(about.get("title") or named or "Notebook")),
        status,
        about.get("seconds"),
        about.get("memory_mb"),
        str(about.get("reason") or ""),
        path,
    )


def strip_number(title: str) -> str:
    """Return a title without its notebook's number."""
    return re.sub(r"^\d+[a-z]?\s*[·:.-]\s*", "", title)
