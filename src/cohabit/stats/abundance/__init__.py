"""Differential abundance: seven named methods behind one function, one tidy table."""

from cohabit.stats.abundance.compare import (
    ABUNDANCE_COLUMNS,
    METHODS,
    Method,
    compare_abundance,
    lenient_rule,
)

__all__ = ["ABUNDANCE_COLUMNS", "METHODS", "Method", "compare_abundance", "lenient_rule"]
