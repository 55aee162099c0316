"""Partial rank correlation of many features with one variable, in closed form."""

import numpy as np
import scipy

from cohabit.stats.inference import normal_quantile, two_sided_t


def correlate_ranks(
    values: np.ndarray, x: np.ndarray, covariates: np.ndarray, min_samples: int
) -> dict[str, np.ndarray]:
    """Return partial Spearman correlations of features that share their samples.

    Parameters
    ----------
    values : ndarray, shape (n_samples, n_features)
    x : ndarray, shape (n_samples,)
    covariates : ndarray, shape (n_samples, n_covariates)
    min_samples : int

    Returns
    -------
    dict of ndarray, each of shape (n_features,)
        estimate, std_error, low, high, statistic, df, p_value, note.
    """
    n, n_features = values.shape
    if n < min_samples:
        return _no_numbers(np.full(n_features, f"only {n} samples, fewer than {min_samples}"))
    basis = _basis(np.column_stack([np.ones(n), scipy.stats.rankdata(covariates, axis=0)]))
    df = n - 1 - basis.shape[1]
    ranks, spread = _residual_ranks(values, basis)
    x_ranks, x_spread = _residual_ranks(x[:, None], basis)
    note = np.full(n_features, "", dtype=object)
    note[~(spread > 1e-8)] = "the covariates determine the feature's ranks"
    note[np.ptp(values, axis=0) == 0] = "constant: the feature does not vary"
    if not x_spread[0] > 1e-8:
        note[:] = "the variable does not vary beside the covariates"
    if df < 2:
        note[:] = f"{n} samples are too few for {basis.shape[1] - 1} covariates"
    if (note != "").all():
        return _no_numbers(note)
    r = np.where(note == "", np.clip(x_ranks[:, 0] @ ranks, -1, 1), np.nan)
    return {**_infer(r, df), "df": np.where(note == "", float(df), np.nan), "note": note}


def _infer(r: np.ndarray, df: int) -> dict[str, np.ndarray]:
    with np.errstate(divide="ignore"):
        statistic = r * np.sqrt(df / (1 - r**2))
        fisher = np.arctanh(r)
    error = np.sqrt((1 + r**2 / 2) / (df - 1))
    half = normal_quantile(0.975) * error
    return {
        "estimate": r,
        "std_error": (1 - r**2) * error,
        "low": np.tanh(fisher - half),
        "high": np.tanh(fisher + half),
        "statistic": statistic,
        "p_value": two_sided_t(statistic, df),
    }


def _basis(columns: np.ndarray) -> np.ndarray:
    """Return an orthonormal basis of the columns; what others determine adds nothing."""
    scaled = columns / np.linalg.norm(columns, axis=0)
    left, singular, _ = np.linalg.svd(scaled, full_matrices=False)
    return left[:, singular > 1e-10 * singular[0]]


def _residual_ranks(values: np.ndarray, basis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return rank residuals of length 1, and what share of the ranks' length is left."""
    ranks = scipy.stats.rankdata(values, axis=0)
    ranks -= ranks.mean(axis=0)
    length = np.linalg.norm(ranks, axis=0)
    residual = ranks - basis @ (basis.T @ ranks)
    left = np.linalg.norm(residual, axis=0)
    share = np.divide(left, length, out=np.zeros_like(left), where=length > 0)
    return residual / np.where(left > 0, left, 1), share


def _no_numbers(note: np.ndarray) -> dict[str, np.ndarray]:
    names = ("estimate", "std_error", "low", "high", "statistic", "df", "p_value")
    return {**{name: np.full(len(note), np.nan) for name in names}, "note": note}
