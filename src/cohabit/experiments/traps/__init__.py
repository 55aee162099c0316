"""Traps: statistical mistakes with a switch, a wrong analysis and a right one."""

# ruff: noqa: F401
from cohabit.experiments.traps.gallery import TRAPS, Trap, measure, summarise
