"""Traps as a gallery: one switch each, the analysis that falls in, and the one that does not."""

from cohabit.experiments.traps.gallery import TRAPS, Trap, measure, summarise

__all__ = ["TRAPS", "Trap", "measure", "summarise"]
