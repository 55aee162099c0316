"""From simulated powers to a number of patients: the curve between the sizes, and its error."""

import numpy as np
import pandas as pd
from scipy import optimize, stats

DRAWS = 2000
"""Curves drawn from the fit's own uncertainty, for intervals."""


def fit_curve(points: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Fit probit power = a + b sqrt(n) by maximum likelihood.

    That is the curve of a z test, exactly but for its other tail. Slope and intercept are
    held near it by the weight of one cohort, so that powers of 0 and 1 do no harm.

    Parameters
    ----------
    points : DataFrame, one row a size
        Columns `n`, `power`, `cohorts`.

    Returns
    -------
    coefficients : array, shape (2,)
    covariance : array, shape (2, 2)
        Inflated by the mean squared Pearson residual where the curve fits badly.

    Raises
    ------
    ValueError
        With fewer than two sizes.
    """
    if points["n"].nunique() < 2:
        raise ValueError("fit_curve: expected at least two sizes to draw a curve through")
    root = np.sqrt(points["n"].to_numpy(float))
    x = np.column_stack([np.ones_like(root), root])
    trials = points["cohorts"].to_numpy(float) + 1
    hits = points["power"].to_numpy() * points["cohorts"].to_numpy() + 0.5

    def loss(beta: np.ndarray) -> float:
        z = x @ beta
        return -(hits * stats.norm.logcdf(z) + (trials - hits) * stats.norm.logsf(z)).sum()

    beta = optimize.minimize(loss, _start(root, hits / trials), method="BFGS").x
    fitted = np.clip(stats.norm.cdf(x @ beta), 1e-9, 1 - 1e-9)
    weight = trials * stats.norm.pdf(x @ beta) ** 2 / (fitted * (1 - fitted))
    misfit = (hits - trials * fitted) ** 2 / (trials * fitted * (1 - fitted))
    scale = max(1.0, misfit.sum() / max(len(x) - 2, 1)) if len(x) > 2 else 1.0
    return beta, scale * np.linalg.pinv(x.T @ (weight[:, None] * x))


def _start(root: np.ndarray, share: np.ndarray) -> np.ndarray:
    slope, intercept = np.polyfit(root, stats.norm.ppf(share), 1)
    return np.array([intercept, slope])


def predict_curve(points: pd.DataFrame, sizes: np.ndarray) -> pd.DataFrame:
    """Return the fitted power at other sizes, with its 95% band: n, power, low, high."""
    beta, covariance = fit_curve(points)
    sizes = np.asarray(sizes, dtype=float)
    x = np.column_stack([np.ones_like(sizes), np.sqrt(sizes)])
    error = 1.96 * np.sqrt(np.einsum("ij,jk,ik->i", x, covariance, x))
    bounds = {"power": 0, "low": -1, "high": 1}
    return pd.DataFrame(
        {"n": sizes, **{k: stats.norm.cdf(x @ beta + s * error) for k, s in bounds.items()}}
    )


def find_size(points: pd.DataFrame, power: float = 0.8) -> pd.Series:
    """Return the number of patients that reaches a power, with a 95% interval.

    Parameters
    ----------
    points : DataFrame, one row a size
        Columns `n`, `power`, `cohorts`; one scenario and question.
    power : float

    Returns
    -------
    Series
        `n`, `low`, `high`, `note`. A number beyond the sizes simulated is not given: it is
        missing and the note says on which side it lies. An end of the interval that lies
        beyond twice the largest size is infinite.
    """
    beta, covariance = fit_curve(points)
    draws = np.random.default_rng(0).multivariate_normal(beta, covariance, size=DRAWS)
    target = stats.norm.ppf(power)
    low = np.quantile(_cross(draws, target), 0.025, method="lower")
    high = np.quantile(_cross(draws, target), 0.975, method="higher")
    size = _cross(beta[None], target)[0]
    least, most = points["n"].min(), points["n"].max()
    note = f"more than {most}" if size > most else f"fewer than {least}" if size < least else ""
    high = high if high <= 2 * most else np.inf
    answer = {"n": np.nan if note else np.ceil(size), "low": low, "high": high, "note": note}
    return pd.Series(answer, dtype=object)


def _cross(lines: np.ndarray, target: float) -> np.ndarray:
    """Return the n at which each line a + b sqrt(n) reaches the target; else infinity."""
    intercept, slope = lines.T
    level = np.where(intercept >= target, 0.0, np.inf)
    with np.errstate(divide="ignore", invalid="ignore"):
        root = np.maximum((target - intercept) / slope, 0)
    return np.where(slope > 1e-9, root**2, level)


def find_sizes(table: pd.DataFrame, by: list[str], power: float = 0.8) -> pd.DataFrame:
    """Return `find_size` for each group of a table of `estimate_power`."""
    groups = table.groupby(by, sort=False)
    return groups[["n", "power", "cohorts"]].apply(find_size, power=power).reset_index()
