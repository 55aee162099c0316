"""Sums of squares, pseudo-F and its permutation distribution for the terms of a model."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from cohabit.stats.permanova.exchange import exchanged, positions_by_size
from cohabit.stats.permanova.geometry import Geometry, GramGeometry
from cohabit.stats.permanova.terms import Term, TermSpace, household_means, orthonormal

TIE = 1e-9
"""Relative difference below which permuted and observed pseudo-F count as equal."""

BLOCK_COLUMNS = 1024
"""Number of columns of one matrix product: permutations at a time x rank of the model."""

BLOCK_CELLS = 1_000_000
"""Numbers that `WideFit` holds in memory at a time: permutations x samples x features."""


class Forms(NamedTuple):
    """Quadratic forms (k x k) of permuted data for B permutations.

    ``A = Q' P G P' Q``, shape (B, k, k); ``B = Q' G P' Q`` and ``C = Q' P' Q``, (k, B, k).
    """

    quadratic: np.ndarray
    cross: np.ndarray | None = None
    overlap: np.ndarray | None = None


class Partition(NamedTuple):
    """Sums of squares of permuted data and their degrees of freedom, each (B,) or one for all."""

    explained: np.ndarray
    residual: np.ndarray
    df: np.ndarray | int
    df_residual: np.ndarray | int


def mean_square_ratio(part: Partition, total: float) -> np.ndarray:
    """Return pseudo-F, which is infinite when a permutation leaves no residual."""
    explained, residual = part.explained / part.df, part.residual / part.df_residual
    left = np.abs(residual) > 1e-12 * total
    return np.divide(explained, residual, out=np.full_like(explained, np.inf), where=left)


class PermanovaFit:
    r"""One model fitted to one geometry.

    `df_total` are the degrees of freedom of the geometry, of centred samples by default, and
    `whole` is the sum of squares that R² is a share of, by default that of the geometry.

    Every quantity is a trace of k x k matrices, k the rank of the model: with an orthonormal
    basis :math:`Q` and a permutation :math:`P`, all terms share :math:`A = Q'PGP'Q`, one
    product of :math:`G` with a narrow matrix. The basis is orthogonal to the constant.
    """

    def __init__(
        self,
        geometry: Geometry,
        basis: np.ndarray,
        permute: str,
        *,
        df_total: int | None = None,
        whole: float | None = None,
    ) -> None:
        self.geometry, self.basis, self.permute = geometry, basis, permute
        self.n_samples = geometry.n_samples
        self.df_total = self.n_samples - 1 if df_total is None else df_total
        self.df_residual = self.df_total - basis.shape[1]
        self.whole = self.total if whole is None else whole
        self.block = max(1, BLOCK_COLUMNS // max(1, basis.shape[1]))

    @cached_property
    def total(self) -> float:
        """Total sum of squares."""
        return self.geometry.total()

    @cached_property
    def _product(self) -> np.ndarray:
        """``G Q``, shape (n_samples, k)."""
        return self.geometry.times(self.basis)

    @cached_property
    def _inner(self) -> np.ndarray:
        """``Q' G Q``, shape (k, k)."""
        return self.basis.T @ self._product

    @cached_property
    def residual(self) -> float:
        """Residual sum of squares of the full model."""
        return self.total - float(np.trace(self._inner))

    def sum_of_squares(self, space: TermSpace) -> float:
        """Return the sum of squares that a term adds."""
        return float(np.trace(space.own.T @ self._inner @ space.own))

    @cached_property
    def mean_square(self) -> float:
        """Residual mean square; nan without residual degrees of freedom."""
        return self.residual / self.df_residual if self.df_residual > 0 else np.nan

    def pseudo_f(self, space: TermSpace) -> float:
        """Return the mean square of a term divided by the residual mean square."""
        return self.sum_of_squares(space) / space.df / self.mean_square

    def row(self, space: TermSpace) -> tuple[int, float, float, float, float]:
        """Return df, sum of squares, R², adjusted R² and pseudo-F of a term."""
        if space.df == 0:
            return 0, np.nan, np.nan, np.nan, np.nan
        explained = self.sum_of_squares(space)
        adjusted = explained - space.df * self.mean_square
        shares = explained / self.whole, adjusted / self.whole
        return space.df, explained, *shares, self.pseudo_f(space)

    def residual_row(self) -> tuple[int, float, float, float]:
        """Return df, sum of squares, R² and adjusted R² of the residual."""
        adjusted = self.df_total * self.mean_square / self.whole
        return self.df_residual, self.residual, self.residual / self.whole, adjusted

    def count_beyond(self, spaces: Sequence[TermSpace], draws: Iterable[np.ndarray]) -> np.ndarray:
        """Return for each term the number of permutations with at least its pseudo-F.

        Each of the draws holds positions or signs, (n_permutations, n_samples).
        """
        observed = np.array([self.pseudo_f(space) for space in spaces])
        least = observed - TIE * np.abs(observed)
        hits = np.zeros(len(spaces), dtype=np.int64)
        for positions in draws:
            hits += (self.permuted_f(spaces, positions) >= least).sum(axis=0)
        return hits

    def permuted_f(self, spaces: Sequence[TermSpace], draws: np.ndarray) -> np.ndarray:
        """Return the pseudo-F of each term in each permutation, (n_permutations, n_terms)."""
        forms = self._forms(draws, any(space.others for space in spaces))
        part = self._raw_part if self.permute == "raw" else self._residual_part
        parts = [part(space, forms) for space in spaces]
        return np.stack([mean_square_ratio(found, self.total) for found in parts], axis=1)

    def _raw_part(self, space: TermSpace, forms: Forms) -> Partition:
        explained = np.einsum("bij,ij->b", forms.quadratic, space.own @ space.own.T)
        residual = self.total - np.einsum("bii->b", forms.quadratic)
        return Partition(explained, residual, space.df, self.df_residual)

    def _residual_part(self, space: TermSpace, forms: Forms) -> Partition:
        r"""Return a term's sums of squares in permuted residuals.

        With :math:`R = I - QEQ'` the residual of the reduced model, the permuted residuals have
        the form :math:`A - B'EC - C'EB + C'EDEC`; only its traces are needed. They meet the
        reduced model before the permutation and once more after it, and lose degrees of freedom
        both times: a term :math:`|ECT|^2`, the residual :math:`|E|^2 - |EC|^2` more than it has.
        """
        raw = self._raw_part(space, forms)
        if not space.others:
            return raw
        width = len(self._inner)
        removed = np.tensordot(space.reduced, forms.overlap, axes=1)
        change = np.tensordot(self._inner, removed, axes=1) - 2 * forms.cross
        own = (change.reshape(-1, width) @ (space.own @ space.own.T)).reshape(change.shape)
        fitted = float(np.einsum("ij,ij->", space.reduced, self._inner))
        lost = removed @ space.own
        twice = np.trace(space.reduced) - np.einsum("ibk,ibk->b", removed, removed)
        return Partition(
            raw.explained + np.einsum("ibk,ibk->b", removed, own),
            raw.residual - fitted - np.einsum("ibk,ibk->b", removed, change),
            space.df - np.einsum("ibk,ibk->b", lost, lost),
            self.df_residual - twice,
        )

    def _forms(self, draws: np.ndarray, adjusted: bool) -> Forms:
        moved = exchanged(self.basis, draws)
        quadratic = self.geometry.quadratic(moved)
        if self.permute == "raw" or not adjusted:
            return Forms(quadratic)
        flat = moved.reshape(len(moved), -1)
        shape = (-1, *moved.shape[1:])
        cross = (self._product.T @ flat).reshape(shape)
        overlap = (self.basis.T @ flat).reshape(shape)
        return Forms(quadratic, cross, overlap)


@dataclass(frozen=True, eq=False)
class Projector:
    """A projector on a few vectors and, optionally, on the indicators of groups."""

    narrow: np.ndarray
    """Orthonormal vectors orthogonal to the indicators, shape (n_samples, r)."""

    groups: Sequence[np.ndarray]
    """Member positions, (n_groups, size) for each size; empty without indicators."""

    def traces(self, geometry: Geometry, positions: np.ndarray) -> np.ndarray:
        """Return ``tr(H P G P')``, shape (B,), for permutations of shape (B, n_samples)."""
        moved = self.narrow[positions.T]
        result = np.einsum("bii->b", geometry.quadratic(moved)) if moved.size else 0.0
        slots = np.argsort(positions, axis=1)
        for members in self.groups:
            result = result + _sum_of_groups(geometry, slots[:, members])
        return np.broadcast_to(result, len(positions))


class _WideModel(NamedTuple):
    """The permuted values of one term, its reduced model and that with the term.

    `fitted` is the projector on the reduced model if its residuals are permuted.
    """

    geometry: Geometry
    fitted: GramGeometry | None
    reduced: Projector
    larger: Projector


class WideFit(PermanovaFit):
    """A `PermanovaFit` that permutes without a basis of the wide factor.

    A basis of hundreds of columns, of the household itself say, makes the k x k forms slow. The
    projector on a factor needs no basis: ``tr(H G)`` is a sum of group means, and only the other,
    few, terms meet the matrix product. The factor, `wide`, is one of the terms; `codes` hold its
    level in each sample, 0, 1, ...
    """

    def __init__(
        self,
        geometry: Geometry,
        basis: np.ndarray,
        permute: str,
        terms: Sequence[Term],
        wide: Term,
        codes: np.ndarray,
    ) -> None:
        super().__init__(geometry, basis, permute)
        self.wide, self.codes = wide, codes
        self.groups = positions_by_size(codes)
        self.full = self._projector(terms)
        self.block = int(np.clip(BLOCK_CELLS // (self.n_samples * geometry.width), 1, 256))

    def count_beyond(self, spaces: Sequence[TermSpace], draws: Iterable[np.ndarray]) -> np.ndarray:
        """Return for each term the number of permutations with at least its pseudo-F."""
        self.models = [self._model(space) for space in spaces]
        hits = super().count_beyond(spaces, draws)
        del self.models  # each holds a geometry of its own
        return hits

    def permuted_f(self, spaces: Sequence[TermSpace], positions: np.ndarray) -> np.ndarray:
        """Return the pseudo-F of each term in each permutation, (n_permutations, n_terms)."""
        models = zip(spaces, self.models, strict=True)
        return np.stack([self._f(space, model, positions) for space, model in models], axis=1)

    def _model(self, space: TermSpace) -> _WideModel:
        geometry, fitted = self.geometry, None
        if self.permute == "residuals" and space.others:
            basis = self.basis @ orthonormal(space.reduced)
            geometry, fitted = geometry.residuals(basis), GramGeometry(basis @ basis.T)
        reduced = self._projector(space.others)
        return _WideModel(geometry, fitted, reduced, self._projector([*space.others, space.term]))

    def _f(self, space: TermSpace, model: _WideModel, positions: np.ndarray) -> np.ndarray:
        """Return the pseudo-F of a term, with degrees of freedom as in `PermanovaFit`."""
        explained, residual = self._squares(model, model.geometry, positions)
        df, df_residual = space.df, self.df_residual
        if model.fitted is not None:
            lost, left = self._squares(model, model.fitted, positions)
            df, df_residual = df - lost, df_residual - left
        part = Partition(explained, residual, df, df_residual)
        return mean_square_ratio(part, model.geometry.total())

    def _squares(
        self, model: _WideModel, geometry: Geometry, positions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the sums of squares of the term and of the residual, each (B,)."""
        explained = model.larger.traces(geometry, positions)
        explained = explained - model.reduced.traces(geometry, positions)
        return explained, geometry.total() - self.full.traces(geometry, positions)

    def _projector(self, terms: Sequence[Term]) -> Projector:
        """Return the projector on the given terms."""
        few = [term.columns for term in terms if term is not self.wide]
        columns = np.hstack([np.empty((self.n_samples, 0)), *few])
        if self.wide not in terms:
            return Projector(orthonormal(columns), ())
        inside = columns - household_means(columns, self.codes)[self.codes]
        return Projector(orthonormal(inside), self.groups)


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
