"""Differential abundance: seven methods by name behind one call, one tidy table."""

from cohabit.stats.abundance.compare import (
    ABUNDANCE_COLUMNS,
    METHODS,
    Method,
    compare_abundance,
    lenient_rule,
)

__all__ = ["ABUNDANCE_COLUMNS", "METHODS", "Method", "compare_abundance", "lenient_rule"]
