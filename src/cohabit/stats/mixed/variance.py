"""How alike people of one household are: test and interval of the household's share."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy import special

from cohabit.stats.mixed.parts import NO_MAXIMUM, Part, prepare, split_by_missing
from cohabit.stats.mixed.reml import HouseholdDesign, deviance, maximise, profile_at, reml_criterion

_NUMBERS = (
    "household_variance",
    "residual_variance",
    "household_icc",
    "icc_low",
    "icc_high",
    "reml_criterion",
    "reml_criterion_null",
    "statistic",
    "p_value",
)
_CHI_SQUARED = special.chdtri(1, 0.05)


def test_household_variance(
    values: pd.DataFrame | pd.Series,
    metadata: pd.DataFrame,
    formula: str,
    household: str = "household_id",  # noqa: PT028
) -> pd.DataFrame:
    """Test whether people of one household are alike: likelihood ratio of its variance.

    The null value lies on the edge of what is possible, so the reference is half a point
    mass at zero and half a chi-squared with one degree of freedom (Self and Liang 1987,
    Journal of the American Statistical Association 82:605).

    Parameters
    ----------
    values, metadata, formula, household
        As in `fit_household_model`.

    Returns
    -------
    DataFrame
        One row a feature: feature, household_variance, residual_variance, household_icc,
        icc_low, icc_high, reml_criterion, reml_criterion_null, statistic, p_value,
        n_households, n_samples, converged, note. `icc_low` and `icc_high` bound the 95%
        profile interval: the shares that a likelihood ratio test does not refuse.
    """
    model = prepare(values, metadata, formula, household)
    table = pd.concat([_variance_table(part) for part in split_by_missing(model)])
    table = table.sort_values("feature", kind="stable", ignore_index=True)
    return table.assign(feature=model.names.to_numpy()[table["feature"]])


test_household_variance.__test__ = False  # a statistic, not one of pytest's


def _variance_table(part: Part) -> pd.DataFrame:
    columns = {name: np.full(len(part.notes), np.nan) for name in _NUMBERS}
    notes = part.notes.copy()
    if part.usable.any():
        design, residuals = part.split
        squares = residuals.squares[:, part.usable]
        theta, converged = maximise(design, squares)
        notes[np.flatnonzero(part.usable)[~converged]] = NO_MAXIMUM
        found = _likelihood_ratio(theta, design, squares)
        for name, column in zip(_NUMBERS, found, strict=True):
            columns[name][part.usable] = np.where(converged, column, np.nan)
    table = pd.DataFrame({"feature": part.features, **columns})
    return table.assign(
        n_households=len(np.unique(part.households)),
        n_samples=len(part.y),
        converged=notes == "",
        note=notes,
    )


def _likelihood_ratio(
    theta: np.ndarray, design: HouseholdDesign, squares: np.ndarray
) -> tuple[np.ndarray, ...]:
    """Return the columns `_NUMBERS`."""
    profile = profile_at(theta, design, squares)
    residual = profile.quadratic[0] / design.df
    found = reml_criterion(profile, design)
    null = reml_criterion(profile_at(np.zeros_like(theta), design, squares), design)
    statistic = np.where(theta > 0, np.maximum(null - found, 0.0), 0.0)
    p_value = np.where(statistic > 0, special.chdtrc(1, statistic) / 2, 1.0)
    shares = (theta / (1 + theta), *share_interval(theta, design, squares))
    return theta * residual, residual, *shares, found, null, statistic, p_value


def share_interval(
    theta: np.ndarray, design: HouseholdDesign, squares: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the 95% profile likelihood interval of the household share of every feature.

    Parameters
    ----------
    theta : ndarray, shape (n_features,)
        Where the likelihood is highest.
    design, squares
        From `mixed_reml.decompose`.
    """

    def rise(share: np.ndarray) -> np.ndarray:
        return deviance(profile_at(share / (1 - share), design, squares), design.df)

    share = theta / (1 + theta)
    limit = rise(share) + _CHI_SQUARED
    none, all_of_it = np.zeros_like(share), np.full_like(share, 1 - 1e-9)
    low = np.where(rise(none) <= limit, 0.0, _cross(rise, limit, share, none))
    high = np.where(rise(all_of_it) <= limit, 1.0, _cross(rise, limit, share, all_of_it))
    return low, high


def _cross(
    rise: Callable[[np.ndarray], np.ndarray],
    limit: np.ndarray,
    inside: np.ndarray,
    outside: np.ndarray,
) -> np.ndarray:
    """Return where the deviance crosses the limit, by bisection."""
    for _ in range(45):
        middle = (inside + outside) / 2
        below = rise(middle) <= limit
        inside, outside = np.where(below, middle, inside), np.where(below, outside, middle)
    return outside
