"""Tests of the difference within pairs: signed ranks, paired regression, presence."""

import numpy as np
import pandas as pd
from scipy.special import expit

from cohabit.stats.abundance.comparison import Comparison, join_notes
from cohabit.stats.inference import NUMBERS, infer, two_sided_normal
from cohabit.stats.least_squares import find_independent
from cohabit.stats.paired import find_pairs, fit_paired_model, paired_wilcoxon

MIN_DISCORDANT = 5
"""Discordant pairs a coefficient needs: with fewer, Wald's interval means little."""


def fit_paired_t_clr(comparison: Comparison) -> pd.DataFrame:
    """Regress CLR pair differences on covariate differences; the intercept is the effect."""
    table = fit_paired_model(
        comparison.clr(), comparison.people, comparison.covariates, **comparison.pair_names
    )
    return table.drop(columns=["method", "q_value", "n_nonzero", "converged"])


def fit_paired_wilcoxon(comparison: Comparison) -> pd.DataFrame:
    """Rank pair differences of asin-sqrt shares; covariates are not in the model."""
    table = paired_wilcoxon(comparison.asin(), comparison.people, **comparison.pair_names)
    if comparison.covariates:
        ignored = f"covariates not in the model: {comparison.covariates}"
        table["note"] = [join_notes(note, ignored) for note in table["note"]]
    return table.drop(columns=["method", "q_value", "n_nonzero", "converged"])


def fit_presence_clogit(comparison: Comparison) -> pd.DataFrame:
    """Model presence by conditional logistic regression within pairs.

    Only pairs in which one of the two has the feature bear on it: the one who has it is
    told from the one who has not by the differences of group and covariates.
    """
    pairs = find_pairs(comparison.people, **comparison.pair_names)
    differences, alike = _design_differences(comparison, pairs.table)
    independence = find_independent(differences)
    present = (comparison.counts[comparison.kept] > 0).astype(float)
    sign = _subtract(present, pairs.table)
    fit = fit_matched_pairs(differences.to_numpy()[:, independence.kept], sign)
    table = pd.DataFrame(fit).assign(feature=comparison.kept, contrast=pairs.contrast)
    reason = independence.reason(np.eye(differences.shape[1])[0])
    if reason:
        table[list(NUMBERS)] = np.nan
        table["note"] = reason
    same = f"the same in both people of every pair: {', '.join(alike)}" * bool(alike)
    table["note"] = [join_notes(note, pairs.note, same) for note in table["note"]]
    return table


def _design_differences(
    comparison: Comparison, pairs: pd.DataFrame
) -> tuple[pd.DataFrame, list[str]]:
    """Return case minus control of the model matrix, the factor first, and what cancels."""
    matrix = comparison.matrix
    first = matrix.terms[comparison.factor]
    names = first + [name for name in matrix.values if name not in ["Intercept", *first]]
    differences = pd.DataFrame(_subtract(matrix.values[names], pairs), columns=names)
    varies = (differences != 0).any()
    return differences.loc[:, varies], list(varies.index[~varies])


def _subtract(table: pd.DataFrame, pairs: pd.DataFrame) -> np.ndarray:
    return table.loc[pairs["case"]].to_numpy() - table.loc[pairs["control"]].to_numpy()


def fit_matched_pairs(design: np.ndarray, sign: np.ndarray) -> dict[str, np.ndarray]:
    """Maximise the conditional likelihood of many features at once by Newton's method.

    Parameters
    ----------
    design : ndarray, shape (n_pairs, n_coefficients)
        Case minus control.
    sign : ndarray, shape (n_pairs, n_features)
        1 where only the case has the feature, -1 where only the control, 0 where neither
        or both.

    Returns
    -------
    dict of ndarray, each of shape (n_features,)
        Of the first coefficient: estimate, std_error, low and high (Wald), statistic (the
        modified likelihood root, `_modified_root`), df and p_value; n_pairs (discordant)
        and note.
    """
    n_discordant = np.abs(sign).sum(axis=0).astype(int)
    needed = MIN_DISCORDANT * design.shape[1]
    note = np.full(sign.shape[1], "", dtype=object)
    few = n_discordant < needed
    note[few] = [
        f"only {count} discordant pairs, fewer than {needed}" for count in n_discordant[few]
    ]
    scale = design.std(axis=0) + np.abs(design.mean(axis=0))
    design = design / scale
    beta, information, gain = _newton(design, sign[:, ~few])
    open_end = (gain > 1e-12) | (_condition(information) > 1e10) | (np.abs(beta) > 10).any(axis=1)
    note[np.flatnonzero(~few)[open_end]] = "separated: the pairs leave the odds without a bound"
    good, bounded = note == "", ~open_end
    estimate, std_error, statistic = np.full((3, len(note)), np.nan)
    estimate[good] = beta[bounded, 0] / scale[0]
    std_error[good] = np.sqrt(np.linalg.inv(information[bounded])[:, 0, 0]) / scale[0]
    statistic[good] = _modified_root(design, sign[:, good], beta[bounded], information[bounded])
    found = infer(estimate, std_error, np.where(good, np.inf, np.nan))
    p_value = two_sided_normal(statistic)
    found |= {"statistic": statistic, "p_value": p_value}
    return found | {"n_pairs": n_discordant, "note": note}


def _newton(design: np.ndarray, sign: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return coefficients, information, and what the last step promised to gain."""
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
    """Return r* = r + log(q / r) / r of the first coefficient: normal where it is 0.

    r is the signed root of the likelihood ratio, q the estimate times the root of the
    information's determinant against that of the other coefficients where the first is 0
    (Davison 1988, doi 10.1111/j.2517-6161.1988.tb01741.x): the saddlepoint approximation
    to the exact test given what the covariates' coefficients are estimated from.
    """
    without, information_without, _ = _newton(design[:, 1:], sign)
    gained = _log_likelihood(design, sign, beta) - _log_likelihood(design[:, 1:], sign, without)
    root = np.sign(beta[:, 0]) * np.sqrt(2 * np.maximum(gained, 0))
    volume = np.linalg.slogdet(information)[1] - np.linalg.slogdet(information_without)[1]
    near = np.abs(root) < 1e-3
    safe = np.where(near, 1, root)
    ratio = np.where(near, 1, beta[:, 0] * np.exp(volume / 2) / safe)
    return root + np.log(ratio) / safe


def _log_likelihood(design: np.ndarray, sign: np.ndarray, beta: np.ndarray) -> np.ndarray:
    return -(np.logaddexp(0, -sign * (design @ beta.T)) * (sign != 0)).sum(axis=0)
