"""A simulated world that can be drawn again: the people and what they truly carry."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from cohabit.cohort import Cohort
from cohabit.schema import MissingInput
from cohabit.simulate import StudyDesign, diet
from cohabit.simulate.amplicons import follow_species
from cohabit.simulate.community import Community, assemble, draw_community
from cohabit.simulate.dice import Dice
from cohabit.simulate.effects import build_exposures
from cohabit.simulate.households import draw_people
from cohabit.simulate.molecules import Molecules, draw_molecules
from cohabit.simulate.sequencing import sequence
from cohabit.simulate.taxa import read_taxa


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

    def with_people(self, **columns: pd.Series) -> "World":
        """Return the world in which some columns of the people are other; nothing is redrawn.

        What depends on them follows: exposures, species, genera, molecules.
        """
        people = self.people.assign(**columns)
        moved = self.species.expose(build_exposures(people))
        return replace(self, species=replace(moved, people=people))

    def count(self) -> pd.DataFrame:
        """Sequence everyone by shotgun: people x species, both libraries of a person summed.

        Each count keeps its own uniform random number, so a species that is the same in two
        worlds is counted the same, but for closure.
        """
        libraries = sequence(
            self.people,
            self.species.composition,
            self.species.template.column("batch"),
            self.design,
            self.seed,
            "shotgun",
        )
        owners = libraries.samples["participant_id"].to_numpy()
        counts = libraries.counts.toarray()
        summed = np.add.reduceat(counts, np.flatnonzero(owners != np.roll(owners, 1)))
        return pd.DataFrame(summed, self.people.index, self.species.taxa)


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
    if "shotgun" in cohort.features:
        seen, again = cohort.table("shotgun"), world.count()
        again = again.loc[:, again.sum() > 0]
        if not (seen.index.equals(again.index) and seen.equals(again.astype(np.int64))):
            raise ValueError(
                "the design and seed of this cohort give other counts than it holds: it was made "
                f"by version {made.get('versions', {}).get('cohabit')} of the world; simulate it "
                "again (notebook 02)"
            )
    return world
