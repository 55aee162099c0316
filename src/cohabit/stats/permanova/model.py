"""A formula laid over error strata: everything of PERMANOVA that does not depend on distances."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from cohabit.data import schema
from cohabit.stats.formula import model_matrix
from cohabit.stats.permanova.plans import TermPlan, plan_term
from cohabit.stats.permanova.strata import (
    Design,
    ErrorStratum,
    error_strata,
    one_stratum,
    read_design,
    sample_order,
    take,
)
from cohabit.stats.permanova.terms import (
    Term,
    TermSpace,
    beyond_parts,
    contained,
    joined,
    model_basis,
    read_terms,
    term_space,
)

WIDE_FROM = 25
"""Number of a factor's columns from which permutations avoid its basis."""

SCHEMES = ("auto", "free", "within")
"""In error strata; or in one stratum, permuted freely or within households."""


@dataclass(frozen=True)
class Options:
    """The checked options of `permanova.permanova`."""

    by: str = "margin"
    blocks: str | None = "household_id"
    strata: str | None = "site"
    persons: str | None = "participant_id"
    scheme: str = "auto"
    permute: str = "residuals"
    n_permutations: int = 999
    only: str | None = None
    """The only term to report, or None for all terms."""

    def __post_init__(self) -> None:
        schema.check_choice("by: got", self.by, ("margin", "terms", "model"))
        schema.check_choice("permute: got", self.permute, ("residuals", "raw"))
        schema.check_choice("scheme: got", self.scheme, SCHEMES)
        if self.blocks is None and self.scheme == "within":
            raise ValueError("scheme 'within' needs households: name their column in `blocks`")
        if self.n_permutations < 0:
            raise ValueError(f"n_permutations: expected at least 0; got {self.n_permutations}")


@dataclass(frozen=True, eq=False)
class StratumModel:
    """The terms of one stratum."""

    stratum: ErrorStratum
    terms: tuple[Term, ...]
    basis: np.ndarray
    """Orthonormal basis of the terms, shape (n_rows, rank)."""

    plans: tuple[TermPlan, ...]
    wide: tuple[Term, np.ndarray] | None = None
    """The factor with most columns and its codes, if it has many levels."""


@dataclass(frozen=True, eq=False)
class PreparedModel:
    """A formula and its samples."""

    order: np.ndarray
    """Positions of the samples when sorted by household and person."""

    models: tuple[StratumModel, ...]
    """The models of the strata, outermost first."""

    options: Options
    home: StratumModel | None
    """The model of the household itself, if it is a term."""

    absent: dict[str, str]
    """Terms that vary in no stratum, and why."""


def prepare_model(people: pd.DataFrame, formula: str, options: Options) -> PreparedModel:
    """Read a formula, and adjust and permute each term in the strata in which it varies."""
    labels = [name for name in (options.blocks, options.strata) if name in people]
    people = people.assign(**{name: _as_labels(people[name]) for name in labels})
    matrix = model_matrix(formula, people)
    design = read_design(people, options.blocks, options.strata, options.persons)
    order = sample_order(design, people.index)
    design, people = take(design, order), people.iloc[order]
    terms = read_terms(matrix, order)
    there = [term for term in terms if term.columns.shape[1]]
    own, home = [], None
    if options.scheme != "auto" or len(design.levels) == 1:
        models = [_whole_model(one_stratum(design, options.scheme), there, design, people, options)]
    else:
        own = [term for term in there if term.variables == {options.blocks}]
        others = [term for term in there if term not in own]
        strata = error_strata(design)[len(own) :]
        models = [_stratum_model(stratum, others, design, options) for stratum in strata]
        home = _home_model(own[0], there, design, people, options) if own else None
    _check_freedom(formula, models, people)
    return PreparedModel(order, tuple(models), options, home, _absent(terms, models, own))


def _as_labels(column: pd.Series) -> pd.Series:
    """Return a column of names as sorted categories; categorical columns are unchanged."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column
    names = column.astype("string").astype(object)
    return names.astype(pd.CategoricalDtype(sorted(names.dropna().unique())))


def _whole_model(
    stratum: ErrorStratum,
    terms: Sequence[Term],
    design: Design,
    people: pd.DataFrame,
    options: Options,
) -> StratumModel:
    """Return the model of all samples as one stratum."""
    model = _model_of(stratum, terms, design, options)
    return replace(model, wide=_widest(model.terms, people))


def _stratum_model(
    stratum: ErrorStratum, terms: Sequence[Term], design: Design, options: Options
) -> StratumModel:
    """Return the model of a stratum, with the terms that vary there."""
    parts = [stratum.part_of_term(term) for term in terms]
    parts = beyond_parts([part for part in parts if part.columns.shape[1]])
    return _model_of(stratum, parts, design, options)


def _home_model(
    home: Term, terms: Sequence[Term], design: Design, people: pd.DataFrame, options: Options
) -> StratumModel:
    """Return the model in which the household is a term: among people, whoever lives together.

    Term by term, the household comes first: the others then share out what is left within it.
    """
    stratum = replace(one_stratum(design, "auto"), name=f"between {design.levels[0].name}")
    first = [home, *(term for term in terms if term is not home)]
    by = "terms" if options.by == "terms" else "margin"
    only = replace(options, by=by, only=home.name)
    return _whole_model(stratum, first, design, people, only)


def _model_of(
    stratum: ErrorStratum, terms: Sequence[Term], design: Design, options: Options
) -> StratumModel:
    terms = [joined(terms)] if options.by == "model" and terms else terms
    basis = model_basis(terms, stratum.n_rows)
    asked = [term for term in terms if options.only in (None, term.name)]
    spaces = [adjusted_space(term, terms, basis, options.by) for term in asked]
    plans = [plan_term(space, stratum, design, basis.shape[1]) for space in spaces]
    return StratumModel(stratum, tuple(terms), basis, tuple(plans))


def adjusted_space(term: Term, terms: Sequence[Term], basis: np.ndarray, by: str) -> TermSpace:
    """Return what a term adds to all other terms, or to those before it when `by` is ``terms``."""
    before = terms[: terms.index(term)]
    others = before if by == "terms" else [other for other in terms if other is not term]
    larger = contained(term, terms) if by == "margin" else ""
    return term_space(term, others, basis, larger)


def _widest(terms: Sequence[Term], people: pd.DataFrame) -> tuple[Term, np.ndarray] | None:
    """Return the widest factor and its codes, if it counts as wide."""
    factors = [term for term in terms if term.name in people]
    widest = max(factors, key=lambda term: term.columns.shape[1], default=None)
    if widest is None or widest.columns.shape[1] < WIDE_FROM:
        return None
    return widest, pd.factorize(people[widest.name].astype(str))[0]


def _check_freedom(formula: str, models: Sequence[StratumModel], people: pd.DataFrame) -> None:
    rank = sum(model.basis.shape[1] for model in models)
    if all(model.stratum.df <= model.basis.shape[1] for model in models):
        raise ValueError(
            f"formula {formula!r}: {len(people)} samples leave no residual degrees of freedom "
            f"for {rank} model columns; leave a term out"
        )


def _absent(
    terms: Sequence[Term], models: Sequence[StratumModel], own: Sequence[Term]
) -> dict[str, str]:
    """Return why terms are in no stratum."""
    if models[0].plans and models[0].plans[0].space.term.name == "model":
        return {}
    there = {term.name for term in own} | {x.name for model in models for x in model.terms}
    reason = (
        "nothing differs inside households" if own else "differs between sizes of household only"
    )
    return {
        term.name: f"collinear: {reason}" if term.columns.shape[1] else "constant: one level only"
        for term in terms
        if term.name not in there
    }
