"""Intervals and p-values from estimates, multiple testing, and the columns of results.

Tails of the normal and t distributions come from `scipy.special`: the numbers of `scipy.stats`
at a seventieth of the time a call.
"""

from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd
from scipy import sparse, special

from cohabit.data.schema import MissingInput

NUMBERS = ("estimate", "std_error", "low", "high", "statistic", "df", "p_value")
"""Numeric results of a test; missing when `note` gives the reason."""


def tidy_columns(count: str = "n_pairs") -> tuple[str, ...]:
    """Return the columns of a table of tests with one row per feature and contrast.

    `count` names how many were used: pairs, or samples ``n``.
    """
    who, end = ("feature", "contrast", "method"), ("n_nonzero", "converged", "note")
    return (*who, *NUMBERS, "q_value", count, *end)


def take_tested(results: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with a p-value, or raise `MissingInput` with the reason why there is none."""
    if results["p_value"].isna().all():
        told = results["note"].value_counts() if len(results) else {"no feature": 1}
        where = f" ({results['formula'].iloc[0]})" if len(results) and "formula" in results else ""
        why = max(told.keys(), key=told.get)
        raise MissingInput(f"the cohort has nothing that could be tested{where}: {why}")
    return results.dropna(subset=["p_value"])


def add_notes(notes: Iterable[str], *more: str) -> list[str]:
    """Join each note with further notes by semicolons."""
    return ["; ".join(filter(None, [note, *more])) for note in notes]


def infer(estimate, std_error, df=np.inf) -> dict:
    """Return the 95% interval, statistic and two-sided p-value from estimate and error.

    Takes numbers, arrays or Series and returns the columns `NUMBERS`; `df` of t is infinite for
    a normal estimate. NaN, no estimate, gives NaN throughout.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = estimate / std_error
    reach = t_quantile(0.975, df) * std_error
    return {
        "estimate": estimate,
        "std_error": std_error,
        "low": estimate - reach,
        "high": estimate + reach,
        "statistic": statistic,
        "df": df,
        "p_value": two_sided_t(statistic, df),
    }


def correlation_interval(r: float | np.ndarray, n: int) -> tuple:
    """Return the 95% interval of a correlation of `n` pairs of values, by Fisher's z."""
    reach = 1.96 / np.sqrt(max(n - 3, 1))
    return np.tanh(np.arctanh(r) - reach), np.tanh(np.arctanh(r) + reach)


def deal_groups(
    codes: np.ndarray, n_groups: int, rng: int | np.random.Generator | None = None
) -> np.ndarray:
    """Return the group of each row; households (0, 1, ...) are assigned at random, evenly."""
    order = np.random.default_rng(rng).permutation(codes.max() + 1)
    return (order % n_groups)[codes]


def leave_groups_out(
    statistic: Callable[[np.ndarray], np.ndarray], groups: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return a statistic of all rows, and its values without each group of rows in turn.

    `statistic` takes a mask of rows; the first axis of its values is the groups.
    """
    left = [np.asarray(statistic(groups != group)) for group in np.unique(groups)]
    return np.asarray(statistic(np.ones(len(groups), dtype=bool))), np.array(left)


def jackknife_interval(estimate, replicates, df=None) -> dict:
    """Return the estimate with its 95% interval by the delete-group jackknife.

    `replicates` are the estimates without each group, as from `leave_groups_out`. The quantile
    of t with `df` degrees of freedom, by default ``n_groups - 1``, times the jackknife error
    (Wolter 2007, Introduction to Variance Estimation, chapter 4).
    """
    n_groups = len(replicates)
    squares = ((replicates - replicates.mean(axis=0)) ** 2).sum(axis=0)
    reach = t_quantile(0.975, n_groups - 1 if df is None else df) * np.sqrt(
        (n_groups - 1) / n_groups * squares
    )
    return {"estimate": estimate, "low": estimate - reach, "high": estimate + reach}


def resample_households(
    n_households: int, n_bootstrap: int, rng: np.random.Generator
) -> np.ndarray:
    """Return how often each household is in each resample, (n_bootstrap, n_households)."""
    chances = np.full(n_households, 1 / n_households)
    return rng.multinomial(n_households, chances, size=n_bootstrap).astype(float)


def sum_by_household(values: np.ndarray, household: np.ndarray) -> np.ndarray:
    """Sum a people x people matrix to households x households; codes are 0, 1, 2, ..."""
    member = sparse.csr_matrix((np.ones(len(household)), (household, np.arange(len(household)))))
    return member @ (member @ values).T


def sum_resampled(resamples: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Sum a households x households matrix over both indices of each resample."""
    return np.einsum("bi,bi->b", resamples @ values, resamples)


def adjust_p(p_values: np.ndarray) -> np.ndarray:
    """Return p-values adjusted by Benjamini and Hochberg (1995); NaN stays NaN."""
    from statsmodels.stats.multitest import multipletests

    adjusted = np.array(p_values, dtype=float)
    tested = np.isfinite(adjusted)
    if tested.any():
        adjusted[tested] = multipletests(adjusted[tested], method="fdr_bh")[1]
    return adjusted


def count_sure(p_values: np.ndarray, level: float = 0.025) -> int:
    """Return a lower confidence bound for the number of features that differ (Holm).

    With probability 1 - `level` Holm's list contains no false positive, whatever the correlation of
    features, so its length is a lower confidence bound for the number of features that truly differ
    (Holm 1979, Scandinavian Journal of Statistics 6:65).
    """
    # Not by statsmodels, which collects the garbage of the whole process at every call.
    p_values = np.asarray(p_values, dtype=float)
    ordered = np.sort(p_values[np.isfinite(p_values)])
    bounds = level / np.arange(len(ordered), 0, -1)
    return int(np.cumprod(ordered <= bounds).sum())


def power_of_normal(statistic: float | np.ndarray, alpha: float = 0.05) -> float | np.ndarray:
    """Return the power of a two-sided test by a normal statistic with this mean."""
    bound = normal_quantile(1 - alpha / 2)
    return normal_cdf(statistic - bound) + normal_cdf(-bound - statistic)


def power_of_t(
    noncentrality: float | np.ndarray, df: float | np.ndarray, alpha: float = 0.05
) -> float | np.ndarray:
    """Return the power of a two-sided t test whose statistic has this noncentrality."""
    bound, size = t_quantile(1 - alpha / 2, df), np.abs(noncentrality)
    # Boost's far tail is NaN at some large noncentralities, where it is below 1e-10.
    return special.nctdtr(df, -size, -bound) + np.nan_to_num(special.nctdtr(df, size, -bound))


def normal_quantile(probability: float | np.ndarray) -> float | np.ndarray:
    """Return the quantile of the standard normal distribution."""
    return special.ndtri(probability)


def normal_cdf(deviate: float | np.ndarray) -> float | np.ndarray:
    """Return the cumulative probability of the standard normal distribution."""
    return special.ndtr(deviate)


def two_sided_normal(deviate: float | np.ndarray) -> float | np.ndarray:
    """Return the two-sided p-value of a standard normal deviate."""
    return 2 * special.ndtr(-np.abs(deviate))


def t_quantile(probability: float | np.ndarray, df: float | np.ndarray) -> float | np.ndarray:
    """Return the quantile of the t distribution; `df` may be infinite."""
    return special.stdtrit(df, probability)


def two_sided_t(statistic: float | np.ndarray, df: float | np.ndarray) -> float | np.ndarray:
    """Return the two-sided p-value of a t statistic; `df` may be infinite."""
    return 2 * special.stdtr(df, -np.abs(statistic))
