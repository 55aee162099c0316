"""The simulated world: causes, people, community, assays; draws only."""

from cohabit.simulate.design import StudyDesign
from cohabit.simulate.population import Population, simulate_population
from cohabit.simulate.population_design import PopulationDesign
from cohabit.simulate.study import (
    simulate_cohort,
    simulate_from,
    simulate_replication,
    simulate_shotgun,
)
from cohabit.simulate.survey import ask_after, ask_before
from cohabit.simulate.world import World, draw_world

__all__ = [
    "Population",
    "PopulationDesign",
    "StudyDesign",
    "World",
    "ask_after",
    "ask_before",
    "draw_world",
    "simulate_cohort",
    "simulate_from",
    "simulate_population",
    "simulate_replication",
    "simulate_shotgun",
]
