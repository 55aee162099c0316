"""Traps as a gallery: one switch each, the analysis that falls in, and the one that does not."""

from cohabit.experiments.traps.measure import measure, summarise
from cohabit.experiments.traps.table import TRAPS, Trap

__all__ = ["TRAPS", "Trap", "measure", "summarise"]
