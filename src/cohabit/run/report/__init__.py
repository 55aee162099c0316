"""The report of a run or a sweep: one offline HTML page that computes no statistics."""

import os
from collections.abc import Mapping
from pathlib import Path

from cohabit.compute.fingerprint import hash_environment, hash_file, hash_library, hash_value
from cohabit.files import paths
from cohabit.run.folder import Record, RunFolder
from cohabit.run.report.collect import read_summary as read_summary
from cohabit.run.report.run import build_run_report
from cohabit.run.report.sweep import build_sweep_report

REPORT = "report"
PASSING = ("finished", "seconds", "jobs")
"""Entries of run.json that vary between otherwise equal runs."""


def build_report(run_dir: str | os.PathLike) -> Path:
    """Write the self-contained `report.html` of a run or a sweep and return its path.

    What the run lacks (a notebook that failed, a scorecard) is said.

    Raises
    ------
    FileNotFoundError
        When there is no such run.
    """
    folder = paths.from_root(run_dir)
    is_sweep = (folder / "sweep.json").is_file()
    return build_sweep_report(folder) if is_sweep else build_run_report(folder)


def bring_report_up_to_date(folder: RunFolder, summary: Mapping[str, object]) -> Path:
    """Build the report unless it already shows this run, and return its path.

    The folder is locked by this process; the page of a sweep is always built.
    """
    if "settings" in summary:
        return build_report(folder.path)
    depends = _find_dependencies(folder, summary)
    record = folder.read_record(REPORT)
    if record is not None and record.depends == depends:
        return folder.path / next(iter(record.outputs))
    path = build_report(folder.path)
    outputs = {path.relative_to(folder.path).as_posix(): hash_file(path)}
    folder.write_record(REPORT, Record("done", depends, outputs, seconds=0.0, memory_mb=0.0))
    return path


def _find_dependencies(folder: RunFolder, summary: Mapping[str, object]) -> dict[str, object]:
    lasting = {key: value for key, value in summary.items() if key not in PASSING}
    notebooks = [{**row, "reused": None} for row in summary["notebooks"]]
    records = {row["number"]: folder.read_record(row["number"]) for row in notebooks}
    return {
        "summary": hash_value({**lasting, "notebooks": notebooks}),
        "outputs": hash_value({n: dict(r.outputs) for n, r in records.items() if r}),
        "library": hash_library("import cohabit.run.report"),
        "environment": hash_environment(),
    }
