"""The world before measurement: people, their microbes and everything that follows.

It is put together here and nowhere else. Everything but the people is drawn when it is first asked
for, from random numbers that belong to the people: two worlds of one seed share them all, so a
person's difference between the two is that person's own effect of whatever differs.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from cohabit.simulate import blood, diet, followup, stool
from cohabit.simulate.amplicons import (
    AsvPool,
    build_pool,
    draw_asv_scores,
    follow_species,
    split_genera,
)
from cohabit.simulate.community import Community, combine, draw_community
from cohabit.simulate.covariates import hide_unanswered
from cohabit.simulate.design import StudyDesign
from cohabit.simulate.dice import Dice
from cohabit.simulate.effects import build_coefficients, build_exposures
from cohabit.simulate.households import draw_people
from cohabit.simulate.metabolites import Metabolites, draw_metabolites
from cohabit.simulate.pathways import Pathways, draw_pathways
from cohabit.simulate.sequencing import ALL_ROWS, Libraries, draw_batches, sequence
from cohabit.simulate.template import Template, read_taxa

RECRUITMENT = {
    *("source", "pairs_per_site", "opposite_sex_share", "strangers", "missing_partners"),
    *("treated_share", "course_shares"),
}
"""Dials that determine who takes part."""

SPLITS = {"household_sharing"}
"""Dials that divide random draws between household and person."""


@dataclass(frozen=True, eq=False)
class World:
    """The people of a world and all their true values.

    Made by `draw_world`; `with_dials`, `with_people` and `with_species` give another world of the
    same people in which nothing is drawn anew.
    """

    design: StudyDesign
    people: pd.DataFrame
    """One row per person with true values, answered or not; `fibre` in grams a day."""

    dice: Dice
    """The random numbers of these people."""

    template: Template
    """Template of the community in `species`."""

    stream: str
    """Name of that community's random numbers."""

    changed: Community | None = None
    """The changed species of a counterfactual world; None if as drawn."""

    origin: "World | None" = None
    """The world that this one differs from by its exposures."""

    month: int = 0
    """Months since the first visit."""

    aged: tuple[Community, np.ndarray] | None = None
    """At a later visit: the 16S genera before they follow the species, and the `asv_scores`."""

    @property
    def seed(self) -> int:
        """The seed of all draws."""
        return self.dice.seed

    @property
    def patients(self) -> pd.Series:
        """True for people with MS in this world."""
        return self.people["group"] == "MS"

    @cached_property
    def batches(self) -> np.ndarray:
        """1 for people in the second technical batch, otherwise 0."""
        return draw_batches(self.dice)

    @cached_property
    def species(self) -> Community:
        """The true species of everyone."""
        if self.changed is not None:
            return self.changed
        return draw_community(self.people, self.dice, self.design, self.template, self.stream)

    @cached_property
    def genera_alone(self) -> Community:
        """The 16S genera before they follow the species."""
        if self.origin is not None:
            return self.origin.genera_alone.expose(self.species.exposures)
        if self.aged is not None:
            return self.aged[0]
        return self.with_template(read_taxa("genera"), "genera").species

    @cached_property
    def genera(self) -> Community:
        """The true 16S genera, which follow the species."""
        return follow_species(self.genera_alone, self.species)

    @cached_property
    def asv_pool(self) -> AsvPool:
        """The ASVs that the genera are split into."""
        return build_pool(self.genera.template)

    @cached_property
    def asv_scores(self) -> np.ndarray:
        """How the ASVs of a genus divide it, people x ASVs."""
        if self.aged is not None:
            return self.aged[1]
        return draw_asv_scores(self.asv_pool, self.dice, self.design)

    @cached_property
    def asvs(self) -> np.ndarray:
        """True shares of the ASVs, people x ASVs."""
        return split_genera(self.genera, self.asv_pool, self.asv_scores, self.dice, self.design)

    @cached_property
    def pathways(self) -> Pathways:
        """The pathways carried and expressed by the species."""
        if self.origin is not None:
            return self.origin.pathways.expose(self.species.exposures, self.species)
        return draw_pathways(self.species, self.dice, self.design)

    @cached_property
    def metabolites(self) -> Metabolites:
        """The metabolites produced by the genera."""
        if self.origin is not None:
            return self.origin.metabolites.expose(self.species.exposures, self.genera)
        return draw_metabolites(self.genera, self.dice, self.design)

    @cached_property
    def answers(self) -> pd.DataFrame:
        """The people's questionnaires, with missing values for unanswered questions."""
        return hide_unanswered(self.people.drop(columns="fibre", errors="ignore"), self.dice)

    @cached_property
    def diet(self) -> pd.DataFrame:
        """The diet of people who answered the food questionnaire."""
        return diet.draw_diet(self.people, self.dice)

    @cached_property
    def blood(self) -> pd.DataFrame:
        """The immune panel of every participant."""
        return blood.draw_blood(self.people, self.dice)

    @cached_property
    def states(self) -> list[tuple[int, pd.DataFrame]]:
        """The states of everyone at 0, 12, 24 and 36 months, present or not."""
        butyrate = self.metabolites.follow_butyrate()
        return followup.follow_people(
            self.people, self.dice, self.design, diet=self.diet, butyrate=butyrate
        )

    @cached_property
    def visits(self) -> pd.DataFrame:
        """The visits at 0, 12, 24 and 36 months that took place."""
        return followup.report_visits(self.states, self.design)

    def later(self) -> Iterator[tuple["World", np.ndarray]]:
        """Yield each later visit with stool: the world, and who of its people gave a sample."""
        if self.design.stool_visits == 1:
            return
        years = stool.follow_exposures(
            self.species.exposures, self.people, self.states, self.design
        )
        dice, design = self.dice, self.design
        species = stool.age_community(self.species, self.stream, dice, design, years)
        genera = stool.age_community(self.genera_alone, "genera", dice, design, years)
        scores = stool.age_asvs(self.asv_scores, self.asv_pool, dice, design, years.months)
        states = dict(self.states)
        for month, *found in zip(years.months, species, genera, scores, strict=True):
            world = replace(self, changed=found[0], origin=None, month=month, aged=tuple(found[1:]))
            yield world, np.flatnonzero(states[month]["stool"])

    def sequence_species(self, assay: str = "shotgun", rows: slice | np.ndarray = ALL_ROWS):
        """Return the shotgun libraries of all or some people."""
        shares, batch = self.species.composition, self.species.template.column("batch")
        return self._sequence(shares, batch, assay, rows)

    def sequence_asvs(self, rows: slice | np.ndarray = ALL_ROWS) -> Libraries:
        """Return the 16S libraries of all or some people."""
        batch = self.genera.template.column("batch")[self.asv_pool.genus]
        return self._sequence(self.asvs, batch, "16s", rows)

    def _sequence(self, shares: np.ndarray, batch: np.ndarray, assay: str, rows) -> Libraries:
        people, dice = self.people.iloc[rows], self.dice.take(rows)
        return sequence(people, dice, self.design, shares[rows], batch, assay, self.month)

    def count(self, rows: slice | np.ndarray = ALL_ROWS) -> pd.DataFrame:
        """Sequence people by shotgun and sum both libraries: people x species.

        Each count keeps its uniform random number, so a species with equal abundance in two worlds
        has equal counts, except for closure. This also holds for a subset of the people.
        """
        counts = self.sequence_species(rows=rows).counts.toarray()
        index = self.people.index[rows]
        summed = counts.reshape(len(index), -1, counts.shape[1]).sum(axis=1)
        return pd.DataFrame(summed, index, self.species.taxa)

    def expose(self, exposures: pd.DataFrame) -> "World":
        """Return the same people under other exposures, with nothing redrawn.

        Parameters
        ----------
        exposures : DataFrame, people x factors
            As those of `species`.
        """
        return replace(self, changed=self.species.expose(exposures), origin=self)

    def with_people(self, **columns: pd.Series) -> "World":
        """Return the world with some columns of people replaced and nothing redrawn.

        Everything that depends on them changes too: exposures, species, genera, molecules.
        """
        people = self.people.assign(**columns)
        moved = self.species.expose(build_exposures(people))
        return replace(self, people=people, changed=replace(moved, people=people), origin=None)

    def with_dials(self, **dials: float) -> "World":
        """Return the same people in a world with other dials and nothing redrawn.

        Raises
        ------
        ValueError
            When a dial changes recruitment or the draws of people; draw a new world instead.
        """
        _refuse(dials, RECRUITMENT | SPLITS)
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
        return replace(self, design=design, changed=moved, origin=None)

    def with_species(self, species: Community) -> "World":
        """Return the world with other species; genera and molecules follow."""
        return replace(self, changed=species)

    def with_template(self, template: Template, stream: str) -> "World":
        """Return the same people with a community drawn from another template."""
        return replace(self, template=template, stream=stream, changed=None, origin=None)

    def redraw(self, **dials: float) -> "World":
        """Return the world of the same people under other dials, drawn again.

        Raises
        ------
        ValueError
            When a dial changes recruitment; draw a new world instead.
        """
        _refuse(dials, RECRUITMENT)
        return replace(self, design=self.design.replace(**dials), changed=None, origin=None)


def draw_world(design: StudyDesign, seed: int, template: Template | None = None) -> World:
    """Draw the world of a design, with all true values and diets of its people.

    Parameters
    ----------
    design : StudyDesign
    seed : int
        Not negative.
    template : Template, optional
        Of a community of one's own; by default the study's species.

    Raises
    ------
    ValueError
        When the seed is not a non-negative integer.
    """
    check_seed(seed)
    people = draw_people(design, seed, complete=True)
    world = _settle(design, people, seed, template)
    return replace(world, people=people.assign(fibre=diet.eat(people, world.dice)["fibre"]))


def draw_recorded_world(
    design: StudyDesign, seed: int, template: Template | None = None, *, group: str | None = None
) -> World:
    """Draw a world with only the variables that a study records for all participants.

    Diet and unanswered questions are ignored. With `group`, only patients or controls.
    Parameters and errors as for `draw_world`.
    """
    check_seed(seed)
    people = draw_people(design, seed)
    people = people if group is None else people[people["group"] == group]
    return _settle(design, people, seed, template)


def _settle(
    design: StudyDesign, people: pd.DataFrame, seed: int, template: Template | None
) -> World:
    """Return the world of the given people."""
    dice = Dice.of(people, design, seed)
    if template is None:
        return World(design, people, dice, read_taxa("species"), "species")
    return World(design, people, dice, template, "own")


def check_seed(seed: int) -> None:
    """Raise ValueError when the seed is not a non-negative integer."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise ValueError(f"seed: expected a whole number from 0; got {seed!r}")


def _refuse(dials: dict[str, float], redrawn: set[str]) -> None:
    for name in sorted(redrawn & set(dials)):
        raise ValueError(f"{name}: expected a dial of an effect; set this one in draw_world")
