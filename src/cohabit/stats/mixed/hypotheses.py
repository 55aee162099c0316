"""Tests in household models: whole terms, the household's share, numbers of features.

Joint tests of the terms of a model (site as a whole, all drugs at once); how alike people of
one household are, by likelihood ratio; how many features each coefficient of a model reaches.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy import special

from cohabit.stats.inference import adjust_p, deal_groups, jackknife_interval, leave_groups_out
from cohabit.stats.least_squares import ONE_LEVEL
from cohabit.stats.mixed.fit import check_df, fit_household_model
from cohabit.stats.mixed.parts import Part, prepare, split_by_missing, stack_rows
from cohabit.stats.mixed.reml import (
    SATTERTHWAITE,
    HouseholdDesign,
    Information,
    Residuals,
    deviance,
    maximise,
    profile_at,
    reml_criterion,
    satterthwaite,
)

_OF_TERM = ("statistic", "df", "p_value")


def test_terms(
    values: pd.DataFrame | pd.Series,
    metadata: pd.DataFrame,
    formula: str,
    household: str = "household_id",  # noqa: PT028
    *,
    df: str = SATTERTHWAITE,  # noqa: PT028
) -> pd.DataFrame:
    """Test each term of a household model, adjusted for all the others.

    Parameters
    ----------
    values, metadata, formula, household, df
        As in `fit_household_model`.

    Returns
    -------
    DataFrame, one row per feature and term
        feature, term, n_coefficients, statistic (F), df (of the denominator), p_value,
        n_households, n_samples, converged, note. A term with one coefficient has the p of
        its t test.

    Notes
    -----
    By Satterthwaite, the covariance of the term's coefficients is turned to its principal axes; F
    is the mean of their squared t, and its denominator df is chosen so that F has the mean that
    independent t's of Satterthwaite's df would give it (Fai and Cornelius 1996, Journal of
    Statistical Computation and Simulation 54:363), as lmerTest does. By Kenward and Roger (1997,
    Biometrics 53:983), F of the enlarged covariance is scaled so that its first two moments
    are those of an F distribution, as pbkrtest does. Where terms interact a main effect is
    that at the reference of the other.
    """
    check_df(df)
    model = prepare(values, metadata, formula, household)
    parts = [_test_part(part, model.matrix.terms, df) for part in split_by_missing(model)]
    return stack_rows(parts, model.names)


test_terms.__test__ = False  # a statistic, not one of pytest's


def _test_part(part: Part, terms: dict[str, list[str]], df: str) -> dict[str, np.ndarray]:
    reasons = {term: _why_not(part, columns) for term, columns in terms.items()}
    numbers = {name: np.full((len(part.notes), len(terms)), np.nan) for name in _OF_TERM}
    notes = part.notes
    if part.usable.any():
        design, residuals, theta, converged = _search(part)
        notes = part.notes_after(converged)
        fit = _Covariances(theta, design, residuals)
        test = fit.test if df == SATTERTHWAITE else fit.test_adjusted
        for position, (term, columns) in enumerate(terms.items()):
            if not reasons[term]:
                names = part.columns.names[part.columns.kept]
                chosen = np.flatnonzero(names.isin(columns))
                for name, found in zip(_OF_TERM, test(chosen), strict=True):
                    numbers[name][part.usable, position] = np.where(converged, found, np.nan)
    note = np.where(notes[:, None] == "", list(reasons.values()), notes[:, None])
    of_row = {"term": list(terms), "n_coefficients": [len(names) for names in terms.values()]}
    return part.list_rows({}, of_row, numbers, note)


def _search(part: Part) -> tuple[HouseholdDesign, Residuals, np.ndarray, np.ndarray]:
    """Return the design, the usable features, their variance ratios and whether these converged."""
    design, residuals = part.split[0], part.split[1].of(part.usable)
    return design, residuals, *maximise(design, residuals.squares)


def _why_not(part: Part, columns: list[str]) -> str:
    weights = [(part.columns.names == name).astype(float) for name in columns]
    reasons = zip(columns, part.columns.reasons(weights), strict=True)
    first = next((f"{name} {reason}" for name, reason in reasons if reason), "")
    return first if columns else ONE_LEVEL


class _Covariances:
    """Coefficients of each feature with their covariance and its derivative in theta."""

    def __init__(self, theta: np.ndarray, design: HouseholdDesign, residuals: Residuals) -> None:
        self.theta, self.design = theta, design
        self.profile = profile_at(theta, design, residuals.squares)
        loadings = design.loadings
        n_small = loadings.shape[1]
        weights = self.profile.weights[:n_small]
        shrink = theta * weights
        falls = design.eigenvalues[:n_small, None] * weights
        self.estimate = residuals.ols - loadings @ (shrink * residuals.scores)
        own, shared = design.covariance
        ratio = theta[:, None, None]
        self.covariance = own + ratio * shared - _spread(loadings, theta * shrink)
        self.slope = shared - _spread(loadings, shrink * (2 - theta * falls))

    def test(self, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return F, denominator df and p-value for the hypothesis that coefficients are 0."""
        block = np.ix_(np.arange(len(self.theta)), chosen, chosen)
        value, axes = np.linalg.eigh(self.covariance[block])
        turned = np.einsum("fji,jf->if", axes, self.estimate[chosen])
        slope = np.einsum("fji,fjk,fki->if", axes, self.slope[block], axes)
        variance = self.profile.quadratic[0] / self.design.df
        f = (turned**2 / (variance * value.T)).mean(axis=0)
        each = satterthwaite(slope / value.T, self.theta, self.profile, self.design.df)
        df = _denominator(each)
        return f, df, special.fdtrc(len(chosen), df, f)

    def test_adjusted(self, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the scaled F, denominator df and p-value by Kenward and Roger."""
        n_small = self.design.loadings.shape[1]
        information = Information.at(self.design, self.profile)
        added = information.inflate(self.profile.weights[:n_small])
        loadings = self.design.loadings[chosen]
        block = np.ix_(np.arange(len(self.theta)), chosen, chosen)
        root = np.linalg.inv(np.linalg.cholesky(self.covariance[block]))
        each = np.linalg.eigvalsh(root @ self.slope[block] @ root.transpose(0, 2, 1)).T
        half = information.half_variance(each, np.ones_like(each), self.theta).sum(axis=0)
        of_sum = information.half_variance(each.sum(axis=0), float(len(chosen)), self.theta)
        df, scale = _match_moments(2 * of_sum, 2 * half, len(chosen))
        variance = self.profile.quadratic[0] / self.design.df
        estimate = self.estimate[chosen].T[:, :, None]
        solved = np.linalg.solve(self.covariance[block] + _spread(loadings, added), estimate)
        f = scale * (estimate * solved).sum(axis=(1, 2)) / (len(chosen) * variance)
        return f, df, special.fdtrc(len(chosen), df, f)


def _spread(loadings: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return ``sum_k weights[k] b_k b_k'`` for every feature, shape (n_features, p, p)."""
    pairs = np.einsum("ik,jk->ijk", loadings, loadings)
    return np.moveaxis(pairs @ weights, -1, 0)


def _match_moments(a1: np.ndarray, a2: np.ndarray, q: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the denominator df and scale of Kenward and Roger's F from their A1 and A2."""
    b = (a1 + 6 * a2) / (2 * q)
    g = ((q + 1) * a1 - (q + 4) * a2) / ((q + 2) * a2)
    c1, c2, c3 = (part / (3 * q + 2 * (1 - g)) for part in (g, q - g, q + 2 - g))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = ((1 - a2 / q) / (1 - c2 * b)) ** 2 * (1 + c1 * b) / (1 - c3 * b) / q
        df = 4 + (q + 2) / (q * ratio - 1)
        scale = df * (1 - a2 / q) / (df - 2)
    return (2 / a2, np.ones_like(a2)) if q == 1 else (df, np.where(abs(df - 2) < 0.01, 1, scale))


def _denominator(each: np.ndarray) -> np.ndarray:
    """Combine the df of several t tests, shape (n_coefficients, n_features), into that of F."""
    if len(each) == 1 or np.ptp(each, axis=0).max() < 1e-8:
        return each.mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = np.where(each > 2, each / (each - 2), np.inf).sum(axis=0)
        combined = 2 * expected / (expected - len(each))
    return np.where(np.isinf(expected), 2.0, combined)


_OF_VARIANCE = (
    *("household_variance", "residual_variance", "household_icc", "icc_low", "icc_high"),
    *("reml_criterion", "reml_criterion_null", "statistic", "p_value"),
)
_CHI_SQUARED = special.chdtri(1, 0.05)


def test_household_variance(
    values: pd.DataFrame | pd.Series,
    metadata: pd.DataFrame,
    formula: str,
    household: str = "household_id",  # noqa: PT028
) -> pd.DataFrame:
    """Test the variance between households by a likelihood ratio.

    The null value is at the boundary of the parameter space, so the reference distribution is half
    a point mass at zero and half a chi-squared with one degree of freedom (Self and Liang 1987,
    Journal of the American Statistical Association 82:605).

    Parameters
    ----------
    values, metadata, formula, household
        As in `fit_household_model`.

    Returns
    -------
    DataFrame
        One row per feature: feature, household_variance, residual_variance, household_icc,
        icc_low, icc_high, reml_criterion, reml_criterion_null, statistic, p_value,
        n_households, n_samples, converged, note. `icc_low` and `icc_high` bound the 95%
        profile interval: the shares that a likelihood ratio test does not refuse.
    """
    model = prepare(values, metadata, formula, household)
    return stack_rows([_test_variance(part) for part in split_by_missing(model)], model.names)


test_household_variance.__test__ = False  # a statistic, not one of pytest's


def _test_variance(part: Part) -> dict[str, np.ndarray]:
    columns = {name: np.full(len(part.notes), np.nan) for name in _OF_VARIANCE}
    notes = part.notes
    if part.usable.any():
        design, residuals, theta, converged = _search(part)
        notes = part.notes_after(converged)
        found = _likelihood_ratio(theta, design, residuals.squares)
        for name, column in zip(_OF_VARIANCE, found, strict=True):
            columns[name][part.usable] = np.where(converged, column, np.nan)
    return part.list_rows(columns, {}, {}, notes[:, None])


def _likelihood_ratio(
    theta: np.ndarray, design: HouseholdDesign, squares: np.ndarray
) -> tuple[np.ndarray, ...]:
    """Return the columns `_OF_VARIANCE` of the likelihood ratio test."""
    profile = profile_at(theta, design, squares)
    residual = profile.quadratic[0] / design.df
    found = reml_criterion(profile, design)
    null = reml_criterion(profile_at(np.zeros_like(theta), design, squares), design)
    statistic = np.where(theta > 0, np.maximum(null - found, 0.0), 0.0)
    p_value = np.where(statistic > 0, special.chdtrc(1, statistic) / 2, 1.0)
    shares = (theta / (1 + theta), *_share_interval(theta, design, squares))
    return theta * residual, residual, *shares, found, null, statistic, p_value


def _share_interval(
    theta: np.ndarray, design: HouseholdDesign, squares: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the 95% profile likelihood interval of the household share of each feature."""

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
    """Return where the deviance crosses the limit, found by bisection."""
    for _ in range(45):
        middle = (inside + outside) / 2
        below = rise(middle) <= limit
        inside, outside = np.where(below, middle, inside), np.where(below, outside, middle)
    return outside


def count_significant(
    values: pd.DataFrame, metadata: pd.DataFrame, formula: str, fdr: float = 0.05
) -> pd.Series:
    """Return the number of features associated with each coefficient of one model.

    Parameters
    ----------
    values, metadata, formula
        As in `fit_household_model`.
    fdr : float
        Bound of q over the features of one coefficient.

    Returns
    -------
    Series of int, index coefficient
    """
    fits = fit_household_model(values, metadata, formula)
    q_values = fits.groupby("coefficient")["p_value"].transform(adjust_p)
    return (q_values <= fdr).groupby(fits["coefficient"], sort=False).sum()


def compare_significant(
    values: pd.DataFrame,
    metadata: pd.DataFrame,
    formula: str,
    first: str,
    second: str,
    *,
    n_groups: int = 20,
    rng: int | np.random.Generator | None = None,
) -> pd.Series:
    """Return the difference in features associated with `first` and `second`, with 95% CI.

    Parameters
    ----------
    values, metadata, formula
        As for `count_significant`.
    first, second : str
        Coefficients.
    n_groups, rng
        Random groups of households, left out in turn.

    Returns
    -------
    Series
        estimate, low, high: delete-group jackknife, t on ``n_groups - 1`` (Wolter 2007,
        chapter 4). A count of tests is not a smooth function of the data: take the interval
        as a rough one.
    """

    def differ(rows: np.ndarray) -> float:
        counts = count_significant(values[rows], metadata, formula)
        return float(counts[first] - counts[second])

    homes = pd.Series(pd.factorize(metadata["household_id"], sort=True)[0], metadata.index)
    groups = pd.Series(deal_groups(homes.to_numpy(), n_groups, rng), metadata.index)
    found = leave_groups_out(differ, groups[values.index].to_numpy())
    return pd.Series(jackknife_interval(*found))
