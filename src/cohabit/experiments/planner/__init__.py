"""How many households, which design, for which power: cohorts simulated by the thousand."""

from cohabit.experiments.planner.approximate import approximate_power, compare_plans
from cohabit.experiments.planner.budget import Costs, compare_designs, list_designs
from cohabit.experiments.planner.curves import find_size, find_sizes, predict_curve
from cohabit.experiments.planner.estimate import estimate_power
from cohabit.experiments.planner.intervals import Stop
from cohabit.experiments.planner.questions import Questions
from cohabit.experiments.planner.scenario import Scenario
from cohabit.experiments.planner.store import write_compressed as write_table

__all__ = [
    "Costs",
    "Questions",
    "Scenario",
    "Stop",
    "approximate_power",
    "compare_designs",
    "compare_plans",
    "estimate_power",
    "find_size",
    "find_sizes",
    "list_designs",
    "predict_curve",
    "write_table",
]
