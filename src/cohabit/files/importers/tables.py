"""Feature tables of any format: BIOM (HDF5 2.x or JSON 1.0), QIIME 2 artifact, or text.

The HDF5 reader accepts only plain datasets: no links into other files, no external storage, no
virtual datasets and nothing above the size limits. It never unpickles data.
"""

import json

import h5py
import numpy as np
import pandas as pd
from scipy import sparse

from cohabit.files.importers.counts import MAX_VALUES, Counts
from cohabit.files.importers.log import ImportLog
from cohabit.files.importers.sources import MAX_BYTES, PathLike, Source, read_source
from cohabit.files.importers.tsv import read_counts_tsv

MAX_IDS = 1_000_000
"""Largest number of features or samples in a table."""

MAX_TEXT, MAX_RANKS = 2**27, 100
"""Largest number of characters in all ids or lineages, and of names in one lineage."""

MAX_JSON = 48 * 2**20
"""Largest BIOM 1.0 file, whose text takes about thirty times its size in memory."""


def read_counts(path: PathLike, log: ImportLog, *, max_bytes: int = MAX_BYTES) -> Counts:
    """Read a feature table of any supported format; rows are taken as features."""
    source = read_source(path, "FeatureTable", max_bytes=max_bytes)
    readers = {"hdf5": read_biom_hdf5, "json": read_biom_json}
    if source.kind in readers:
        return readers[source.kind](source)
    return read_counts_tsv(source, log)


def read_biom_hdf5(source: Source) -> Counts:
    """Read BIOM 2.x.

    Raises
    ------
    ValueError
        When the file is not a BIOM table, is damaged, too large or has external links.
    """
    try:
        with h5py.File(source.stream(), "r") as handle:
            return _read_handle(handle, source.name)
    except (OSError, RuntimeError, KeyError, TypeError, OverflowError, MemoryError) as error:
        raise ValueError(
            f"{source.name}: unreadable BIOM 2.1 (HDF5) file ({type(error).__name__}: {error}); "
            "write it again, for example with `biom convert --to-hdf5`"
        ) from None


def _read_handle(handle: h5py.File, name: str) -> Counts:
    features = _read_text(handle, "observation/ids", name)
    samples = _read_text(handle, "sample/ids", name)
    data = _read_numbers(handle, "observation/matrix/data", name).astype(float)
    indices = _read_numbers(handle, "observation/matrix/indices", name)
    pointers = _read_numbers(handle, "observation/matrix/indptr", name)
    _check_sparse(data, indices, pointers, (len(features), len(samples)), name)
    matrix = sparse.csr_matrix((data, indices, pointers), (len(features), len(samples)))
    matrix.sum_duplicates()
    lineages = {}
    if "observation/metadata/taxonomy" in handle:
        written = _read_text(handle, "observation/metadata/taxonomy", name)
        if len(written) == len(features):
            lineages = dict(zip(features, written, strict=True))
    return Counts(name, matrix, _index(features), _index(samples), lineages)


def _index(ids: list) -> pd.Index:
    return pd.Index(ids, dtype=object)


def _dataset(handle: h5py.File, path: str, name: str) -> h5py.Dataset:
    """Return a dataset after checking that it is stored in this file and is not too large."""
    where: h5py.Group = handle
    for part in path.split("/"):
        if not isinstance(where, h5py.Group) or part not in where:
            raise ValueError(
                f"{name}: no {path!r} in this HDF5 file, so it is not a BIOM 2.1 table"
            )
        if not isinstance(where.get(part, getlink=True), h5py.HardLink):
            raise ValueError(f"{name}: {path!r} is a link; links are not followed")
        where = where[part]
    if not isinstance(where, h5py.Dataset) or where.external or where.is_virtual:
        raise ValueError(f"{name}: {path!r} keeps its values outside the file; they are not read")
    bound = MAX_VALUES if "matrix" in path else 8 * MAX_IDS
    if where.size is None or where.size > bound:
        raise ValueError(f"{name}: {path!r} declares {where.size} values; at most {bound} are read")
    if where.nbytes > MAX_BYTES:
        raise ValueError(
            f"{name}: {path!r} declares {where.nbytes / 2**20:,.0f} MB once unpacked; at most "
            f"{MAX_BYTES / 2**20:,.0f} MB are read"
        )
    return where


def _read_numbers(handle: h5py.File, path: str, name: str) -> np.ndarray:
    dataset = _dataset(handle, path, name)
    if dataset.dtype.kind not in "iuf" or dataset.ndim != 1:
        raise ValueError(f"{name}: {path!r} holds {dataset.dtype}, not a list of numbers")
    return dataset[()]


def _read_text(handle: h5py.File, path: str, name: str) -> list:
    """Return text or lists of text, and refuse references and objects."""
    dataset = _dataset(handle, path, name)
    if dataset.size == 0:
        return []
    if h5py.check_string_dtype(dataset.dtype) is None or dataset.ndim not in (1, 2):
        raise ValueError(f"{name}: {path!r} holds {dataset.dtype}, not text")
    if dataset.ndim == 2 and dataset.shape[1] > MAX_RANKS:
        raise ValueError(f"{name}: {path!r} has {dataset.shape[1]} ranks; at most {MAX_RANKS}")
    try:
        return _read_parts(dataset, f"{name}: {path!r}")
    except UnicodeDecodeError:
        raise ValueError(f"{name}: {path!r} is not UTF-8; write the table again") from None


def _read_parts(dataset: h5py.Dataset, where: str) -> list:
    """Return text part by part, because values of variable length can claim any size.

    No value is longer than the file, so a part never takes more than `MAX_TEXT`.
    """
    step = max(1, MAX_TEXT // dataset.file.id.get_filesize() // max(1, *dataset.shape[1:], 1))
    texts, size = [], 0
    for start in range(0, len(dataset), step):
        part = dataset.asstr()[start : start + step]
        size += sum(map(len, part.ravel()))
        if size > MAX_TEXT:
            raise ValueError(f"{where} holds more than {MAX_TEXT / 2**20:,.0f} MB of text")
        texts += part.tolist()
    return texts


def _check_sparse(
    data: np.ndarray, indices: np.ndarray, pointers: np.ndarray, shape: tuple, name: str
) -> None:
    """Raise ImportRefused when the parts of a sparse matrix contradict each other."""
    n_rows, n_columns = shape
    rules = {
        "indptr has another length than there are features": len(pointers) != n_rows + 1,
        "data and indices have different lengths": len(data) != len(indices),
        "indices and indptr must be whole numbers": {indices.dtype.kind, pointers.dtype.kind}
        - set("iu"),
    }
    broken = [rule for rule, wrong in rules.items() if wrong]
    if not broken and (pointers[0] != 0 or pointers[-1] != len(data)):
        broken.append("indptr does not span the data")
    if not broken and (np.diff(pointers.astype(np.int64)) < 0).any():
        broken.append("indptr decreases")
    if not broken and len(indices) and not (indices.min() >= 0 and indices.max() < n_columns):
        broken.append("an index points outside the samples")
    if broken:
        raise ValueError(f"{name}: the matrix is damaged ({'; '.join(broken)}); write it again")


def read_biom_json(source: Source) -> Counts:
    """Read BIOM 1.0.

    Raises
    ------
    ValueError
        When the text is not JSON or not a BIOM table, or its parts contradict each other.
    """
    name = source.name
    if len(source.data) > MAX_JSON:
        raise ValueError(
            f"{name}: larger than {MAX_JSON // 2**20} MB as JSON; write it as BIOM 2.1, for "
            "example with `biom convert --to-hdf5`"
        )
    try:
        found = json.loads(source.text(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{name}: not readable as JSON ({error}); write it again") from None
    missing = [key for key in ("rows", "columns", "data", "shape") if key not in found]
    if missing:
        raise ValueError(f"{name}: JSON without {', '.join(missing)} is not a BIOM 1.0 table")
    features, samples = (_json_ids(found[axis], axis, name) for axis in ("rows", "columns"))
    if found["shape"] != [len(features), len(samples)]:
        raise ValueError(
            f"{name}: shape says {str(found['shape'])[:40]}; there are {len(features)} rows and "
            f"{len(samples)} columns; write it again"
        )
    matrix = _json_matrix(found, (len(features), len(samples)), name)
    lineages = {row["id"]: _json_lineage(row) for row in found["rows"]}
    lineages = {feature: text for feature, text in lineages.items() if text is not None}
    return Counts(name, matrix, _index(features), _index(samples), lineages)


def _refuse_constant(word: str) -> float:
    raise ValueError(f"a BIOM table holds {word}, which is not a count; write it again without")


def _json_ids(entries: object, axis: str, name: str) -> list[str]:
    whole = isinstance(entries, list) and all(
        isinstance(entry, dict) and isinstance(entry.get("id"), str) for entry in entries
    )
    if not whole:
        raise ValueError(f"{name}: {axis} must be a list of records with a text `id`")
    return [entry["id"] for entry in entries]


def _json_lineage(row: dict) -> object:
    metadata = row.get("metadata")
    written = metadata.get("taxonomy") if isinstance(metadata, dict) else None
    return written if isinstance(written, str | list) else None


def _json_matrix(found: dict, shape: tuple[int, int], name: str) -> sparse.csr_matrix:
    try:
        values = np.array(found["data"], dtype=float)
    except (ValueError, TypeError, OverflowError):
        raise ValueError(f"{name}: data must be lists of numbers of equal length") from None
    if found.get("matrix_type") == "dense":
        if values.shape != shape:
            raise ValueError(f"{name}: dense data of shape {values.shape}; expected {shape}")
        return sparse.csr_matrix(values)
    if not values.size:
        return sparse.csr_matrix(shape)
    if values.ndim != 2 or values.shape[1] != 3:
        raise ValueError(f"{name}: sparse data must be [row, column, count] triplets")
    row, column = values[:, 0], values[:, 1]
    places = np.isfinite(values[:, :2]).all() and (values[:, :2] % 1 == 0).all()
    if not places or (values[:, :2] < 0).any() or row.max() >= shape[0] or column.max() >= shape[1]:
        raise ValueError(f"{name}: a triplet points outside the table; write it again")
    places = (row.astype(int), column.astype(int))
    return sparse.coo_matrix((values[:, 2], places), shape).tocsr()
