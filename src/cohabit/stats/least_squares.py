"""Least squares of many features on one design, and its estimable coefficients.

The columns of a design are scaled to length 1 first, and centred where it has an intercept, so
that a change of a column's unit or origin does not change what is found.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cohabit.stats.inference import infer

ONE_LEVEL = "not estimable: the term has one level"
_TOLERANCE = 1e-7


def fit_least_squares(
    values: np.ndarray,
    design: pd.DataFrame,
    contrasts: np.ndarray | None = None,
    *,
    why_unfit: Callable[[np.ndarray, np.ndarray, int], np.ndarray] | None = None,
) -> dict[str, np.ndarray]:
    """Regress every feature on the same design, whose columns may be collinear.

    `contrasts`, shape (n_rows, n_coefficients), weighs the combinations of coefficients to
    report, by default each coefficient. `why_unfit` says from values, residual sums of squares
    and rank why each feature has no fit, by default for a design with intercept. Returns
    `inference.NUMBERS` and note, each of shape (n_rows, n_features): where a number cannot be
    had it is NaN and `note` says why.
    """
    columns = find_independent(design)
    scaled, scaling = standardise(design.to_numpy(dtype=float)[:, columns.kept])
    basis, upper = np.linalg.qr(scaled)
    contrasts = np.eye(design.shape[1]) if contrasts is None else contrasts
    reach = np.linalg.solve(upper.T, (contrasts[:, columns.kept] @ scaling).T).T
    fitted = basis.T @ values
    squares, rank = ((values - basis @ fitted) ** 2).sum(axis=0), len(scaling)
    df = len(values) - rank
    note = (why_unfit or _why_no_fit)(values, squares, rank)[None]
    note = np.where(note == "", columns.reasons(contrasts)[:, None], note)
    usable = np.where(note == "", 1.0, np.nan)
    error = np.linalg.norm(reach, axis=1)[:, None] * np.sqrt(squares / max(df, 1))
    return infer(reach @ fitted * usable, error * usable, df * usable) | {"note": note}


def _why_no_fit(values: np.ndarray, squares: np.ndarray, rank: int) -> np.ndarray:
    """Return the reason why each feature has no fit, or an empty string."""
    note = np.full(values.shape[1], "", dtype=object)
    if len(values) <= rank:
        note[:] = f"{len(values)} samples are too few for this design"
        return note
    total = ((values - values.mean(axis=0)) ** 2).sum(axis=0)
    rounding = len(values) * (16 * np.finfo(float).eps * np.abs(values).max(axis=0)) ** 2
    note[squares <= np.maximum(1e-20 * total, rounding)] = (
        "the terms determine the feature: no variance is left"
    )
    note[np.ptp(values, axis=0) == 0] = "constant: the feature does not vary"
    return note


def residuals(values: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Return the residuals of a least squares fit of the values on the matrix."""
    scaled, _ = standardise(matrix)
    return values - scaled @ np.linalg.lstsq(scaled, values)[0]


def standardise(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return columns of length 1 with the same span, and T with ``matrix @ T`` equal to them.

    If the first column is constant the others are centred. Zero columns, and what rounding
    leaves of constant ones, are zero.
    """
    scaling = np.eye(matrix.shape[1])
    size = np.linalg.norm(matrix, axis=0)
    if matrix.size and np.ptp(matrix[:, 0]) == 0 and matrix[0, 0] != 0:
        mean = matrix.mean(axis=0)
        scaling[0, 1:] = -mean[1:] / mean[0]
        matrix = np.column_stack([matrix[:, 0], matrix[:, 1:] - mean[1:]])
    length = np.linalg.norm(matrix, axis=0)
    nothing = length <= 1e-12 * size
    length = np.where(nothing, 1.0, length)
    return np.where(nothing, 0.0, matrix / length), scaling / length


@dataclass(frozen=True)
class Independence:
    """A maximal set of independent columns and the dependencies of the others."""

    names: pd.Index
    kept: np.ndarray
    """Positions of the independent columns; the first of several collinear ones is kept."""

    scaling: np.ndarray
    """T of `standardise`."""

    null: np.ndarray
    """Combinations of standardised columns that equal zero, shape (n_columns, n_dropped)."""

    def reason(self, weights: np.ndarray) -> str:
        """Return why a combination of coefficients is not estimable, or an empty string.

        A combination is estimable if and only if it is orthogonal to every vanishing combination of
        columns; then all least squares solutions agree on it.
        """
        scaled = weights @ self.scaling
        hit = np.abs(scaled @ self.null) > _TOLERANCE * np.linalg.norm(scaled)
        if not hit.any():
            return ""
        partners = (np.abs(self.null[:, hit]) > _TOLERANCE).any(axis=1)
        partners[:1] |= self._shifted(hit)
        partners &= weights == 0
        if not partners.any():
            return "not estimable: the column is zero in every row"
        others = [str(name) for name in self.names[partners]]
        if others == ["Intercept"]:
            return "not estimable: the same value in every row"
        return f"not estimable: collinear with {', '.join(others)}"

    def _shifted(self, hit: np.ndarray) -> bool:
        """Return whether the first column, by which others are centred, is part of them."""
        parts = self.scaling[0, 1:, None] * self.null[1:, hit]
        return bool((np.abs(parts.sum(axis=0)) > _TOLERANCE * np.abs(parts).sum(axis=0)).any())

    def reasons(self, weights: np.ndarray) -> np.ndarray:
        """Return the reason for each row of weights, as in `reason`."""
        return np.array([self.reason(row) for row in weights], dtype=object)


def find_independent(matrix: pd.DataFrame) -> Independence:
    """Split the columns of a model matrix into independent and dependent ones.

    Columns are taken in order (modified Gram-Schmidt); one is dropped when less than 1e-7
    of its length is left. Unlike R, which then reports the columns kept as if they were
    identified, the result shows which combinations are estimable.
    """
    scaled, scaling = standardise(matrix.to_numpy(dtype=float))
    basis, kept = np.empty((len(scaled), 0)), []
    for position in range(scaled.shape[1]):
        rest = scaled[:, position]
        for _ in range(2):
            rest = rest - basis @ (basis.T @ rest)
        left = np.linalg.norm(rest)
        if left > _TOLERANCE:
            kept.append(position)
            basis = np.column_stack([basis, rest / left])
    return Independence(matrix.columns, np.array(kept, dtype=int), scaling, _null(scaled, kept))


def _null(scaled: np.ndarray, kept: list[int]) -> np.ndarray:
    dropped = [position for position in range(scaled.shape[1]) if position not in kept]
    null = np.zeros((scaled.shape[1], len(dropped)))
    for column, position in enumerate(dropped):
        null[position, column] = 1.0
        null[kept, column] = -np.linalg.lstsq(scaled[:, kept], scaled[:, position])[0]
    return null


def rests_on_one(matrix: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Return True for each coefficient that is lost when some single group is left out.

    Such a coefficient fits its group whatever the outcome is, so a variance taken from the
    residuals of the groups says nothing of it. Columns must be independent, groups 0, 1, 2, ...
    """
    basis, upper = np.linalg.qr(standardise(matrix)[0])
    within = np.zeros((groups.max() + 1, *upper.shape))
    np.add.at(within, groups, basis[:, :, None] * basis[:, None, :])
    share, directions = np.linalg.eigh(within)
    alone = directions.transpose(0, 2, 1)[share > 1 - _TOLERANCE]
    moved = np.abs(np.linalg.solve(upper, alone.T))
    return (moved > _TOLERANCE * moved.max(axis=0, initial=0)).any(axis=1)
