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
    """What a term adds to the terms it is adjusted for, in the basis of the model."""

    term: Term
    own: np.ndarray
    """Orthonormal coordinates of the term's own part, shape (rank of the model, df)."""

    reduced: np.ndarray
    """Projector on the terms it is adjusted for, shape (rank, rank) of the model."""

    others: tuple[Term, ...]
    """The terms that it is adjusted for."""

    note: str

    @property
    def df(self) -> int:
        """Degrees of freedom of the term."""
        return self.own.shape[1]


def read_terms(matrix: ModelMatrix, order: np.ndarray | None = None) -> list[Term]:
    """Return the terms of a model matrix, with rows in the given order."""
    values = matrix.values if order is None else matrix.values.iloc[order]
    return [
        Term(name, _unit_columns(values[columns].to_numpy()))
        for name, columns in matrix.terms.items()
    ]


def joined(terms: Sequence[Term]) -> Term:
    """Return a single term, called ``model``, with the columns of all terms."""
    return Term("model", orthonormal(np.hstack(_columns(terms))))


def model_basis(terms: Sequence[Term], household: np.ndarray | None = None) -> np.ndarray:
    """Return an orthonormal basis of all terms, shape (n_samples, rank).

    Vectors that never vary within households come first, so that exchanging the members of
    a household moves only the others.

    Parameters
    ----------
    terms : sequence of Term
    household : array of int, shape (n_samples,), optional
        Codes 0, 1, ...
    """
    columns = np.hstack([term.columns for term in terms])
    if household is None:
        return orthonormal(columns)
    at_home = columns - household_means(columns, household)[household]
    fixed = np.abs(at_home).max(axis=0, initial=0.0) < 1e-9
    first = orthonormal(columns[:, fixed])
    rest = columns[:, ~fixed]
    return np.hstack([first, orthonormal(rest - first @ (first.T @ rest))])


def term_space(
    term: Term, others: Sequence[Term], basis: np.ndarray, larger: str = ""
) -> TermSpace:
    """Return the subspace that `term` adds to `others`.

    Parameters
    ----------
    term : Term
    others : sequence of Term
        The terms it is adjusted for: those before it, or all the others.
    basis : array, shape (n_samples, rank)
        Of the whole model, from `model_basis`.
    larger : str
        Name of an interaction that contains the term: then it has no marginal effect.
    """
    columns = basis.T @ term.columns
    space = orthonormal(basis.T @ np.hstack([np.empty((len(basis), 0)), *_columns(others)]))
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
    larger = [other.name for other in terms if term.variables < other.variables]
    return larger[0] if larger else ""


def variation(columns: np.ndarray, household: np.ndarray) -> str:
    """Return how columns vary among households: ``within``, ``between``, ``both``, ``none``.

    Within: members differ, and all households of equal size (two or more) have the same
    mean; singletons do not count, because they have no one to be exchanged with.
    Between: members never differ.

    Parameters
    ----------
    columns : array, shape (n_samples, n_columns)
        Scaled so that 1e-9 is nothing.
    household : array of int, shape (n_samples,)
        Codes 0, 1, ...
    """
    size = np.bincount(household)
    means = household_means(columns, household)
    within = _differs(columns - means[household])
    classes = [means[size == n] for n in np.unique(size) if n > 1 or not within]
    between = any(_differs(group - group[:1]) for group in classes) or (
        not within and _differs(means - means[:1])
    )
    return {
        (False, False): "none",
        (True, False): "within",
        (False, True): "between",
        (True, True): "both",
    }[within, between]


def household_means(columns: np.ndarray, household: np.ndarray) -> np.ndarray:
    """Return the mean of each column in each household, shape (n_households, n_columns)."""
    size = np.bincount(household)
    member = sparse.csr_matrix(
        (1 / size[household], (household, np.arange(len(household)))),
        (len(size), len(household)),
    )
    return member @ columns


def _differs(values: np.ndarray) -> bool:
    return bool(values.size) and bool(np.abs(values).max() > 1e-9)


def _unit_columns(columns: np.ndarray) -> np.ndarray:
    centred = columns - columns.mean(axis=0)
    length = np.sqrt(np.einsum("ij,ij->j", centred, centred))
    scale = np.abs(columns).max(axis=0, initial=0.0) * np.sqrt(len(columns))
    varies = length > 1e-12 * np.maximum(scale, 1e-300)
    return centred[:, varies] / length[varies]


def _columns(terms: Sequence[Term]) -> list[np.ndarray]:
    return [term.columns for term in terms]


def _alias_note(term: Term, df: int) -> str:
    asked = term.columns.shape[1]
    if asked == 0:
        return "constant: one level only"
    if df == 0:
        return "collinear: nothing left after the terms it is adjusted for"
    if df < asked:
        return f"{asked - df} of {asked} columns explained by the terms it is adjusted for"
    return ""
