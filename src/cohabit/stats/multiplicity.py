"""Many tests at once: the false discovery rate."""

import numpy as np


def adjust_p(p_values: np.ndarray) -> np.ndarray:
    """Return Benjamini and Hochberg's (1995) adjusted p-values; NaN, no test, stays NaN.

    Parameters
    ----------
    p_values : array-like, shape (n_tests,)
        The family is every test with a number.
    """
    p_values = np.asarray(p_values, dtype=float)
    adjusted = np.full_like(p_values, np.nan)
    tested = np.isfinite(p_values)
    if tested.any():
        adjusted[tested] = _step_up(p_values[tested])
    return adjusted


def _step_up(p_values: np.ndarray) -> np.ndarray:
    """Return min over j >= i of p_(j) n / j, in the order given."""
    falling = np.argsort(-p_values, kind="stable")
    n = len(p_values)
    adjusted = np.empty(n)
    adjusted[falling] = np.minimum.accumulate(p_values[falling] * n / np.arange(n, 0, -1))
    return np.minimum(adjusted, 1)
