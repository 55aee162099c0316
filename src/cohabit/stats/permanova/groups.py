"""Comparisons of a column's groups: pairwise tests and spread (PERMDISP)."""

from functools import partial
from itertools import combinations

import numpy as np
import pandas as pd

from cohabit.data import schema
from cohabit.stats.alignment import align_metadata, check_complete, present_levels, read_distances
from cohabit.stats.inference import adjust_p
from cohabit.stats.permanova.analysis import PERMANOVA_COLUMNS, permanova, permanova_features
from cohabit.stats.permanova.geometry import from_distances

EIGENVALUE_TOLERANCE = np.sqrt(np.finfo(float).eps)
"""Eigenvalues smaller than this, relative to the first, count as zero."""


def pairwise_permanova(
    distances,
    metadata: pd.DataFrame,
    column: str,
    *,
    covariates: str = "",
    n_permutations: int = 999,
    rng=None,
    **options,
) -> pd.DataFrame:
    """Test each pair of a column's levels by PERMANOVA, with FDR over the pairs.

    Each contrast is a PERMANOVA of the samples at its two levels: a patient group and its own
    partners are compared within households, two groups without common households as single
    people, and what covariates explain is taken off in the same stratum.

    Parameters
    ----------
    distances, metadata, n_permutations, rng, **options
        As in `permanova`.
    column : str
        Categorical column; samples without a value are left out.
    covariates : str
        Formula of terms that each contrast is adjusted for.

    Returns
    -------
    DataFrame
        One row per contrast and stratum in which it varies: contrast, n, n_households, the
        columns of `permanova`, and q_value (Benjamini-Hochberg).

    Raises
    ------
    ValueError
        When the column has fewer than two levels, and as `permanova`.
    """
    matrix, ids = read_distances(distances)
    people = as_groups(align_metadata(ids, metadata), column)
    formula = f"{covariates} + {column}" if covariates.strip() else column
    levels = people[column].cat.categories
    if len(levels) < 2:
        raise ValueError(f"column {column!r}: expected at least two levels, got {[*levels]}")
    seeds = np.random.default_rng(rng).integers(2**63, size=len(levels) ** 2)
    blocks = options.get("blocks", "household_id")
    rows = []
    for (low, high), seed in zip(combinations(levels, 2), seeds, strict=False):
        chosen = np.flatnonzero(people[column].isin([low, high]))
        block = pd.DataFrame(matrix[np.ix_(chosen, chosen)], ids[chosen], ids[chosen])
        own = as_groups(people.iloc[chosen], column)
        result = permanova(
            block, own, formula, n_permutations=n_permutations, rng=int(seed), **options
        )
        n_households = len(own) if blocks is None else own[blocks].nunique()
        size = {"contrast": f"{high} - {low}", "n": len(own), "n_households": n_households}
        rows += [size | row for row in result.loc[[column]].to_dict("records")]
    table = pd.DataFrame(rows, columns=["contrast", "n", "n_households", *PERMANOVA_COLUMNS])
    return table.assign(q_value=adjust_p(table["p_value"]))


def dispersion(
    distances, metadata: pd.DataFrame, column: str, *, kind: str = "median", **options
) -> pd.DataFrame:
    """Test whether groups differ in spread (PERMDISP [1]_).

    A PERMANOVA of groups can be significant only because one group is more variable. This is the
    analysis of variance of `distances_to_middle` in the error strata of `permanova`; with
    ``scheme="free"`` its F is that of vegan's betadisper.

    Parameters
    ----------
    distances, metadata, column, kind
        As in `distances_to_middle`.
    **options
        `blocks`, `strata`, `persons`, `scheme`, `n_permutations`, `rng` of `permanova`.

    Returns
    -------
    DataFrame
        As from `permanova`; ``pseudo_f`` is the F of the analysis of variance, and ``note``
        gives the mean distance of each group.

    References
    ----------
    .. [1] Anderson (2006). Biometrics 62:245.
    """
    metadata = as_groups(metadata, column)
    spread = distances_to_middle(distances, metadata, column, kind=kind)
    table = permanova_features(spread.to_frame(), metadata, column, permute="raw", **options)
    means = spread.groupby(metadata[column].reindex(spread.index), observed=True).mean()
    said = "mean distance: " + ", ".join(f"{name} {value:.4g}" for name, value in means.items())
    notes = table.loc[[column], "note"]
    table.loc[[column], "note"] = [f"{said}; {note}" if note else said for note in notes]
    return table


def distances_to_middle(
    distances, metadata: pd.DataFrame, column: str, *, kind: str = "median"
) -> pd.Series:
    """Return the distance of each sample to the centre of its group.

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
        The middle of a group: its spatial median or its centroid.

    Returns
    -------
    Series of float, in the order of the distances
    """
    schema.check_choice("kind: got", kind, ("median", "centroid"))
    geometry, ids = from_distances(distances)
    people = as_groups(align_metadata(ids, metadata), column)
    check_complete(people, column, "leave these samples out of the distances")
    groups = people[column].cat.codes.to_numpy()
    real, imaginary = principal_axes(geometry.gram)
    middle = spatial_median if kind == "median" else partial(np.mean, axis=0)
    squared = np.zeros(len(ids))
    for code in np.unique(groups):
        rows = groups == code
        for axes, sign in ((real, 1), (imaginary, -1)):
            offset = axes[rows] - middle(axes[rows])
            squared[rows] += sign * np.einsum("ij,ij->i", offset, offset)
    return pd.Series(np.sqrt(np.maximum(squared, 0)), index=ids, name="distance_to_middle")


def principal_axes(gram: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the real and imaginary principal coordinates, each (n_samples, n_axes)."""
    values, vectors = np.linalg.eigh(gram)
    least = EIGENVALUE_TOLERANCE * values[-1]
    kept = np.abs(values) > least
    axes = vectors[:, kept] * np.sqrt(np.abs(values[kept]))
    positive = values[kept] > 0
    return axes[:, positive], axes[:, ~positive]


def spatial_median(points: np.ndarray) -> np.ndarray:
    """Return the point with the smallest sum of distances to `points`, (n_points, n_axes).

    Vardi & Zhang (2000), PNAS 97:1423; until a step is shorter than 1e-10 of the spread.
    """
    if points.shape[1] == 0 or len(points) == 1:
        return points.mean(axis=0)
    spread = np.linalg.norm(points - points.mean(axis=0), axis=1).max()
    middle = np.median(points, axis=0)
    for _ in range(1000):
        step = _step_to_median(points, middle, 1e-14 * spread)
        middle = middle + step
        if np.linalg.norm(step) <= 1e-10 * spread:
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


def as_groups(people: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return a copy with a categorical column of the levels present, reference first."""
    levels, values = present_levels(people, column), people[column]
    if isinstance(values.dtype, pd.CategoricalDtype):
        return people.assign(**{column: values.cat.remove_unused_categories()})
    return people.assign(**{column: pd.Categorical(values, levels)})
