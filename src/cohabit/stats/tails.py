"""Quantiles and tails of the normal and t distributions, and ranks, from `scipy.special`.

`scipy.stats` gives the same numbers; its import takes as long as that of numpy and pandas
together, in every kernel, and one call as long as seventy of these.
"""

import numpy as np
from scipy import special


def normal_quantile(probability: float | np.ndarray) -> float | np.ndarray:
    """Return the standard normal deviate with this much probability below it."""
    return special.ndtri(probability)


def normal_cdf(deviate: float | np.ndarray) -> float | np.ndarray:
    """Return the probability below a standard normal deviate."""
    return special.ndtr(deviate)


def two_sided_normal(deviate: float | np.ndarray) -> float | np.ndarray:
    """Return the probability of a standard normal deviate at least as far from 0."""
    return 2 * special.ndtr(-np.abs(deviate))


def t_quantile(probability: float | np.ndarray, df: float | np.ndarray) -> float | np.ndarray:
    """Return the t with this much probability below it; `df` may be infinite."""
    return special.stdtrit(df, probability)


def two_sided_t(statistic: float | np.ndarray, df: float | np.ndarray) -> float | np.ndarray:
    """Return the probability of a t at least as far from 0; `df` may be infinite."""
    return 2 * special.stdtr(df, -np.abs(statistic))


def rank_values(values: np.ndarray) -> np.ndarray:
    """Return the ranks of each column from 1, ties sharing their mean.

    Parameters
    ----------
    values : ndarray, shape (n,) or (n, n_columns)
        No missing values.
    """
    if values.ndim == 2:
        columns = [rank_values(column) for column in values.T]
        return np.column_stack(columns) if columns else np.empty(values.shape)
    order = np.argsort(values, kind="stable")
    in_order = values[order]
    starts = np.concatenate([[True], in_order[1:] != in_order[:-1]])
    ends = np.concatenate([np.flatnonzero(starts), [len(values)]])
    run = np.cumsum(starts)
    ranks = np.empty(len(values))
    ranks[order] = (ends[run - 1] + 1 + ends[run]) / 2
    return ranks
