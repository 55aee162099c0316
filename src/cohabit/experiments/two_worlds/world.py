"""A simulated world that can be drawn again: the people and what they truly carry."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from cohabit.data.cohort import Cohort
from cohabit.data.schema import MissingInput
from cohabit.simulate import StudyDesign, diet
from cohabit.simulate.amplicons import follow_species
from cohabit.simulate.community import Community, assemble, combine, draw_community
from cohabit.simulate.dice import Dice
from cohabit.simulate.effects import build_coefficients, build_exposures
from cohabit.simulate.households import draw_people
from cohabit.simulate.metabolites import Metabolites, draw_metabolites
from cohabit.simulate.molecules import Molecules, draw_molecules
from cohabit.simulate.sequencing import sequence
from cohabit.simulate.taxa import read_taxa

EVERYONE = slice(None)
REDRAWN = {
    "source",
    *("pairs_per_site", "opposite_sex_share", "strangers", "missing_partners"),
    "household_sharing",
}
"""Dials that decide who is there, or split the draws between home and person."""


@dataclass(frozen=True)
class World:
    """One world before anybody looks: who lives in it, and the species they carry.

    Two worlds of one seed share every random number, so a person's difference between them is
    that person's own effect of whatever differs.
    """

    design: StudyDesign
    seed: int
    species: Community
    """The true species of everyone; its `people` are complete, `fibre` (grams a day) included."""

    @property
    def people(self) -> pd.DataFrame:
        """One row a person: what is true of them, asked or not."""
        return self.species.people

    @property
    def patients(self) -> pd.Series:
        """Whether a person has MS in this world."""
        return self.people["group"] == "MS"

    @cached_property
    def genera(self) -> Community:
        """The true 16S genera, which follow the species."""
        own = assemble(self.people, read_taxa("genera"), self.design, self.seed, "genera")
        return follow_species(own.expose(self.species.exposures), self.species)

    @cached_property
    def molecules(self) -> Molecules:
        """The pathways and metabolites that these microbes make."""
        return draw_molecules(self.species, self.genera, self.design, self.seed)

    @cached_property
    def metabolites(self) -> Metabolites:
        """The metabolites alone: a third of the work."""
        return draw_metabolites(self.genera, self.design, self.seed)

    def with_people(self, **columns: pd.Series) -> "World":
        """Return the world in which some columns of the people are other; nothing is redrawn.

        What depends on them follows: exposures, species, genera, molecules.
        """
        people = self.people.assign(**columns)
        moved = self.species.expose(build_exposures(people))
        return replace(self, species=replace(moved, people=people))

    def with_dials(self, **dials: float) -> "World":
        """Return the same people in a world whose forces are other; nothing is redrawn.

        Raises
        ------
        ValueError
            When a dial decides who is recruited or how people are drawn: draw that world anew.
        """
        redrawn = sorted(REDRAWN & set(dials))
        if redrawn:
            raise ValueError(f"{redrawn[0]}: expected a dial of a force; draw_world takes this one")
        design, species = self.design.replace(**dials), self.species
        abundance = build_coefficients(species.template, design)
        carriage = build_coefficients(species.template, design, "carriage_")
        moved = replace(
            species,
            coefficients=abundance,
            carriage_coefficients=carriage,
            log_abundance=species.log_abundance
            + combine(species.exposures, abundance - species.coefficients),
            liability=species.liability
            + combine(species.exposures, carriage - species.carriage_coefficients),
        )
        return replace(self, design=design, species=moved)

    def count(self, rows: slice | np.ndarray = EVERYONE) -> pd.DataFrame:
        """Sequence people by shotgun: people x species, both libraries of a person summed.

        Each count keeps its own uniform random number, so a species that is the same in two
        worlds is counted the same, but for closure; and so do some of the people alone.
        """
        people = self.people.iloc[rows]
        libraries = sequence(
            people,
            self.species.composition[rows],
            self.species.template.column("batch"),
            self.design,
            self.seed,
            "shotgun",
        )
        owners = libraries.samples["participant_id"].to_numpy()
        counts = libraries.counts.toarray()
        summed = np.add.reduceat(counts, np.flatnonzero(owners != np.roll(owners, 1)))
        return pd.DataFrame(summed, people.index, self.species.taxa)


def draw_world(design: StudyDesign, seed: int) -> World:
    """Draw the world of a design: the same that `simulate_cohort` then sequences.

    Parameters
    ----------
    design : StudyDesign
    seed : int
        Not negative.
    """
    people = draw_people(design, seed, complete=True)
    eaten = diet.eat(people, Dice.of(people, design, seed))
    people = people.assign(fibre=eaten["fibre"])
    return World(design, seed, draw_community(people, design, seed))


def recall_world(cohort: Cohort) -> World:
    """Draw again the world that a simulated cohort was seen in.

    Parameters
    ----------
    cohort : Cohort
        Its `provenance` names design and seed.

    Raises
    ------
    MissingInput
        When the cohort is of real people: nobody can run their lives again.
    ValueError
        When design and seed do not give these counts: another version made the cohort.
    """
    made = cohort.provenance
    if not made.get("simulated") or not isinstance(made.get("design"), Mapping):
        raise MissingInput(
            "this cohort was not simulated: a second world of the same people is not there"
        )
    world = draw_world(StudyDesign(**made["design"]), int(made["seed"]))
    if "shotgun" in cohort.features and not _gives(world, cohort.table("shotgun")):
        raise ValueError(
            "the design and seed of this cohort give other counts than it holds: it was made by "
            f"version {made.get('versions', {}).get('cohabit')} of the world, or with another "
            "template; simulate it again (notebook 02)"
        )
    return world


def _gives(world: World, counts: pd.DataFrame) -> bool:
    """Whether a world gives these counts, looked at in one person of ten."""
    if not counts.index.equals(world.people.index):
        return False
    seen, again = counts.iloc[::10], world.count(slice(None, None, 10))
    missing = again.columns.difference(seen.columns)
    return bool((again[missing] == 0).all(axis=None)) and seen.equals(
        again[seen.columns].astype(np.int64)
    )
