"""Which coefficients of a model matrix can be told apart, and what the others collide with."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

_TOLERANCE = 1e-7
ONE_LEVEL = "not estimable: the term has one level"


@dataclass(frozen=True)
class Independence:
    """A largest set of independent columns, and the collisions of the rest."""

    kept: np.ndarray
    """Positions of independent columns; among collinear ones the first are kept."""

    null: np.ndarray
    """Combinations of scaled columns that vanish, shape (n_columns, n_dropped)."""

    names: pd.Index

    def reason(self, weights: np.ndarray) -> str:
        """Say why a linear combination of coefficients has no estimate; empty when it has.

        A combination is estimable when it is orthogonal to every vanishing combination of
        columns: then, and only then, all least squares solutions agree on it.
        """
        hit = np.abs(weights @ self.null) > _TOLERANCE * np.linalg.norm(weights)
        if not hit.any():
            return ""
        partners = (np.abs(self.null[:, hit]) > _TOLERANCE).any(axis=1) & (weights == 0)
        if not partners.any():
            return "not estimable: the column is zero in every row"
        others = [str(name) for name in self.names[partners]]
        if others == ["Intercept"]:
            return "not estimable: the same value in every row"
        return f"not estimable: collinear with {', '.join(others)}"


def find_independent(matrix: pd.DataFrame) -> Independence:
    """Split the columns of a model matrix into independent ones and the rest.

    Parameters
    ----------
    matrix : DataFrame, shape (n_rows, n_columns)

    Notes
    -----
    Columns are taken in order (modified Gram-Schmidt); one is dropped when less than 1e-7
    of its length is left. Unlike R, which then reports the columns kept as if they were
    identified, the caller is told which combinations are estimable at all.
    """
    x = matrix.to_numpy(dtype=float)
    length = np.linalg.norm(x, axis=0)
    scaled = x / np.where(length > 0, length, 1.0)
    basis, kept = np.empty((len(x), 0)), []
    for position in range(x.shape[1]):
        rest = scaled[:, position]
        for _ in range(2):
            rest = rest - basis @ (basis.T @ rest)
        left = np.linalg.norm(rest)
        if left > _TOLERANCE:
            kept.append(position)
            basis = np.column_stack([basis, rest / left])
    return Independence(np.array(kept, dtype=int), _null(scaled, length, kept), matrix.columns)


def _null(scaled: np.ndarray, length: np.ndarray, kept: list[int]) -> np.ndarray:
    dropped = [position for position in range(scaled.shape[1]) if position not in kept]
    null = np.zeros((scaled.shape[1], len(dropped)))
    for column, position in enumerate(dropped):
        null[position, column] = 1.0
        null[kept, column] = -np.linalg.lstsq(scaled[:, kept], scaled[:, position])[0]
    return null / np.where(length > 0, length, 1.0)[:, None] * length.max(initial=1.0)


def rests_on_one(matrix: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Say of each coefficient whether it is lost when some one group of rows is left out.

    Such a coefficient fits its group whatever the outcome is, so a variance taken from the
    residuals of the groups says nothing of it.

    Parameters
    ----------
    matrix : ndarray, shape (n_rows, n_columns)
        Independent columns.
    groups : ndarray of int, shape (n_rows,)
        0, 1, 2, ...

    Returns
    -------
    ndarray of bool, shape (n_columns,)
    """
    basis, upper = np.linalg.qr(matrix)
    within = np.zeros((groups.max() + 1, *upper.shape))
    np.add.at(within, groups, basis[:, :, None] * basis[:, None, :])
    share, directions = np.linalg.eigh(within)
    alone = directions.transpose(0, 2, 1)[share > 1 - _TOLERANCE]
    moved = np.abs(np.linalg.solve(upper, alone.T)) * np.linalg.norm(matrix, axis=0)[:, None]
    return (moved > _TOLERANCE * moved.max(axis=0, initial=0)).any(axis=1)
