"""Many tests at once: the false discovery rate."""

import numpy as np
from scipy.stats import false_discovery_control


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
        adjusted[tested] = false_discovery_control(p_values[tested], method="bh")
    return adjusted
