"""The simulated world: causes, people, community, assays; draws only."""

from cohabit.simulate.design import StudyDesign
from cohabit.simulate.own import simulate_from
from cohabit.simulate.population import Population, simulate_population
from cohabit.simulate.population_design import PopulationDesign
from cohabit.simulate.replication import simulate_replication
from cohabit.simulate.study import simulate_cohort, simulate_shotgun
from cohabit.simulate.survey import ask_after, ask_before

__all__ = [
    "Population",
    "PopulationDesign",
    "StudyDesign",
    "ask_after",
    "ask_before",
    "simulate_cohort",
    "simulate_from",
    "simulate_population",
    "simulate_replication",
    "simulate_shotgun",
]
