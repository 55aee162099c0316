"""Counts and metadata of AnnData (`.h5ad`) and TreeData files, read without those packages.

The layout is AnnData's on-disk format: matrices and data frames as groups with `encoding-type`.
"""

from collections.abc import Iterable

import h5py
import numpy as np
import pandas as pd
from scipy import sparse

from cohabit.files.importers.counts import Counts
from cohabit.files.importers.hdf5 import (
    check_sparse,
    find_dataset,
    find_item,
    has_item,
    read_numbers,
    read_text,
)
from cohabit.files.importers.layouts import find_lineages


def is_anndata(handle: h5py.File) -> bool:
    """Return True for a file in the layout of AnnData."""
    return all(has_item(handle, part) for part in ("X", "obs", "var"))


def read_anndata(handle: h5py.File, name: str) -> Counts:
    """Return the counts, features x samples: the layer `counts`, or X.

    Raises
    ------
    ValueError
        When a part is not there, too large or damaged.
    """
    samples, features = (_read_index(handle, axis, name) for axis in ("obs", "var"))
    path = "layers/counts" if has_item(handle, "layers/counts") else "X"
    matrix = _read_matrix(handle, path, (len(samples), len(features)), name)
    described = {str(key): values for key, values in _read_columns(handle, "var", name)}
    written = find_lineages(described) or []
    lineages = dict(zip(features, written, strict=False))
    return Counts(name, matrix.T.tocsr(), _index(features), _index(samples), lineages)


def read_samples(handle: h5py.File, name: str) -> pd.DataFrame:
    """Return the metadata of the samples as text; numbers are written in full."""
    ids = _read_index(handle, "obs", name)
    columns = dict(_read_columns(handle, "obs", name))
    lines = range(1, len(ids) + 1)
    return pd.DataFrame({"sample_id": ids, **columns}, index=lines, dtype=str)


def _index(ids: list) -> pd.Index:
    return pd.Index(ids, dtype=object)


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _index_name(handle: h5py.File, axis: str) -> str:
    return _text(find_item(handle, axis, "").attrs.get("_index", "_index"))


def _read_index(handle: h5py.File, axis: str, name: str) -> list[str]:
    return read_text(handle, f"{axis}/{_index_name(handle, axis)}", name)


def _read_columns(handle: h5py.File, axis: str, name: str) -> Iterable[tuple[str, list[str]]]:
    """Yield the columns of a data frame as text."""
    for key in find_item(handle, axis, name):
        path = f"{axis}/{key}"
        if key != _index_name(handle, axis) and not key.startswith("__"):
            values = _read_column(handle, path, name)
            if values is not None:
                yield key, values


def _read_column(handle: h5py.File, path: str, name: str) -> list[str] | None:
    """Return one column as text, empty where missing, or None for one of another kind."""
    found = find_item(handle, path, name)
    if isinstance(found, h5py.Group) and "categories" in found:
        levels = [*(_read_column(handle, f"{path}/categories", name) or ()), ""]
        codes = read_numbers(handle, f"{path}/codes", name).astype(int)
        if len(codes) and not -1 <= codes.min() <= codes.max() < len(levels) - 1:
            raise ValueError(f"{name}: {path!r} has a code without a category; write it again")
        return [levels[code] for code in codes]
    if isinstance(found, h5py.Group) and "mask" in found:
        values = _read_column(handle, f"{path}/values", name) or ()
        mask = find_dataset(handle, f"{path}/mask", name)[()]
        return ["" if gone else value for value, gone in zip(values, mask, strict=True)]
    if not isinstance(found, h5py.Dataset) or found.ndim != 1:
        return None
    if h5py.check_string_dtype(found.dtype) is not None:
        return read_text(handle, path, name)
    if found.dtype.kind == "b":
        return [str(value) for value in find_dataset(handle, path, name)[()]]
    numbers = read_numbers(handle, path, name)
    return ["" if number != number else f"{number:.15g}" for number in numbers.tolist()]


def _read_matrix(
    handle: h5py.File, path: str, shape: tuple[int, int], name: str
) -> sparse.csr_matrix:
    """Return samples x features from a dense or a compressed matrix."""
    found = find_item(handle, path, name)
    if isinstance(found, h5py.Dataset):
        dense = find_dataset(handle, path, name)
        if dense.shape != shape or dense.dtype.kind not in "iuf":
            raise ValueError(f"{name}: {path} is {dense.dtype} {dense.shape}; expected {shape}")
        return sparse.csr_matrix(dense[()].astype(float))
    kinds = {"csr_matrix": sparse.csr_matrix, "csc_matrix": sparse.csc_matrix}
    kind = _text(found.attrs.get("encoding-type", ""))
    if kind not in kinds:
        raise ValueError(f"{name}: {path} is {kind!r}; expected one of {', '.join(kinds)}")
    data, indices, pointers = (
        read_numbers(handle, f"{path}/{part}", name) for part in ("data", "indices", "indptr")
    )
    turned = kind == "csc_matrix"
    check_sparse(data, indices, pointers, shape[::-1] if turned else shape, name)
    matrix = kinds[kind]((np.asarray(data, float), indices, pointers), shape).tocsr()
    matrix.sum_duplicates()
    return matrix
