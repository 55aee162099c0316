"""PERMANOVA of people in households, with permutations that suit each term.

A term that differs within households is tested by exchanging members of a household, one that
differs between households by exchanging whole households; see the section PERMANOVA of
``docs/methods.md``.
"""

# ruff: noqa: F401
from cohabit.stats.permanova.analysis import permanova, permanova_features
from cohabit.stats.permanova.groups import dispersion, distances_to_middle, pairwise_permanova
