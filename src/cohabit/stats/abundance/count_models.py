"""Regressions of counts and of presence with a random intercept of the household.

Estimates are maximum likelihood, tests those of the likelihood root.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit

from cohabit.stats.abundance.densities import Density, NegativeBinomial, ZeroInflated
from cohabit.stats.abundance.methods import METHOD_COLUMNS, Comparison
from cohabit.stats.abundance.random_intercept import Fits, HomeLayout, HomeLikelihood
from cohabit.stats.alignment import household_codes
from cohabit.stats.inference import NUMBERS, infer, two_sided_t
from cohabit.stats.least_squares import find_independent
from cohabit.stats.mixed.reml import within_df

SHAPE_COLUMNS = ("household_sd", "theta", "extra_zeros")
"""Columns on the household's intercept, on theta of ``mu + mu^2 / theta``, and on further zeros."""

_UNBOUNDED = 10.0
"""Error of a coefficient, per standard deviation of its column, beyond which it has no bound."""

_FEWEST_PRESENT = 2
"""People with the feature, per coefficient, below which counts fit whatever they are."""

_SLACK = 1e-2
"""Log likelihood by which a fit may lie below one with fewer coefficients: quadrature errs."""

_NO_DEVIATION = 1e-3
"""Standard deviation of the homes below which it is taken to be 0."""


def fit_nbinom(comparison: Comparison) -> pd.DataFrame:
    """Fit negative binomial counts, offset by the log of the library size."""
    return fit_with_homes(comparison, NegativeBinomial(), comparison.counts[comparison.kept])


def fit_zinb(comparison: Comparison) -> pd.DataFrame:
    """Fit the negative binomial with a share of further zeros, the same for everybody."""
    return fit_with_homes(comparison, ZeroInflated(), comparison.counts[comparison.kept])


def fit_with_homes(
    comparison: Comparison, density: Density, values: pd.DataFrame, *, offset: bool = True
) -> pd.DataFrame:
    """Return the rows of the factor of a regression of every column of `values`.

    The p-value is that of the root of the likelihood ratio with and without the coefficient,
    taken as t. The ratio is divided by ``n / (n - k)`` for n people and k coefficients, and by
    the excess of the variance among homes over that of the density, where it is above 1.
    """
    design = _Design.of(comparison, offset)
    y = values.to_numpy(float)
    notes = _why_not(y, design)
    usable = y[:, notes == ""]
    fits = design.fit(density, usable, design.basis) if usable.size else None
    parts = [
        _report(name, density, y, fits, design, notes).assign(
            feature=values.columns, contrast=comparison.matrix.contrasts[name]
        )
        for name in comparison.matrix.terms[comparison.factor]
    ]
    table = pd.concat(parts, ignore_index=True).reindex(columns=[*METHOD_COLUMNS, *SHAPE_COLUMNS])
    return table.assign(n_pairs=comparison.count_pairs(table["contrast"]))


@dataclass(frozen=True)
class _Design:
    """The independent columns of a model matrix, made orthogonal, each with mean square 1."""

    matrix: np.ndarray
    """The independent columns."""

    names: pd.Index
    basis: np.ndarray
    upper: np.ndarray
    """The columns are ``basis @ upper``."""

    codes: np.ndarray
    """Household of each row."""

    offset: np.ndarray
    reasons: dict[str, str]
    """Column -> why it has no coefficient, or an empty string."""

    @classmethod
    def of(cls, comparison: Comparison, offset: bool) -> "_Design":
        """Take the independent columns of the comparison."""
        values = comparison.matrix.values
        independence = find_independent(values)
        matrix = values.to_numpy(float)[:, independence.kept]
        basis, upper = _orthogonal(matrix)
        reasons = independence.reasons(np.eye(values.shape[1]))
        return cls(
            matrix,
            values.columns[independence.kept],
            basis,
            upper,
            household_codes(comparison.people, comparison.household),
            np.log(comparison.counts.sum(axis=1).to_numpy(float)) * offset,
            dict(zip(values.columns, reasons, strict=True)),
        )

    def fit(self, density: Density, y: np.ndarray, basis: np.ndarray) -> Fits:
        """Fit all features on orthogonal columns."""
        return HomeLikelihood(density, HomeLayout.of(basis, self.offset, self.codes)).fit(y)

    def fit_without(self, name: str, density: Density, y: np.ndarray) -> Fits:
        """Fit all features without one column."""
        return self.fit(density, y, _orthogonal(self.matrix[:, self.names != name])[0])

    def weights(self, name: str) -> np.ndarray:
        """Return what the coefficients of the basis weigh in that of a column."""
        return np.linalg.solve(self.upper.T, (self.names == name).astype(float))

    def df(self, name: str) -> int:
        """Return the degrees of freedom of a coefficient where homes differ."""
        within, varies = within_df(self.matrix, self.codes)
        between = self.codes.max() + 1 - self.matrix.shape[1]
        return max(within, between) if varies[self.names == name][0] else between


def _orthogonal(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return orthogonal columns with mean square 1, and the triangle that restores the matrix."""
    scale = np.sqrt(len(matrix))
    basis, upper = np.linalg.qr(matrix / np.linalg.norm(matrix, axis=0))
    return basis * scale, upper * (np.linalg.norm(matrix, axis=0) / scale)


def _why_not(y: np.ndarray, design: _Design) -> np.ndarray:
    """Return the reason why each feature cannot be fitted, or an empty string."""
    notes = np.full(y.shape[1], "", dtype=object)
    n_homes, rank = design.codes.max() + 1, design.matrix.shape[1]
    if n_homes <= rank + 1:
        notes[:] = f"{n_homes} households are too few for {rank} coefficients"
    n_present, needed = (y > 0).sum(axis=0), _FEWEST_PRESENT * rank
    few = (n_present < needed) & design.offset.any()
    notes[few] = [f"present in {n} people, fewer than {needed}" for n in n_present[few]]
    notes[np.ptp(y, axis=0) == 0] = "constant: the feature does not vary"
    return notes


def _report(
    name: str,
    density: Density,
    y: np.ndarray,
    fits: Fits | None,
    design: _Design,
    notes: np.ndarray,
) -> pd.DataFrame:
    """Return estimate, test and note of one coefficient in every feature."""
    usable = notes == ""
    notes = np.where(design.reasons[name] == "", notes, design.reasons[name]).astype(object)
    numbers = dict.fromkeys(NUMBERS, np.full(len(notes), np.nan))
    if fits is not None and not design.reasons[name]:
        without = design.fit_without(name, density, y[:, usable])
        found, notes[usable] = _test(fits, without, design, name)
        numbers = {key: _spread(value, usable) for key, value in found.items()}
    return pd.DataFrame(numbers).assign(note=notes)


def _spread(values: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """Return the values of the usable features among all, NaN elsewhere."""
    whole = np.full(len(usable), np.nan)
    whole[usable] = values
    return whole


def _test(
    fits: Fits, without: Fits, design: _Design, name: str
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return the numbers and notes of one coefficient of the fitted features."""
    n, rank = design.matrix.shape
    n_homes = design.codes.max() + 1
    excess = np.maximum(fits.excess * n_homes / (n_homes - rank), 1)
    weights, lost = design.weights(name), excess * n / (n - rank)
    same = fits.deviation < _NO_DEVIATION
    df = np.where(same, n - rank, design.df(name)).astype(float)
    error = np.sqrt(lost * np.einsum("i,fij,j->f", weights, fits.covariance, weights))
    estimate = fits.coefficients @ weights
    gained = np.maximum(fits.likelihood - without.likelihood, 0)
    root = np.sign(estimate) * np.sqrt(2 * gained / lost)
    notes = np.where(same, _why_same(design), "").astype(object)
    unbounded = error > _UNBOUNDED * np.linalg.norm(weights)
    notes[unbounded] = "separated: the ratio has no bound; p-value of the likelihood ratio"
    estimate[unbounded] = np.nan
    lost_way = ~(fits.converged & without.converged)
    lost_way |= fits.likelihood < without.likelihood - _SLACK
    notes[lost_way] = "no maximum of the likelihood was found"
    found = infer(estimate, error, df)
    found |= {"statistic": root, "p_value": two_sided_t(root, df)} | _describe(fits)
    found = {key: np.where(lost_way, np.nan, value) for key, value in found.items()}
    found["std_error"] = np.where(unbounded, np.nan, found["std_error"])
    return found, notes


def _describe(fits: Fits) -> dict[str, np.ndarray]:
    """Return the household's deviation and the shapes of the density, `SHAPE_COLUMNS`."""
    shapes = zip(SHAPE_COLUMNS[1:], (np.exp, expit), fits.shapes.T, strict=False)
    return {SHAPE_COLUMNS[0]: fits.deviation} | {name: back(shape) for name, back, shape in shapes}


def _why_same(design: _Design) -> str:
    alone = np.bincount(design.codes).max() == 1
    return "nobody shares a household: ordinary regression" if alone else "household variance 0"
