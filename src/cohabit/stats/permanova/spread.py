"""Spread around the group's middle, and its test (PERMDISP), with households as blocks."""

import numpy as np
import pandas as pd

from cohabit.data import schema
from cohabit.stats.permanova import geometry as geo
from cohabit.stats.permanova.analysis import permanova_features
from cohabit.stats.permanova.contrasts import as_groups

KINDS = ("median", "centroid")
EIGENVALUE_TOLERANCE = np.sqrt(np.finfo(float).eps)
"""Axes with a smaller eigenvalue, relative to the first, are numerically nothing."""


def dispersion(
    distances, metadata: pd.DataFrame, column: str, *, kind: str = "median", **options
) -> pd.DataFrame:
    """Test whether groups differ in their spread: PERMDISP [1]_.

    A PERMANOVA of groups can be significant because one group is more variable. This is the
    analysis of variance of `distances_to_middle`, permuted as the groups vary within and
    between households.

    Parameters
    ----------
    distances : skbio DistanceMatrix or square DataFrame
    metadata : DataFrame
        Index: sample IDs.
    column : str
        Categorical column of the groups.
    kind : {"median", "centroid"}
        The middle of a group: its spatial median or its centroid.
    **options
        `blocks`, `strata`, `scheme`, `n_permutations`, `rng` of `permanova`.

    Returns
    -------
    DataFrame
        As from `permanova`: the group, ``residual``, ``total``; ``pseudo_f`` is the F of the
        analysis of variance, and ``note`` gives the mean distance of each group.

    References
    ----------
    .. [1] Anderson (2006). Biometrics 62:245.
    """
    metadata = as_groups(metadata, column)
    spread = distances_to_middle(distances, metadata, column, kind=kind)
    table = permanova_features(spread.to_frame(), metadata, column, permute="raw", **options)
    means = spread.groupby(metadata[column].reindex(spread.index), observed=True).mean()
    said = "mean distance: " + ", ".join(f"{name} {value:.4g}" for name, value in means.items())
    note = table.loc[column, "note"]
    table.loc[column, "note"] = f"{said}; {note}" if note else said
    return table


def distances_to_middle(
    distances, metadata: pd.DataFrame, column: str, *, kind: str = "median"
) -> pd.Series:
    """Return each sample's distance to the middle of its group in the principal coordinates.

    Axes with negative eigenvalues (imaginary axes of semimetric distances) count negatively;
    a squared distance below zero is set to zero, as in vegan's betadisper.

    Parameters
    ----------
    distances : skbio DistanceMatrix or square DataFrame
    metadata : DataFrame
        Index: sample IDs.
    column : str
        Categorical column of the groups; no value may be missing.
    kind : {"median", "centroid"}

    Returns
    -------
    Series of float, shape (n_samples,)
        Index: sample IDs, in the order of the distances.
    """
    if kind not in KINDS:
        raise ValueError(f"kind: got {kind!r}; {schema.nearest(kind, KINDS)}")
    geometry, ids = geo.from_distances(distances)
    groups = _groups(geo.align(ids, metadata), column)
    real, imaginary = principal_axes(geometry.gram)
    middle = spatial_median if kind == "median" else _centroid
    squared = np.zeros(len(ids))
    for code in np.unique(groups):
        rows = groups == code
        for axes, sign in ((real, 1), (imaginary, -1)):
            offset = axes[rows] - middle(axes[rows])
            squared[rows] += sign * np.einsum("ij,ij->i", offset, offset)
    return pd.Series(np.sqrt(np.maximum(squared, 0)), index=ids, name="distance_to_middle")


def principal_axes(gram: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the real and the imaginary principal coordinates, each (n_samples, n_axes)."""
    values, vectors = np.linalg.eigh(gram)
    least = EIGENVALUE_TOLERANCE * max(1.0, values[-1])
    kept = np.abs(values) > least
    axes = vectors[:, kept] * np.sqrt(np.abs(values[kept]))
    positive = values[kept] > 0
    return axes[:, positive], axes[:, ~positive]


def spatial_median(
    points: np.ndarray, *, tolerance: float = 1e-10, max_steps: int = 1000
) -> np.ndarray:
    """Return the point with the least sum of distances to `points` [1]_.

    Parameters
    ----------
    points : array, shape (n_points, n_axes)
    tolerance : float
        Stop when a step is shorter than this share of the spread.

    References
    ----------
    .. [1] Vardi & Zhang (2000). PNAS 97:1423.
    """
    if points.shape[1] == 0 or len(points) == 1:
        return points.mean(axis=0)
    spread = np.linalg.norm(points - points.mean(axis=0), axis=1).max()
    middle = np.median(points, axis=0)
    for _ in range(max_steps):
        step = _step_to_median(points, middle, 1e-14 * spread)
        middle = middle + step
        if np.linalg.norm(step) <= tolerance * spread:
            break
    return middle


def _step_to_median(points: np.ndarray, middle: np.ndarray, nothing: float) -> np.ndarray:
    offset = points - middle
    distance = np.linalg.norm(offset, axis=1)
    apart = distance > nothing
    if not apart.any():
        return np.zeros_like(middle)
    weight = 1 / distance[apart]
    pull = weight @ offset[apart]
    strength, here = np.linalg.norm(pull), (~apart).sum()
    if strength <= here:
        return np.zeros_like(middle)
    return (1 - here / strength) * pull / weight.sum()


def _centroid(points: np.ndarray) -> np.ndarray:
    return points.mean(axis=0)


def _groups(people: pd.DataFrame, column: str) -> np.ndarray:
    groups = as_groups(people, column)[column]
    missing = people.index[people[column].isna()]
    if len(missing):
        raise ValueError(
            f"column {column!r}: {len(missing)} value(s) missing, first {[*missing[:5]]}; "
            "leave these samples out of the distances"
        )
    return groups.cat.codes.to_numpy()
