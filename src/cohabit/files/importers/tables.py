"""Feature tables of any format: BIOM (HDF5 or JSON), QIIME 2, AnnData, Kraken's reports, text."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import h5py
import numpy as np
import pandas as pd
from scipy import sparse

from cohabit.files.importers.anndata import is_anndata, read_anndata, read_samples
from cohabit.files.importers.count_rows import read_counts_tsv
from cohabit.files.importers.counts import Counts
from cohabit.files.importers.hdf5 import (
    check_sparse,
    find_item,
    has_item,
    read_numbers,
    read_text,
)
from cohabit.files.importers.kraken import read_reports
from cohabit.files.importers.layouts import find_lineages
from cohabit.files.importers.log import ImportLog
from cohabit.files.importers.sources import MAX_BYTES, PathLike, Source, read_source
from cohabit.files.importers.tsv import read_grid

MAX_JSON = 48 * 2**20
"""Largest BIOM 1.0 file, whose text takes about thirty times its size in memory."""

T = TypeVar("T")


def read_counts(path: PathLike, log: ImportLog, *, max_bytes: int = MAX_BYTES) -> Counts:
    """Read a feature table of any supported format; rows are taken as features."""
    if Path(path).is_dir():
        return read_reports(Path(path), log, max_bytes=max_bytes)
    source = read_source(path, "FeatureTable", max_bytes=max_bytes)
    readers = {"hdf5": read_hdf5, "json": read_biom_json}
    if source.kind in readers:
        return readers[source.kind](source)
    return read_counts_tsv(source, log)


def read_people(
    path: PathLike, log: ImportLog, *, max_bytes: int = MAX_BYTES
) -> tuple[pd.DataFrame, str]:
    """Read metadata as text, from a text table or from the samples of AnnData.

    Returns
    -------
    grid : DataFrame of str
    name : str
        Of the file.
    """
    source = read_source(path, max_bytes=max_bytes)
    if source.kind not in ("text", "hdf5"):
        raise ValueError(f"{source.name}: expected metadata as text or AnnData")
    grid = read_grid(source, log) if source.kind == "text" else _read_observations(source)
    return grid, source.name


def read_hdf5(source: Source) -> Counts:
    """Read BIOM 2.x, or the counts of AnnData.

    Raises
    ------
    ValueError
        When the file is neither, is damaged, too large or has external links.
    """

    def read(handle: h5py.File) -> Counts:
        reader = read_anndata if is_anndata(handle) else _read_handle
        return reader(handle, source.name)

    return _open(source, read)


def _read_observations(source: Source) -> pd.DataFrame:
    """Return the metadata of AnnData's samples as text; errors as for `read_hdf5`."""
    return _open(source, lambda handle: read_samples(handle, source.name))


def _open(source: Source, read: Callable[[h5py.File], T]) -> T:
    try:
        with h5py.File(source.stream(), "r") as handle:
            return read(handle)
    except (OSError, RuntimeError, KeyError, TypeError, OverflowError, MemoryError) as error:
        raise ValueError(
            f"{source.name}: unreadable HDF5 file ({type(error).__name__}: {error}); write it "
            "again, BIOM 2.1 for example with `biom convert --to-hdf5`"
        ) from None


def _read_handle(handle: h5py.File, name: str) -> Counts:
    features = read_text(handle, "observation/ids", name)
    samples = read_text(handle, "sample/ids", name)
    data = read_numbers(handle, "observation/matrix/data", name).astype(float)
    indices = read_numbers(handle, "observation/matrix/indices", name)
    pointers = read_numbers(handle, "observation/matrix/indptr", name)
    check_sparse(data, indices, pointers, (len(features), len(samples)), name)
    matrix = sparse.csr_matrix((data, indices, pointers), (len(features), len(samples)))
    matrix.sum_duplicates()
    lineages = {}
    if written := find_lineages(_read_descriptions(handle, len(features), name)):
        lineages = dict(zip(features, written, strict=True))
    return Counts(name, matrix, _index(features), _index(samples), lineages)


def _read_descriptions(handle: h5py.File, n: int, name: str) -> dict[str, list]:
    """Return the columns of text that describe features."""
    where = "observation/metadata"
    if not has_item(handle, where) or not isinstance(find_item(handle, where, name), h5py.Group):
        return {}
    items = {key: find_item(handle, f"{where}/{key}", name) for key in handle[where]}
    texts = [k for k, i in items.items() if h5py.check_string_dtype(getattr(i, "dtype", None))]
    found = {key: read_text(handle, f"{where}/{key}", name) for key in texts}
    return {key: values for key, values in found.items() if len(values) == n}


def _index(ids: list) -> pd.Index:
    return pd.Index(ids, dtype=object)


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
    lineages = dict(zip(features, map(_json_lineage, found["rows"]), strict=True))
    lineages = {feature: text for feature, text in lineages.items() if text}
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
    texts = metadata.items() if isinstance(metadata, dict) else ()
    columns = {key: [value] for key, value in texts if isinstance(value, str | list)}
    return (find_lineages(columns) or [None])[0]


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
