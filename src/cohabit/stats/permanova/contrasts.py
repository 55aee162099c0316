"""Every two groups against each other, each contrast permuted as its people live."""

from itertools import combinations

import numpy as np
import pandas as pd

from cohabit.data import schema
from cohabit.stats.multiplicity import adjust_p
from cohabit.stats.permanova import geometry as geo
from cohabit.stats.permanova.analysis import permanova
from cohabit.stats.permanova.partition import COLUMNS


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

    Raises
    ------
    ValueError
        When the column has fewer than two levels, and as `permanova`.
    """
    matrix, ids = geo.distance_array(distances)
    people = as_groups(geo.align(ids, metadata), column)
    formula = f"{covariates} + {column}" if covariates.strip() else column
    levels = people[column].cat.categories
    if len(levels) < 2:
        raise ValueError(f"column {column!r}: expected at least two levels, got {[*levels]}")
    seeds = np.random.default_rng(rng).integers(2**63, size=len(levels) ** 2)
    rows = []
    for (low, high), seed in zip(combinations(levels, 2), seeds, strict=False):
        chosen = np.flatnonzero(people[column].isin([low, high]))
        block = pd.DataFrame(matrix[np.ix_(chosen, chosen)], ids[chosen], ids[chosen])
        own = as_groups(people.iloc[chosen], column)
        result = permanova(
            block, own, formula, n_permutations=n_permutations, rng=int(seed), **options
        )
        size = {"n": len(own), "n_households": _count_homes(own, options)}
        rows.append({"contrast": f"{high} - {low}"} | size | result.loc[column].to_dict())
    table = pd.DataFrame(rows, columns=["contrast", "n", "n_households", *COLUMNS])
    return table.assign(q_value=adjust_p(table["p_value"]))


def as_groups(people: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return a copy in which a column holds categories: those present, reference first.

    Raises
    ------
    ValueError
        When the column is not there.
    """
    if column not in people:
        raise ValueError(f"no column {column!r}: {schema.nearest(column, people)}")
    values = people[column]
    if isinstance(values.dtype, pd.CategoricalDtype):
        return people.assign(**{column: values.cat.remove_unused_categories()})
    present = set(values.dropna())
    known = schema.LEVELS.get(column, ())
    ordered = [level for level in known if level in present]
    levels = ordered if len(ordered) == len(present) else sorted(present, key=str)
    return people.assign(**{column: pd.Categorical(values, levels)})


def _count_homes(people: pd.DataFrame, options: dict) -> int:
    blocks = options.get("blocks", "household_id")
    return len(people) if blocks is None else people[blocks].nunique()
