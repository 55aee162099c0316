"""The two public functions of PERMANOVA: for distances and for features."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cohabit.stats.alignment import align_metadata
from cohabit.stats.permanova.exchange import draw_blocks
from cohabit.stats.permanova.geometry import Geometry, from_distances, from_features
from cohabit.stats.permanova.model import Options, PreparedModel, StratumModel, prepare_model
from cohabit.stats.permanova.plans import TermPlan
from cohabit.stats.permanova.pseudo_f import PermanovaFit, WideFit
from cohabit.stats.permanova.terms import TermSpace

PERMANOVA_COLUMNS = (
    *("stratum", "df", "sum_of_squares", "r2", "r2_adjusted", "pseudo_f"),
    *("p_value", "note"),
)
"""Columns of the table, in order."""


def permanova(
    distances,
    metadata: pd.DataFrame,
    formula: str,
    by: str = "margin",
    *,
    blocks: str | None = "household_id",
    strata: str | None = "site",
    persons: str | None = "participant_id",
    scheme: str = "auto",
    permute: str = "residuals",
    n_permutations: int = 999,
    rng=None,
) -> pd.DataFrame:
    r"""Partition distances among the terms of a formula and test each by permutation.

    What differs between households and what differs within them are two error strata, as in a
    split plot. In each, a term is adjusted for the part of the other terms that lies there. With
    the part :math:`G` of the Gower-centred matrix, the projector :math:`H` on the model and
    :math:`H_{-j}` on the terms that term :math:`j` is adjusted for, its sum of squares is
    :math:`tr((H - H_{-j}) G)` and pseudo-F its mean square over that of the stratum's residual
    [1]_. A term that varies in both strata has two rows.

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
    persons : str or None
        Column of the person, for several samples a person. It is used when the metadata has
        it: visits are then a stratum within persons.
    scheme : {"auto", "free", "within"}
        ``"auto"``: error strata. ``"free"``: one stratum, people exchanged as if nobody lived
        together. ``"within"``: one stratum, permuted within households. The last two are
        adonis2 without and with ``strata``.
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
        Index: the terms and ``residual`` of each stratum, ``total``. Columns:
        `PERMANOVA_COLUMNS`. ``stratum`` is ``"between households"``, ``"within households"``,
        ``"within persons"``, or ``"all samples"`` where nobody lives together. R² is a share of
        the total; ``r2_adjusted`` is (SS - df MS_residual) / SS_total with the mean square of
        the stratum, which is 0 on average without an effect. If households differ in size,
        ``size of household`` is what differs between sizes; it has no test.

    Raises
    ------
    ValueError
        When an option, a column or a sample is unknown, a value is missing, or no residual
        degrees of freedom are left.

    Notes
    -----
    A small p-value means that groups differ in position, in spread, or in both: look at
    `dispersion` too.

    Within households, partners are swapped: without an effect, and given the covariates, the
    members of a household must be exchangeable; nothing is assumed about different households.
    Between households, whole households of equal size change places, within `strata` if the
    term varies there: they must be exchangeable given the covariates. The test is exact for a
    term alone in its stratum; with covariates, residuals are exchanged, which is approximate in
    small studies.

    Examples
    --------
    ::

        distances = bray_curtis(relative_abundance(counts))
        table = permanova(distances, people, "site + age + bmi + sex + group", rng=1)
        table.loc["group", ["r2_adjusted", "p_value", "stratum"]]

    References
    ----------
    .. [1] McArdle & Anderson (2001). Ecology 82:290.
    .. [2] Freedman & Lane (1983). J Bus Econ Stat 1:292.
    """
    options = Options(by, blocks, strata, persons, scheme, permute, n_permutations)
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


def innermost_row(table: pd.DataFrame, term: str) -> pd.Series:
    """Return a term's row in the innermost stratum in which it varies, of a PERMANOVA table.

    For status this is the comparison of partners, whoever lives alone.
    """
    return table.loc[[term]].iloc[-1]


def analyse(model: PreparedModel, geometry: Geometry, rng: np.random.Generator) -> pd.DataFrame:
    """Return the table of `permanova.permanova`; rows of `geometry` match the people."""
    geometry = geometry.take(model.order)
    whole = geometry.total()
    if whole <= 0:
        raise ValueError("distances: all zero, so there is nothing to partition")
    seeds = rng.integers(2**63, size=(len(model.models) + 1, 2))
    parts = [*model.models] if model.home is None else [model.home, *model.models]
    rows, left = [], [geometry.n_samples - 1, whole]
    for place, part in enumerate(parts):
        fit = _fit(part, geometry, whole, model.options.permute)
        own = _rows(fit, part, model.options.n_permutations, seeds[len(parts) - 1 - place])
        rows += own[:-1] if part is model.home else own
        left = left if part is model.home else [left[0] - fit.df_total, left[1] - fit.total]
    rows = [(name, "", 0, *5 * [np.nan], why) for name, why in model.absent.items()] + rows
    if model.home is None and left[0] > 0:
        name = model.models[0].stratum.name
        rows.append(("size of household", name, *left, left[1] / whole, *3 * [np.nan], ""))
    rows.append(("total", "", geometry.n_samples - 1, whole, 1.0, 1.0, np.nan, np.nan, ""))
    return pd.DataFrame(rows, columns=["term", *PERMANOVA_COLUMNS]).set_index("term")


def _fit(part: StratumModel, geometry: Geometry, whole: float, permute: str) -> PermanovaFit:
    given = part.stratum.part_of(geometry), part.basis, permute
    if part.wide:
        fit = WideFit(*given, part.terms, *part.wide)
    else:
        fit = PermanovaFit(*given, df_total=part.stratum.df, whole=whole)
    if fit.df_residual > 0 and part.plans and fit.residual <= 1e-12 * whole:
        raise ValueError(
            f"the residual sum of squares is {fit.residual:.3g} ({part.stratum.name}): the terms "
            "fit the samples exactly, or the distances are far from Euclidean; leave a term out, "
            "or take the square root of the distances"
        )
    return fit


def _rows(
    fit: PermanovaFit, part: StratumModel, n_permutations: int, seeds: np.ndarray
) -> list[tuple]:
    """Return the rows of a stratum: its terms, then its residual."""
    tests, rows, name = {}, [], part.stratum.name
    for exchange, seed in zip((part.stratum.exchange, part.stratum.placed), seeds, strict=True):
        alike = [plan for plan in part.plans if plan.exchange is exchange]
        if exchange is not None and alike and n_permutations > 0:
            tests |= _test_terms(fit, alike, n_permutations, np.random.default_rng(seed))
    for plan in part.plans:
        p_value, exact = tests.get(plan.space.term.name, (np.nan, ""))
        said = "; ".join(note for note in (*plan.notes, exact) if note)
        rows.append((plan.space.term.name, name, *fit.row(plan.space), p_value, said))
    return [*rows, ("residual", name, *fit.residual_row(), np.nan, np.nan, "")]


def _test_terms(
    fit: PermanovaFit, plans: Sequence[TermPlan], n_permutations: int, rng: np.random.Generator
) -> dict[str, tuple[float, str]]:
    """Return p-value and note of terms that share their permutations."""
    exchange, spaces = plans[0].exchange, [plan.space for plan in plans]
    exact = exchange.count <= n_permutations
    draws = draw_blocks(exchange, None if exact else n_permutations, fit.block, rng)
    beyond = fit.count_beyond(spaces, draws)
    p_values = beyond / exchange.count if exact else (beyond + 1) / (n_permutations + 1)
    notes = [_said_of_all(exchange.count, space, fit.permute) if exact else "" for space in spaces]
    names = [space.term.name for space in spaces]
    return dict(zip(names, zip(p_values, notes, strict=True), strict=True))


def _said_of_all(count: int, space: TermSpace, permute: str) -> str:
    """Return a note that every permutation was used; exact when nothing is estimated first."""
    words = f"all {count} permutations"
    return words if space.others and permute == "residuals" else f"exact: {words}"
