"""Distances as inner products: the Gower-centred matrix, or the features themselves.

PERMANOVA needs distances only through ``V' G V`` for narrow matrices `V`, where
``G = -1/2 J D^2 J``. For Euclidean distances ``G = Y Y'`` with the centred features `Y`, and no
n x n matrix is needed.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class GramGeometry:
    """A Gower-centred matrix."""

    gram: np.ndarray
    """``-1/2 J D^2 J``, shape (n_samples, n_samples)."""

    @property
    def n_samples(self) -> int:
        """Return the number of samples."""
        return len(self.gram)

    def total(self) -> float:
        """Return the trace: the total sum of squares."""
        return float(np.trace(self.gram))

    def times(self, vectors: np.ndarray) -> np.ndarray:
        """Return ``G V``, shape (n_samples, k)."""
        return self.gram @ vectors

    def quadratic(self, vectors: np.ndarray) -> np.ndarray:
        """Return ``V_b' G V_b`` for each b; vectors (n_samples, B, k) -> (B, k, k)."""
        n, blocks, width = vectors.shape
        product = (self.gram @ vectors.reshape(n, -1)).reshape(n, blocks, width)
        return vectors.transpose(1, 2, 0) @ product.transpose(1, 0, 2)

    def take(self, rows: np.ndarray) -> "GramGeometry":
        """Return the same samples in another order."""
        return GramGeometry(self.gram[np.ix_(rows, rows)])


@dataclass(frozen=True)
class FeatureGeometry:
    """Centred features, whose Euclidean distances are meant."""

    features: np.ndarray
    """Columns centred, shape (n_samples, n_features)."""

    @property
    def n_samples(self) -> int:
        """Return the number of samples."""
        return len(self.features)

    def total(self) -> float:
        """Return the total sum of squares."""
        return float(np.einsum("ij,ij->", self.features, self.features))

    def times(self, vectors: np.ndarray) -> np.ndarray:
        """Return ``Y Y' V``, shape (n_samples, k)."""
        return self.features @ (self.features.T @ vectors)

    def quadratic(self, vectors: np.ndarray) -> np.ndarray:
        """Return ``V_b' Y Y' V_b`` for each b; vectors (n_samples, B, k) -> (B, k, k)."""
        n, blocks, width = vectors.shape
        scores = (self.features.T @ vectors.reshape(n, -1)).reshape(-1, blocks, width)
        return scores.transpose(1, 2, 0) @ scores.transpose(1, 0, 2)

    def take(self, rows: np.ndarray) -> "FeatureGeometry":
        """Return the same samples in another order."""
        return FeatureGeometry(self.features[rows])


Geometry = GramGeometry | FeatureGeometry


def from_distances(distances) -> tuple[GramGeometry, pd.Index]:
    """Return the Gower-centred matrix of distances, and the sample IDs.

    Parameters
    ----------
    distances : skbio DistanceMatrix or DataFrame, shape (n_samples, n_samples)

    Raises
    ------
    ValueError
        When a DataFrame is not square, symmetric, hollow, finite and equally labelled.
    """
    matrix, ids = distance_array(distances)
    gram = matrix**2
    gram *= -0.5
    means = gram.mean(axis=0)
    gram -= means
    gram -= (means - means.mean())[:, None]
    return GramGeometry(gram), ids


def from_features(features: pd.DataFrame) -> tuple[FeatureGeometry, pd.Index]:
    """Return the geometry of Euclidean distances between rows, and the sample IDs.

    Parameters
    ----------
    features : DataFrame, shape (n_samples, n_features)
        For Aitchison distances: CLR values.

    Raises
    ------
    ValueError
        When IDs repeat or a value is missing or infinite; names the rows.
    """
    _check_unique(features.index, "features")
    values = features.to_numpy(float)
    broken = features.index[~np.isfinite(values).all(axis=1)]
    if len(broken):
        raise ValueError(f"features: not finite in {len(broken)} row(s), first {[*broken[:5]]}")
    return FeatureGeometry(values - values.mean(axis=0)), features.index


def distance_array(distances) -> tuple[np.ndarray, pd.Index]:
    """Return distances as an array, and the sample IDs, after checking a DataFrame."""
    if hasattr(distances, "ids"):
        return np.asarray(distances.data, dtype=float), pd.Index(distances.ids)
    if not isinstance(distances, pd.DataFrame):
        raise ValueError(
            "distances: expected a skbio DistanceMatrix or a square DataFrame; "
            f"got {type(distances).__name__}"
        )
    _check_unique(distances.index, "distances")
    if set(distances.index) != set(distances.columns) or len(set(distances.shape)) != 1:
        raise ValueError("distances: expected the same IDs as rows and as columns")
    matrix = distances[distances.index].to_numpy(float)
    broken = distances.index[~np.isfinite(matrix).all(axis=1)]
    if len(broken):
        raise ValueError(f"distances: not finite in {len(broken)} row(s), first {[*broken[:5]]}")
    if not np.allclose(matrix, matrix.T) or np.any(np.diag(matrix) != 0) or np.any(matrix < 0):
        raise ValueError("distances: expected symmetric values of at least 0, and a zero diagonal")
    return matrix, distances.index


def align(ids: pd.Index, metadata: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the metadata in the order of `ids`.

    Raises
    ------
    ValueError
        When a sample has no row, or two.
    """
    _check_unique(metadata.index, "metadata")
    absent = ids[~ids.isin(metadata.index)]
    if len(absent):
        raise ValueError(
            f"metadata: no row for {len(absent)} of {len(ids)} sample(s), first {[*absent[:5]]}; "
            "add the rows or leave the samples out of the distances"
        )
    return metadata.loc[ids]


def _check_unique(ids: pd.Index, what: str) -> None:
    repeated = ids[ids.duplicated()]
    if len(repeated):
        raise ValueError(f"{what}: IDs must be unique; repeated: {[*repeated[:5]]}")
