"""The simulated world: causes, people, community, assays; draws only."""

from cohabit.simulate.design import StudyDesign
from cohabit.simulate.replication import simulate_replication
from cohabit.simulate.study import simulate_cohort

__all__ = ["StudyDesign", "simulate_cohort", "simulate_replication"]
