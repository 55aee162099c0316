"""Differential abundance: named methods behind one function, one tidy table."""

# ruff: noqa: F401
from cohabit.stats.abundance.compare import (
    ABUNDANCE_COLUMNS,
    METHODS,
    Method,
    compare_abundance,
    lenient_rule,
)
