"""Sets of features, such as families: how much more tied to one another than to others."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cohabit.stats.alignment import align_values, check_table, household_codes
from cohabit.stats.composition import clr
from cohabit.stats.formula import model_matrix
from cohabit.stats.inference import deal_groups, jackknife_interval, leave_out
from cohabit.stats.least_squares import residuals
from cohabit.stats.networks.correlation import correlate_basis


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
    values = clr(counts).to_numpy()
    groups = deal_groups(household_codes(people, household), n_groups, rng)

    def find(rows: np.ndarray) -> np.ndarray:
        part = values[rows] if matrix is None else residuals(values[rows], matrix[rows])
        correlation = correlate_basis(part, n_exclusions)
        return np.array([_compare(correlation, chosen) for chosen in members.values()])

    return _tidy(*leave_out(find, groups), members)


def _compare(correlation: np.ndarray, chosen: np.ndarray) -> tuple[float, float]:
    """Return the mean correlation inside a set, and of its members with all others."""
    size = int(chosen.sum())
    if not 2 <= size < len(chosen):
        return np.nan, np.nan
    rows = correlation[chosen]
    inside = (rows[:, chosen].sum() - size) / (size * (size - 1))
    return float(inside), float(rows[:, ~chosen].mean())


def _tidy(found: np.ndarray, left: np.ndarray, members: dict[str, np.ndarray]) -> pd.DataFrame:
    inside, outside = found.T
    return pd.DataFrame(
        {
            "feature": list(members),
            "n_features": [int(chosen.sum()) for chosen in members.values()],
            "inside": inside,
            "outside": outside,
            **jackknife_interval(inside - outside, left[..., 0] - left[..., 1]),
        }
    )
