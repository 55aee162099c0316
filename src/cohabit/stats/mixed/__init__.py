"""Random-intercept models of paired households: every feature at once, in closed form."""

from cohabit.stats.mixed.fit import fit_household_model
from cohabit.stats.mixed.report import COLUMNS
from cohabit.stats.mixed.terms import test_terms
from cohabit.stats.mixed.variance import test_household_variance

__all__ = ["COLUMNS", "fit_household_model", "test_household_variance", "test_terms"]
