"""10,000 damaged files for the readers: each is a cohort or a refusal in words, soon and in bounds.

Bytes of valid files are cut, swapped, repeated, replaced by hostile text or grown, and read as
metadata, table (text, gzip, BIOM in JSON and HDF5, QIIME 2), mapping, taxonomy, tree and as the
files of a cohort's folder. Any error but a refusal, more than 60 seconds or more than 2 GB is a
fault; so is the end of the process.
"""

import multiprocessing
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from cohabit.compute.fingerprint import hash_folder
from cohabit.files import paths
from cohabit.files.importers import ImportRefused, guess_mapping, import_cohort, read_mapping
from cohabit.files.storage import read_cohort, write_cohort

TITLE = "Damaged files"
N_PARTS, IN_PART = 20, 500
MOST_SECONDS, MOST_MB = 60, 2048
HOSTILE = (
    *(b"\t", b"\n", b'"', b"\0", b"", b"NA", b"-1", b"1e400", b"nan", b"=1+1", b"<b>", b"\xff\xfe"),
    *(b"(" * 5000, b"[" * 5000, b"'" * 999, b"\t" * 20_000, b"9" * 400, b"../../x", b"\r", b"#"),
)
TREE = b"((otu1:1,otu2:2):1,(otu3:1,otu4:0.5):2);\n"


def parts() -> list[str]:
    """Return the names of the batches."""
    return [f"batch-{number:02d}" for number in range(1, N_PARTS + 1)]


def state() -> str:
    """Return what the inputs depend on: the valid files."""
    return str(hash_folder(paths.root() / "tests").get("own_cohort.py"))


def measure(part: str) -> pd.DataFrame:
    """Return one row a kind of file: how many were read, refused or broke a promise."""
    draw = random.Random(part)
    with tempfile.TemporaryDirectory(prefix="cohabit-readers-") as folder, _reader() as read:
        rows = [read(draw.getrandbits(48), folder) for _ in range(IN_PART)]
    table = pd.DataFrame(rows, columns=["kind", "seed", "outcome", "seconds", "mb"])
    bad = ~table["outcome"].isin(["read", "refused"])
    bad |= (table["seconds"] > MOST_SECONDS) | (table["mb"] > MOST_MB)
    table["faults"] = bad.where(bad, 0)
    table["which"] = (table["seed"].astype(str) + " " + table["outcome"]).where(bad, "")
    return table.groupby("kind", as_index=False).agg(
        n=("seed", "size"),
        read=("outcome", lambda found: (found == "read").sum()),
        faults=("faults", "sum"),
        seconds=("seconds", "max"),
        mb=("mb", "max"),
        which=("which", lambda found: "; ".join(filter(None, found))[:200]),
    )


@contextmanager
def _reader() -> Iterator[Callable]:
    """Yield a function that reads one damaged input in a process that may be lost."""
    context = multiprocessing.get_context("fork")
    held: list = []

    def start() -> None:
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs,), daemon=True)
        process.start()
        theirs.close()
        held[:] = [process, ours]

    def read(seed: int, folder: str) -> tuple:
        held[1].send((seed, folder))
        began = time.monotonic()
        try:
            if held[1].poll(MOST_SECONDS + 1):
                return held[1].recv()
            outcome = "still reading"
        except EOFError:
            outcome = "the process died"
        held[0].kill()
        start()
        return ("unknown", seed, outcome, time.monotonic() - began, 0.0)

    start()
    try:
        yield read
    finally:
        held[0].kill()


def _serve(orders) -> None:
    valid = make_valid()
    while True:
        seed, folder = orders.recv()
        orders.send(try_one(seed, Path(folder), valid))


def make_valid() -> dict[str, dict[str, bytes]]:
    """Return valid inputs by kind: the bytes of each file, of which the first is damaged."""
    sys.path.append(str(paths.root() / "tests"))
    import own_cohort as own

    files = own.Files()
    table = own.make_biom([row[0] for row in files.rows])
    text, json = own.join(files.cells).encode(), own.json_bytes(table)
    people, mapping = own.join([files.header, *files.rows]).encode(), own.MAPPING.encode()
    artifact = own.artifact("FeatureTable[Frequency]", "feature-table.biom", own.hdf5_bytes(table))
    lineages = zip(own.FEATURES, own.LINEAGES, strict=True)
    taxonomy = "Feature ID\tTaxon\n" + "".join(f"{name}\t{line}\n" for name, line in lineages)
    whole = {"metadata.tsv": people, "mapping.toml": mapping, "counts.tsv": text}
    others = {
        "counts.tsv.gz": own.gzipped(text),
        "counts.json.biom": json,
        "counts.biom": own.hdf5_bytes(table),
        "counts.qza": artifact,
        "taxonomy.tsv": taxonomy.encode(),
        "tree.nwk": TREE,
    }
    found = dict.fromkeys(whole, whole)
    for name, data in others.items():
        rest = {key: value for key, value in whole.items() if key != "counts.tsv"}
        found[name] = (rest if name.startswith("counts") else whole) | {name: data}
    return found | _make_folder(whole)


def _make_folder(whole: dict[str, bytes]) -> dict[str, dict[str, bytes]]:
    with tempfile.TemporaryDirectory() as folder:
        for name, data in whole.items():
            (Path(folder) / name).write_bytes(data)
        made = write_cohort(_take_in(Path(folder), whole), Path(folder) / "cohort")
        inner = {path.name: path.read_bytes() for path in made.iterdir() if path.is_file()}
    bare = {name: data for name, data in inner.items() if name != "cohort.json"}
    found = {f"folder: {name}": bare for name in bare}
    return found | {"folder: cohort.json": inner}


def try_one(seed: int, folder: Path, valid: dict[str, dict[str, bytes]]) -> tuple:
    """Damage one file as the seed says, read it, and return kind, outcome and cost."""
    draw = random.Random(seed)
    kind = draw.choice(sorted(valid))
    name = kind.removeprefix("folder: ")
    contents = {**valid[kind], name: damage(valid[kind][name], draw)}
    for path in folder.iterdir():
        path.unlink()
    for other, data in contents.items():
        (folder / other).write_bytes(data)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    began = time.monotonic()
    try:
        if kind == "metadata.tsv":
            guess_mapping(folder / kind)
        read_cohort(folder) if kind.startswith("folder") else _take_in(folder, contents)
        outcome = "read"
    except (ValueError, ImportRefused, FileNotFoundError) as error:
        own = type(error) in (ValueError, ImportRefused, FileNotFoundError) and len(str(error)) > 10
        outcome = "refused" if own else f"{type(error).__name__}: {error}"
    except BaseException as error:
        outcome = f"{type(error).__name__}: {error}"
    return kind, seed, outcome, time.monotonic() - began, _peak_mb()


def _take_in(folder: Path, contents: dict[str, bytes]):
    mapping = read_mapping(folder / "mapping.toml")
    (table,) = [folder / name for name in contents if name.startswith("counts")]
    more = {"taxonomy": "taxonomy.tsv", "tree": "tree.nwk"}
    given = {key: folder / name for key, name in more.items() if name in contents}
    return import_cohort(folder / "metadata.tsv", {"16s": table}, mapping, **given)[0]


def damage(data: bytes, draw: random.Random) -> bytes:
    """Return the bytes with one to three random changes."""
    for _ in range(draw.randint(1, 3)):
        start = draw.randint(0, len(data))
        end = min(len(data), start + draw.choice([0, 1, 8, 60, 4000]))
        piece = draw.choice(
            [
                b"",
                draw.randbytes(draw.randint(1, 20)),
                draw.choice(HOSTILE),
                data[start:end] * draw.choice([2, 50]),
                bytes(reversed(data[start:end])),
            ]
        )
        data = data[:start] + piece + data[end:]
    return data


def _peak_mb() -> float:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


def summarise(measured: pd.DataFrame) -> pd.DataFrame:
    """Return one row a kind of file."""
    return measured.groupby("kind", as_index=False).agg(
        n=("n", "sum"),
        read=("read", "sum"),
        faults=("faults", "sum"),
        seconds=("seconds", "max"),
        mb=("mb", "max"),
        which=("which", lambda found: "; ".join(found.dropna().astype(str))[:300]),
    )


def conclude(summary: pd.DataFrame) -> str:
    """Say how many files broke a promise, and the most that one took."""
    return (
        f"{summary['faults'].sum()} of {summary['n'].sum():,} damaged files broke a promise; the "
        f"slowest took {summary['seconds'].max():.1f} s, the largest {summary['mb'].max():.0f} MB."
    )
