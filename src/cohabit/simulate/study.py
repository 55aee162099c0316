"""Simulated cohorts: the study, its replication, and studies of a user's own community."""

import dataclasses
import platform

import biom
import numpy as np
import pandas as pd
import scipy

import cohabit
from cohabit.data import schema
from cohabit.data.cohort import Cohort, Truth
from cohabit.data.schema import nearest
from cohabit.simulate import blood, diet, followup
from cohabit.simulate.amplicons import build_tree
from cohabit.simulate.design import StudyDesign
from cohabit.simulate.dice import stream
from cohabit.simulate.estimands import find_community_estimands, find_estimands
from cohabit.simulate.metabolites import produced_coefficients
from cohabit.simulate.pathways import carried_coefficients
from cohabit.simulate.sequencing import Libraries, stack_libraries
from cohabit.simulate.stool import list_stool_effects
from cohabit.simulate.template import LINEAGE, LOADINGS, SITES, Template
from cohabit.simulate.world import World, check_seed, draw_world

REPLICATION_SHARE = 285 / 576  # pairs of the second cohort for each of the first; our choice
REPLICATION_PREFIX = "R-"

NEEDED = [
    *("spread", "intercept", "carriage", "household_share", "carriage_share", "carriage_loading"),
    *("richness_loading", "carriage_richness_loading", "group", "group_loading"),
    *("carriage_group_loading", "tail", "batch", *LOADINGS, *LINEAGE),
    *(f"site_{site.replace(' ', '_')}" for site in SITES),
]
"""Columns that a template must have."""


def simulate_cohort(design: StudyDesign, seed: int) -> Cohort:
    """Simulate a household-paired study.

    Parameters
    ----------
    design : StudyDesign
        Recruitment and the strength of each effect.
    seed : int
        Not negative; the same design and seed give the same cohort, byte for byte.

    Returns
    -------
    Cohort
        With its truth.

    Raises
    ------
    ValueError
        When the seed is not a non-negative integer.
    """
    world = draw_world(design, seed)
    lineage = world.genera.template.table[LINEAGE].iloc[world.asv_pool.genus]
    lineage = lineage.set_axis(world.asv_pool.names)
    asv_lineage = lineage.assign(species="", asv=lineage.index)
    lineages = {"shotgun": _list_species(world), "16s": asv_lineage}
    first = {"shotgun": world.sequence_species(), "16s": world.sequence_asvs()}
    later = _sequence_later(world)
    libraries = [*first.values(), *later.values()]
    features, visited = (
        {assay: to_biom(part, lineages[assay]) for assay, part in parts.items()}
        for parts in (first, later)
    )
    seen = set(features["16s"].ids("observation"))
    seen |= set(visited["16s"].ids("observation")) if visited else set()
    return Cohort(
        participants=world.answers,
        samples=pd.concat([part.samples for part in libraries]),
        features=features,
        later=visited,
        provenance=_describe(world),
        diet=world.diet,
        metabolites=world.metabolites.table(),
        pathways=world.pathways.table(),
        blood=world.blood,
        visits=world.visits,
        tree=build_tree(lineage[lineage.index.isin(seen)]),
        truth=Truth(_list_all_effects(world), lambda: find_estimands(design)),
    )


def simulate_shotgun(design: StudyDesign, seed: int) -> Cohort:
    """Simulate the people and the species table of a study, in a quarter of the time.

    Parameters
    ----------
    design, seed
        As in `simulate_cohort`.

    Returns
    -------
    Cohort
        Participants, samples and the table ``shotgun``, equal byte for byte to those of
        `simulate_cohort`; its truth lists the effects on species.

    Raises
    ------
    ValueError
        When the seed is not a non-negative integer.
    """
    cohort = measure_species(draw_world(design, seed), "shotgun")
    truth = Truth(cohort.truth.effects, lambda: find_estimands(design))
    return dataclasses.replace(cohort, truth=truth)


def simulate_from(
    template: pd.DataFrame, design: StudyDesign, seed: int, *, assay: str = "shotgun"
) -> Cohort:
    """Simulate a household-paired study from your own community template.

    Parameters
    ----------
    template : DataFrame, one row per taxon
        As from `fit_template`. Effects are what its columns ``ms``, ``severity``,
        ``sex``, ``age``, ``bmi``, a drug's name and so on hold, natural log; a column that is
        not there is zero. `plant_effects` fills ``ms``.
    design, seed
        As in `simulate_cohort`; ``shotgun_depth`` or ``sixteen_s_depth`` as the assay says.
    assay : str
        What the table is called and whose depth it has: ``"shotgun"`` or ``"16s"``.

    Returns
    -------
    Cohort
        Participants, samples and one feature table, with its truth; the people are the iMSMS's.

    Raises
    ------
    ValueError
        For a missing column or number in the template, an unknown assay, or a wrong seed.
    """
    check_seed(seed)
    _check_template(template, assay)
    cohort = measure_species(draw_world(design, seed, Template(template)), assay)
    return dataclasses.replace(cohort, provenance={**cohort.provenance, "template": "own"})


def simulate_replication(design: StudyDesign, seed: int) -> Cohort:
    """Simulate the replication batch of the cohort with the same design and seed.

    Parameters
    ----------
    design : StudyDesign
        Of the first cohort; the second has its sites and dials, and half as many pairs each.
    seed : int
        Of the first cohort; the seed of the second is derived from it.

    Returns
    -------
    Cohort
        Other people in other households; every ID starts with ``R-``. Its provenance holds
        its own design and seed, and the first seed as ``replicates_seed``.

    Raises
    ------
    ValueError
        When the seed is not a non-negative integer.
    """
    check_seed(seed)
    smaller = design.replace(pairs_per_site=_halve(design.pairs_per_site))
    cohort = simulate_cohort(smaller, int(stream(seed, "replication").integers(2**62)))
    renamed = {name: _rename(getattr(cohort, name)) for name in _TABLES}
    return dataclasses.replace(
        cohort,
        **renamed,
        features={assay: _rename_samples(table) for assay, table in cohort.features.items()},
        later={assay: _rename_samples(table) for assay, table in cohort.later.items()},
        provenance={**cohort.provenance, "replicates_seed": int(seed)},
        truth=Truth(cohort.truth.effects, lambda: find_estimands(design)),
    )


def measure_species(world: World, assay: str) -> Cohort:
    """Return the cohort of a world's people with only the species measured.

    Participants, samples and one table, equal byte for byte to those of `simulate_cohort`.
    """
    libraries = world.sequence_species(assay)
    template, design = world.template, world.design
    return Cohort(
        participants=world.answers,
        samples=libraries.samples,
        features={assay: to_biom(libraries, _list_species(world))},
        provenance=_describe(world),
        truth=Truth(
            world.species.list_effects(assay),
            lambda: find_community_estimands(template, design, assay),
        ),
    )


def _sequence_later(world: World) -> dict[str, Libraries]:
    """Return the libraries of all later visits by assay; none without later stool."""
    found = {"shotgun": [], "16s": []}
    for later, rows in world.later():
        found["shotgun"].append(later.sequence_species(rows=rows))
        found["16s"].append(later.sequence_asvs(rows=rows))
    return {assay: stack_libraries(parts) for assay, parts in found.items() if parts}


def _list_species(world: World) -> pd.DataFrame:
    """Return the lineages of the species."""
    return world.template.table[LINEAGE].assign(species=world.template.taxa)


def to_biom(libraries: Libraries, lineage: pd.DataFrame) -> biom.Table:
    """Return libraries as a feature table without features that have no reads."""
    seen = np.asarray(libraries.counts.sum(axis=0)).ravel() > 0
    taxonomy = [{"taxonomy": list(row)} for row in lineage[seen].to_numpy()]
    counts = libraries.counts[:, np.flatnonzero(seen)].T.astype(float)
    return biom.Table(
        counts, lineage.index[seen], libraries.samples.index, observation_metadata=taxonomy
    )


def _list_all_effects(world: World) -> pd.DataFrame:
    parts = [
        world.species.list_effects("shotgun"),
        world.genera.list_effects("16s"),
        *list_molecule_effects(world),
        diet.list_diet_effects().assign(assay="diet"),
        blood.list_blood_effects().assign(assay="blood"),
        followup.list_followup_effects().assign(assay="visits"),
    ]
    if world.design.stool_visits > 1:
        parts.append(list_stool_effects(world.species.template, "shotgun"))
        parts.append(list_stool_effects(world.genera.template, "16s"))
    return pd.concat(parts, ignore_index=True)


def list_molecule_effects(world: World) -> list[pd.DataFrame]:
    """Return the planted effects on pathways and metabolites, with those through microbes."""
    pathways, metabolites = world.pathways.levels, world.metabolites.levels
    carried = carried_coefficients(world.species, pathways.template)
    produced = produced_coefficients(world.genera, world.species, metabolites.template)
    return [
        pathways.list_effects("expression", carried, "carried").assign(assay="pathways"),
        metabolites.list_effects("level", produced, "produced").assign(assay="metabolites"),
    ]


def _describe(world: World) -> dict:
    """Return the provenance of a simulated cohort."""
    return {
        "simulated": True,
        "design": world.design.to_dict(),
        "seed": int(world.seed),
        "versions": {
            "cohabit": cohabit.__version__,
            "python": ".".join(platform.python_version_tuple()[:2]),
            "numpy": np.__version__,
            "pandas": pd.__version__,
            "scipy": scipy.__version__,
        },
    }


def _check_template(template: pd.DataFrame, assay: str) -> None:
    if assay not in schema.ASSAYS:
        raise ValueError(f"assay: {nearest(assay, schema.ASSAYS)}")
    absent = [name for name in NEEDED if name not in template]
    if absent:
        raise ValueError(
            f"template: {len(absent)} column(s) missing, first {absent[:5]}; "
            "fit_template makes them all"
        )
    numbers = template.select_dtypes("number")
    broken = numbers.index[~numbers.notna().all(axis=1)]
    if len(broken):
        raise ValueError(
            f"template: {len(broken)} taxa have a missing number, first {list(broken[:5])}"
        )


_TABLES = ("participants", "samples", "diet", "metabolites", "pathways", "blood", "visits")
_ID_COLUMNS = ("participant_id", "household_id")


def _halve(pairs_per_site: dict[str, int]) -> dict[str, int]:
    """Return about half the pairs of each site, at least one if there were any."""
    return {
        site: max(round(n * REPLICATION_SHARE), min(n, 1)) for site, n in pairs_per_site.items()
    }


def _rename(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with prefixed IDs in its index and columns of IDs."""
    table = table.set_axis(pd.Index(REPLICATION_PREFIX + table.index, name=table.index.name))
    columns = {
        name: REPLICATION_PREFIX + table[name].astype(str) for name in _ID_COLUMNS if name in table
    }
    return table.assign(**columns)


def _rename_samples(table: biom.Table) -> biom.Table:
    names = {name: REPLICATION_PREFIX + name for name in table.ids("sample")}
    return table.update_ids(names, axis="sample", inplace=False)
