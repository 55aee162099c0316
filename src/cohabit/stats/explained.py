"""Explained variation (R²) with intervals, and differences between R² values.

PERMANOVA tests whether an R² differs from zero but gives no interval. Partners are alike, so what
chance explains is counted apart for what differs between households and within them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from cohabit.stats.alignment import align_metadata, check_complete
from cohabit.stats.formula import model_matrix, variables
from cohabit.stats.gain import Gain, GainOfHome, HomeDistances, LeftOver, gain_of_home
from cohabit.stats.inference import deal_groups, jackknife_interval
from cohabit.stats.permanova.geometry import from_distances
from cohabit.stats.permanova.model import adjusted_space
from cohabit.stats.permanova.terms import (
    Term,
    beyond_parts,
    in_stratum,
    model_basis,
    read_terms,
    unit_columns,
)

VALUES = ("r2", "r2_adjusted")


@dataclass(frozen=True)
class ExplainedVariation:
    """R² of several terms in one set of samples, with intervals."""

    estimates: pd.DataFrame
    """One row per term; columns `df`, `r2`, `r2_adjusted`, and each R² with `_low` and `_high`."""

    correlations: pd.DataFrame
    """How the estimates of two terms go together; rows and columns: terms."""

    @property
    def table(self) -> pd.DataFrame:
        """Estimates of each term with 95% intervals (columns `low` and `high`)."""
        return self.estimates.astype({"df": int}).rename_axis("term").reset_index()

    def compare(self, first: str, second: str, value: str = "r2_adjusted") -> pd.Series:
        """Return the difference between two terms with its 95% interval.

        The two intervals are joined by their distances from the estimates and by the correlation
        of these, because both terms are estimated in the same people (MOVER: Zou 2007, Psychol
        Methods 12:399).
        """
        columns = [value, f"{value}_low", f"{value}_high"]
        one, low, high = self.estimates.loc[first, columns]
        other, other_low, other_high = self.estimates.loc[second, columns]
        together = self.correlations.loc[first, second]
        down = _reach(one - low, other_high - other, together)
        up = _reach(high - one, other - other_low, together)
        estimate = one - other
        return pd.Series({"estimate": estimate, "low": estimate - down, "high": estimate + up})


def _reach(first: float, second: float, correlation: float) -> float:
    return np.sqrt(max(0.0, first**2 + second**2 - 2 * correlation * first * second))


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
        Groups of blocks left out in turn, at least 10, for the household's interval.
    rng : int or Generator, optional
        Decides which blocks form a group.

    Notes
    -----
    With total sum of squares T, a term's S on d degrees of freedom and C what as many random
    columns would explain, R² = S / T and the adjusted R² = (S - C) / T, which is 0 on average
    when nothing is explained. C counts the residual mean square within households for that
    part of the columns that differs within them, and that between households for the rest;
    for the household itself it is d mean squares within.

    95% intervals: the values for which S is neither among the lowest nor the highest 2.5%, by
    a scaled F distribution with the first two moments of S (see ``docs/methods.md``); for the
    household, t quantile of n_groups - 1 times the delete-a-group jackknife error (Wolter 2007,
    Introduction to Variance Estimation, chapter 4). An interval of R² is that of the adjusted
    R² moved by C / T.
    """
    gram, people = _aligned(distances, metadata, [*terms, blocks])
    columns = {term: _columns(term, people) for term in terms if term != blocks}

    def gains(rows: np.ndarray, homes: HomeDistances) -> dict[str, Gain | GainOfHome]:
        return {
            term: gain_of_home(homes) if term == blocks else _alone(homes, columns[term][rows])
            for term in terms
        }

    return _estimate(gram, people[blocks], gains, n_groups, rng)


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

    As in `permanova`, each term is adjusted for the others within households and between them;
    its R² is the sum of both, as are its degrees of freedom. Parameters as in `explain_alone`;
    `formula` joins names by ``+``.
    """
    gram, people = _aligned(distances, metadata, [*variables(formula), blocks])
    terms = read_terms(model_matrix(formula, people))

    def gains(rows: np.ndarray, homes: HomeDistances) -> dict[str, Gain]:
        return _jointly(homes, [Term(term.name, term.columns[rows]) for term in terms])

    return _estimate(gram, people[blocks], gains, n_groups, rng)


def _aligned(distances, metadata: pd.DataFrame, columns: list[str]):
    geometry, ids = from_distances(distances)
    people = align_metadata(ids, metadata)
    remedy = "take these people out of the distances, or leave the term out"
    for column in [name for name in columns if name in people]:
        check_complete(people, column, remedy)
    return geometry.gram / (np.trace(geometry.gram) or 1.0), people


def _columns(term: str, people: pd.DataFrame) -> np.ndarray:
    """Return a numeric variable's column, or a category's indicators."""
    if term in people and not pd.api.types.is_numeric_dtype(people[term]):
        codes, levels = pd.factorize(people[term])
        return unit_columns(np.eye(len(levels))[codes])
    return unit_columns(model_matrix(term, people).values.drop(columns="Intercept").to_numpy())


def _alone(homes: HomeDistances, columns: np.ndarray) -> Gain:
    """Return what a term explains in a model of its own."""
    bases = [in_stratum(Term("", columns), stratum(columns)).columns for stratum in homes.strata]
    added = in_stratum(Term("", columns), columns - columns.mean(axis=0)).columns
    return Gain(added, LeftOver(homes, bases))


def _jointly(homes: HomeDistances, terms: Sequence[Term]) -> dict[str, Gain]:
    """Return what each term adds to the others, over the strata."""
    bases, added = [], {term.name: [] for term in terms}
    for stratum in homes.strata:
        parts = [in_stratum(term, stratum(term.columns)) for term in terms]
        parts = beyond_parts([part for part in parts if part.columns.shape[1]])
        basis = model_basis(parts, len(homes.codes))
        bases.append(basis)
        for part in parts:
            space = adjusted_space(part, parts, basis, "margin")
            added[part.name].append(basis @ space.own)
    residuals = LeftOver(homes, bases)
    nothing = np.empty((len(homes.codes), 0))
    return {name: Gain(np.hstack([nothing, *found]), residuals) for name, found in added.items()}


def _estimate(gram: np.ndarray, blocks: pd.Series, gains, n_groups: int, rng) -> ExplainedVariation:
    """Measure the gains of all terms, once with everyone and without each group of blocks."""
    codes, levels = pd.factorize(blocks.astype(str), sort=True)
    if not n_groups >= 10:
        raise ValueError(f"n_groups: expected at least 10; got {n_groups}")
    whole = gains(np.ones(len(codes), dtype=bool), HomeDistances(gram, codes))
    correlations = pd.DataFrame(np.eye(len(whole)), [*whole], [*whole])
    for one, other in combinations([name for name in whole if isinstance(whole[name], Gain)], 2):
        shared = whole[one].correlation(whole[other])
        correlations.loc[one, other] = correlations.loc[other, one] = shared
    intervals = {name: gain.interval for name, gain in whole.items() if isinstance(gain, Gain)}
    if len(intervals) < len(whole):
        left = _leave_out(gram, codes, gains, min(n_groups, len(levels)), rng)
        for home in whole.keys() - intervals.keys():
            found = jackknife_interval(whole[home].shares[1], left[home])
            intervals[home] = found["low"], found["high"]
            correlations.loc[home] = correlations[home] = left.corr()[home]
    rows = [_row(gain, *intervals[name]) for name, gain in whole.items()]
    columns = ["df", *(f"{value}{end}" for value in VALUES for end in ("", "_low", "_high"))]
    return ExplainedVariation(pd.DataFrame(rows, [*whole], columns), correlations)


def _leave_out(gram: np.ndarray, codes: np.ndarray, gains, n_groups: int, rng) -> pd.DataFrame:
    """Return the adjusted R² of each term without each group of blocks."""

    def measure(rows: np.ndarray) -> pd.Series:
        left = np.unique(codes[rows], return_inverse=True)[1]
        homes = HomeDistances(gram[np.ix_(rows, rows)], left)
        return pd.Series({name: gain.shares[1] for name, gain in gains(rows, homes).items()})

    groups = deal_groups(codes, n_groups, rng)
    return pd.DataFrame([measure(groups != group) for group in np.unique(groups)])


def _row(gain: Gain | GainOfHome, low: float, high: float) -> tuple:
    r2, adjusted = gain.shares
    by_chance = r2 - adjusted
    return gain.df, r2, low + by_chance, high + by_chance, adjusted, low, high
