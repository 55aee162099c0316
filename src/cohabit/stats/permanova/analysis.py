"""Several terms on one set of distances: the two front doors of PERMANOVA."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from cohabit.stats.permanova import geometry as geo
from cohabit.stats.permanova.partition import Options, analyse, prepare


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
        Column of the household. None: nobody lives together.
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

    Notes
    -----
    A small p-value says that groups differ in position, in spread, or in both: look at
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
    geometry, ids = geo.from_distances(distances)
    people = geo.align(ids, metadata)
    options = Options(by, blocks, strata, scheme, permute, n_permutations)
    return analyse(prepare(people, formula, options), geometry, np.random.default_rng(rng))


def permanova_features(
    features: pd.DataFrame,
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
    """Do what `permanova` does for Euclidean distances, without a distance matrix.

    Parameters
    ----------
    features : DataFrame, shape (n_samples, n_features)
        Values whose Euclidean distances are meant; CLR values give Aitchison distances.
    metadata, formula, by, blocks, strata, scheme, permute, n_permutations, rng
        As in `permanova`.

    Returns
    -------
    DataFrame
        As from `permanova`.
    """
    geometry, ids = geo.from_features(features)
    people = geo.align(ids, metadata)
    options = Options(by, blocks, strata, scheme, permute, n_permutations)
    return analyse(prepare(people, formula, options), geometry, np.random.default_rng(rng))
