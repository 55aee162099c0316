"""Distances as inner products: a Gower-centred matrix or a table of features.

PERMANOVA needs distances only through ``V' G V`` for narrow matrices `V`, where
``G = -1/2 J D^2 J``. For Euclidean distances ``G = Y Y'`` with the centred features `Y`, and no
n x n matrix is needed.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy import sparse

from cohabit.stats.alignment import check_finite, check_table, read_distances

PANEL = 128
"""Number of rows of the Gower-centred matrix multiplied at a time."""


@dataclass(frozen=True, eq=False)
class GramGeometry:
    """Distances given by a Gower-centred matrix."""

    gram: np.ndarray
    """``-1/2 J D^2 J``, shape (n_samples, n_samples)."""

    width = 1
    """Number of values read for one inner product of two samples."""

    @property
    def n_samples(self) -> int:
        """Number of samples."""
        return len(self.gram)

    def total(self) -> float:
        """Return the trace: the total sum of squares."""
        return float(np.trace(self.gram))

    def times(self, vectors: np.ndarray) -> np.ndarray:
        """Return ``G V``, shape (n_samples, k)."""
        return self.gram @ vectors

    def quadratic(self, vectors: np.ndarray) -> np.ndarray:
        """Return ``V_b' G V_b`` for each b, from (n_samples, B, k) to (B, k, k)."""
        n, blocks, width = vectors.shape
        flat = vectors.reshape(n, -1)
        product = np.empty_like(flat)
        for start, stop, rows in self._lower:
            np.matmul(rows, flat[:stop], out=product[start:stop])
        half = _inner_products(vectors, product.reshape(vectors.shape))
        return (half + half.transpose(0, 2, 1)) / 2

    @cached_property
    def _lower(self) -> list[tuple[int, int, np.ndarray]]:
        """Row panels up to the diagonal, with everything left of it doubled."""
        panels = []
        for start in range(0, self.n_samples, PANEL):
            stop = min(start + PANEL, self.n_samples)
            rows = self.gram[start:stop, :stop].copy()
            rows[:, :start] *= 2
            panels.append((start, stop, rows))
        return panels

    def take(self, rows: np.ndarray) -> "GramGeometry":
        """Return the same samples in another order."""
        return GramGeometry(self.gram[np.ix_(rows, rows)])

    def combine(self, weights: sparse.csr_matrix) -> "GramGeometry":
        """Return the geometry of sums of samples, with weights of shape (n_sums, n_samples)."""
        return GramGeometry(np.ascontiguousarray(weights @ (weights @ self.gram).T))

    def residuals(self, basis: np.ndarray) -> "GramGeometry":
        """Return the geometry after projecting out an orthonormal basis (n_samples, k)."""
        product = self.gram @ basis
        product -= basis @ (basis.T @ product) / 2
        explained = product @ basis.T
        left = self.gram - explained
        left -= explained.T
        return GramGeometry(left)

    def inner(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Return inner products of pairs of samples, in the shape of the positions."""
        return self.gram[first, second]


@dataclass(frozen=True, eq=False)
class FeatureGeometry:
    """Euclidean distances given by a table of centred features."""

    features: np.ndarray
    """Features with centred columns, shape (n_samples, n_features)."""

    @property
    def n_samples(self) -> int:
        """Number of samples."""
        return len(self.features)

    @property
    def width(self) -> int:
        """Number of values read for one inner product of two samples."""
        return self.features.shape[1]

    def total(self) -> float:
        """Return the total sum of squares."""
        return float(np.einsum("ij,ij->", self.features, self.features))

    def times(self, vectors: np.ndarray) -> np.ndarray:
        """Return ``Y Y' V``, shape (n_samples, k)."""
        return self.features @ (self.features.T @ vectors)

    def quadratic(self, vectors: np.ndarray) -> np.ndarray:
        """Return ``V_b' Y Y' V_b`` for each b, from (n_samples, B, k) to (B, k, k)."""
        n, blocks, width = vectors.shape
        scores = (self.features.T @ vectors.reshape(n, -1)).reshape(-1, blocks, width)
        return _inner_products(scores, scores)

    def take(self, rows: np.ndarray) -> "FeatureGeometry":
        """Return the same samples in another order."""
        return FeatureGeometry(self.features[rows])

    def combine(self, weights: sparse.csr_matrix) -> "FeatureGeometry":
        """Return the geometry of sums of samples, with weights of shape (n_sums, n_samples)."""
        return FeatureGeometry(weights @ self.features)

    def residuals(self, basis: np.ndarray) -> "FeatureGeometry":
        """Return the geometry after projecting out an orthonormal basis (n_samples, k)."""
        return FeatureGeometry(self.features - basis @ (basis.T @ self.features))

    def inner(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Return inner products of pairs of samples, in the shape of the positions."""
        return np.einsum("...j,...j->...", self.features[first], self.features[second])


Geometry = GramGeometry | FeatureGeometry


def _inner_products(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return ``left_b' right_b`` for each b, from (n, B, k) to (B, k, k)."""
    if left.shape[2] == 1:
        return np.einsum("nbi,nbj->bij", left, right)
    return left.transpose(1, 2, 0) @ right.transpose(1, 0, 2)


def from_distances(distances) -> tuple[GramGeometry, pd.Index]:
    """Return the Gower-centred matrix of distances and the sample IDs."""
    matrix, ids = read_distances(distances)
    gram = matrix**2
    gram *= -0.5
    means = gram.mean(axis=0)
    gram -= means
    gram -= (means - means.mean())[:, None]
    return GramGeometry(gram), ids


def from_features(features: pd.DataFrame) -> tuple[FeatureGeometry, pd.Index]:
    """Return the geometry of Euclidean distances between rows and the sample IDs."""
    check_table(features, "features")
    values = features.to_numpy(float)
    check_finite(values, features.index, "features")
    return FeatureGeometry(values - values.mean(axis=0)), features.index
