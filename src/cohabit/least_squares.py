"""Ordinary least squares of many features on one design, in closed form."""

import numpy as np
from scipy import stats


def fit_least_squares(values: np.ndarray, design: np.ndarray) -> dict[str, np.ndarray]:
    """Regress every feature on the design.

    Parameters
    ----------
    values : ndarray, shape (n_samples, n_features)
    design : ndarray, shape (n_samples, n_coefficients)
        Holds the intercept; columns that others determine are allowed.

    Returns
    -------
    dict of ndarray, each of shape (n_coefficients, n_features)
        estimate, std_error, low, high, statistic, p_value, df, note. Where a number cannot
        be had it is NaN and `note` says why.
    """
    scale = np.linalg.norm(design, axis=0)
    scale[scale == 0] = 1
    left, singular, right = np.linalg.svd(design / scale, full_matrices=False)
    kept = singular > 1e-10 * singular[0]
    inverse = (right[kept].T / singular[kept]) @ left[:, kept].T
    df = len(values) - int(kept.sum())
    estimate = inverse @ values / scale[:, None]
    residual = values - left[:, kept] @ (left[:, kept].T @ values)
    variance = (residual**2).sum(axis=0) / df if df > 0 else np.full(values.shape[1], np.nan)
    std_error = np.sqrt((inverse**2).sum(axis=1)[:, None] * variance) / scale[:, None]
    note = _why_no_number(values, variance, df, right[~kept])
    estimate[note != ""] = std_error[note != ""] = np.nan
    statistic = estimate / std_error
    half = stats.t.ppf(0.975, max(df, 1)) * std_error
    return {
        "estimate": estimate,
        "std_error": std_error,
        "low": estimate - half,
        "high": estimate + half,
        "statistic": statistic,
        "p_value": 2 * stats.t.sf(np.abs(statistic), max(df, 1)),
        "df": np.where(note == "", float(df), np.nan),
        "note": note,
    }


def _why_no_number(
    values: np.ndarray, variance: np.ndarray, df: int, dependent: np.ndarray
) -> np.ndarray:
    """Return notes, coefficients x features; `dependent` spans what the design cannot tell."""
    note = np.full((dependent.shape[1], values.shape[1]), "", dtype=object)
    if df < 1:
        note[:] = f"{len(values)} samples are too few for this design"
        return note
    total = ((values - values.mean(axis=0)) ** 2).sum(axis=0)
    note[:, np.ptp(values, axis=0) == 0] = "constant: the feature does not vary"
    exact = (variance * df <= 1e-20 * np.maximum(total, 1e-300)) & (note[0] == "")
    note[:, exact] = "the terms determine the feature: no variance is left"
    confounded = (dependent**2).sum(axis=0) > 1e-12
    note[confounded] = "collinear: other terms determine this coefficient"
    return note
