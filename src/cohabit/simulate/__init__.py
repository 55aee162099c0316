"""The simulated world: causes, people, community, assays; draws only."""

from cohabit.simulate.design import StudyDesign

__all__ = ["StudyDesign"]
