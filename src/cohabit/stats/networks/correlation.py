"""Correlation of features in compositional data: SparCC, proportionality, within sets."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cohabit.stats.alignment import align_by_id, align_values, household_codes
from cohabit.stats.composition import clr
from cohabit.stats.formula import model_matrix
from cohabit.stats.inference import deal_groups, jackknife_interval, leave_groups_out
from cohabit.stats.least_squares import residuals

LEAST_SAMPLES = 4
"""Smallest number of people, beyond the covariates' coefficients, for a correlation."""

_LEAST_VARIANCE = 1e-4
_EXCLUDE_FROM = 0.1


def sparcc(
    counts: pd.DataFrame,
    metadata: pd.DataFrame | None = None,
    covariates: str | None = None,
    *,
    pseudocount: float | None = None,
    n_exclusions: int = 10,
) -> pd.DataFrame:
    """Return the correlations of log abundances behind a composition (SparCC).

    Closure makes all shares depend on each other, but not the variance of their log-ratios. If most
    pairs are uncorrelated, these variances give the variance of each log abundance, and thus the
    correlations. The most correlated pair is then left out and the rest solved again,
    `n_exclusions` times.

    Parameters
    ----------
    counts : DataFrame, shape (n_samples, n_features)
        Filter first: at least 4 features, better 50.
    metadata : DataFrame, optional
        For the covariates; index as `counts`, in any order.
    covariates : str, optional
        Formula, as in ``"age + sex + bmi"``: regressed out of the CLR values first.
    pseudocount : float, optional
        As in `composition.clr`; takes the place of the draws from a Dirichlet posterior in the
        original.
    n_exclusions : int
        Pairs left out at most; only those above 0.1 in absolute value.

    Returns
    -------
    DataFrame, features x features
        Correlations, cut at -1 and 1.

    Notes
    -----
    PLoS Computational Biology 8(9):e1002687. A network of compositional correlations is
    no network of ecological interactions.
    """
    values, matrix = clr(counts, pseudocount), None
    if covariates is not None:
        if metadata is None:
            raise ValueError("covariates: their values are in the metadata; give it too")
        matrix = model_matrix(covariates, align_values(values, metadata)[1]).values.to_numpy()
    everyone = np.ones(len(values), dtype=bool)
    correlation = correlate_rows(values.to_numpy(), matrix, everyone, n_exclusions)
    return pd.DataFrame(correlation, index=counts.columns, columns=counts.columns)


def proportionality(counts: pd.DataFrame, pseudocount: float | None = None) -> pd.DataFrame:
    """Return rho_p, 1 - var(log(x/y)) / (var clr x + var clr y), for each pair of features.

    1 where one is a constant multiple of the other (Quinn 2017, Scientific Reports 7:16252).
    """
    values = clr(counts, pseudocount).to_numpy()
    _check_size(values, least=2)
    variance = values.var(axis=0, ddof=1)
    total = variance[:, None] + variance
    ratio = _ratio_variance(np.cov(values, rowvar=False))
    rho = 1 - np.divide(ratio, total, out=np.ones_like(ratio), where=total > 0)
    np.fill_diagonal(rho, 1)
    return pd.DataFrame(rho, index=counts.columns, columns=counts.columns)


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
    """Return the mean correlation within each set minus that with other features.

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
    DataFrame, one row per set
        feature (the set's name), n_features, inside, outside, estimate (inside minus outside),
        low, high (delete-group jackknife, t on ``n_groups - 1``).
    """
    counts, people = align_by_id(counts, metadata)
    members = {
        name: (sets.loc[counts.columns] == name).to_numpy()
        for name in (sorted(sets.unique()) if among is None else among)
    }
    matrix = None if covariates is None else model_matrix(covariates, people).values.to_numpy()
    values = clr(counts).to_numpy()
    groups = deal_groups(household_codes(people, household), n_groups, rng)

    def find(rows: np.ndarray) -> np.ndarray:
        correlation = correlate_rows(values, matrix, rows, n_exclusions)
        return np.array([_compare(correlation, chosen) for chosen in members.values()])

    found, left = leave_groups_out(find, groups)
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


def _check_size(values: np.ndarray, least: int) -> None:
    if values.shape[0] < LEAST_SAMPLES or values.shape[1] < least:
        raise ValueError(
            f"counts: correlations need at least {LEAST_SAMPLES} samples and {least} features, "
            f"got {values.shape}"
        )


def _ratio_variance(covariance: np.ndarray) -> np.ndarray:
    """Return var(log(x_i / x_j)) computed from the covariance of CLR values."""
    variance = np.diag(covariance)
    return variance[:, None] + variance - 2 * covariance


def correlate_rows(
    values: np.ndarray, matrix: np.ndarray | None, rows: np.ndarray, n_exclusions: int
) -> np.ndarray:
    """Return SparCC correlations of some rows, adjusted for the covariates in `matrix`."""
    part = values[rows] if matrix is None else residuals(values[rows], matrix[rows])
    return correlate_basis(part, n_exclusions)


def correlate_basis(values: np.ndarray, n_exclusions: int) -> np.ndarray:
    """Return SparCC correlations from samples x features CLR values."""
    _check_size(values, least=4)
    ratio = _ratio_variance(np.cov(values, rowvar=False))
    size = len(ratio)
    excluded, left, totals = [], np.full(size, size - 1.0), ratio.sum(axis=1)
    correlation = _correlate(ratio, _solve_basis(totals, left, excluded))
    for _ in range(n_exclusions):
        strength = np.abs(correlation)
        np.fill_diagonal(strength, 0)
        for pair in excluded:
            strength[pair] = strength[pair[::-1]] = 0
        pair = tuple(int(end) for end in np.unravel_index(strength.argmax(), strength.shape))
        if strength[pair] < _EXCLUDE_FROM or left[list(pair)].min() <= 3:
            break
        excluded.append(pair)
        left[list(pair)] -= 1
        totals[list(pair)] -= ratio[pair]
        correlation = _correlate(ratio, _solve_basis(totals, left, excluded))
    return correlation


def _solve_basis(
    totals: np.ndarray, left: np.ndarray, excluded: list[tuple[int, int]]
) -> np.ndarray:
    """Solve sum_j t_ij = n_i w_i + sum_j w_j, over the included pairs, for the variances w.

    The system is diag(n - 1) + 11' less the excluded pairs, so features that lose no pair
    follow from the total of all w; only the others need a solution of their own.
    """
    touched = sorted({end for pair in excluded for end in pair})
    place = {feature: row for row, feature in enumerate(touched, start=1)}
    # unknowns: the sum of all w, then w of the touched features
    system = np.zeros((len(touched) + 1, len(touched) + 1))
    wanted = np.zeros(len(touched) + 1)
    free = np.ones(len(totals), dtype=bool)
    free[touched] = False
    shrunk = left - 1
    system[0, 0] = 1 + (1 / shrunk[free]).sum()
    system[0, 1:] = -1
    wanted[0] = (totals[free] / shrunk[free]).sum()
    system[1:, 0] = 1
    system[1:, 1:] = np.diag(shrunk[touched])
    wanted[1:] = totals[touched]
    for first, second in excluded:
        system[place[first], place[second]] -= 1
        system[place[second], place[first]] -= 1
    solution = np.linalg.solve(system, wanted)
    variance = (totals - solution[0]) / shrunk
    variance[touched] = solution[1:]
    return np.maximum(variance, _LEAST_VARIANCE)


def _correlate(ratio: np.ndarray, variance: np.ndarray) -> np.ndarray:
    spread = np.sqrt(variance)
    correlation = np.add.outer(variance, variance)
    correlation -= ratio
    correlation *= 0.5 / spread
    correlation /= spread[:, None]
    np.fill_diagonal(correlation, 1)
    return np.clip(correlation, -1, 1, out=correlation)


def _compare(correlation: np.ndarray, chosen: np.ndarray) -> tuple[float, float]:
    """Return the mean correlation within a set, and between its members and all others."""
    size = int(chosen.sum())
    if not 2 <= size < len(chosen):
        return np.nan, np.nan
    rows = correlation[chosen]
    inside = (rows[:, chosen].sum() - size) / (size * (size - 1))
    return float(inside), float(rows[:, ~chosen].mean())
