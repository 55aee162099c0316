"""Logistic regression of a binary outcome, of independent people and of matched sets.

Where terms separate the outcome, likelihood has no maximum; the estimates are then Firth's, with
intervals and p-values by the profile of the penalised likelihood.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
from scipy.optimize import brentq, linprog
from scipy.special import expit, gammaincc

from cohabit.stats.inference import NUMBERS, infer
from cohabit.stats.least_squares import find_independent, standardise

PENALISED = "Firth's penalised likelihood"

_MAX_STEPS = 200
_FAR = 12.0
"""Log odds beyond which the design is checked for separation."""

_CRITICAL = 3.841458820694124
"""95% quantile of chi-squared with one degree of freedom."""


@dataclass(frozen=True)
class Independent:
    """Outcomes 0 or 1 of independent rows of a design."""

    design: np.ndarray
    outcome: np.ndarray

    def at(self, beta: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """Return the log likelihood, its gradient and the information."""
        linear = self.design @ beta
        chance = expit(linear)
        value = -np.logaddexp(0, np.where(self.outcome > 0, -linear, linear)).sum()
        weighted = self.design * (chance * (1 - chance))[:, None]
        return value, self.design.T @ (self.outcome - chance), self.design.T @ weighted

    def bend(self, beta: np.ndarray, information: np.ndarray) -> np.ndarray:
        """Return the gradient of half the log determinant of the information."""
        chance = expit(self.design @ beta)
        reach = np.einsum("ij,ji->i", self.design, np.linalg.solve(information, self.design.T))
        return self.design.T @ (reach * chance * (1 - chance) * (0.5 - chance))

    def gaps(self) -> np.ndarray:
        """Return the rows, turned round where the outcome is 0."""
        return self.design * np.where(self.outcome > 0, 1.0, -1.0)[:, None]


@dataclass(frozen=True)
class Matched:
    """Outcomes in sets, given how many in each set have the outcome.

    `kinds` holds, for sets of equal size and equally many cases, cases first, the design of
    shape (n_sets, size, n_coefficients) and the number of cases.
    """

    kinds: tuple[tuple[np.ndarray, int], ...]

    def at(self, beta: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """Return the log likelihood, its gradient and the information."""
        value, gradient, information = 0.0, np.zeros(len(beta)), np.zeros((len(beta),) * 2)
        for design, n_cases in self.kinds:
            seen = design[:, :n_cases].sum(axis=(0, 1))
            logs, slope, curve = _sum_subsets(design, design @ beta, n_cases)
            value += seen @ beta - logs
            gradient += seen - slope
            information += curve
        return value, gradient, information

    def bend(self, beta: np.ndarray, information: np.ndarray) -> np.ndarray:
        """Return the gradient of half the log determinant, by central differences."""
        steps = 1e-4 * np.eye(len(beta))
        ends = [[_half_log(self.at(beta + sign * step)[2]) for sign in (1, -1)] for step in steps]
        return np.subtract(*np.array(ends).T) / 2e-4

    def gaps(self) -> np.ndarray:
        """Return every case minus every control of its set."""
        parts = [
            (design[:, :cases, None] - design[:, None, cases:]).reshape(-1, design.shape[2])
            for design, cases in self.kinds
        ]
        return np.concatenate(parts)


def _sum_subsets(
    design: np.ndarray, linear: np.ndarray, n_cases: int
) -> tuple[float, np.ndarray, np.ndarray]:
    """Return the sets' summed log of all ways to choose the cases, its gradient and Hessian.

    Elementary symmetric functions of the odds, with their derivatives, one member at a time.
    """
    n_sets, size, n_columns = design.shape
    odds = np.exp(linear - linear.max(axis=1, keepdims=True))
    sums = np.zeros((n_sets, n_cases + 1))
    slope, curve = np.zeros((*sums.shape, n_columns)), np.zeros((*sums.shape, n_columns, n_columns))
    sums[:, 0], logs = 1.0, n_cases * linear.max(axis=1).sum()
    for member in range(size):
        x, w = design[:, member, None], odds[:, member, None]
        cross = x[..., :, None] * slope[:, :-1, None, :]
        square = x[..., :, None] * x[..., None, :] * sums[:, :-1, None, None]
        added = curve[:, :-1] + cross + cross.swapaxes(2, 3) + square
        curve[:, 1:] += w[..., None, None] * added
        slope[:, 1:] += w[..., None] * (slope[:, :-1] + x * sums[:, :-1, None])
        sums[:, 1:] += w * sums[:, :-1]
        largest = sums.max(axis=1)
        sums, slope = sums / largest[:, None], slope / largest[:, None, None]
        curve, logs = curve / largest[:, None, None, None], logs + np.log(largest).sum()
    mean = slope[:, -1] / sums[:, -1, None]
    spread = (curve[:, -1] / sums[:, -1, None, None]).sum(axis=0) - mean.T @ mean
    return logs + np.log(sums[:, -1]).sum(), mean.sum(axis=0), spread


Likelihood = Independent | Matched
"""The likelihood of coefficients of columns whose length is the root of the rows."""


def match_sets(design: np.ndarray, outcome: np.ndarray, sets: np.ndarray) -> Matched:
    """Return the likelihood of sets 0, 1, ..., each of which has both outcomes."""
    order = np.lexsort((-outcome, sets))
    size, cases = np.bincount(sets), np.bincount(sets, outcome).astype(int)
    start = np.cumsum(size) - size
    kinds = []
    for kind in np.unique(np.column_stack([size, cases]), axis=0):
        chosen = start[(size == kind[0]) & (cases == kind[1])]
        rows = order[chosen[:, None] + np.arange(kind[0])]
        kinds.append((design[rows], int(kind[1])))
    return Matched(tuple(kinds))


@dataclass(frozen=True)
class BinaryFit:
    """Log odds ratios of the columns of a design."""

    table: pd.DataFrame
    """One row per column but the intercept; `inference.NUMBERS` and note. Where terms separate
    the outcome, the statistic is the signed root of the penalised likelihood ratio."""

    covariance: pd.DataFrame | None
    """Of the estimates; None where terms separate the outcome or nothing could be fitted."""


def fit_binary(
    outcome: np.ndarray, design: pd.DataFrame, sets: np.ndarray | None = None
) -> BinaryFit:
    """Fit log odds ratios by maximum likelihood, or Firth's if terms separate the outcome.

    Parameters
    ----------
    outcome : array of 0 and 1, shape (n_rows,)
    design : DataFrame, shape (n_rows, n_coefficients)
        With an intercept as first column, unless there are sets.
    sets : array of int, optional
        Matched set of each row, 0, 1, ...; those whose members all have one outcome say nothing.

    Notes
    -----
    Firth (1993), Biometrika 80:27; profile intervals as Heinze and Schemper (2002), Statistics
    in Medicine 21:2409. Separation is decided by linear programming (Konis 2007, thesis,
    Oxford). In sets the likelihood is that of the cases, given how many there are.
    """
    names = design.columns.drop("Intercept", errors="ignore")
    if sets is not None:
        outcome, design, sets = _take_informative(outcome, design, sets)
    if len(outcome) == 0 or np.ptp(outcome) == 0:
        why = "no set has both outcomes" if sets is not None else "everybody has one outcome"
        return BinaryFit(_no_numbers(names, why), None)
    columns = find_independent(design)
    kept, labels = design.to_numpy()[:, columns.kept], design.columns[columns.kept]
    unit, scaling = standardise(kept)
    unit, scale = unit * np.sqrt(len(unit)), np.diag(scaling) * np.sqrt(len(unit))
    model = Independent(unit, outcome) if sets is None else match_sets(unit, outcome, sets)
    found, inverse = _fit(model, unit, scale, labels)
    table = found.reindex(names)
    asked = design.columns.get_indexer(names)
    reasons = columns.reasons(np.eye(design.shape[1])[asked])
    table["note"] = np.where(reasons == "", table["note"].fillna(""), reasons)
    table.loc[reasons != "", list(NUMBERS)] = np.nan
    if inverse is None:
        return BinaryFit(table, None)
    back = scaling * np.sqrt(len(unit))
    return BinaryFit(table, pd.DataFrame(back @ inverse @ back.T, labels, labels))


def _take_informative(
    outcome: np.ndarray, design: pd.DataFrame, sets: np.ndarray
) -> tuple[np.ndarray, pd.DataFrame, np.ndarray]:
    """Return the rows of sets with both outcomes, columns centred in each set, sets 0, 1, ..."""
    size, cases = np.bincount(sets), np.bincount(sets, outcome)
    rows = ((cases > 0) & (cases < size))[sets]
    sets = pd.factorize(sets[rows])[0]
    values = design.to_numpy(dtype=float)[rows]
    if len(sets):
        total = np.column_stack([np.bincount(sets, column) for column in values.T])
        centred = values - (total / np.bincount(sets)[:, None])[sets]
        rounding = 1e-12 * np.linalg.norm(values, axis=0)
        values = np.where(np.linalg.norm(centred, axis=0) > rounding, centred, 0.0)
    return outcome[rows], pd.DataFrame(values, columns=design.columns), sets


def _no_numbers(names: pd.Index, why: str) -> pd.DataFrame:
    return pd.DataFrame(np.nan, names, list(NUMBERS)).assign(note=why)


def _fit(
    model: Likelihood, unit: np.ndarray, scale: np.ndarray, names: pd.Index
) -> tuple[pd.DataFrame, np.ndarray | None]:
    """Return the table of standardised columns in their own units, and the ML covariance."""
    beta, _, information, settled = climb(model, np.zeros(len(names)))
    apart = np.zeros(len(names), dtype=bool)
    if not settled or np.abs(unit @ beta).max() > _FAR:
        apart = separating(model.gaps())
    if apart.any():
        rows = fit_penalised(model)
        who = ", ".join(str(name) for name in names[apart & (names != "Intercept")])
        rows = {name: rows[name] * (scale if name in _SCALED else 1) for name in NUMBERS}
        why = f"separated by {who}: {PENALISED}" if who else f"separated: {PENALISED}"
        return pd.DataFrame(rows, names).assign(note=why), None
    if not settled:
        return _no_numbers(names, "did not converge"), None
    inverse = np.linalg.inv(information)
    rows = infer(beta * scale, np.sqrt(np.diag(inverse)) * scale)
    return pd.DataFrame(rows, names).assign(note=""), inverse


_SCALED = ("estimate", "std_error", "low", "high")


def climb(
    model: Likelihood,
    start: np.ndarray,
    *,
    penalised: bool = False,
    fixed: int | None = None,
) -> tuple[np.ndarray, float, np.ndarray, bool]:
    """Return the maximum, its log likelihood and information, and whether it was reached.

    Newton's method with steps of at most 3, halved until the likelihood grows.
    """
    free = np.arange(len(start)) != (-1 if fixed is None else fixed)
    beta, height = start.astype(float), _height(model, start, penalised)
    for _ in range(_MAX_STEPS):
        value, gradient, information = height
        if penalised and np.isfinite(value):
            gradient = gradient + model.bend(beta, information)
        step = np.zeros(len(beta))
        try:
            step[free] = np.linalg.solve(information[np.ix_(free, free)], gradient[free])
        except np.linalg.LinAlgError:
            return beta, value, information, False
        gain = gradient @ step
        if not gain >= 0 or gain < (1e-12 if fixed is None else 1e-9):
            return beta, value, information, bool(gain >= 0)
        step *= min(1.0, 3 / np.abs(step).max())
        beta, height, moved = _halve(model, beta, step, value, penalised)
        if not moved:
            return beta, value, information, bool(gain < 1e-6)
    return beta, height[0], height[2], False


def _height(
    model: Likelihood, beta: np.ndarray, penalised: bool
) -> tuple[float, np.ndarray, np.ndarray]:
    value, gradient, information = model.at(beta)
    return value + (_half_log(information) if penalised else 0.0), gradient, information


def _halve(model: Likelihood, beta: np.ndarray, step: np.ndarray, value: float, penalised: bool):
    """Return the first of the halved steps that goes up, its height, and whether one does."""
    for _ in range(40):
        height = _height(model, beta + step, penalised)
        if height[0] >= value:
            return beta + step, height, True
        step = step / 2
    return beta, height, False


def _half_log(information: np.ndarray) -> float:
    sign, value = np.linalg.slogdet(information)
    return value / 2 if sign > 0 else -np.inf


def separating(gaps: np.ndarray) -> np.ndarray:
    """Return the coefficients that some separating combination of columns uses.

    `gaps` are rows of which no combination is all of one sign unless it separates.
    """
    gaps = np.unique(gaps, axis=0)
    found = linprog(-gaps.sum(axis=0), -gaps, np.zeros(len(gaps)), bounds=(-1, 1), method="highs")
    apart = found.x if found.status == 0 else np.zeros(gaps.shape[1])
    return np.abs(apart) > 1e-6 if (gaps @ apart).max() > 1e-6 else np.zeros(len(apart), bool)


def fit_penalised(model: Likelihood, only: int | None = None) -> dict[str, np.ndarray]:
    """Return Firth's estimates with profile intervals and p-values, as `inference.NUMBERS`.

    `only` is the one coefficient to report, by default all.
    """
    size = model.gaps().shape[1]
    beta, top, information, settled = climb(model, np.zeros(size), penalised=True)
    errors = np.sqrt(np.diag(np.linalg.inv(information)))
    wanted = range(size) if only is None else [only]
    rows = np.full((size, len(NUMBERS)), np.nan)
    for place in wanted if settled else ():
        drop = _drop_below(model, beta, top, place)
        low, high = (_end(drop, beta[place], side * errors[place]) for side in (-1, 1))
        lost = max(drop(0.0), 0.0)
        root = np.sign(beta[place]) * np.sqrt(lost)
        p_value = gammaincc(0.5, lost / 2)
        rows[place] = [beta[place], errors[place], low, high, root, np.inf, p_value]
    return dict(zip(NUMBERS, rows.T, strict=True))


def _drop_below(
    model: Likelihood, beta: np.ndarray, top: float, place: int
) -> Callable[[float], float]:
    """Return twice the loss of penalised likelihood as a function of one coefficient."""
    near = beta

    @cache
    def drop(value: float) -> float:
        nonlocal near
        start = np.where(np.arange(len(beta)) == place, value, near)
        near, height, *_ = climb(model, start, penalised=True, fixed=place)
        return min(2 * (top - height), 1e6)

    return drop


def _end(drop: Callable[[float], float], centre: float, step: float) -> float:
    """Return where the loss reaches the 95% quantile, on the side of the step."""
    while drop(centre + step) < _CRITICAL:
        step *= 2
    ends = centre, centre + step
    return float(brentq(lambda at: drop(at) - _CRITICAL, *ends, xtol=1e-6 * abs(step)))
