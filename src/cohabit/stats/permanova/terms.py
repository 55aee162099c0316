"""Terms of a formula as subspaces, and their variation within and between households."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.linalg import qr

from cohabit.stats.formula import ModelMatrix

ALIAS_TOLERANCE = 1e-7
"""Length below which a projected column of unit length counts as explained."""


@dataclass(frozen=True, eq=False)
class Term:
    """A term and its columns of the model matrix."""

    name: str
    columns: np.ndarray
    """Centred columns of unit length, (n_samples, n_columns); none for a constant term."""

    @property
    def variables(self) -> frozenset[str]:
        """Names of the term's variables."""
        return frozenset(self.name.split(":"))


@dataclass(frozen=True, eq=False)
class TermSpace:
    """What a term adds to the `others` it is adjusted for, in the basis of the model."""

    term: Term
    own: np.ndarray
    """Orthonormal coordinates of the term's own part, shape (rank of the model, df)."""

    reduced: np.ndarray
    """Projector on the others, shape (rank, rank)."""

    others: tuple[Term, ...]
    note: str

    @property
    def df(self) -> int:
        """Degrees of freedom of the term."""
        return self.own.shape[1]


def read_terms(matrix: ModelMatrix, order: np.ndarray | None = None) -> list[Term]:
    """Return the terms of a model matrix, with rows in the given order."""
    values = matrix.values if order is None else matrix.values.iloc[order]
    return [
        Term(name, unit_columns(values[columns].to_numpy()))
        for name, columns in matrix.terms.items()
    ]


def joined(terms: Sequence[Term]) -> Term:
    """Return a single term, called ``model``, with the columns of all terms."""
    return Term("model", orthonormal(np.hstack([term.columns for term in terms])))


def in_stratum(term: Term, columns: np.ndarray) -> Term:
    """Return a term's part in a stratum, in which its columns have become `columns`."""
    length = np.linalg.norm(columns, axis=0)
    there = length > ALIAS_TOLERANCE
    return Term(term.name, orthonormal(columns[:, there] / length[there]))


def beyond_parts(terms: Sequence[Term]) -> list[Term]:
    """Return the terms that are there: interactions only if they add to the terms inside them."""
    kept = []
    for term in terms:
        parts = [other.columns for other in terms if other.variables < term.variables]
        space = orthonormal(np.hstack([term.columns[:, :0], *parts]))
        if orthonormal(term.columns - space @ (space.T @ term.columns)).shape[1]:
            kept.append(term)
    return kept


def model_basis(terms: Sequence[Term], n_rows: int) -> np.ndarray:
    """Return an orthonormal basis of all terms, shape (n_rows, rank)."""
    return orthonormal(np.hstack([np.empty((n_rows, 0)), *(term.columns for term in terms)]))


def term_space(
    term: Term, others: Sequence[Term], basis: np.ndarray, larger: str = ""
) -> TermSpace:
    """Return the subspace that `term` adds to `others`, in the `model_basis` of the whole model.

    `larger` names an interaction that contains the term: then it has no marginal effect.
    """
    columns = basis.T @ term.columns
    adjusted = [np.empty((len(basis), 0)), *(other.columns for other in others)]
    space = orthonormal(basis.T @ np.hstack(adjusted))
    own = orthonormal(columns - space @ (space.T @ columns))
    note = f"no marginal effect: part of {larger}" if larger else _alias_note(term, own.shape[1])
    own = own[:, :0] if larger else own
    return TermSpace(term, own, space @ space.T, tuple(others), note)


def orthonormal(columns: np.ndarray) -> np.ndarray:
    """Return an orthonormal basis of the columns' span, within numerical precision."""
    if not columns.size:
        return np.empty((len(columns), 0))
    q, r, _ = qr(columns, mode="economic", pivoting=True)
    rank = int(np.sum(np.abs(np.diag(r)) > ALIAS_TOLERANCE))
    return q[:, :rank]


def contained(term: Term, terms: Sequence[Term]) -> str:
    """Return the name of an interaction that contains the term, or an empty string."""
    return next((other.name for other in terms if term.variables < other.variables), "")


def variation(columns: np.ndarray, household: np.ndarray) -> str:
    """Return how columns vary among households: ``within``, ``between``, ``both``, ``none``.

    Within: members differ, and all households of equal size (two or more) have the same
    mean; singletons do not count, because they have no one to be exchanged with.
    Between: members never differ. Columns are scaled so that 1e-9 is nothing.
    """
    size = np.bincount(household)
    means = household_means(columns, household)
    within = _differs(columns - means[household])
    classes = [means[size == n] for n in np.unique(size) if n > 1 or not within]
    between = any(_differs(group - group[:1]) for group in classes) or (
        not within and _differs(means - means[:1])
    )
    if within:
        return "both" if between else "within"
    return "between" if between else "none"


def household_means(columns: np.ndarray, household: np.ndarray) -> np.ndarray:
    """Return the mean of each column in each household, shape (n_households, n_columns)."""
    size = np.bincount(household)
    places = household, np.arange(len(household))
    return sparse.csr_matrix((1 / size[household], places)) @ columns


def _differs(values: np.ndarray) -> bool:
    return bool(values.size) and bool(np.abs(values).max() > 1e-9)


def unit_columns(columns: np.ndarray) -> np.ndarray:
    """Return the columns that vary, centred and scaled to length one."""
    centred = columns - columns.mean(axis=0)
    length = np.sqrt(np.einsum("ij,ij->j", centred, centred))
    scale = np.abs(columns).max(axis=0, initial=0.0) * np.sqrt(len(columns))
    varies = length > 1e-12 * np.maximum(scale, 1e-300)
    return centred[:, varies] / length[varies]


def _alias_note(term: Term, df: int) -> str:
    asked = term.columns.shape[1]
    if asked == 0:
        return "constant: one level only"
    if df == 0:
        return "collinear: nothing left after the terms it is adjusted for"
    if df < asked:
        return f"{asked - df} of {asked} columns explained by the terms it is adjusted for"
    return ""
