"""Simulation of causes, people, communities and assays by random draws."""

from cohabit.simulate.design import PopulationDesign, StudyDesign
from cohabit.simulate.population import Population, ask_after, ask_before, simulate_population
from cohabit.simulate.study import (
    simulate_cohort,
    simulate_from,
    simulate_replication,
    simulate_shotgun,
)
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
