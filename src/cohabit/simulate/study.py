"""The whole study: people, community, assays and the truth beside them."""

import platform

import biom
import numpy as np
import pandas as pd
import scipy

import cohabit
from cohabit.data.cohort import Cohort, Truth
from cohabit.simulate import blood, diet, followup
from cohabit.simulate.amplicons import build_pool, build_tree, draw_genera, split_genera
from cohabit.simulate.community import Community, draw_community
from cohabit.simulate.covariates import hide_unanswered
from cohabit.simulate.design import StudyDesign
from cohabit.simulate.dice import Dice
from cohabit.simulate.effects import list_effects
from cohabit.simulate.estimands import find_estimands
from cohabit.simulate.households import draw_people
from cohabit.simulate.molecules import Molecules, draw_molecules
from cohabit.simulate.sequencing import Libraries, sequence
from cohabit.simulate.taxa import LINEAGE


def simulate_cohort(design: StudyDesign, seed: int) -> Cohort:
    """Simulate a household-paired study.

    Parameters
    ----------
    design : StudyDesign
        Who is recruited and how strong each force is.
    seed : int
        Not negative; the same design and seed give the same cohort, byte for byte.

    Returns
    -------
    Cohort
        With its truth.

    Raises
    ------
    ValueError
        When the seed is no whole number from 0.
    """
    check_seed(seed)
    people = draw_people(design, seed, complete=True)
    species, shotgun, species_table = _draw_shotgun(people, design, seed)
    genera = draw_genera(species, design, seed)
    pool = build_pool(genera.template)
    asvs = split_genera(genera, pool, design, seed)
    seen = genera.template.column("batch")[pool.genus]
    amplicons = sequence(people, asvs, seen, design, seed, "16s")
    asv_lineage = genera.template.table[LINEAGE].iloc[pool.genus].set_axis(pool.names)
    features = {
        "shotgun": species_table,
        "16s": to_biom(amplicons, asv_lineage.assign(species="", asv=pool.names)),
    }
    molecules = draw_molecules(species, genera, design, seed)
    butyrate = molecules.metabolites.follow_butyrate()
    eaten = diet.draw_diet(people, design, seed)
    return Cohort(
        participants=hide_unanswered(people, design, seed),
        samples=pd.concat([shotgun.samples, amplicons.samples]),
        features=features,
        provenance=describe(design, seed),
        diet=eaten,
        metabolites=molecules.metabolites.table(),
        pathways=molecules.pathways.table(),
        blood=blood.draw_blood(people, design, seed),
        visits=followup.draw_visits(people, design, seed, diet=eaten, butyrate=butyrate),
        tree=build_tree(asv_lineage.loc[features["16s"].ids("observation")]),
        truth=Truth(_all_effects(species, genera, molecules), lambda: find_estimands(design)),
    )


def simulate_shotgun(design: StudyDesign, seed: int) -> Cohort:
    """Simulate the people and the species table of a study, and nothing else.

    What it holds is byte for byte what `simulate_cohort` draws of it, for a quarter of the time:
    for those who ask many cohorts about species.

    Parameters
    ----------
    design, seed
        As in `simulate_cohort`.

    Returns
    -------
    Cohort
        Participants, samples and the table `shotgun`; its truth lists the effects on species.

    Raises
    ------
    ValueError
        When the seed is no whole number from 0.
    """
    check_seed(seed)
    people = draw_people(design, seed, complete=True)
    species, libraries, table = _draw_shotgun(people, design, seed)
    effects = list_effects(species.coefficients, species.carriage_coefficients, "shotgun")
    return Cohort(
        participants=hide_unanswered(people, design, seed),
        samples=libraries.samples,
        features={"shotgun": table},
        provenance=describe(design, seed),
        truth=Truth(effects, lambda: find_estimands(design)),
    )


def _draw_shotgun(
    people: pd.DataFrame, design: StudyDesign, seed: int
) -> tuple[Community, Libraries, biom.Table]:
    """Return the community of species, its libraries and their feature table."""
    species = draw_community(add_fibre(people, design, seed), design, seed)
    batch = species.template.column("batch")
    libraries = sequence(people, species.composition, batch, design, seed, "shotgun")
    lineage = species.template.table[LINEAGE].assign(species=species.taxa)
    return species, libraries, to_biom(libraries, lineage)


def add_fibre(people: pd.DataFrame, design: StudyDesign, seed: int) -> pd.DataFrame:
    """Return people with what they truly eat of what moves the community."""
    return people.assign(fibre=diet.eat(people, Dice.of(people, design, seed))["fibre"])


def check_seed(seed: int) -> None:
    """Refuse what is no seed."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise ValueError(f"seed: expected a whole number from 0; got {seed!r}")


def to_biom(libraries: Libraries, lineage: pd.DataFrame) -> biom.Table:
    """Return libraries as a feature table; features nobody has are left out."""
    seen = np.asarray(libraries.counts.sum(axis=0)).ravel() > 0
    taxonomy = [{"taxonomy": list(row)} for row in lineage[seen].to_numpy()]
    counts = libraries.counts[:, np.flatnonzero(seen)].T.astype(float)
    return biom.Table(
        counts, lineage.index[seen], libraries.samples.index, observation_metadata=taxonomy
    )


def _all_effects(species: Community, genera: Community, molecules: Molecules) -> pd.DataFrame:
    parts = [
        list_effects(species.coefficients, species.carriage_coefficients, "shotgun"),
        list_effects(genera.coefficients, genera.carriage_coefficients, "16s"),
        molecules.list_effects(),
        diet.list_effects().assign(assay="diet"),
        blood.list_effects().assign(assay="blood"),
        followup.list_effects().assign(assay="visits"),
    ]
    return pd.concat(parts, ignore_index=True)


def describe(design: StudyDesign, seed: int) -> dict:
    """Return the provenance of a simulated cohort."""
    return {
        "simulated": True,
        "design": design.to_dict(),
        "seed": int(seed),
        "versions": {
            "cohabit": cohabit.__version__,
            "python": ".".join(platform.python_version_tuple()[:2]),
            "numpy": np.__version__,
            "pandas": pd.__version__,
            "scipy": scipy.__version__,
        },
    }
