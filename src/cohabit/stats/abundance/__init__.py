"""Differential abundance: seven methods by name behind one call, one tidy table."""

from cohabit.stats.abundance.compare import (
    COLUMNS,
    METHODS,
    Method,
    compare_abundance,
    lenient_rule,
)

__all__ = ["COLUMNS", "METHODS", "Method", "compare_abundance", "lenient_rule"]
