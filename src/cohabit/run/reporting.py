"""The report of a run, built again only when something that it shows has changed."""

from collections.abc import Mapping
from pathlib import Path

from cohabit.compute.fingerprint import hash_environment, hash_file, hash_library, hash_value
from cohabit.run.folder import Record, RunFolder

REPORT = "report"
PASSING = ("finished", "seconds", "jobs")
"""Entries of run.json that differ from run to run although nothing else does."""


def bring_report_up_to_date(folder: RunFolder, summary: Mapping[str, object]) -> Path:
    """Build the report unless the one that is there shows this very run; return its path.

    Parameters
    ----------
    folder : RunFolder
        Locked by this process.
    summary : mapping
        What `run.json` says.
    """
    depends = _find_dependencies(folder, summary)
    record = folder.read_record(REPORT)
    if record is not None and record.depends == depends:
        return folder.path / next(iter(record.outputs))
    from cohabit.run.report import build_report

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
