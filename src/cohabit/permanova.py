"""PERMANOVA for people who live together: several terms, each permuted as it varies.

A term that differs inside households is tested by exchanging the members of a household,
one that differs between households by exchanging whole households; see `permutation` and
the section PERMANOVA of ``docs/methods.md``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control

from cohabit import geometry as geo
from cohabit import schema
from cohabit.formula import model_matrix
from cohabit.permutation import SCHEMES
from cohabit.pseudo_f import Fit
from cohabit.schemes import Plan, household_order, plan_term, read_homes
from cohabit.terms import Term, TermSpace, contained, model_basis, read_terms, term_space

COLUMNS = (
    "df",
    "sum_of_squares",
    "r2",
    "r2_adjusted",
    "pseudo_f",
    "p_value",
    "scheme",
    "note",
)


def permanova(
    distances,
    metadata: pd.DataFrame,
    formula: str,
    by: str = "margin",
    *,
    blocks: str | None = "household_id",
    strata: str | None = "site",
    scheme: str = "auto",
    permute: str = "residuals",
    n_permutations: int = 999,
    rng=None,
) -> pd.DataFrame:
    r"""Partition distances among the terms of a formula and test each by permutation.

    With the Gower-centred matrix :math:`G`, the projector :math:`H` on the model and
    :math:`H_{-j}` on the terms that term :math:`j` is adjusted for, the sum of squares is
    :math:`tr((H - H_{-j}) G)` and pseudo-F its mean square over that of the residual [1]_.

    Parameters
    ----------
    distances : skbio DistanceMatrix or square DataFrame
    metadata : DataFrame
        Index: sample IDs. Rows are matched by ID; further rows are ignored.
    formula : str
        Terms joined by ``+``, ``:`` and ``*``, as in ``"site + age + group"``.
    by : {"margin", "terms"}
        Adjust each term for all others, or for those before it.
    blocks : str or None
        Column of the household. None: nobody lives together.
    strata : str or None
        Column of the place within which households are exchanged, when the term varies
        there. It is used when the metadata has it; None: exchange across all places.
    scheme : {"auto", "free", "within", "between", "both"}
        How to permute. ``"auto"`` chooses for each term by how it varies; any other value
        holds for all terms, and a term it cannot move gets no p-value.
    permute : {"residuals", "raw"}
        Permute residuals of the reduced model (Freedman-Lane) [2]_ or the data, as
        vegan's adonis2 does.
    n_permutations : int
        Random permutations. When there are no more than this in all, each is taken once
        and the p-value is exact. 0: no p-values.
    rng : Generator, int or None

    Returns
    -------
    DataFrame
        Index: the terms, ``residual``, ``total``. Columns: `COLUMNS`.
        ``r2_adjusted`` is (SS - df MS_residual) / SS_total.

    Raises
    ------
    ValueError
        When an option, a column or a sample is unknown, a value is missing, or no residual
        degrees of freedom are left.

    References
    ----------
    .. [1] McArdle & Anderson (2001). Ecology 82:290.
    .. [2] Freedman & Lane (1983). J Bus Econ Stat 1:292.
    """
    geometry, ids = geo.from_distances(distances)
    people = geo.align(ids, metadata)
    options = _Options(by, blocks, strata, scheme, permute, n_permutations)
    return _analyse(geometry, people, formula, options, np.random.default_rng(rng))


def permanova_features(
    features: pd.DataFrame, metadata: pd.DataFrame, formula: str, by: str = "margin", **options
) -> pd.DataFrame:
    """Do what `permanova` does for Euclidean distances, without a distance matrix.

    Parameters
    ----------
    features : DataFrame, shape (n_samples, n_features)
        Values whose Euclidean distances are meant; CLR values give Aitchison distances.
    metadata, formula, by
        As in `permanova`.
    **options
        `blocks`, `strata`, `scheme`, `permute`, `n_permutations`, `rng` of `permanova`.

    Returns
    -------
    DataFrame
        As from `permanova`.
    """
    rng = np.random.default_rng(options.pop("rng", None))
    geometry, ids = geo.from_features(features)
    people = geo.align(ids, metadata)
    return _analyse(geometry, people, formula, _Options(by, **options), rng)


def pairwise_permanova(
    distances,
    metadata: pd.DataFrame,
    column: str,
    *,
    covariates: str = "",
    n_permutations: int = 999,
    rng=None,
    **options,
) -> pd.DataFrame:
    """Test every two levels of a column against each other, with FDR over the contrasts.

    Each contrast is a PERMANOVA of the samples at its two levels. It is permuted as its
    people live: a patient group and its own partners within households, two groups of
    strangers as single people.

    Parameters
    ----------
    distances : skbio DistanceMatrix or square DataFrame
    metadata : DataFrame
        Index: sample IDs.
    column : str
        Categorical column; samples without a value are left out.
    covariates : str
        Formula of terms that each contrast is adjusted for.
    n_permutations, rng, **options
        As in `permanova`.

    Returns
    -------
    DataFrame
        One row a contrast: contrast, n, n_households, the columns of `permanova`, and
        q_value (Benjamini-Hochberg).
    """
    matrix, ids = geo.distance_array(distances)
    people = schema.order_levels(geo.align(ids, metadata))
    if column not in people:
        raise ValueError(f"no column {column!r}: {schema.nearest(column, people)}")
    formula = f"{covariates} + {column}" if covariates.strip() else column
    levels = pd.Categorical(people[column]).remove_unused_categories().categories
    seeds = np.random.default_rng(rng).integers(2**63, size=len(levels) ** 2)
    rows = []
    for (low, high), seed in zip(combinations(levels, 2), seeds, strict=False):
        chosen = np.flatnonzero(people[column].isin([low, high]))
        block = pd.DataFrame(matrix[np.ix_(chosen, chosen)], ids[chosen], ids[chosen])
        own = people.iloc[chosen]
        result = permanova(
            block, own, formula, n_permutations=n_permutations, rng=int(seed), **options
        )
        size = {"n": len(own), "n_households": _count_homes(own, options)}
        rows.append({"contrast": f"{high} - {low}"} | size | result.loc[column].to_dict())
    table = pd.DataFrame(rows, columns=["contrast", "n", "n_households", *COLUMNS])
    return table.assign(q_value=_adjust(table["p_value"]))


def _count_homes(people: pd.DataFrame, options: dict) -> int:
    blocks = options.get("blocks", "household_id")
    return len(people) if blocks is None else people[blocks].nunique()


def _adjust(p_values: pd.Series) -> pd.Series:
    """Return Benjamini-Hochberg q-values; a missing p-value stays missing."""
    known = p_values.dropna()
    q_values = false_discovery_control(known) if len(known) else []
    return pd.Series(q_values, index=known.index, dtype=float).reindex(p_values.index)


@dataclass(frozen=True)
class _Options:
    by: str = "margin"
    blocks: str | None = "household_id"
    strata: str | None = "site"
    scheme: str = "auto"
    permute: str = "residuals"
    n_permutations: int = 999

    def __post_init__(self) -> None:
        _check_choice("by", self.by, ("margin", "terms"))
        _check_choice("scheme", self.scheme, ("auto", *SCHEMES))
        _check_choice("permute", self.permute, ("residuals", "raw"))
        if self.n_permutations < 0:
            raise ValueError(f"n_permutations: expected at least 0; got {self.n_permutations}")
        if self.blocks is None and self.scheme not in ("auto", "free"):
            raise ValueError(
                f"scheme {self.scheme!r} needs households: name their column in `blocks`"
            )


def _analyse(
    geometry: geo.Geometry,
    people: pd.DataFrame,
    formula: str,
    options: _Options,
    rng: np.random.Generator,
) -> pd.DataFrame:
    matrix = model_matrix(formula, people)
    homes = read_homes(people, options.blocks, options.strata)
    order = household_order(read_terms(matrix), homes, people.index)
    homes, geometry = homes.take(order), geometry.take(order)
    terms = read_terms(matrix, order)
    basis = model_basis(terms)
    if len(people) - 1 - basis.shape[1] < 1:
        raise ValueError(
            f"formula {formula!r}: {len(people)} samples leave no residual degrees of freedom "
            f"for {basis.shape[1]} model columns; leave a term out"
        )
    plans = [
        plan_term(_space(term, terms, basis, options.by), terms, homes, options.scheme)
        for term in terms
    ]
    fit = Fit(geometry, basis, options.permute)
    p_values, notes = _p_values(fit, plans, options.n_permutations, rng)
    return _table(fit, plans, p_values, notes)


def _space(term: Term, terms: Sequence[Term], basis: np.ndarray, by: str) -> TermSpace:
    place = terms.index(term)
    others = terms[:place] if by == "terms" else [*terms[:place], *terms[place + 1 :]]
    larger = contained(term, terms) if by == "margin" else ""
    return term_space(term, others, basis, larger)


def _p_values(
    fit: Fit, plans: Sequence[Plan], n_permutations: int, rng: np.random.Generator
) -> tuple[dict[str, float], dict[str, str]]:
    """Return p-values and notes by term; terms that permute alike share their permutations."""
    seeds = rng.integers(2**63, size=2 * len(SCHEMES))
    alike: dict[int, list[Plan]] = {}
    for plan in plans:
        if plan.exchange is not None and n_permutations > 0:
            alike.setdefault(plan.stream, []).append(plan)
    p_values, notes = {}, {}
    for stream, group in alike.items():
        exchange, count = group[0].exchange, group[0].exchange.count()
        exact = count <= n_permutations
        draws = (
            [exchange.every()]
            if exact
            else exchange.draw_blocks(
                n_permutations, fit.block, np.random.default_rng(seeds[stream])
            )
        )
        beyond = fit.count_beyond([plan.space for plan in group], draws)
        for plan, hits in zip(group, beyond, strict=True):
            name = plan.space.term.name
            p_values[name] = hits / count if exact else (hits + 1) / (n_permutations + 1)
            notes[name] = f"exact: all {count} permutations" if exact else ""
    return p_values, notes


def _table(
    fit: Fit, plans: Sequence[Plan], p_values: dict[str, float], notes: dict[str, str]
) -> pd.DataFrame:
    rows = {}
    for plan in plans:
        name = plan.space.term.name
        said = "; ".join(note for note in (*plan.notes, notes.get(name, "")) if note)
        rows[name] = (*fit.row(plan.space), p_values.get(name, np.nan), plan.scheme, said)
    rows["residual"] = (*fit.residual_row(), np.nan, np.nan, "", "")
    rows["total"] = (fit.n_samples - 1, fit.total, 1.0, 1.0, np.nan, np.nan, "", "")
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(COLUMNS)).rename_axis("term")


def _check_choice(name: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise ValueError(f"{name}: got {value!r}; {schema.nearest(value, known)}")
