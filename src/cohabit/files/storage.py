"""Cohorts on disk: a folder of plain tables that other programs can read."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

import biom
import h5py
import numpy as np
import pandas as pd
from biom.exception import BiomException

import cohabit
from cohabit.data import schema
from cohabit.data.cohort import Cohort
from cohabit.files.record import MANIFEST, read_record

CACHE_VARIABLE = "COHABIT_CACHE_DIR"
"""Environment variable with the folder for cached results that depend only on a design."""

BIOM_DATE = datetime(2022, 9, 15)  # fixed, so that the same counts give the same bytes
TABLE_FILES = {name: f"{name}.tsv" for name in ("diet", "metabolites", "blood", "visits")}
TEXT_COLUMNS = ("participant_id", "household_id", "site", "country", "kit", "batch")
LOG_FILE = "import_log.tsv"
FEATURES = {"shotgun": "shotgun.biom", "16s": "16s.biom"}
LATER = {"shotgun": "shotgun_later.biom", "16s": "16s_later.biom"}


@contextmanager
def write_atomically(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`, renamed to it after a complete write.

    On an error nothing new appears at `path`, and its earlier content stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        yield scratch / path.name
        _replace(scratch / path.name, path, scratch)
    finally:
        shutil.rmtree(scratch)


def _replace(new: Path, old: Path, scratch: Path) -> None:
    """Rename `new` to `old`; an existing folder is first moved to `scratch`."""
    if new.is_dir() and old.exists():
        os.replace(old, scratch / "previous")
    os.replace(new, old)


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal text."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_cohort(cohort: Cohort, folder: str | os.PathLike) -> Path:
    """Write a cohort as a folder of TSV, BIOM 2.1 and Newick files with `cohort.json`.

    The folder is written atomically. A simulated cohort's truth is written to `truth/`, which
    `read_cohort` never opens.

    Parameters
    ----------
    cohort : Cohort
    folder : path
        An earlier cohort there is replaced.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    ValueError
        When something else is there.
    """
    folder = Path(folder)
    check_replaceable(folder, force=True)
    with write_atomically(folder) as scratch:
        scratch.mkdir()
        _write_tables(cohort, scratch)
        _write_features(cohort, scratch)
        if cohort.truth is not None:
            (scratch / "truth").mkdir()
            write_table(cohort.truth.effects, scratch / "truth" / "effects.tsv", index=False)
            _write_estimands(cohort, scratch / "truth" / "estimands.tsv")
        _write_manifest(cohort, scratch)
    return folder


def check_replaceable(folder: str | os.PathLike, *, force: bool) -> None:
    """Raise an error for a folder that must not be replaced by a cohort.

    Parameters
    ----------
    folder : path
        One that is not there, or is empty, is free.
    force : bool
        Whether an earlier cohort may be replaced; never are files that are not that cohort's.

    Raises
    ------
    ValueError
        Says what is there and what to do.
    """
    folder = Path(folder)
    if folder.is_dir() and not any(folder.iterdir()):
        return
    if folder.is_dir() and (folder / MANIFEST).is_file():
        own = {MANIFEST, LOG_FILE, *read_record(folder)["sha256"]}
        files = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if not p.is_dir()}
        others = sorted(files - own)
        if others:
            strange = ", ".join(others[:5])
            raise ValueError(f"{folder}: holds {strange}, no part of its cohort; move that away")
        if not force:
            raise ValueError(f"{folder}: holds a cohort; write --force to replace it")
    elif os.path.lexists(folder):
        raise ValueError(f"{folder}: is there and no cohort's folder; name a new or an empty one")


def _write_estimands(cohort: Cohort, path: Path) -> None:
    """Write a design's estimands, taken from the cache if it has them.

    The cache in the folder named by `CACHE_VARIABLE` belongs to one state of the library. The name
    of an entry contains the hashes of the design and of its own bytes, so that damaged entries are
    not used.
    """
    kept, design = os.environ.get(CACHE_VARIABLE), cohort.provenance.get("design")
    if not kept or not design:
        write_table(cohort.truth.estimands, path, index=False)
        return
    key = hashlib.sha256(json.dumps(design, sort_keys=True).encode("utf-8")).hexdigest()
    for entry in Path(kept).glob(f"{key}.*.tsv"):
        if entry.name == f"{key}.{sha256(entry)}.tsv":
            shutil.copyfile(entry, path)
            return
    write_table(cohort.truth.estimands, path, index=False)
    entry = Path(kept) / f"{key}.{sha256(path)}.tsv"
    with suppress(OSError), write_atomically(entry) as scratch:  # a read-only cache is none
        shutil.copyfile(path, scratch)


def write_table(table: pd.DataFrame, path: Path, *, index: bool = True) -> None:
    """Write a TSV: UTF-8, Unix line ends, missing values empty."""
    table.to_csv(path, sep="\t", index=index, lineterminator="\n")


def _write_tables(cohort: Cohort, folder: Path) -> None:
    write_table(cohort.participants, folder / "participants.tsv")
    write_table(cohort.samples, folder / "samples.tsv")
    for name, filename in TABLE_FILES.items():
        table = getattr(cohort, name)
        if table is not None:
            write_table(table, folder / filename)
    if cohort.tree is not None:
        (folder / "tree.nwk").write_text(cohort.tree, encoding="utf-8")


def _write_features(cohort: Cohort, folder: Path) -> None:
    for assay, table in cohort.features.items():
        write_biom(table, folder / FEATURES[assay])
    for assay, table in cohort.later.items():
        write_biom(table, folder / LATER[assay])
    if cohort.pathways is not None:
        pathways = biom.Table(
            cohort.pathways.to_numpy().T, cohort.pathways.columns, cohort.pathways.index
        )
        write_biom(pathways, folder / "pathways.biom")


def write_biom(table: biom.Table, path: Path) -> None:
    """Write a feature table as BIOM 2.1 (HDF5); equal tables give equal bytes.

    Unknown ranks of a lineage are written as ``unclassified``, because BIOM drops empty text.
    """
    table = table.copy()
    for record in table.metadata(axis="observation") or ():
        record["taxonomy"] = [name or schema.UNCLASSIFIED for name in record["taxonomy"]]
    with h5py.File(path, "w") as handle:
        table.to_hdf5(handle, f"cohabit {cohabit.__version__}", creation_date=BIOM_DATE)


def read_biom(path: Path) -> biom.Table:
    """Read a BIOM 2.1 (HDF5) feature table."""
    try:
        with h5py.File(path, "r") as handle:
            return biom.Table.from_hdf5(handle)
    except (OSError, KeyError, ValueError, TypeError, RuntimeError, BiomException) as error:
        raise ValueError(f"{path}: unreadable BIOM 2.1 (HDF5) table ({error})") from None


def _write_manifest(cohort: Cohort, folder: Path) -> None:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    checksums = {path.relative_to(folder).as_posix(): sha256(path) for path in files}
    manifest = {**cohort.provenance, "sha256": checksums}
    text = json.dumps(manifest, indent=2, sort_keys=True, allow_nan=False)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def read_cohort(folder: str | os.PathLike) -> Cohort:
    """Read a cohort folder without its truth.

    Parameters
    ----------
    folder : path
        Needs `participants.tsv` and one feature table; everything else is read when there.

    Returns
    -------
    Cohort
        With ``truth`` None.

    Raises
    ------
    FileNotFoundError
        When the folder or a required file is missing.
    ValueError
        When a file does not match its checksum in `cohort.json`, or a table breaks the
        schema, with the place and a remedy.
    """
    folder = Path(folder)
    provenance = read_manifest(folder)
    participants = schema.check_participants(_read_required(folder / "participants.tsv"))
    features = {a: read_biom(folder / f) for a, f in FEATURES.items() if (folder / f).exists()}
    if not features:
        raise FileNotFoundError(
            f"{folder}: expected a feature table, {' or '.join(FEATURES.values())}; found none"
        )
    samples = _read_samples(folder, participants, features)
    tables = {name: _read_optional(folder / filename) for name, filename in TABLE_FILES.items()}
    tree = folder / "tree.nwk"
    return Cohort(
        participants=participants,
        samples=samples,
        features=features,
        provenance=provenance,
        later=TablesOnDisk({a: folder / f for a, f in LATER.items() if (folder / f).exists()}),
        pathways=_read_pathways(folder / "pathways.biom"),
        tree=tree.read_text(encoding="utf-8") if tree.exists() else None,
        **tables,
    )


class TablesOnDisk(Mapping):
    """Feature tables by assay, each read when it is first asked for."""

    def __init__(self, files: dict[str, Path]):
        self._files, self._read = files, {}

    def __getitem__(self, assay: str) -> biom.Table:
        if assay not in self._read:
            self._read[assay] = read_biom(self._files[assay])
        return self._read[assay]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


def read_manifest(folder: Path) -> dict:
    """Read `cohort.json` and check every file against its checksum."""
    if not folder.is_dir():
        raise FileNotFoundError(
            f"{folder}: no such cohort folder; make one with notebook 02 or `make data`"
        )
    if not (folder / MANIFEST).exists():
        return {"simulated": False}
    manifest = read_record(folder)
    checksums = manifest.pop("sha256")
    broken = [
        name
        for name, expected in checksums.items()
        if not (folder / name).is_file() or sha256(folder / name) != expected
    ]
    if broken:
        raise ValueError(
            f"{folder}: {', '.join(broken)} missing or changed since the cohort was written "
            "(the checksums are in cohort.json); write the cohort again"
        )
    return manifest


def _read_required(path: Path) -> pd.DataFrame:
    if not path.exists():
        raise FileNotFoundError(f"{path.parent}: expected {path.name}; it does not exist")
    return read_table(path)


def _read_optional(path: Path) -> pd.DataFrame | None:
    return read_table(path) if path.exists() else None


def read_table(path: Path) -> pd.DataFrame:
    """Read a TSV with its index in the first column; ids and names stay text.

    Raises
    ------
    ValueError
        When it is no table, or a quote holds together what should be two cells or rows.
    """
    text = {0: str} | dict.fromkeys(TEXT_COLUMNS, str)
    try:
        table = pd.read_csv(path, sep="\t", dtype=text, keep_default_na=False, na_values=[""])
    except ValueError as error:
        raise ValueError(f"{path}: not readable as a table ({error})") from None
    for column in table.select_dtypes(object):
        torn = table[column].str.contains(r"[\t\r\n]", na=False).fillna(False)
        if torn.any():
            raise ValueError(
                f"{path}: {column} holds a tab or a line break in row {torn.idxmax() + 1}; look "
                'there for an unclosed quote (")'
            )
    return table.set_index(table.columns[0])


def _read_samples(folder: Path, participants: pd.DataFrame, features: dict) -> pd.DataFrame:
    """Read samples.tsv, or take each row of a feature table as one person's library."""
    path = folder / "samples.tsv"
    if path.exists():
        samples = schema.check_samples(read_table(path), participants)
        for assay, table in features.items():
            unknown = sorted(set(table.ids()) - set(samples.index[samples["assay"] == assay]))
            if unknown:
                raise ValueError(
                    f"{folder / FEATURES[assay]}: {len(unknown)} sample(s) that {path.name} does "
                    f"not list as {assay}, first {unknown[:5]}; add them or leave them out"
                )
        return samples
    if len(features) > 1:
        raise FileNotFoundError(f"{folder}: two feature tables need samples.tsv; it does not exist")
    ((assay, table),) = features.items()
    ids = pd.Index(table.ids("sample"), name="sample_id")
    depth = np.asarray(table.sum("sample")).ravel()
    columns = {"participant_id": ids, "visit": 0, "assay": assay, "kit": "unknown"}
    samples = pd.DataFrame({**columns, "replicate": 1, "depth": depth}, index=ids)
    return schema.check_samples(samples, participants)


def _read_pathways(path: Path) -> pd.DataFrame | None:
    if not path.exists():
        return None
    table = read_biom(path)
    index = pd.Index(table.ids("sample"), name="participant_id")
    return pd.DataFrame(table.matrix_data.T.toarray(), index, table.ids("observation"))
