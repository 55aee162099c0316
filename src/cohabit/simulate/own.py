"""Your community in our design: a study drawn from a template of your own."""

import pandas as pd

from cohabit.data import schema
from cohabit.data.cohort import Cohort, Truth
from cohabit.data.schema import nearest
from cohabit.simulate.community import assemble
from cohabit.simulate.covariates import hide_unanswered
from cohabit.simulate.design import StudyDesign
from cohabit.simulate.effects import list_effects
from cohabit.simulate.estimands import find_community_estimands
from cohabit.simulate.households import draw_people
from cohabit.simulate.sequencing import sequence
from cohabit.simulate.study import add_fibre, check_seed, describe, to_biom
from cohabit.simulate.taxa import FACTORS, LINEAGE, SITES, Template

NEEDED = [
    *("spread", "intercept", "carriage", "household_share", "carriage_share", "carriage_loading"),
    *("richness_loading", "carriage_richness_loading", "group", "group_loading"),
    *("carriage_group_loading", "tail", "batch", *FACTORS, *LINEAGE),
    *(f"site_{site.replace(' ', '_')}" for site in SITES),
]
"""Columns without which no community can be drawn."""


def simulate_from(
    template: pd.DataFrame, design: StudyDesign, seed: int, *, assay: str = "shotgun"
) -> Cohort:
    """Simulate a household-paired study of a community of your own.

    Parameters
    ----------
    template : DataFrame, one row a taxon
        As from `calibrate.fit_template`. Effects are what its columns ``ms``, ``severity``,
        ``sex``, ``age``, ``bmi``, a drug's name and so on hold, natural log; a column that is
        not there is zero. `plant_effects` fills ``ms``.
    design : StudyDesign
        People, dials and depth; ``shotgun_depth`` or ``sixteen_s_depth`` as the assay says.
    seed : int
        Not negative; the same template, design and seed give the same cohort.
    assay : str
        What the table is called and whose depth it has: ``"shotgun"`` or ``"16s"``.

    Returns
    -------
    Cohort
        Participants, samples and one feature table, with its truth. People are the iMSMS's:
        of yours the template knows the community alone.

    Raises
    ------
    ValueError
        For a template without a column it needs or with one that is not finite, an unknown
        assay, or a seed that is none.
    """
    check_seed(seed)
    _check(template, assay)
    taxa = Template(template)
    people = draw_people(design, seed, complete=True)
    community = assemble(add_fibre(people, design, seed), taxa, design, seed, "own")
    batch = taxa.column("batch")
    libraries = sequence(people, community.composition, batch, design, seed, assay)
    lineage = template[LINEAGE].assign(species=taxa.taxa)
    planted = list_effects(community.coefficients, community.carriage_coefficients, assay)
    return Cohort(
        participants=hide_unanswered(people, design, seed),
        samples=libraries.samples,
        features={assay: to_biom(libraries, lineage)},
        provenance={**describe(design, seed), "template": "own"},
        truth=Truth(planted, lambda: find_community_estimands(taxa, design, assay)),
    )


def _check(template: pd.DataFrame, assay: str) -> None:
    if assay not in schema.ASSAYS:
        raise ValueError(f"assay: {nearest(assay, schema.ASSAYS)}")
    absent = [name for name in NEEDED if name not in template]
    if absent:
        raise ValueError(
            f"template: {len(absent)} column(s) not there, first {absent[:5]}; "
            "calibrate.fit_template makes them all"
        )
    numbers = template.select_dtypes("number")
    broken = numbers.index[~numbers.notna().all(axis=1)]
    if len(broken):
        raise ValueError(
            f"template: {len(broken)} taxa have a missing number, first {list(broken[:5])}"
        )
