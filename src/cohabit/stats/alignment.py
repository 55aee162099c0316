"""Align feature values with sample metadata and check both tables."""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from cohabit.data import schema


def align_values(
    values: pd.DataFrame | pd.Series, metadata: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the values as a table of floats and the metadata in the same row order.

    NaN is allowed and left for the method to treat; rows of the metadata without values are
    left out. Anything else that is not finite, and a row without metadata, is an error.
    """
    if isinstance(values, pd.Series):
        values = values.to_frame(values.name if values.name is not None else "value")
    for name, table in (("values", values), ("metadata", metadata)):
        check_table(table, name)
    _check_unique(values.columns, "values: feature names")
    if not values.size:
        raise ValueError(f"values: expected samples and features; got {values.shape}")
    stray = values.index[~values.index.isin(metadata.index)]
    if len(stray):
        raise ValueError(
            f"values: {len(stray)} row(s) have no metadata, first {stray[:5].tolist()}; "
            "both tables must carry the same IDs as index"
        )
    return _as_floats(values), metadata.loc[values.index]


def align_by_id(counts: pd.DataFrame, metadata: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return counts sorted by ID, so that draws depend on IDs, and their metadata."""
    check_table(counts, "counts")
    counts = counts.loc[sorted(counts.index, key=str)]
    return counts, align_values(counts, metadata)[1]


def check_table(table: pd.DataFrame, name: str) -> None:
    """Raise an error when a table is not a DataFrame or has duplicate IDs."""
    if not isinstance(table, pd.DataFrame):
        raise ValueError(
            f"{name}: expected a DataFrame whose index holds the IDs; got {type(table).__name__}"
        )
    _check_unique(table.index, f"{name}: IDs")


def _check_unique(ids: pd.Index, what: str) -> None:
    repeated = ids[ids.duplicated()]
    if len(repeated):
        raise ValueError(f"{what} must be unique; repeated: {repeated[:5].tolist()}")


def check_finite(values: np.ndarray, ids: pd.Index, name: str) -> None:
    """Raise a ValueError that names the rows with a value missing or infinite."""
    broken = ids[~np.isfinite(values).all(axis=1)]
    if len(broken):
        raise ValueError(f"{name}: not finite in {len(broken)} row(s), first {[*broken[:5]]}")


def read_distances(distances) -> tuple[np.ndarray, pd.Index]:
    """Return distances as an array and the sample IDs, after checking a DataFrame."""
    if hasattr(distances, "ids"):
        return np.asarray(distances.data, dtype=float), pd.Index(distances.ids)
    if not isinstance(distances, pd.DataFrame):
        raise ValueError(
            "distances: expected a skbio DistanceMatrix or a square DataFrame; "
            f"got {type(distances).__name__}"
        )
    check_table(distances, "distances")
    if set(distances.index) != set(distances.columns) or len(set(distances.shape)) != 1:
        raise ValueError("distances: expected the same IDs as rows and as columns")
    matrix = distances[distances.index].to_numpy(float)
    check_finite(matrix, distances.index, "distances")
    if not np.allclose(matrix, matrix.T) or np.any(np.diag(matrix) != 0) or np.any(matrix < 0):
        raise ValueError("distances: expected symmetric values of at least 0, and a zero diagonal")
    return matrix, distances.index


def align_metadata(ids: pd.Index, metadata: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the metadata in the order of `ids`; each must have one row."""
    check_table(metadata, "metadata")
    absent = ids[~ids.isin(metadata.index)]
    if len(absent):
        raise ValueError(
            f"metadata: no row for {len(absent)} of {len(ids)} sample(s), first {[*absent[:5]]}; "
            + _mend_ids(ids, metadata.index)
        )
    return metadata.loc[ids]


def _mend_ids(ids: pd.Index, rows: pd.Index) -> str:
    if set(ids.astype(str)) <= set(rows.astype(str)):
        return "the IDs are numbers on one side and text on the other: make both text"
    return "add the rows or leave the samples out of the distances"


def check_column(metadata: pd.DataFrame, column: str) -> None:
    """Raise a ValueError that names the nearest column when a column does not exist."""
    if column not in metadata:
        raise ValueError(f"no column {column!r}: {schema.nearest(column, metadata)}")


def household_codes(metadata: pd.DataFrame, household: str) -> np.ndarray:
    """Return the household of each row, which must have one, as an integer code: 0, 1, 2, ..."""
    check_column(metadata, household)
    missing = metadata.index[metadata[household].isna()]
    if len(missing):
        raise ValueError(
            f"column {household!r}: {len(missing)} row(s) without a household, first "
            f"{missing[:5].tolist()}; give a person who lives alone an ID of their own"
        )
    return pd.factorize(metadata[household])[0]


def check_complete(metadata: pd.DataFrame, column: str, remedy: str) -> None:
    """Raise ValueError with rows and remedy when a column has missing values."""
    missing = metadata.index[metadata[column].isna()]
    if len(missing):
        raise ValueError(
            f"column {column!r}: {len(missing)} value(s) missing, first {[*missing[:5]]}; {remedy}"
        )


def present_levels(metadata: pd.DataFrame, column: str) -> list:
    """Return the levels present in a column, reference first."""
    check_column(metadata, column)
    present = set(metadata[column].dropna())
    ordered = isinstance(metadata[column].dtype, pd.CategoricalDtype)
    order = metadata[column].cat.categories if ordered else schema.LEVELS.get(column, ())
    known = [level for level in order if level in present]
    return known if len(known) == len(present) else sorted(present, key=str)


def split_levels(metadata: pd.DataFrame, column: str) -> tuple[np.ndarray, list[str]]:
    """Return which rows have the second of two levels, and both levels, reference first."""
    levels = present_levels(metadata, column)
    missing = metadata.index[metadata[column].isna()]
    if len(levels) != 2 or len(missing):
        raise ValueError(
            f"column {column!r}: expected two levels and nothing missing; got levels {levels} "
            f"and {len(missing)} missing value(s), first {missing[:5].tolist()}"
        )
    return (metadata[column] == levels[1]).to_numpy(), levels


def missing_patterns(values: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return (rows present, features) for each distinct pattern of missing values."""
    missing = np.isnan(values)
    if not missing.any():
        return [(np.ones(len(values), dtype=bool), np.arange(values.shape[1]))]
    packed = np.packbits(missing, axis=0)
    _, group = np.unique(packed, axis=1, return_inverse=True)
    group = group.ravel()
    members = (np.flatnonzero(group == number) for number in range(group.max() + 1))
    return [(~missing[:, features[0]], features) for features in members]


def fit_by_pattern(
    values: np.ndarray, fit: Callable[[np.ndarray, np.ndarray], Mapping[str, np.ndarray]]
) -> dict[str, np.ndarray]:
    """Fit features with the same missing values together; return all in their order.

    `fit` takes the values of such features and the rows they have, and returns arrays whose
    last axis is the features.
    """
    patterns = missing_patterns(values)
    parts = [fit(values[np.ix_(rows, features)], rows) for rows, features in patterns]
    order = np.argsort(np.concatenate([features for _, features in patterns]))
    return {
        name: np.concatenate([part[name] for part in parts], axis=-1)[..., order]
        for name in parts[0]
    }


def _as_floats(values: pd.DataFrame) -> pd.DataFrame:
    strange = [
        str(name) for name, kind in values.dtypes.items() if not pd.api.types.is_numeric_dtype(kind)
    ]
    if strange:
        raise ValueError(f"values: expected numbers; not numeric: {', '.join(strange[:5])}")
    table = values.astype(float)
    infinite = table.columns[np.isinf(table.to_numpy()).any(axis=0)]
    if len(infinite):
        raise ValueError(
            f"values: {len(infinite)} feature(s) hold infinite values, first "
            f"{infinite[:5].tolist()}; was a logarithm taken of zero?"
        )
    return table
