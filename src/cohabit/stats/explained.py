"""Explained variation (R²) with jackknife intervals, and differences between R² values.

PERMANOVA tests whether an R² differs from zero but gives no interval. Here whole households are
left out in turn (delete-a-group jackknife), so that the similarity of partners is accounted for.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from cohabit.stats.alignment import align_metadata, check_complete, read_distances
from cohabit.stats.formula import model_matrix, variables
from cohabit.stats.inference import deal_groups, jackknife_interval, leave_groups_out
from cohabit.stats.least_squares import standardise

VALUES = ("r2", "r2_adjusted")


@dataclass(frozen=True)
class ExplainedVariation:
    """R² of several terms in one set of samples, with jackknife replicates."""

    estimates: pd.DataFrame
    """One row per term; columns `df`, `r2` and `r2_adjusted`."""

    replicates: pd.DataFrame
    """One row per group of households left out; columns: (value, term)."""

    @property
    def table(self) -> pd.DataFrame:
        """Estimates of each term with 95% intervals (columns `low` and `high`)."""
        columns = {"df": self.estimates["df"].astype(int)}
        for value in VALUES:
            found = jackknife_interval(self.estimates[value], self.replicates[value])
            columns |= {value: found["estimate"]}
            columns |= {f"{value}_{end}": found[end] for end in ("low", "high")}
        return pd.DataFrame(columns).rename_axis("term").reset_index()

    def compare(self, first: str, second: str, value: str = "r2_adjusted") -> pd.Series:
        """Return the difference between two terms with its 95% interval.

        Both are estimated in the same people, so the interval is that of the difference, not the
        one implied by two separate intervals.
        """
        estimate = self.estimates[value].loc[first] - self.estimates[value].loc[second]
        differences = self.replicates[value][first] - self.replicates[value][second]
        return pd.Series(jackknife_interval(estimate, differences))


def explain_alone(
    distances,
    metadata: pd.DataFrame,
    terms: Sequence[str],
    *,
    blocks: str = "household_id",
    n_groups: int = 40,
    rng: int | np.random.Generator | None = None,
) -> ExplainedVariation:
    """Return the R² of each term in a model of its own, as in the study's table.

    Parameters
    ----------
    distances : skbio DistanceMatrix or DataFrame, shape (n_samples, n_samples)
    metadata : DataFrame
        Index: the IDs of the distances, in any order; further rows are ignored.
    terms : sequence of str
        Columns of the metadata; categories or numbers, no value missing.
    blocks : str
        Column whose levels are left out together.
    n_groups : int
        Groups of blocks left out in turn, at least 10.
    rng : int or Generator, optional
        Decides which blocks form a group.

    Notes
    -----
    With total sum of squares T, a term's S on d degrees of freedom and residual mean square M,
    R² = S / T and the adjusted R² = (S - d M) / T, which is 0 on average when nothing is
    explained. Intervals: t quantile of n_groups - 1 times the jackknife error (Wolter 2007,
    Introduction to Variance Estimation, chapter 4).
    """
    squares, people = _aligned(distances, metadata, [*terms, blocks])
    nothing = np.empty((len(people), 0))
    columns = {term: (_columns(term, people), nothing) for term in terms}
    return _jackknife(squares, columns, people[blocks], n_groups, rng)


def explain_jointly(
    distances,
    metadata: pd.DataFrame,
    formula: str,
    *,
    blocks: str = "household_id",
    n_groups: int = 40,
    rng: int | np.random.Generator | None = None,
) -> ExplainedVariation:
    """Return the R² that each term adds to all other terms of a model (marginal R²).

    Parameters as in `explain_alone`; `formula` joins names by ``+``.
    """
    squares, people = _aligned(distances, metadata, [*variables(formula), blocks])
    matrix = model_matrix(formula, people)
    full = matrix.values.drop(columns="Intercept")
    columns = {
        term: (full.to_numpy(), full.drop(columns=names).to_numpy())
        for term, names in matrix.terms.items()
    }
    return _jackknife(squares, columns, people[blocks], n_groups, rng)


def _aligned(distances, metadata: pd.DataFrame, columns: list[str]):
    matrix, ids = read_distances(distances)
    people = align_metadata(ids, metadata)
    remedy = "take these people out of the distances, or leave the term out"
    for column in [name for name in columns if name in people]:
        check_complete(people, column, remedy)
    return matrix**2, people


def _columns(term: str, people: pd.DataFrame) -> np.ndarray | sparse.csr_matrix:
    """Return a numeric variable's column, or a category's indicators as a sparse matrix."""
    if term in people and not pd.api.types.is_numeric_dtype(people[term]):
        codes, levels = pd.factorize(people[term])
        shape = (len(codes), len(levels))
        return sparse.csr_matrix((np.ones(len(codes)), (np.arange(len(codes)), codes)), shape)
    return model_matrix(term, people).values.drop(columns="Intercept").to_numpy()


def _jackknife(
    squares: np.ndarray, columns: dict[str, tuple], blocks: pd.Series, n_groups: int, rng
) -> ExplainedVariation:
    """Explain by each term's columns beside others, once with everyone and without each group."""
    codes, levels = pd.factorize(blocks.astype(str), sort=True)
    if not n_groups >= 10:
        raise ValueError(f"n_groups: expected at least 10; got {n_groups}")
    found, left = leave_groups_out(
        lambda rows: np.array([_explained(squares, rows, *pair) for pair in columns.values()]),
        deal_groups(codes, min(n_groups, len(levels)), rng),
    )
    replicates = {
        value: pd.DataFrame(left[:, :, place], columns=list(columns))
        for place, value in enumerate(VALUES, start=1)
    }
    estimates = pd.DataFrame(found, list(columns), ["df", *VALUES])
    return ExplainedVariation(estimates, pd.concat(replicates, axis=1))


def _explained(squares: np.ndarray, rows: np.ndarray, full, without) -> tuple:
    """Return df, R² and adjusted R² of the terms that `full` has and `without` lacks."""
    inside = squares if rows.all() else squares[np.ix_(rows, rows)]
    total, n = inside.sum() / (2 * len(inside)), len(inside)
    explained, rank = _model_squares(inside, full[rows])
    less, less_rank = _model_squares(inside, without[rows])
    residual = (total - explained) / (n - 1 - rank)
    added, df = explained - less, rank - less_rank
    return df, added / total, (added - df * residual) / total


def _model_squares(squares: np.ndarray, columns) -> tuple[float, int]:
    """Return the sum of squares explained by the columns beyond the mean, and their rank."""
    n = len(squares)
    if sparse.issparse(columns):
        sizes = np.asarray(columns.sum(axis=0)).ravel()
        columns, sizes = columns[:, sizes > 0], sizes[sizes > 0]
        within = np.asarray(columns.multiply(squares @ columns).sum(axis=0)).ravel()
        return squares.sum() / (2 * n) - (within / (2 * sizes)).sum(), len(sizes) - 1
    if not columns.shape[1]:
        return 0.0, 0
    scaled, _ = standardise(np.column_stack([np.ones(n), columns]))
    left, strength, _ = np.linalg.svd(scaled[:, 1:], full_matrices=False)
    basis = left[:, strength > 1e-9 * strength[0]]
    return float(-0.5 * np.einsum("ik,ik->", basis, squares @ basis)), basis.shape[1]
