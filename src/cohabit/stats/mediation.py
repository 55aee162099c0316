"""Mediation analysis by the product of two regressions, and its power."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import optimize

from cohabit.stats.formula import model_matrix
from cohabit.stats.inference import power_of_normal, resample_households
from cohabit.stats.least_squares import fit_least_squares, standardise

PATHS = ("exposure to mediator", "mediator to outcome", "direct", "indirect", "total")


def fit_mediation(
    data: pd.DataFrame,
    exposure: str,
    mediator: str,
    outcome: str,
    covariates: str | None = None,
    *,
    n_bootstrap: int = 999,
    rng: np.random.Generator | int | None = None,
) -> pd.DataFrame:
    """Split the association of an exposure with an outcome into direct and indirect parts.

    Two regressions: mediator on exposure (slope a), and outcome on mediator (b) and exposure (the
    direct part); the indirect part is a times b. It is a causal effect only if no common cause of
    two of the three variables is left out, and exposure and mediator do not interact.

    Parameters
    ----------
    data : DataFrame, one row per person
        Index: person, to whom the draws belong, whatever the order of rows.
    exposure, mediator, outcome : str
        Numeric columns.
    covariates : str, optional
        Formula; in both regressions.
    n_bootstrap : int
        Resamples of people, from 1.
    rng : Generator, int or None

    Returns
    -------
    DataFrame, one row per path of `PATHS`
        estimate; std_error and the 95% interval by percentiles of the bootstrap; p_value (t test
        of a coefficient; for the indirect part twice the share of resamples beyond zero); n.

    Raises
    ------
    ValueError
        When a value is missing, or the covariates determine exposure or mediator.

    Notes
    -----
    Baron and Kenny (1986), J. Pers. Soc. Psychol. 51:1173; percentile bootstrap: MacKinnon,
    Lockwood and Williams (2004), Multivariate Behav. Res. 39:99.
    """
    terms = " + ".join(term for term in (mediator, exposure, covariates) if term)
    data = data.loc[sorted(data.index, key=str)]
    full = model_matrix(terms, data).values
    target = model_matrix(outcome, data).values[outcome].to_numpy(float)
    paths = _fit_paths(full, target, exposure, mediator)
    places = [full.columns.get_loc(name) for name in (exposure, mediator)]
    again = _resample(full.to_numpy(float), target, *places, n_bootstrap, rng)
    beyond = min((again[:, 3] <= 0).mean(), (again[:, 3] >= 0).mean())
    paths.loc["indirect", "p_value"] = min(1.0, max(2 * beyond, 2 / (n_bootstrap + 1)))
    paths["low"], paths["high"] = np.quantile(again, [0.025, 0.975], axis=0)
    paths["std_error"], paths["n"] = again.std(axis=0, ddof=1), len(data)
    table = paths[["estimate", "std_error", "low", "high", "p_value", "n"]]
    return table.rename_axis("path").reset_index()


def _fit_paths(
    full: pd.DataFrame, target: np.ndarray, exposure: str, mediator: str
) -> pd.DataFrame:
    """Return the estimate and p-value of each path."""
    without = full.drop(columns=mediator)
    fits = {
        "exposure to mediator": (without, full[mediator].to_numpy(float), exposure),
        "mediator to outcome": (full, target, mediator),
        "direct": (full, target, exposure),
        "total": (without, target, exposure),
    }
    rows = {path: _slope(*fit) for path, fit in fits.items()}
    a, b = (rows[path]["estimate"] for path in PATHS[:2])
    rows["indirect"] = {"estimate": a * b, "p_value": np.nan}
    return pd.DataFrame(rows).T.loc[list(PATHS)]


def _slope(design: pd.DataFrame, values: np.ndarray, name: str) -> dict[str, float]:
    fit, row = fit_least_squares(values[:, None], design), design.columns.get_loc(name)
    if fit["note"][row, 0]:
        raise ValueError(f"mediation: the slope of {name} has no estimate: {fit['note'][row, 0]}")
    return {key: float(fit[key][row, 0]) for key in ("estimate", "p_value")}


def _resample(numbers, target, exposure: int, mediator: int, times: int, rng) -> np.ndarray:
    """Return the five path estimates of each bootstrap resample, shape (times, 5)."""
    numbers, scaling = standardise(numbers)
    n, columns = numbers.shape
    mean, spread = target.mean(), target.std() or 1.0
    target = (target - mean) / spread
    weights = resample_households(n, times, np.random.default_rng(rng))
    products = np.einsum("ni,nj->nij", numbers, numbers).reshape(n, -1)
    gram = (weights @ products).reshape(times, columns, columns)
    moment = weights @ (numbers * target[:, None])
    rest = [place for place in range(columns) if place != mediator]
    where = rest.index(exposure)
    smaller = gram[:, rest][:, :, rest]
    full = _solve(gram, moment)
    a = _solve(smaller, gram[:, rest, mediator])[:, where]
    total = _solve(smaller, moment[:, rest])[:, where]
    of_exposure, of_mediator = (np.diag(scaling)[place] for place in (exposure, mediator))
    a = a * of_exposure / of_mediator
    b, direct = full[:, mediator] * of_mediator * spread, full[:, exposure] * of_exposure * spread
    return np.column_stack([a, b, direct, a * b, total * of_exposure * spread])


def _solve(gram: np.ndarray, moment: np.ndarray) -> np.ndarray:
    """Solve each resample's normal equations, with slope 0 for levels that were not drawn."""
    inverse = np.linalg.pinv(gram, rcond=1e-12, hermitian=True)
    return np.einsum("bij,bj->bi", inverse, moment)


def power_of_mediation(
    n: Sequence[int], first: float, second: float, *, alpha: float = 0.05
) -> pd.DataFrame:
    """Return the power to find both slopes of a mediated path significant.

    Joint significance is about as powerful as the bootstrap of the product and has a closed
    form: the two estimates are uncorrelated, so their chances multiply.

    Parameters
    ----------
    n : sequence of int
        Numbers of people.
    first, second : float
        The slopes a and b over their standard errors *in a study of one person*: the partial
        correlation r enters as r / sqrt(1 - r²); a study of n people sees sqrt(n) times it.
    alpha : float
        Two-sided level of each test.

    Returns
    -------
    DataFrame
        n, power. Normal approximation (Fritz and MacKinnon 2007, Psychol. Sci. 18:233).
    """
    n = np.asarray(n)
    power = power_of_normal(first * np.sqrt(n), alpha) * power_of_normal(second * np.sqrt(n), alpha)
    return pd.DataFrame({"n": n, "power": power})


def slopes_per_person(
    fit: pd.DataFrame, *, first: float | None = None, second: float | None = None
) -> tuple[float, float]:
    """Return both slopes divided by their standard errors, as `power_of_mediation` takes them.

    Parameters
    ----------
    fit : DataFrame
        From `fit_mediation`, whose errors are taken.
    first, second : float, optional
        Slopes to plan for, in the units of the fit; by default its estimates.
    """
    rows = fit.set_index("path").loc[list(PATHS[:2])]
    errors = rows["std_error"] * np.sqrt(rows["n"])
    planned = pd.Series([first, second], rows.index, dtype=float).fillna(rows["estimate"])
    return tuple((planned / errors).tolist())


def people_needed(first: float, second: float, *, power: float = 0.8, alpha: float = 0.05) -> float:
    """Return the number of people needed to detect a mediated path with the given power.

    Infinite when one of the slopes is zero.
    """
    if first == 0 or second == 0:
        return np.inf

    def lacks(log_n: float) -> float:
        return power_of_mediation([np.exp(log_n)], first, second, alpha=alpha)["power"][0] - power

    return float(np.ceil(np.exp(optimize.brentq(lacks, 0, 60))))
