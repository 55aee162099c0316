"""Random-intercept models of household data, fitted to all features in closed form."""

# ruff: noqa: F401
from cohabit.stats.mixed.fit import HOUSEHOLD_COLUMNS, fit_household_model
from cohabit.stats.mixed.hypotheses import (
    compare_significant,
    count_significant,
    test_household_variance,
    test_terms,
)
from cohabit.stats.mixed.repeated import REPEATED_COLUMNS, fit_repeated_model
