"""The two public functions of PERMANOVA: for distances and for features."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cohabit.data import schema
from cohabit.stats.alignment import align_metadata
from cohabit.stats.formula import model_matrix
from cohabit.stats.permanova.geometry import Geometry, from_distances, from_features
from cohabit.stats.permanova.pseudo_f import PairFit, PermanovaFit, WideFit
from cohabit.stats.permanova.schemes import (
    SCHEMES,
    Exchange,
    TermPlan,
    household_order,
    plan_term,
    read_homes,
)
from cohabit.stats.permanova.terms import (
    Term,
    TermSpace,
    contained,
    joined,
    model_basis,
    read_terms,
    term_space,
)

WIDE_FROM = 25
"""Number of a factor's columns from which permutations avoid its basis."""

PERMANOVA_COLUMNS = (
    *("df", "sum_of_squares", "r2", "r2_adjusted", "pseudo_f"),
    *("p_value", "scheme", "note"),
)
"""Columns of the table, in order."""


@dataclass(frozen=True)
class Options:
    """The checked options of `permanova.permanova`."""

    by: str = "margin"
    blocks: str | None = "household_id"
    strata: str | None = "site"
    scheme: str | Mapping[str, str] = "auto"
    permute: str = "residuals"
    n_permutations: int = 999
    only: str | None = None
    """The only term to report, or None for all terms."""

    def __post_init__(self) -> None:
        schema.check_choice("by: got", self.by, ("margin", "terms", "model"))
        schema.check_choice("permute: got", self.permute, ("residuals", "raw"))
        for scheme in [self.scheme] if isinstance(self.scheme, str) else self.scheme.values():
            schema.check_choice("scheme: got", scheme, ("auto", *SCHEMES))
            if self.blocks is None and scheme not in ("auto", "free"):
                raise ValueError(
                    f"scheme {scheme!r} needs households: name their column in `blocks`"
                )
        if self.n_permutations < 0:
            raise ValueError(f"n_permutations: expected at least 0; got {self.n_permutations}")

    def schemes_of(self, terms: Sequence[Term]) -> dict[str, str]:
        """Return the scheme requested for each term; ValueError for a term not in the formula."""
        names = [term.name for term in terms]
        if isinstance(self.scheme, str):
            return dict.fromkeys(names, self.scheme)
        for name in self.scheme:
            schema.check_choice("scheme: term: got", name, names)
        return dict.fromkeys(names, "auto") | dict(self.scheme)


def permanova(
    distances,
    metadata: pd.DataFrame,
    formula: str,
    by: str = "margin",
    *,
    blocks: str | None = "household_id",
    strata: str | None = "site",
    scheme: str | Mapping[str, str] = "auto",
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
    by : {"margin", "terms", "model"}
        Adjust each term for all others, or for those before it; or test all terms as one.
    blocks : str or None
        Column of the household. None: no households.
    strata : str or None
        Column of the place within which households are exchanged, when the term varies
        there. It is used when the metadata has it; None: exchange across all places.
    scheme : {"auto", "free", "within", "between", "both"} or mapping of term to scheme
        How to permute. ``"auto"`` chooses for each term by how it varies; any other value
        holds for all terms, and a term it cannot move gets no p-value. In a mapping, terms
        that are not named are ``"auto"``.
    permute : {"residuals", "raw"}
        Permute residuals of the reduced model (Freedman-Lane) [2]_, each permuted mean
        square over its own degrees of freedom, or the data, as vegan's adonis2 does.
    n_permutations : int
        Random permutations. If there are at most this many in total, each is used once
        and the p-value is exact. 0: no p-values.
    rng : Generator, int or None

    Returns
    -------
    DataFrame
        Index: the terms, ``residual``, ``total``. Columns: `PERMANOVA_COLUMNS`.
        ``r2_adjusted`` is (SS - df MS_residual) / SS_total.

    Raises
    ------
    ValueError
        When an option, a column or a sample is unknown, a value is missing, or no residual
        degrees of freedom are left.

    Notes
    -----
    A small p-value means that groups differ in position, in spread, or in both: look at
    `dispersion` too. One sample a person; households of any size. A term within households
    needs nothing of the household but that its members are exchangeable; a term between
    households needs households that are.

    Examples
    --------
    ::

        distances = bray_curtis(relative_abundance(counts))
        table = permanova(distances, people, "site + age + bmi + sex + group", rng=1)
        table.loc["group", ["r2_adjusted", "p_value", "scheme"]]

    References
    ----------
    .. [1] McArdle & Anderson (2001). Ecology 82:290.
    .. [2] Freedman & Lane (1983). J Bus Econ Stat 1:292.
    """
    options = Options(by, blocks, strata, scheme, permute, n_permutations)
    geometry, ids = from_distances(distances)
    model = prepare_model(align_metadata(ids, metadata), formula, options)
    return analyse(model, geometry, np.random.default_rng(rng))


def permanova_features(
    features: pd.DataFrame,
    metadata: pd.DataFrame,
    formula: str,
    by: str = "margin",
    *,
    rng=None,
    **options,
) -> pd.DataFrame:
    """Run `permanova` on Euclidean distances between features, without a distance matrix.

    Parameters
    ----------
    features : DataFrame, shape (n_samples, n_features)
        Values whose Euclidean distances are meant; CLR values give Aitchison distances.
    metadata, formula, by, rng, **options
        As in `permanova`, as is what it returns.
    """
    geometry, ids = from_features(features)
    model = prepare_model(align_metadata(ids, metadata), formula, Options(by, **options))
    return analyse(model, geometry, np.random.default_rng(rng))


@dataclass(frozen=True, eq=False)
class PreparedModel:
    """A formula and its people: everything that does not depend on distances."""

    order: np.ndarray
    """Positions of the people when sorted by household."""

    terms: tuple[Term, ...]
    basis: np.ndarray
    """Orthonormal basis of the terms, shape (n_people, rank)."""

    plans: tuple[TermPlan, ...]
    options: Options
    wide: tuple[Term, np.ndarray] | None
    """The factor with most columns and its codes, if it has many levels."""


def prepare_model(people: pd.DataFrame, formula: str, options: Options) -> PreparedModel:
    """Read a formula and choose a permutation scheme for each term."""
    labels = [name for name in (options.blocks, options.strata) if name in people]
    people = people.assign(**{name: _as_labels(people[name]) for name in labels})
    matrix = model_matrix(formula, people)
    homes = read_homes(people, options.blocks, options.strata)
    order = household_order(read_terms(matrix), homes, people.index)
    homes, terms = homes.take(order), read_terms(matrix, order)
    terms = [joined(terms)] if options.by == "model" else terms
    schemes = options.schemes_of(terms)
    basis = model_basis(terms, homes.household)
    if len(people) - 1 - basis.shape[1] < 1:
        raise ValueError(
            f"formula {formula!r}: {len(people)} samples leave no residual degrees of freedom "
            f"for {basis.shape[1]} model columns; leave a term out"
        )
    asked = [term for term in terms if options.only in (None, term.name)]
    spaces = [_space(term, terms, basis, options.by) for term in asked]
    plans = tuple(plan_term(space, homes, schemes[space.term.name]) for space in spaces)
    wide = _widest(terms, people.iloc[order])
    return PreparedModel(order, tuple(terms), basis, plans, options, wide)


def _as_labels(column: pd.Series) -> pd.Series:
    """Return a column of names as sorted categories; categorical columns are unchanged."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column
    names = column.astype("string").astype(object)
    return names.astype(pd.CategoricalDtype(sorted(names.dropna().unique())))


def analyse(model: PreparedModel, geometry: Geometry, rng: np.random.Generator) -> pd.DataFrame:
    """Return the table of `permanova.permanova`; rows of `geometry` match the people."""
    given = geometry.take(model.order), model.basis, model.options.permute
    fit = WideFit(*given, model.terms, *model.wide) if model.wide else PermanovaFit(*given)
    _check_variation(fit)
    tests = _test_terms(fit, model.plans, model.options.n_permutations, rng)
    return _table(fit, model.plans, tests)


def _check_variation(fit: PermanovaFit) -> None:
    if fit.total <= 0:
        raise ValueError("distances: all zero, so there is nothing to partition")
    if fit.residual <= 1e-12 * fit.total:
        raise ValueError(
            f"the residual sum of squares is {fit.residual:.3g}: the terms fit the samples "
            "exactly, or the distances are far from Euclidean; leave a term out, or take the "
            "square root of the distances"
        )


def _widest(terms: Sequence[Term], people: pd.DataFrame) -> tuple[Term, np.ndarray] | None:
    """Return the widest factor and its codes, if it counts as wide."""
    factors = [term for term in terms if term.name in people]
    widest = max(factors, key=lambda term: term.columns.shape[1], default=None)
    if widest is None or widest.columns.shape[1] < WIDE_FROM:
        return None
    return widest, pd.factorize(people[widest.name].astype(str))[0]


def _space(term: Term, terms: Sequence[Term], basis: np.ndarray, by: str) -> TermSpace:
    before = terms[: terms.index(term)]
    others = before if by == "terms" else [other for other in terms if other is not term]
    larger = contained(term, terms) if by == "margin" else ""
    return term_space(term, others, basis, larger)


def _test_terms(
    fit: PermanovaFit, plans: Sequence[TermPlan], n_permutations: int, rng: np.random.Generator
) -> dict[str, tuple[float, str]]:
    """Return p-value and note of each term tested; terms permuted alike share permutations."""
    seeds = rng.integers(2**63, size=2 * len(SCHEMES))
    alike: dict[int, list[TermPlan]] = {}
    for plan in plans:
        if plan.exchange is not None and n_permutations > 0:
            alike.setdefault(plan.stream, []).append(plan)
    tests = {}
    for stream, group in alike.items():
        exchange, count = group[0].exchange, group[0].exchange.count
        exact = count <= n_permutations
        spaces = [plan.space for plan in group]
        own_rng = np.random.default_rng(seeds[stream])
        beyond = _count_beyond(fit, spaces, exchange, None if exact else n_permutations, own_rng)
        p_values = beyond / count if exact else (beyond + 1) / (n_permutations + 1)
        note = f"exact: all {count} permutations" if exact else ""
        for space, p_value in zip(spaces, p_values, strict=True):
            tests[space.term.name] = p_value, note
    return tests


def _count_beyond(
    fit: PermanovaFit,
    spaces: Sequence[TermSpace],
    exchange: Exchange,
    n_permutations: int | None,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return how many permutations reach or exceed each term's pseudo-F."""
    if n_permutations is None:
        every = exchange.every()
        draws = (every[start : start + fit.block] for start in range(0, len(every), fit.block))
        return fit.count_beyond(spaces, draws)
    if exchange.pairs is not None and not isinstance(fit, WideFit):
        fit = PairFit(fit, exchange.pairs)
        return fit.count_beyond(spaces, exchange.draw_swaps(n_permutations, fit.block, rng))
    return fit.count_beyond(spaces, exchange.draw_blocks(n_permutations, fit.block, rng))


def _table(
    fit: PermanovaFit, plans: Sequence[TermPlan], tests: dict[str, tuple[float, str]]
) -> pd.DataFrame:
    rows = {}
    for plan in plans:
        name = plan.space.term.name
        p_value, exact = tests.get(name, (np.nan, ""))
        said = "; ".join(note for note in (*plan.notes, exact) if note)
        rows[name] = (*fit.row(plan.space), p_value, plan.scheme, said)
    rows["residual"] = (*fit.residual_row(), np.nan, np.nan, "", "")
    rows["total"] = (fit.n_samples - 1, fit.total, 1.0, 1.0, np.nan, np.nan, "", "")
    return pd.DataFrame(rows.values(), pd.Index(rows, name="term"), PERMANOVA_COLUMNS)
