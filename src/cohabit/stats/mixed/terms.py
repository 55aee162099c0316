"""Joint tests of the terms of a household model: site as a whole, all drugs at once."""

import numpy as np
import pandas as pd
from scipy import special

from cohabit.stats.least_squares import ONE_LEVEL
from cohabit.stats.mixed.parts import NO_MAXIMUM, Part, prepare, split_by_missing
from cohabit.stats.mixed.reml import HouseholdDesign, Residuals, maximise, profile_at, satterthwaite

_NUMBERS = ("statistic", "df", "p_value")


def test_terms(
    values: pd.DataFrame | pd.Series,
    metadata: pd.DataFrame,
    formula: str,
    household: str = "household_id",  # noqa: PT028
) -> pd.DataFrame:
    """Test every term of a household model as a whole, given all the others.

    Parameters
    ----------
    values, metadata, formula, household
        As in `fit_household_model`.

    Returns
    -------
    DataFrame, one row a feature and term
        feature, term, n_coefficients, statistic (F), df (of the denominator), p_value,
        n_households, n_samples, converged, note. A term with one coefficient has the p of
        its t test.

    Notes
    -----
    The covariance of the term's coefficients is turned to its principal axes; F is the
    mean of their squared t, and its denominator df is chosen so that F has the mean that
    independent t's of Satterthwaite's df would give it (Fai and Cornelius 1996, Journal of
    Statistical Computation and Simulation 54:363), as lmerTest does. Where terms interact
    a main effect is that at the reference of the other.
    """
    model = prepare(values, metadata, formula, household)
    tables = [_test_part(part, model.matrix.terms) for part in split_by_missing(model)]
    table = pd.concat(tables).sort_values("feature", kind="stable", ignore_index=True)
    return table.assign(feature=model.names.to_numpy()[table["feature"]])


test_terms.__test__ = False  # a statistic, not one of pytest's


def _test_part(part: Part, terms: dict[str, list[str]]) -> pd.DataFrame:
    reasons = {term: _why_not(part, columns) for term, columns in terms.items()}
    numbers = {name: np.full((len(part.notes), len(terms)), np.nan) for name in _NUMBERS}
    notes = part.notes.copy()
    if part.usable.any():
        design, residuals = part.split[0], part.split[1].of(part.usable)
        theta, converged = maximise(design, residuals.squares)
        notes[np.flatnonzero(part.usable)[~converged]] = NO_MAXIMUM
        fit = _Covariances(theta, design, residuals)
        for position, (term, columns) in enumerate(terms.items()):
            if not reasons[term]:
                chosen = _positions(part, columns)
                for name, found in zip(_NUMBERS, fit.test(chosen), strict=True):
                    numbers[name][part.usable, position] = np.where(converged, found, np.nan)
    note = np.where(notes[:, None] == "", list(reasons.values()), notes[:, None])
    table = pd.DataFrame(
        {
            "feature": np.repeat(part.features, len(terms)),
            "term": np.tile(list(terms), len(notes)),
            "n_coefficients": np.tile([len(c) for c in terms.values()], len(notes)),
        }
    )
    return table.assign(
        **{name: found.ravel() for name, found in numbers.items()},
        n_households=len(np.unique(part.households)),
        n_samples=len(part.y),
        converged=(note == "").ravel(),
        note=note.ravel(),
    )


def _why_not(part: Part, columns: list[str]) -> str:
    if not columns:
        return ONE_LEVEL
    names = part.columns.names
    for name in columns:
        reason = part.columns.reason((names == name).astype(float))
        if reason:
            return f"{name} {reason}"
    return ""


def _positions(part: Part, columns: list[str]) -> np.ndarray:
    return np.flatnonzero(part.columns.names[part.columns.kept].isin(columns))


class _Covariances:
    """Coefficients of every feature with their covariance and its slope in theta."""

    def __init__(self, theta: np.ndarray, design: HouseholdDesign, residuals: Residuals) -> None:
        self.theta, self.design = theta, design
        self.profile = profile_at(theta, design, residuals.squares)
        loadings = design.loadings
        n_small = loadings.shape[1]
        weights = self.profile.weights[:n_small]
        shrink = theta * weights
        falls = design.eigenvalues[:n_small, None] * weights
        self.estimate = residuals.ols - loadings @ (shrink * residuals.scores)
        own, shared = design.covariance
        ratio = theta[:, None, None]
        self.covariance = own + ratio * shared - _spread(loadings, theta * shrink)
        self.slope = shared - _spread(loadings, shrink * (2 - theta * falls))

    def test(self, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return F, denominator df and p of the hypothesis that these coefficients are 0."""
        block = np.ix_(np.arange(len(self.theta)), chosen, chosen)
        value, axes = np.linalg.eigh(self.covariance[block])
        turned = np.einsum("fji,jf->if", axes, self.estimate[chosen])
        slope = np.einsum("fji,fjk,fki->if", axes, self.slope[block], axes)
        variance = self.profile.quadratic[0] / self.design.df
        f = (turned**2 / (variance * value.T)).mean(axis=0)
        each = satterthwaite(slope / value.T, self.theta, self.profile, self.design.df)
        df = _denominator(each)
        return f, df, special.fdtrc(len(chosen), df, f)


def _spread(loadings: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return ``sum_k weights[k] b_k b_k'`` for every feature, shape (n_features, p, p)."""
    pairs = np.einsum("ik,jk->ijk", loadings, loadings)
    return np.moveaxis(pairs @ weights, -1, 0)


def _denominator(each: np.ndarray) -> np.ndarray:
    """Combine the df of several t's, shape (n_coefficients, n_features), into that of F."""
    if len(each) == 1 or np.ptp(each, axis=0).max() < 1e-8:
        return each.mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = np.where(each > 2, each / (each - 2), np.inf).sum(axis=0)
        combined = 2 * expected / (expected - len(each))
    return np.where(np.isinf(expected), 2.0, combined)
