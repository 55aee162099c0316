"""P-values of correlations when one of the two variables is permuted."""

from functools import cache
from itertools import permutations

import numpy as np
from scipy import special

from cohabit.stats.inference import two_sided_t

EXACT_SAMPLES = 8
"""Largest number of samples of which all permutations are counted."""


def permuted_p(r: np.ndarray, values: np.ndarray, x: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """Return the two-sided p-value of each correlation under permutations of `x`.

    Parameters
    ----------
    r : array, shape (n_features,)
        Correlations of `values` with `x`.
    values, x : array, shape (n_samples, n_features) and (n_samples,)
        Residuals from `basis`, of unit length.
    basis : array, shape (n_samples, n_adjusted)
        Orthonormal columns held fixed, the constant among them.

    Notes
    -----
    Up to `EXACT_SAMPLES` samples by all permutations of `x`, residualised again: exact when
    the basis is the constant alone, otherwise as Freedman and Lane (1983, Journal of Business
    and Economic Statistics 1:292). Beyond, by the distribution of Pearson's types II and VII with
    the variance and fourth moment that permutations give (Pitman 1937, Journal of the Royal
    Statistical Society Supplement 4:225), each covariate taking one degree of freedom.
    """
    if len(x) <= EXACT_SAMPLES:
        return _count_permutations(r, values, x, basis)
    n = len(x) - basis.shape[1] + 1
    second = 1 / (n - 1)
    skew = (n - 2) * (n - 3) / (3 * n * (n - 1) ** 2)
    kurtosis = 3 * (n - 1) / (n + 1) * (1 + skew * _relative_k4(x) * _relative_k4(values))
    return np.where(kurtosis < 3, _type_two(r, second, kurtosis), _type_seven(r, second, kurtosis))


def _count_permutations(
    r: np.ndarray, values: np.ndarray, x: np.ndarray, basis: np.ndarray
) -> np.ndarray:
    moved = x[_orders(len(x))]
    moved = moved - (moved @ basis) @ basis.T
    length = np.linalg.norm(moved, axis=1, keepdims=True)
    moved = np.divide(moved, length, out=np.zeros_like(moved), where=length > 1e-10)
    return (np.abs(moved @ values) >= np.abs(r) - 1e-9).mean(axis=0)


@cache
def _orders(n: int) -> np.ndarray:
    return np.array(list(permutations(range(n))))


def _relative_k4(values: np.ndarray) -> np.ndarray:
    """Return the fourth k-statistic over the squared second one (Fisher 1929)."""
    n = len(values)
    second, fourth = (((values - values.mean(axis=0)) ** power).mean(axis=0) for power in (2, 4))
    k2 = n / (n - 1) * second
    k4 = n**2 * ((n + 1) * fourth - 3 * (n - 1) * second**2) / ((n - 1) * (n - 2) * (n - 3))
    return k4 / k2**2


def _type_two(r: np.ndarray, second: float, kurtosis: np.ndarray) -> np.ndarray:
    """Return p-values from a symmetric beta distribution."""
    kurtosis = np.minimum(kurtosis, 3 - 1e-6)
    df = (3 * kurtosis - 3) / (3 - kurtosis)
    return special.betainc(df / 2, 0.5, 1 - np.minimum(r**2 / (second * (df + 1)), 1))


def _type_seven(r: np.ndarray, second: float, kurtosis: np.ndarray) -> np.ndarray:
    """Return p-values from a scaled t distribution."""
    df = 4 + 6 / np.maximum(kurtosis - 3, 1e-6)
    return two_sided_t(r / np.sqrt(second * (df - 2) / df), df)
