"""Traps: statistical mistakes with a switch, a wrong analysis and a right one."""

from cohabit.experiments.traps.gallery import TRAPS, Trap, measure, summarise

__all__ = ["TRAPS", "Trap", "measure", "summarise"]
