"""Sets of features, such as families: how much more tied to one another than to others."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cohabit.stats.alignment import align_values, check_table, household_codes
from cohabit.stats.composition import clr
from cohabit.stats.formula import model_matrix
from cohabit.stats.networks.correlation import correlate_basis, residuals
from cohabit.stats.tails import t_quantile


def ties_within(
    counts: pd.DataFrame,
    metadata: pd.DataFrame,
    sets: pd.Series,
    *,
    among: Sequence[str] | None = None,
    household: str = "household_id",
    covariates: str | None = "age + sex + bmi",
    n_groups: int = 20,
    n_exclusions: int = 10,
    rng: int | np.random.Generator | None = None,
) -> pd.DataFrame:
    """Return the mean correlation inside each set of features, less that with the others.

    Parameters
    ----------
    counts : DataFrame, shape (n_samples, n_features)
    metadata : DataFrame
        `household` and the covariates; index as `counts`.
    sets : Series
        Feature -> name of its set, for example its family.
    among : sequence of str, optional
        Sets to report; all by default. One with fewer than two features has no number.
    household : str
        Groups of whole households are left out in turn for the interval.
    covariates : str, optional
    n_groups, n_exclusions : int
    rng : int or Generator, optional

    Returns
    -------
    DataFrame, one row a set
        feature (the set's name), n_features, inside, outside, estimate (inside minus outside),
        low, high (delete-group jackknife, t on ``n_groups - 1``).
    """
    check_table(counts, "counts")
    counts = counts.loc[sorted(counts.index, key=str)]
    _, people = align_values(counts, metadata)
    members = {
        name: (sets.loc[counts.columns] == name).to_numpy()
        for name in (sorted(sets.unique()) if among is None else among)
    }
    matrix = None if covariates is None else model_matrix(covariates, people).values.to_numpy()
    values, groups = clr(counts).to_numpy(), _deal(people, household, n_groups, rng)

    def find(rows: np.ndarray) -> np.ndarray:
        part = values[rows] if matrix is None else residuals(values[rows], matrix[rows])
        correlation = correlate_basis(part, n_exclusions)
        return np.array([_compare(correlation, chosen) for chosen in members.values()])

    found = find(np.ones(len(people), dtype=bool))
    left = np.array([np.subtract(*find(groups != g).T) for g in np.unique(groups)])
    return _tidy(found, left, members)


def _deal(people: pd.DataFrame, household: str, n_groups: int, rng) -> np.ndarray:
    """Return the group of each person; households are dealt out at random, evenly."""
    codes = household_codes(people, household)
    order = np.random.default_rng(rng).permutation(codes.max() + 1)
    return order[codes] % n_groups


def _compare(correlation: np.ndarray, chosen: np.ndarray) -> tuple[float, float]:
    """Return the mean correlation inside a set, and of its members with all others."""
    size = int(chosen.sum())
    if not 2 <= size < len(chosen):
        return np.nan, np.nan
    rows = correlation[chosen]
    inside = (rows[:, chosen].sum() - size) / (size * (size - 1))
    return float(inside), float(rows[:, ~chosen].mean())


def _tidy(found: np.ndarray, left: np.ndarray, members: dict[str, np.ndarray]) -> pd.DataFrame:
    estimate, n_groups = found[:, 0] - found[:, 1], len(left)
    spread = np.square(left - left.mean(axis=0)).sum(axis=0) * (n_groups - 1) / n_groups
    margin = t_quantile(0.975, n_groups - 1) * np.sqrt(spread)
    return pd.DataFrame(
        {
            "feature": list(members),
            "n_features": [int(chosen.sum()) for chosen in members.values()],
            "inside": found[:, 0],
            "outside": found[:, 1],
            "estimate": estimate,
            "low": estimate - margin,
            "high": estimate + margin,
        }
    )
