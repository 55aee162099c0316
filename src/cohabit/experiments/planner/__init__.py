"""Power and sample size of a planned study from thousands of simulated cohorts."""

# ruff: noqa: F401
from cohabit.experiments.planner.approximate import approximate_power
from cohabit.experiments.planner.decide import (
    compare_designs,
    compare_plans,
    find_size,
    find_sizes,
    predict_curve,
)
from cohabit.experiments.planner.estimate import Stop, estimate_power, write_powers
from cohabit.experiments.planner.questions import Questions
from cohabit.experiments.planner.scenario import Costs, Scenario, list_designs
