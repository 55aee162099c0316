"""Simulation of causes, people, communities and assays by random draws."""

# ruff: noqa: F401

from cohabit.simulate.design import PopulationDesign, StudyDesign
from cohabit.simulate.population import Population, ask_after, ask_before, simulate_population
from cohabit.simulate.study import (
    simulate_cohort,
    simulate_from,
    simulate_replication,
    simulate_shotgun,
)
from cohabit.simulate.world import World, draw_world
