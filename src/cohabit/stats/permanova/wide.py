"""Permutation of models with a factor of many levels, such as the household itself.

A basis of hundreds of columns makes the k x k forms of `pseudo_f` slow. The projector on a
factor needs no basis: ``tr(H G)`` is a sum of group means, and only the other, few, terms
meet the matrix product.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from cohabit.stats.permanova.geometry import Geometry, GramGeometry
from cohabit.stats.permanova.pseudo_f import TIE, Fit, Part, mean_square_ratio
from cohabit.stats.permanova.terms import Term, TermSpace, household_means, orthonormal

WIDE = 24
"""A term with more columns than this is wide."""

CELLS = 1_000_000
"""Numbers held at a time: permutations x samples x features."""


@dataclass(frozen=True, eq=False)
class Projector:
    """A projector on a few vectors and, perhaps, on the indicators of groups."""

    narrow: np.ndarray
    """Orthonormal, orthogonal to the indicators, shape (n_samples, r)."""

    groups: tuple[np.ndarray, ...]
    """Positions of the members, (n_groups, size) for each size; empty without indicators."""

    def traces(self, geometry: Geometry, positions: np.ndarray) -> np.ndarray:
        """Return ``tr(H P G P')`` for permutations (B, n_samples), shape (B,)."""
        moved = self.narrow[positions.T]
        result = np.einsum("bii->b", geometry.quadratic(moved)) if moved.size else 0.0
        slots = np.argsort(positions, axis=1)
        for members in self.groups:
            result = result + _sum_of_groups(geometry, slots[:, members])
        return np.broadcast_to(result, len(positions))


class Model(NamedTuple):
    """What one term's permutations need."""

    geometry: Geometry
    """Of what is permuted."""

    fitted: GramGeometry | None
    """The projector on the reduced model, when its residuals are permuted."""

    reduced: Projector
    larger: Projector
    """The reduced model with the term."""


class WideFit:
    """A `Fit` whose permutations avoid the basis of a wide factor.

    Parameters
    ----------
    fit : Fit
    terms : sequence of Term
        All terms of the model.
    wide : Term
        The factor, one of the terms.
    codes : array of int, shape (n_samples,)
        Its level in each sample: 0, 1, ...
    """

    def __init__(self, fit: Fit, terms: Sequence[Term], wide: Term, codes: np.ndarray) -> None:
        self.fit, self.wide, self.codes = fit, wide, codes
        self.groups = _groups(codes)
        self.full = self._projector(terms)
        self.block = int(np.clip(CELLS // (fit.n_samples * fit.geometry.width), 1, 256))

    def count_beyond(self, spaces: Sequence[TermSpace], draws: Iterable[np.ndarray]) -> np.ndarray:
        """Return how many permutations give each term at least its pseudo-F."""
        observed = np.array([self.fit.pseudo_f(space) for space in spaces])
        least = observed - TIE * np.abs(observed)
        models = [self._model(space) for space in spaces]
        hits = np.zeros(len(spaces), dtype=np.int64)
        for positions in draws:
            permuted = [
                self._pseudo_f(space, model, positions)
                for space, model in zip(spaces, models, strict=True)
            ]
            hits += (np.stack(permuted, axis=1) >= least).sum(axis=0)
        return hits

    def _model(self, space: TermSpace) -> Model:
        geometry, fitted = self.fit.geometry, None
        if self.fit.permute == "residuals" and space.others:
            basis = self.fit.basis @ orthonormal(space.reduced)
            geometry, fitted = geometry.residuals(basis), GramGeometry(basis @ basis.T)
        reduced = self._projector(space.others)
        return Model(geometry, fitted, reduced, self._projector([*space.others, space.term]))

    def _pseudo_f(self, space: TermSpace, model: Model, positions: np.ndarray) -> np.ndarray:
        """Return pseudo-F of a term; degrees of freedom as in `Fit`."""
        explained, residual = self._squares(model, model.geometry, positions)
        df, df_residual = space.df, self.fit.df_residual
        if model.fitted is not None:
            lost, left = self._squares(model, model.fitted, positions)
            df, df_residual = df - lost, df_residual - left
        part = Part(explained, residual, df, df_residual)
        return mean_square_ratio(part, model.geometry.total())

    def _squares(
        self, model: Model, geometry: Geometry, positions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return what the term explains of a geometry and what the whole model leaves, (B,)."""
        explained = model.larger.traces(geometry, positions)
        explained = explained - model.reduced.traces(geometry, positions)
        return explained, geometry.total() - self.full.traces(geometry, positions)

    def _projector(self, terms: Sequence[Term]) -> Projector:
        """Return the projector on some of the terms."""
        few = [term.columns for term in terms if term is not self.wide]
        columns = np.hstack([np.empty((self.fit.n_samples, 0)), *few])
        if self.wide not in terms:
            return Projector(orthonormal(columns), ())
        inside = columns - household_means(columns, self.codes)[self.codes]
        return Projector(orthonormal(inside), self.groups)


def _groups(codes: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return the positions of each group's members, one array for each size of group."""
    order, size = np.argsort(codes, kind="stable"), np.bincount(codes)
    starts = np.cumsum(size) - size
    return tuple(
        order[starts[size == n][:, None] + np.arange(n)] for n in np.unique(size[size > 0])
    )


def _sum_of_groups(geometry: Geometry, members: np.ndarray) -> np.ndarray:
    """Return the sum over groups of ``|sum of members|^2 / size``; members (B, n_groups, size)."""
    size = members.shape[2]
    result = np.zeros(len(members))
    for first in range(size):
        own = members[:, :, first]
        result += geometry.inner(own, own).sum(axis=1)
        for second in range(first + 1, size):
            result += 2 * geometry.inner(own, members[:, :, second]).sum(axis=1)
    return result / size
