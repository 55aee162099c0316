"""Small cohorts for traps: people, their true communities and one table of counts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np
import pandas as pd

from cohabit.simulate import StudyDesign, World, draw_world
from cohabit.simulate.template import Template, read_taxa
from cohabit.stats import composition

NO_DISEASE = {"disease": 0.0, "treatment": 0.0, "severity": 0.0}
"""Dials without effects of MS, therapy and severity; all other effects remain."""

BLOOMING = "Escherichia coli"


@dataclass(frozen=True, eq=False)
class Sample:
    """A cohort with one sequencing of its species."""

    world: World
    on: bool
    """True if the switch of the trap is on."""

    counts_of: "Sample | None" = None
    """A sample of the same world that has already been counted."""

    @property
    def people(self) -> pd.DataFrame:
        """One row per person, with the technical batch of the household."""
        return self.world.people

    @cached_property
    def counts(self) -> pd.DataFrame:
        """People x species."""
        return self.world.count() if self.counts_of is None else self.counts_of.counts

    @cached_property
    def clr(self) -> pd.DataFrame:
        """Log-ratios of the species that pass the study's filter."""
        return composition.clr(composition.filter_features(self.counts))

    @property
    def patients(self) -> pd.Series:
        """True for people with MS."""
        return self.world.patients

    def coefficients(self, factor: str) -> pd.Series:
        """Return the effect of one unit of a factor on the log abundance of each species."""
        return self.world.species.coefficients.loc[factor]


def draw_sample(
    dials: Mapping[str, object],
    sites: Mapping[str, int],
    seed: int,
    *,
    on: bool,
    alter: Callable[[World], World] | None = None,
) -> Sample:
    """Draw a small cohort: dials that differ from the study's, pairs by site, the switch on or off.

    `alter` does to the world what no dial does.
    """
    sample = _draw(tuple(sorted(dials.items())), tuple(sites.items()), seed)
    if alter is not None:
        return Sample(alter(sample.world), on)
    return sample if sample.on == on else Sample(sample.world, on, counts_of=sample)


@lru_cache(maxsize=32)
def _draw(dials: tuple, sites: tuple, seed: int) -> Sample:
    """Draw a sample with the switch off, cached because several traps share it."""
    dials = dict(dials)
    world = _draw_people(sites, dials.pop("strangers", False), seed)
    return Sample(world.redraw(**dials), on=False)


@lru_cache(maxsize=64)
def _draw_people(sites: tuple, strangers: bool, seed: int) -> World:
    """Draw the people of a world without diet, with the technical batch of each.

    Its species are the template's without the nameless rare tail: a third of the work.
    """
    design = StudyDesign(pairs_per_site=dict(sites), strangers=strangers, diet=0.0)
    table = read_taxa("species").table
    world = draw_world(design, seed).with_template(Template(table[table["tail"] == 0]), "traps")
    batch = np.where(world.batches == 1, "B", "A")
    return replace(world, people=world.people.assign(batch=batch))


def bloom(world: World, species: str = BLOOMING, log_fold: float = 4.0) -> World:
    """Return a world in which one species blooms in every patient."""
    place = world.species.taxa.get_loc(species)
    log_abundance, liability = world.species.log_abundance.copy(), world.species.liability.copy()
    patients = world.patients.to_numpy()
    log_abundance[patients, place] += log_fold
    liability[patients, place] = np.inf
    moved = replace(world.species, log_abundance=log_abundance, liability=liability)
    return world.with_species(moved)


def lose_carriage(world: World, probit: float = -1.0) -> World:
    """Return a world in which fewer patients carry the species of medium prevalence.

    The abundance in those who still carry them does not change.
    """
    liability = world.species.liability.copy()
    cells = np.ix_(world.patients.to_numpy(), half_carried(world))
    liability[cells] += probit
    return world.with_species(replace(world.species, liability=liability))


def half_carried(world: World) -> np.ndarray:
    """Return the positions of the species detected in 30 to 70% of people."""
    prevalence = world.species.template.column("prevalence")
    common = world.species.template.column("mean") > 1e-4
    return np.flatnonzero((prevalence > 0.3) & (prevalence < 0.7) & common)
