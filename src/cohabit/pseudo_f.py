"""Sums of squares, pseudo-F and its permutation distribution for all terms of one model."""

from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np

from cohabit.geometry import Geometry
from cohabit.terms import TermSpace

TIE = 1e-9
"""Permuted and observed pseudo-F nearer than this, relatively, are equal."""

BLOCK_COLUMNS = 1024
"""Columns of one matrix product: permutations at a time x rank of the model."""


class Fit:
    r"""One model on one geometry.

    Every quantity is a trace of k x k matrices, k the rank of the model: with an orthonormal
    basis :math:`Q` and a permutation :math:`P`, all terms share :math:`A = Q'PGP'Q`, one
    product of :math:`G` with a narrow matrix.

    Parameters
    ----------
    geometry : GramGeometry or FeatureGeometry
    basis : array, shape (n_samples, k)
        Orthonormal, orthogonal to the constant.
    permute : {"residuals", "raw"}
    """

    def __init__(self, geometry: Geometry, basis: np.ndarray, permute: str) -> None:
        self.geometry, self.basis, self.permute = geometry, basis, permute
        self.n_samples = geometry.n_samples
        self.df_residual = self.n_samples - 1 - basis.shape[1]
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
        """Residual sum of squares of the whole model."""
        return self.total - float(np.trace(self._inner))

    def sum_of_squares(self, space: TermSpace) -> float:
        """Return what a term adds."""
        return float(np.trace(space.own.T @ self._inner @ space.own))

    def pseudo_f(self, space: TermSpace) -> float:
        """Return the mean square of a term over that of the residual."""
        return self.sum_of_squares(space) / space.df / (self.residual / self.df_residual)

    def row(self, space: TermSpace) -> tuple[int, float, float, float, float]:
        """Return df, sum of squares, R2, adjusted R2 and pseudo-F of a term."""
        if space.df == 0:
            return 0, np.nan, np.nan, np.nan, np.nan
        explained = self.sum_of_squares(space)
        by_chance = space.df * self.residual / self.df_residual
        shares = explained / self.total, (explained - by_chance) / self.total
        return space.df, explained, *shares, self.pseudo_f(space)

    def residual_row(self) -> tuple[int, float, float, float]:
        """Return df, sum of squares, R2 and adjusted R2 of the residual."""
        share = self.residual / self.total
        return (
            self.df_residual,
            self.residual,
            share,
            share * (self.n_samples - 1) / self.df_residual,
        )

    def count_beyond(self, spaces: Sequence[TermSpace], draws: Iterable[np.ndarray]) -> np.ndarray:
        """Return how many permutations give each term at least its pseudo-F.

        Parameters
        ----------
        spaces : sequence of TermSpace
        draws : iterable of int arrays, shape (n_permutations, n_samples)
        """
        observed = np.array([self.pseudo_f(space) for space in spaces])
        least = observed - TIE * np.abs(observed)
        hits = np.zeros(len(spaces), dtype=np.int64)
        for positions in draws:
            hits += (self.permuted_f(spaces, positions) >= least).sum(axis=0)
        return hits

    def permuted_f(self, spaces: Sequence[TermSpace], positions: np.ndarray) -> np.ndarray:
        """Return pseudo-F of each term in each permutation, shape (n_permutations, n_terms)."""
        moved = self.basis[positions.T]
        quadratic = self.geometry.quadratic(moved)
        if self.permute == "raw":
            parts = [self._raw(space, quadratic) for space in spaces]
        else:
            shape = (self.basis.shape[1], *moved.shape[1:])
            flat = moved.reshape(len(moved), -1)
            cross = (self._product.T @ flat).reshape(shape).transpose(1, 0, 2)
            overlap = (self.basis.T @ flat).reshape(shape).transpose(1, 0, 2)
            parts = [self._residual(space, quadratic, cross, overlap) for space in spaces]
        explained, total, full = (np.stack(part, axis=1) for part in zip(*parts, strict=True))
        df = np.array([space.df for space in spaces])
        return explained / df / ((total - full) / self.df_residual)

    def _raw(self, space: TermSpace, quadratic: np.ndarray) -> tuple[np.ndarray, ...]:
        full = np.trace(quadratic, axis1=1, axis2=2)
        explained = np.einsum("bij,ij->b", quadratic, space.own @ space.own.T)
        return explained, np.full(len(full), self.total), full

    def _residual(
        self, space: TermSpace, quadratic: np.ndarray, cross: np.ndarray, overlap: np.ndarray
    ) -> tuple[np.ndarray, ...]:
        r"""Freedman-Lane: with R = I - Q E Q', Q'P R G R P'Q = A - B'EC - C'EB + C'E D E C."""
        reduced = space.reduced
        removed = reduced @ overlap
        mixed = cross.transpose(0, 2, 1) @ removed
        inner = quadratic - mixed - mixed.transpose(0, 2, 1)
        inner += removed.transpose(0, 2, 1) @ (self._inner @ removed)
        total = self.total - float(np.einsum("ij,ij->", reduced, self._inner))
        full = np.trace(inner, axis1=1, axis2=2)
        explained = np.einsum("bij,ij->b", inner, space.own @ space.own.T)
        return explained, np.full(len(full), total), full
