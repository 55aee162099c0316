"""AnnData: one `.h5ad` file per assay, libraries x features, written as its specification says.

The file needs no `anndata` to be written; the format is that of
https://anndata.readthedocs.io/en/latest/fileformat-prose.html.
"""

import json
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from cohabit.data.cohort import Cohort
from cohabit.files.exporters.exchange import (
    describe_libraries,
    ordered_levels,
    write_people,
    write_tree,
)

_TEXT = h5py.string_dtype()


def write_anndata(cohort: Cohort, folder: Path) -> list[str]:
    """Write each assay as `ASSAY.h5ad`; return options of `cohabit import`.

    X holds the counts as a sparse matrix of libraries x features, obs what is known of libraries
    and their people, var the lineages, uns the tree (Newick) and the cohort's record as JSON.
    """
    options = [*write_people(cohort, folder), *write_tree(cohort, folder)]
    for assay in cohort.features:
        _write_h5ad(cohort, assay, folder / f"{assay}.h5ad")
        options += ["--table", f"{assay}={assay}.h5ad"]
    return options


def _write_h5ad(cohort: Cohort, assay: str, path: Path) -> None:
    table = cohort.features[assay]
    obs = describe_libraries(cohort, assay)
    counts = table.sort_order(obs.index, axis="sample").matrix_data.T.tocsr()
    with h5py.File(path, "w") as handle:
        _mark(handle, "anndata", "0.1.0")
        matrix = _mark(handle.create_group("X"), "csr_matrix", "0.1.0")
        matrix.attrs["shape"] = counts.shape
        matrix["data"] = counts.data.astype(np.int64)
        matrix["indices"], matrix["indptr"] = counts.indices, counts.indptr
        _write_frame(handle.create_group("obs"), obs)
        _write_frame(handle.create_group("var"), cohort.taxonomy(assay))
        uns = _mark(handle.create_group("uns"), "dict", "0.1.0")
        _write_text(uns, "cohabit", json.dumps(cohort.provenance, sort_keys=True))
        if assay == "16s" and cohort.tree is not None:
            _write_text(uns, "tree", cohort.tree)
        for name in ("layers", "obsm", "varm", "obsp", "varp"):
            _mark(handle.create_group(name), "dict", "0.1.0")


def _mark(item, kind: str, version: str):
    item.attrs["encoding-type"], item.attrs["encoding-version"] = kind, version
    return item


def _write_text(group: h5py.Group, name: str, text: str) -> None:
    _mark(group.create_dataset(name, data=text, dtype=_TEXT), "string", "0.2.0")


def _write_frame(group: h5py.Group, frame: pd.DataFrame) -> None:
    _mark(group, "dataframe", "0.2.0")
    group.attrs["_index"] = str(frame.index.name)
    group.attrs.create("column-order", list(frame.columns), dtype=_TEXT)
    _write_strings(group, str(frame.index.name), frame.index)
    for name in frame:
        if pd.api.types.is_numeric_dtype(frame[name]):
            _mark(group.create_dataset(name, data=frame[name].to_numpy()), "array", "0.2.0")
        else:
            _write_categories(group.create_group(name), frame[name])


def _write_strings(group: h5py.Group, name: str, values) -> None:
    data = group.create_dataset(name, data=[*map(str, values)], dtype=_TEXT)
    _mark(data, "string-array", "0.2.0")


def _write_categories(group: h5py.Group, column: pd.Series) -> None:
    """Write a text column as codes, -1 where it is unknown."""
    levels = ordered_levels(column)
    text = column.astype(object).map(str, na_action="ignore")
    codes = pd.Categorical(text, categories=levels).codes
    _mark(group, "categorical", "0.2.0").attrs["ordered"] = False
    _mark(group.create_dataset("codes", data=codes), "array", "0.2.0")
    _write_strings(group, "categories", levels)
