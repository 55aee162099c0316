"""A run's folder: its lock, its unfinished attempts and the outcomes of its notebooks.

A notebook writes into an attempt of its own. When the attempt is complete, its files are moved into
the run and a record with their hashes is written last; output without a valid record is ignored.
"""

import errno
import json
import os
import platform
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path

from cohabit.compute.fingerprint import hash_file, hash_folder, hash_value
from cohabit.data.shapes import Number, check_shape
from cohabit.files import paths

PREFIXED = ("tables", "figures", "notebooks", "failed")
"""Folders of a run whose files start with the number of their notebook."""


RECORD_SHAPE = {
    "status": str,
    "depends": dict,
    "outputs": {str: str},
    "seconds": Number,
    "memory_mb": Number,
    "reason": str,
    "parameters": dict,
    "cells": [list],
}


@dataclass(frozen=True)
class Record:
    """The outputs of a finished notebook and everything that they depend on."""

    status: str
    """`done` or `skipped`."""

    depends: Mapping[str, object]
    """Hashes of notebook, parameters, inputs, library, reference and environment."""

    outputs: Mapping[str, str]
    """SHA-256 of each file by its path in the run."""

    seconds: float
    memory_mb: float
    reason: str = ""
    """Reason why it was skipped."""

    parameters: Mapping[str, object] = field(default_factory=dict)
    cells: Sequence[tuple[float, float]] = ()
    """Seconds and peak memory (MB, of the kernel so far) of each code cell."""

    @property
    def digest(self) -> str:
        """Hash of the outputs that other notebooks can read."""
        kept = {k: v for k, v in self.outputs.items() if not k.startswith("notebooks/")}
        return hash_value(kept)


@dataclass(frozen=True)
class Outcome:
    """The outcome of one notebook, including what later notebooks depend on."""

    status: str
    """`done`, `skipped` (the cohort lacks its input), `failed`, or `blocked` by a failure."""

    seconds: float = 0.0
    memory_mb: float = 0.0
    """Peak memory of its kernel."""

    cells: Sequence[tuple[float, float]] = ()
    """Seconds and peak memory (MB, of the kernel so far) of each code cell."""

    reason: str = ""
    error: Mapping[str, object] = field(default_factory=dict)
    """For a failure: message, and cell, source and traceback if known."""

    kept: str = ""
    """Path of the failed notebook."""

    digest: str = ""
    """Hash of the outputs that other notebooks can read."""

    reused: bool = False

    @property
    def good(self) -> bool:
        """True if later notebooks can run."""
        return self.status in ("done", "skipped")

    @property
    def label(self) -> str:
        """Displayed status, which is `unchanged` for reused results."""
        return "unchanged" if self.reused and self.status == "done" else self.status

    @classmethod
    def of_record(cls, record: Record, *, reused: bool = False) -> "Outcome":
        """Return the outcome of a notebook from its record."""
        return cls(
            record.status,
            record.seconds,
            record.memory_mb,
            record.cells,
            record.reason,
            digest=record.digest,
            reused=reused,
        )


class RunFolder:
    """`results/<run>/`, written by one process at a time."""

    def __init__(self, path: Path):
        self.path = path
        self.attempts = path / ".attempts"
        self.records = path / ".records"
        self.owner = path / ".owner.json"
        """File that identifies the process holding the run."""

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the run for this process.

        Raises
        ------
        BlockingIOError
            When another process holds it; names that process.
        """
        from filelock import FileLock, Timeout

        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.path / ".lock")
            lock.acquire(timeout=0)
        except Timeout:
            raise BlockingIOError(_describe_owner(self.path, self.owner)) from None
        with lock:
            write_json(self.owner, _describe_this_process())
            self.clear_attempts()
            for crumb in self.path.glob(".report.html.*"):  # of a page that was not finished
                shutil.rmtree(crumb, ignore_errors=True)
            try:
                yield
            finally:
                self.owner.unlink(missing_ok=True)

    def clear_attempts(self) -> None:
        """Remove unfinished attempts of an interrupted run."""
        shutil.rmtree(self.attempts, ignore_errors=True)

    def open_attempt(self, number: str) -> Path:
        """Remove earlier output of notebook `number`; return a folder for a new attempt."""
        self.forget(number)
        self.attempts.mkdir(parents=True, exist_ok=True)
        attempt = Path(tempfile.mkdtemp(prefix=f"{number}-", dir=self.attempts))
        (attempt / "output").mkdir()
        return attempt

    def forget(self, number: str) -> None:
        """Remove the record of notebook `number`, and then all its files."""
        record = self._read(number)
        (self.records / f"{number}.json").unlink(missing_ok=True)
        for name in record.outputs if record else ():
            (self.path / name).unlink(missing_ok=True)
        for folder in PREFIXED:
            for path in (self.path / folder).glob(f"{number}_*"):
                path.unlink()

    def read_record(self, number: str) -> Record | None:
        """Return the record of notebook `number`, or None when its files differ from it."""
        record = self._read(number)
        if record is None:
            return None
        files = {self.path / name: digest for name, digest in record.outputs.items()}
        whole = all(path.is_file() and hash_file(path) == files[path] for path in files)
        return record if whole else None

    def find_recorded(self) -> set[str]:
        """Return the numbers of all notebooks with a record."""
        return {path.stem for path in self.records.glob("[0-9]*.json")}

    def expected_seconds(self, number: str) -> float | None:
        """Return the last run time of notebook `number`, if known."""
        record = self._read(number)
        return record.seconds if record else None

    def adopt(self, number: str, attempt: Path, record: Record) -> Record:
        """Move an attempt's files into the run and then write its record.

        Returns
        -------
        Record
            With the hashes of the files.
        """
        output = attempt / "output"
        outputs = hash_folder(output)
        for path in sorted(output.iterdir()):
            if path.name in PREFIXED:
                for inner in sorted(path.iterdir()):
                    self._move(inner, f"{path.name}/{inner.name}", attempt)
            else:
                self._move(path, path.name, attempt)
        record = replace(record, outputs=outputs)
        self.write_record(number, record)
        shutil.rmtree(attempt, ignore_errors=True)
        return record

    def write_record(self, name: str, record: Record) -> None:
        """Write a record, the last step of storing results."""
        write_json(self.records / f"{name}.json", asdict(record))

    def keep_failed(self, number: str, attempt: Path, name: str) -> Path | None:
        """Keep the notebook of a failed attempt, which contains the error."""
        made = attempt / "notebook.ipynb"
        kept = self.path / "failed" / name if made.is_file() else None
        if kept:
            kept.parent.mkdir(exist_ok=True)
            os.replace(made, kept)
        shutil.rmtree(attempt, ignore_errors=True)
        return kept

    def _move(self, source: Path, name: str, attempt: Path) -> None:
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_dir():
            os.replace(target, attempt / f"previous-{target.name}")
        os.replace(source, target)

    def _read(self, number: str) -> Record | None:
        """Return a record, or None if its shape is wrong or it names files outside the run."""
        try:
            content = json.loads((self.records / f"{number}.json").read_text(encoding="utf-8"))
            check_shape(content, RECORD_SHAPE, number)
            for name in content["outputs"]:
                paths.inside(self.path, name)
            return Record(**content)
        except (OSError, ValueError, TypeError, KeyError):
            return None


def lose(message: str) -> dict:
    """Describe the end of a task that was lost with its worker or process."""
    return fail(f"{message}; start again to run it once more, or allow --retries") | {"lost": True}


def fail(message: str) -> dict:
    """Describe the end of a task that could not start."""
    return {"status": "failed", "error": {"message": message}, "seconds": 0.0, "memory_mb": 0.0}


def write_json(path: Path, content: object) -> None:
    """Write plain data as JSON atomically and flush it to disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    with scratch.open("w", encoding="utf-8") as stream:
        json.dump(content, stream, indent=2, allow_nan=False)
        stream.write("\n")
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(scratch, path)


def explain(error: OSError) -> str:
    """Return a description of a disk error, with its place and a remedy."""
    place = error.filename2 or error.filename or "the disk"
    kept = "finished notebooks are kept: start again afterwards"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"no space left for {place}; make room ({kept})"
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return f"too many open files; raise the limit, such as `ulimit -n 4096` ({kept})"
    if error.errno in (errno.EACCES, errno.EPERM) and _cannot_be_read(place):
        return f"{place} cannot be read ({os.strerror(error.errno)}); make it readable"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        words = f"{place} cannot be written ({os.strerror(error.errno)})"
        return f"{words}; make it writable, or set COHABIT_ROOT to a copy elsewhere ({kept})"
    return str(error)


def _cannot_be_read(place: str) -> bool:
    return os.path.exists(place) and not os.access(place, os.R_OK)


def _describe_this_process() -> dict[str, object]:
    started = datetime.now().isoformat(timespec="seconds")
    return {"pid": os.getpid(), "host": platform.node(), "started": started}


def _describe_owner(path: Path, owner: Path) -> str:
    try:
        held = json.loads(owner.read_text(encoding="utf-8"))
        who = f"process {held['pid']} on {held['host']}, since {held['started']}"
    except (OSError, ValueError, KeyError):
        who = "another process"
    return f"the run {path.name!r} is being written by {who}; wait for it, or choose another --run"
