"""Plain datasets of an untrusted HDF5 file.

No links into other files, no external storage, no virtual datasets and nothing above the size
limits; data are never unpickled.
"""

import h5py
import numpy as np

from cohabit.files.importers.counts import MAX_VALUES
from cohabit.files.importers.sources import MAX_BYTES

MAX_IDS = 1_000_000
"""Largest number of features or samples in a table."""

MAX_TEXT, MAX_RANKS = 2**27, 100
"""Largest number of characters in all ids or lineages, and of names in one lineage."""


def find_item(handle: h5py.File, path: str, name: str) -> h5py.Group | h5py.Dataset:
    """Return a part of the file; links to elsewhere are not followed."""
    where: h5py.Group = handle
    for part in path.split("/"):
        link = where.get(part, getlink=True) if isinstance(where, h5py.Group) else None
        if link is None:
            raise ValueError(
                f"{name}: no {path!r} in this HDF5 file; it is neither a whole BIOM 2.1 table nor "
                "an AnnData file"
            )
        if not isinstance(link, h5py.HardLink):
            raise ValueError(f"{name}: {path!r} is a link; links are not followed")
        where = where[part]
    return where


def has_item(handle: h5py.File, path: str) -> bool:
    """Return True when the file has a part; whether it can be read, `find_item` says."""
    above, _, last = path.rpartition("/")
    if above and not has_item(handle, above):
        return False
    where = find_item(handle, above, "") if above else handle
    return isinstance(where, h5py.Group) and where.get(last, getlink=True) is not None


def find_dataset(handle: h5py.File, path: str, name: str) -> h5py.Dataset:
    """Return a dataset after checking that it is stored in this file and is not too large."""
    where = find_item(handle, path, name)
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


def read_numbers(handle: h5py.File, path: str, name: str) -> np.ndarray:
    """Return a list of numbers."""
    dataset = find_dataset(handle, path, name)
    if dataset.dtype.kind not in "iuf" or dataset.ndim != 1:
        raise ValueError(f"{name}: {path!r} holds {dataset.dtype}, not a list of numbers")
    return dataset[()]


def read_text(handle: h5py.File, path: str, name: str) -> list:
    """Return text or lists of text, and refuse references and objects."""
    dataset = find_dataset(handle, path, name)
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


def check_sparse(
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
