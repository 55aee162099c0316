"""Logistic models by Newton's method: proportional odds and conditional for pairs."""

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from cohabit.stats.binary import PENALISED, Independent, fit_penalised, separating
from cohabit.stats.inference import NUMBERS, infer, two_sided_normal
from cohabit.stats.least_squares import find_independent

MIN_DISCORDANT = 5
"""Smallest number of discordant pairs with a result; with fewer for each coefficient, or where
pairs are separated, it is Firth's."""

_MAX_STEPS = 50
_SEPARATED = 15.0
"""Log odds ratio per SD above which the feature is taken to separate the outcome."""


def fit_proportional_odds(
    scores: np.ndarray, feature: np.ndarray, covariates: np.ndarray
) -> dict[str, object]:
    """Fit ``log odds(Y > k) = feature b + covariates c - t_k``; each distinct score is a level.

    Returns `inference.NUMBERS` of b, converged, and note.
    """
    _, level = np.unique(scores, return_inverse=True)
    columns = np.column_stack([feature, covariates])
    spread = columns.std(axis=0) if len(columns) else np.zeros(columns.shape[1])
    note = _why_not(level, columns, spread)
    if note:
        return _row(note=note)
    scaled = (columns - columns.mean(axis=0)) / spread
    beta, variance, converged = _maximise(level, scaled)
    if not converged:
        return _row(note="did not converge")
    if abs(beta) > _SEPARATED:
        return _row(note="separated: the feature splits the outcome, the odds have no bound")
    return _row(beta / spread[0], np.sqrt(variance) / spread[0], converged=True)


def _why_not(level: np.ndarray, columns: np.ndarray, spread: np.ndarray) -> str:
    n_parameters = level.max(initial=0) + columns.shape[1]
    if level.max(initial=0) == 0:
        return "the outcome has one level among these samples"
    if spread[0] == 0:
        return "constant: the feature does not vary"
    if len(level) <= n_parameters:
        return f"{len(level)} samples are too few for {n_parameters} parameters"
    rank = np.linalg.matrix_rank((columns - columns.mean(axis=0)) / np.where(spread, spread, 1))
    return "" if rank == columns.shape[1] else "collinear: other terms determine a coefficient"


def _row(estimate=np.nan, std_error=np.nan, *, converged=False, note="") -> dict[str, object]:
    df = np.inf if converged else np.nan
    return infer(estimate, std_error, df) | {"converged": converged, "note": note}


def _maximise(level: np.ndarray, x: np.ndarray) -> tuple[float, float, bool]:
    """Return the first coefficient, its variance and whether Newton's method converged."""
    shares = np.cumsum(np.bincount(level))[:-1] / len(level)
    parameters = np.concatenate([logit(shares), np.zeros(x.shape[1])])
    value, gradient, hessian = _likelihood(parameters, level, x)
    first = level.max()
    for _ in range(_MAX_STEPS):
        try:
            step = np.linalg.solve(hessian, -gradient)
        except np.linalg.LinAlgError:
            return np.nan, np.nan, False
        gain = gradient @ step
        if not gain >= 0:
            return np.nan, np.nan, False
        if gain < 1e-12:
            variance = np.linalg.inv(-hessian)[first, first]
            return parameters[first], variance, bool(variance > 0)
        for _ in range(40):
            proposal = _likelihood(parameters + step, level, x)
            if proposal[0] >= value:
                break
            step = step / 2
        if not np.isfinite(proposal[0]):
            return np.nan, np.nan, False
        parameters = parameters + step
        value, gradient, hessian = proposal
    return np.nan, np.nan, False


def _likelihood(
    parameters: np.ndarray, level: np.ndarray, x: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    """Return the log likelihood (-inf if thresholds cross), its gradient and its Hessian."""
    n_levels = level.max() + 1
    thresholds = np.concatenate([[-np.inf], parameters[: n_levels - 1], [np.inf]])
    shift = x @ parameters[n_levels - 1 :]
    upper, lower = expit(thresholds[level + 1] - shift), expit(thresholds[level] - shift)
    chance = upper - lower
    if not (chance > 0).all():
        return -np.inf, np.empty(0), np.empty((0, 0))
    above, below = _columns(level, x, n_levels), _columns(level - 1, x, n_levels)
    slope_above, slope_below = upper * (1 - upper), lower * (1 - lower)
    score = (slope_above / chance)[:, None] * above - (slope_below / chance)[:, None] * below
    bend_above = slope_above * (1 - 2 * upper) / chance
    bend_below = slope_below * (1 - 2 * lower) / chance
    hessian = (above.T * bend_above) @ above - (below.T * bend_below) @ below - score.T @ score
    return float(np.log(chance).sum()), score.sum(axis=0), hessian


def _columns(threshold: np.ndarray, x: np.ndarray, n_levels: int) -> np.ndarray:
    """Return the derivatives of ``t_k - x'b`` in all parameters; the outer levels have no t."""
    marks = np.zeros((len(threshold), n_levels - 1))
    inner = (threshold >= 0) & (threshold < n_levels - 1)
    marks[inner, threshold[inner]] = 1
    return np.hstack([marks, -x])


def fit_matched_pairs(design: np.ndarray, sign: np.ndarray) -> dict[str, np.ndarray]:
    """Fit conditional logistic regressions of many features at once by Newton's method.

    `design` is case minus control, shape (n_pairs, n_coefficients); `sign`, shape (n_pairs,
    n_features), is 1 where only the case has the feature, -1 where only the control, 0 where
    neither or both. Returns `inference.NUMBERS` of the first coefficient (Wald's interval; the
    statistic is the modified likelihood root, `_modified_root`), n_pairs (discordant), note.
    Features with few or separated pairs have `binary.fit_penalised`, and say so.
    """
    n_discordant = np.abs(sign).sum(axis=0).astype(int)
    enough = n_discordant >= MIN_DISCORDANT * design.shape[1]
    scale = design.std(axis=0) + np.abs(design.mean(axis=0))
    design = design / scale
    beta, information, gain = _climb_pairs(design, sign[:, enough])
    bounded = (gain <= 1e-12) & (_condition(information) < 1e10) & (np.abs(beta) < 10).all(axis=1)
    good = np.flatnonzero(enough)[bounded]
    estimate, std_error, statistic = np.full((3, len(enough)), np.nan)
    estimate[good] = beta[bounded, 0] / scale[0]
    std_error[good] = np.sqrt(np.linalg.inv(information[bounded])[:, 0, 0]) / scale[0]
    statistic[good] = _modified_root(design, sign[:, good], beta[bounded], information[bounded])
    found = infer(estimate, std_error, np.where(np.isfinite(estimate), np.inf, np.nan))
    found |= {"statistic": statistic, "p_value": two_sided_normal(statistic)}
    note = np.full(len(enough), "", dtype=object)
    for place in np.setdiff1d(np.arange(len(enough)), good):
        numbers, note[place] = _fit_few(design, sign[:, place])
        for name in NUMBERS:
            unit = scale[0] if name in ("estimate", "std_error", "low", "high") else 1.0
            found[name][place] = numbers.get(name, np.nan) / unit
    return found | {"n_pairs": n_discordant, "note": note}


def _fit_few(design: np.ndarray, sign: np.ndarray) -> tuple[dict[str, float], str]:
    """Return Firth's numbers of the first coefficient, and the reason for them or for none."""
    rows = sign != 0
    needed = max(MIN_DISCORDANT, 2 * design.shape[1])
    if rows.sum() < needed:
        return {}, f"only {rows.sum()} discordant pairs, fewer than {needed}"
    design, outcome = design[rows], (sign[rows] > 0).astype(float)
    columns = find_independent(pd.DataFrame(design))
    why = columns.reason(np.eye(design.shape[1])[0])
    if why:
        return {}, f"{why} in the discordant pairs"
    model = Independent(design[:, columns.kept], outcome)
    few = f"{rows.sum()} discordant pairs for {design.shape[1]} coefficients"
    said = "separated pairs" if separating(model.gaps()).any() else few
    found = fit_penalised(model, only=0)
    return {name: found[name][0] for name in NUMBERS}, f"{said}: {PENALISED}"


def _climb_pairs(design: np.ndarray, sign: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return coefficients, information matrices and the expected gain of the last step."""
    n_features, size = sign.shape[1], design.shape[1]
    beta = np.zeros((n_features, size))
    ridge = 1e-10 * np.eye(size)
    for _ in range(30):
        wrong = expit(-sign * (design @ beta.T)) * (sign != 0)
        gradient = (sign * wrong).T @ design
        weight = wrong * (1 - wrong) * (sign != 0)
        information = np.einsum("ni,nj,nf->fij", design, design, weight, optimize=True) + ridge
        step = np.linalg.solve(information, gradient[..., None])[..., 0]
        gain = (gradient * step).sum(axis=1)
        beta += np.clip(step, -3, 3)
        if (gain < 1e-14).all():
            break
    return beta, information, gain


def _condition(information: np.ndarray) -> np.ndarray:
    return np.linalg.cond(information) if len(information) else np.empty(0)


def _modified_root(
    design: np.ndarray, sign: np.ndarray, beta: np.ndarray, information: np.ndarray
) -> np.ndarray:
    """Return r* = r + log(q / r) / r of the first coefficient, standard normal when it is 0.

    r is the signed root of the likelihood ratio, q the estimate times the root of the
    information's determinant against that of the other coefficients where the first is 0
    (Davison 1988, doi 10.1111/j.2517-6161.1988.tb01741.x): the saddlepoint approximation
    to the exact test given what the covariates' coefficients are estimated from.
    """
    without, information_without, _ = _climb_pairs(design[:, 1:], sign)
    gained = _pair_likelihood(design, sign, beta) - _pair_likelihood(design[:, 1:], sign, without)
    root = np.sign(beta[:, 0]) * np.sqrt(2 * np.maximum(gained, 0))
    volume = np.linalg.slogdet(information)[1] - np.linalg.slogdet(information_without)[1]
    near = np.abs(root) < 1e-3
    safe = np.where(near, 1, root)
    ratio = np.where(near, 1, beta[:, 0] * np.exp(volume / 2) / safe)
    return root + np.log(ratio) / safe


def _pair_likelihood(design: np.ndarray, sign: np.ndarray, beta: np.ndarray) -> np.ndarray:
    return -(np.logaddexp(0, -sign * (design @ beta.T)) * (sign != 0)).sum(axis=0)
