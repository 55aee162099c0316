"""How many households, which design, for which power: cohorts simulated by the thousand."""

from cohabit.power.approximate import approximate_power, compare_plans
from cohabit.power.budget import Costs, compare_designs, list_designs
from cohabit.power.curves import find_size, find_sizes, predict_curve
from cohabit.power.estimate import estimate_power
from cohabit.power.intervals import Stop
from cohabit.power.plant import plant_effects
from cohabit.power.questions import Questions
from cohabit.power.scenario import Scenario
from cohabit.power.store import write_compressed as write_table

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
    "plant_effects",
    "predict_curve",
    "write_table",
]
