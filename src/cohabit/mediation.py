"""Does an exposure act through a mediator? The product of two regressions, and what it takes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import optimize

from cohabit.formula import model_matrix
from cohabit.least_squares import fit_least_squares
from cohabit.tails import normal_cdf, normal_quantile

PATHS = ("exposure to mediator", "mediator to outcome", "direct", "indirect", "total")
COLUMNS = ("path", "estimate", "std_error", "low", "high", "p_value", "n")


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
    """Split the association of an exposure with an outcome by product of coefficients.

    Two regressions: mediator on exposure (slope a), outcome on mediator (b) and exposure (the
    direct part); the indirect part is a times b. It is an effect only if nothing that moves two
    of the three is left out, and exposure and mediator do not interact.

    Parameters
    ----------
    data : DataFrame, one row a person
    exposure, mediator, outcome : str
        Numeric columns.
    covariates : str, optional
        Formula; in both regressions.
    n_bootstrap : int
        Resamples of people, from 1.
    rng : Generator, int or None

    Returns
    -------
    DataFrame, one row a path of `PATHS`
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
    full = model_matrix(terms, data).values
    numbers = full.to_numpy(float)
    names = list(full.columns)
    at = _Places(names.index(exposure), names.index(mediator))
    target = model_matrix(outcome, data).values[outcome].to_numpy(float)
    without = full.drop(columns=mediator)
    first = fit_least_squares(numbers[:, [at.mediator]], without)
    second = fit_least_squares(target[:, None], full)
    whole = fit_least_squares(target[:, None], without)
    _refuse(first["note"], second["note"])
    rows = [
        (first, list(without.columns).index(exposure)),
        (second, at.mediator),
        (second, at.exposure),
        None,
        (whole, list(without.columns).index(exposure)),
    ]
    estimates = [np.nan if row is None else float(row[0]["estimate"][row[1], 0]) for row in rows]
    p_values = [np.nan if row is None else float(row[0]["p_value"][row[1], 0]) for row in rows]
    estimates[3] = estimates[0] * estimates[1]
    again = _resample(numbers, target, at, n_bootstrap, np.random.default_rng(rng))
    beyond = min((again[:, 3] <= 0).mean(), (again[:, 3] >= 0).mean())
    p_values[3] = min(1.0, max(2 * beyond, 2 / (n_bootstrap + 1)))
    low, high = np.quantile(again, [0.025, 0.975], axis=0)
    values = (PATHS, estimates, again.std(axis=0, ddof=1), low, high, p_values, len(data))
    return pd.DataFrame(dict(zip(COLUMNS, values, strict=True)))


@dataclass(frozen=True)
class _Places:
    """Columns of the design."""

    exposure: int
    mediator: int


def _refuse(*notes: np.ndarray) -> None:
    for note in np.concatenate([note.ravel() for note in notes]):
        if note:
            raise ValueError(f"mediation: a coefficient has no number: {note}")


def _resample(numbers, target, at: _Places, times: int, rng) -> np.ndarray:
    """Return the five paths of each resample, times x paths; a resample is a set of weights."""
    n, columns = numbers.shape
    weights = rng.multinomial(n, np.full(n, 1 / n), times).astype(float)
    products = np.einsum("ni,nj->nij", numbers, numbers).reshape(n, -1)
    gram = (weights @ products).reshape(times, columns, columns)
    moment = weights @ (numbers * target[:, None])
    rest = [place for place in range(columns) if place != at.mediator]
    where = rest.index(at.exposure)
    smaller = gram[:, rest][:, :, rest]
    full = _solve(gram, moment)
    a = _solve(smaller, gram[:, rest, at.mediator])[:, where]
    total = _solve(smaller, moment[:, rest])[:, where]
    b, direct = full[:, at.mediator], full[:, at.exposure]
    return np.column_stack([a, b, direct, a * b, total])


def _solve(gram: np.ndarray, moment: np.ndarray) -> np.ndarray:
    """Solve each resample's normal equations; a level that nobody drew has slope zero."""
    return np.einsum("bij,bj->bi", np.linalg.pinv(gram, hermitian=True), moment)


def power_of_mediation(
    n: Sequence[int], first: float, second: float, *, alpha: float = 0.05
) -> pd.DataFrame:
    """Return the chance that both slopes of a mediated path are significant.

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
    power = _power(first * np.sqrt(n), alpha) * _power(second * np.sqrt(n), alpha)
    return pd.DataFrame({"n": n, "power": power})


def slopes_per_person(
    fit: pd.DataFrame, *, first: float | None = None, second: float | None = None
) -> tuple[float, float]:
    """Return the two slopes over their standard errors in a study of one person.

    Parameters
    ----------
    fit : DataFrame
        From `fit_mediation`, whose errors are taken.
    first, second : float, optional
        Slopes to plan for, in the units of the fit; by default its estimates.

    Returns
    -------
    tuple of float
        As `power_of_mediation` and `people_needed` take them.
    """
    rows = fit.set_index("path").loc[list(PATHS[:2])]
    errors = rows["std_error"] * np.sqrt(rows["n"])
    planned = [
        given if given is not None else estimate
        for given, estimate in zip((first, second), rows["estimate"], strict=True)
    ]
    return tuple(float(slope / error) for slope, error in zip(planned, errors, strict=True))


def people_needed(first: float, second: float, *, power: float = 0.8, alpha: float = 0.05) -> float:
    """Return how many people see a mediated path with this power; see `power_of_mediation`.

    Infinite when one of the slopes is zero.
    """
    if first == 0 or second == 0:
        return np.inf

    def lacks(log_n: float) -> float:
        return power_of_mediation([np.exp(log_n)], first, second, alpha=alpha)["power"][0] - power

    return float(np.ceil(np.exp(optimize.brentq(lacks, 0, 60))))


def _power(statistic: np.ndarray, alpha: float) -> np.ndarray:
    bound = normal_quantile(1 - alpha / 2)
    return normal_cdf(statistic - bound) + normal_cdf(-bound - statistic)
