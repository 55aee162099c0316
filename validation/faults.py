"""Faults at full size, each through the command line in a process of its own.

What `make test` tries small is here as large as it was met: half a million tips, 300 MB of tabs,
text without end in a small file, a full folder for temporary files, the whole collection in 3 GB of
address space. Each must end with its exit code and words, without a traceback, and a hostile file
within 60 seconds and 2 GB. A fault met later is a row of `FAULTS`.
"""

import gzip
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import h5py
import pandas as pd

from cohabit.compute.fingerprint import hash_folder
from cohabit.files import paths
from validation import four_tasks, readers
from validation.kills import copy_collection

TITLE = "Faults at full size"
WIDE = "metadata.tsv"


@dataclass(frozen=True)
class Fault:
    """One fault and how it has to end."""

    make: Callable[[Path], list[str]]
    """Prepares a folder and returns the arguments of the command line, run inside it."""

    code: int = 2
    words: str = ""
    """What the command says."""

    seconds: float = readers.MOST_SECONDS
    mb: float = readers.MOST_MB
    address_gb: float | None = None
    """Limit of the address space."""

    room_kb: int | None = None
    """Size of the file system for temporary files."""


def damaged(name: str, make: Callable[[], bytes]) -> Callable[[Path], list[str]]:
    """Return a `make` that imports valid files of which one is replaced."""

    def prepare(folder: Path) -> list[str]:
        contents = readers.make_valid().get(name, readers.make_valid()["counts.tsv"])
        for each, data in {**contents, name: b""}.items():
            (folder / each).write_bytes(make() if each == name else data)
        (table,) = [each for each in {**contents, name: b""} if each.startswith("counts")]
        tree = ["--tree", name] if name == "tree.nwk" else []
        given = ["--metadata", WIDE, "--table", f"16s={table}", "--mapping", "mapping.toml", *tree]
        return ["import", *given, "--out", "made"]

    return prepare


def endless_text() -> bytes:
    """Return HDF5 of a few KB whose two million ids are one long text."""
    data = readers.make_valid()["counts.biom"]["counts.biom"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "counts.biom"
        path.write_bytes(data)
        with h5py.File(path, "r+") as handle:
            del handle["observation/ids"]
            kind = {"dtype": h5py.string_dtype(), "fillvalue": "x" * 4000}
            handle.create_dataset("observation/ids", (2_000_000,), **kind)
        return path.read_bytes()


def whole_collection(folder: Path) -> list[str]:
    """Copy the collection to run it."""
    copy_collection(folder / "root")
    return ["run", "--profile", "classroom"]


def four_small(folder: Path) -> list[str]:
    """Write four small notebooks to run them."""
    four_tasks.plant(folder / "root")
    return ["run", "--profile", "classroom", "--only", "02"]


def tree_of_tips() -> bytes:
    """Return a tree of nearly as many tips as are read, four of them known."""
    others = b",".join(b"x%d:1" % number for number in range(499_900))
    return readers.TREE.replace(b":2);", b":2,(" + others + b"):1);")


FAULTS = {
    "499,900 tips": Fault(damaged("tree.nwk", tree_of_tips), code=0, words="made"),
    "400,000 brackets": Fault(
        damaged("tree.nwk", lambda: b"(" * 400_000 + b"a" + b")" * 400_000 + b";"), words="deep"
    ),
    "unclosed brackets": Fault(damaged("tree.nwk", lambda: b"(" * 10**7), words="tree.nwk"),
    "300 MB of tabs": Fault(damaged(WIDE, lambda: b"a" + b"\t" * 300 * 2**20), words="larger"),
    "a million columns": Fault(
        damaged("counts.tsv", lambda: b"id" + b"\ta" * 10**6 + b"\n"), words="columns"
    ),
    "text without end": Fault(damaged("counts.biom", endless_text), words="MB of text"),
    "lists without end": Fault(
        damaged("counts.json.biom", lambda: b'{"a":' + b"[" * 10**7), words="counts.json.biom"
    ),
    "zeros, packed": Fault(
        damaged("counts.tsv.gz", lambda: gzip.compress(bytes(2**32 - 1), 1)), words="counts.tsv.gz"
    ),
    "quotes without end": Fault(damaged(WIDE, lambda: b'"' * 10**7), words=WIDE),
    "a full TMPDIR": Fault(four_small, code=0, words="done", room_kb=8),
    "3 GB of address space": Fault(
        whole_collection, code=0, words="report", seconds=7200, mb=3072, address_gb=3
    ),
}


def parts() -> list[str]:
    """Return the names of the faults."""
    return list(FAULTS)


def state() -> dict[str, str]:
    """Return what a run depends on besides the library: the notebooks."""
    return {name: str(hash_folder(paths.root() / name)) for name in ("notebooks", "config")}


def measure(part: str) -> pd.DataFrame:
    """Return one row: how the command ended, what it took and whether that was promised."""
    fault = FAULTS[part]
    with tempfile.TemporaryDirectory(prefix="cohabit-faults-") as folder:
        arguments = fault.make(Path(folder))
        began = time.monotonic()
        code, mb, told = run_command(fault, Path(folder), arguments)
        seconds = time.monotonic() - began
    good = code == fault.code and fault.words in told and "Traceback" not in told
    good &= seconds <= fault.seconds and mb <= fault.mb
    lines = [line for line in told.splitlines() if "cohabit:" in line] or [""]
    row = {"fault": part, "kept": good, "code": code, "seconds": round(seconds, 1), "mb": round(mb)}
    return pd.DataFrame([row | {"said": lines[0].replace(folder, "")[:150]}])


def run_command(fault: Fault, folder: Path, arguments: list[str]) -> tuple[int, float, str]:
    """Run the command line under the fault's limits; return code, peak MB and what it said."""
    command = [sys.executable, "-m", "cohabit", *arguments]
    root = folder / "root"
    given = {"COHABIT_ROOT": str(root if root.exists() else paths.root())}
    if fault.room_kb:
        (folder / "tmp").mkdir()
        given["TMPDIR"] = str(folder / "tmp")
        mount = f"mount -t tmpfs -o size={fault.room_kb}k none {folder / 'tmp'}"
        command = ["unshare", "-rm", "sh", "-c", f'{mount} && exec "$@"', "sh", *command]
    with (folder / "told").open("w+b") as told:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=os.environ | given,
            stdout=told,
            stderr=told,
            preexec_fn=lambda: limit(fault.address_gb),
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        told.seek(0)
        return process.returncode, used.ru_maxrss / 1024, told.read().decode(errors="replace")


def limit(address_gb: float | None) -> None:
    """Limit the address space of this process."""
    if address_gb:
        resource.setrlimit(resource.RLIMIT_AS, (int(address_gb * 2**30),) * 2)


def summarise(measured: pd.DataFrame) -> pd.DataFrame:
    """Return the faults."""
    return measured


def conclude(summary: pd.DataFrame) -> str:
    """Say how many faults ended as they have to, and name the others."""
    kept = summary["kept"].astype(bool)
    names = ", ".join(summary.loc[~kept, "fault"])
    return f"{kept.sum()} of {len(summary)} ended as promised.{f' Not: {names}' if names else ''}"
