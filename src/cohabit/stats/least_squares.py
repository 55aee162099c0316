"""Ordinary least squares of many features on one design, in closed form."""

import numpy as np
import pandas as pd

from cohabit.stats.collinearity import find_independent
from cohabit.stats.tails import t_quantile, two_sided_t


def fit_least_squares(
    values: np.ndarray, design: pd.DataFrame, *, only: str | None = None
) -> dict[str, np.ndarray]:
    """Regress every feature on the design.

    Parameters
    ----------
    values : ndarray, shape (n_samples, n_features)
    design : DataFrame, shape (n_samples, n_coefficients)
        Holds the intercept; columns that others determine are allowed.
    only : str, optional
        The one coefficient to report; by default all.

    Returns
    -------
    dict of ndarray, each of shape (n_coefficients, n_features)
        estimate, std_error, low, high, statistic, p_value, df, note. Where a number cannot
        be had it is NaN and `note` says why.
    """
    columns = find_independent(design)
    left, upper = np.linalg.qr(design.to_numpy()[:, columns.kept])
    df = len(values) - len(columns.kept)
    fitted = left.T @ values
    squares = ((values - left @ fitted) ** 2).sum(axis=0)
    inverse = np.zeros((design.shape[1], len(columns.kept)))
    inverse[columns.kept] = np.linalg.inv(upper)
    asked = slice(None) if only is None else [design.columns.get_loc(only)]
    inverse, each = inverse[asked], np.eye(design.shape[1])[asked]
    note = _notes(values, squares, df)[None].repeat(len(each), axis=0)
    for row, weights in enumerate(each):
        note[row, note[row] == ""] = columns.reason(weights)
    usable = np.where(note == "", 1.0, np.nan)
    estimate = inverse @ fitted * usable
    length = np.linalg.norm(inverse, axis=1)[:, None]
    std_error = length * np.sqrt(squares / max(df, 1)) * usable
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = estimate / std_error
    half = t_quantile(0.975, max(df, 1)) * std_error
    return {
        "estimate": estimate,
        "std_error": std_error,
        "low": estimate - half,
        "high": estimate + half,
        "statistic": statistic,
        "p_value": two_sided_t(statistic, max(df, 1)),
        "df": df * usable,
        "note": note,
    }


def _notes(values: np.ndarray, squares: np.ndarray, df: int) -> np.ndarray:
    """Say of each feature why it has no fit; empty text where it has."""
    note = np.full(values.shape[1], "", dtype=object)
    if df < 1:
        note[:] = f"{len(values)} samples are too few for this design"
        return note
    total = ((values - values.mean(axis=0)) ** 2).sum(axis=0)
    note[squares <= 1e-20 * total] = "the terms determine the feature: no variance is left"
    note[np.ptp(values, axis=0) == 0] = "constant: the feature does not vary"
    return note
