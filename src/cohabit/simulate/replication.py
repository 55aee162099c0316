"""A second, independent cohort from the same truth: what replicates, and what does not."""

import dataclasses

import biom
import numpy as np
import pandas as pd

from cohabit.data.cohort import Cohort, Truth
from cohabit.simulate.design import StudyDesign
from cohabit.simulate.estimands import find_estimands
from cohabit.simulate.streams import stream
from cohabit.simulate.study import simulate_cohort

SHARE = 285 / 576  # pairs of the second cohort for each of the first; our choice
PREFIX = "R-"


def simulate_replication(design: StudyDesign, seed: int) -> Cohort:
    """Simulate the replication batch of the cohort with the same design and seed.

    Parameters
    ----------
    design : StudyDesign
        Of the first cohort; the second has its sites, with half as many pairs each (285
        pairs, 570 people, where the first has 576), and every dial as it is.
    seed : int
        Of the first cohort; the second draws from a seed of its own, made from it.

    Returns
    -------
    Cohort
        Other people in other households; every ID starts with ``R-``. Its provenance holds
        its own design and seed, and the first seed as ``replicates_seed``.

    Raises
    ------
    ValueError
        When the seed is no whole number from 0.
    """
    smaller = design.replace(pairs_per_site=_halve(design.pairs_per_site))
    own_seed = seed if not _is_seed(seed) else _own_seed(seed)
    cohort = simulate_cohort(smaller, own_seed)
    renamed = {name: _rename(getattr(cohort, name)) for name in _TABLES}
    return dataclasses.replace(
        cohort,
        **renamed,
        features={assay: _rename_samples(table) for assay, table in cohort.features.items()},
        provenance={**cohort.provenance, "replicates_seed": int(seed)},
        truth=Truth(cohort.truth.effects, lambda: find_estimands(design)),
    )


_TABLES = ("participants", "samples", "diet", "metabolites", "pathways", "blood", "visits")
_ID_COLUMNS = ("participant_id", "household_id")


def _is_seed(seed: object) -> bool:
    return isinstance(seed, int | np.integer) and not isinstance(seed, bool) and seed >= 0


def _own_seed(seed: int) -> int:
    return int(stream(seed, "replication").integers(2**62))


def _halve(pairs_per_site: dict[str, int]) -> dict[str, int]:
    """Return about half the pairs of each site, at least one where there were any."""
    return {site: max(round(n * SHARE), min(n, 1)) for site, n in pairs_per_site.items()}


def _rename(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose IDs carry the prefix; its index is always one."""
    table = table.set_axis(pd.Index(PREFIX + table.index, name=table.index.name))
    columns = {name: PREFIX + table[name].astype(str) for name in _ID_COLUMNS if name in table}
    return table.assign(**columns)


def _rename_samples(table: biom.Table) -> biom.Table:
    names = {name: PREFIX + name for name in table.ids("sample")}
    return table.update_ids(names, axis="sample", inplace=False)
