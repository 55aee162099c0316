"""Pairs of one case and one control: their difference, and what moves it."""

from cohabit.stats.paired.model import compare_pair_differences, fit_paired_model
from cohabit.stats.paired.pairs import COLUMNS, Pairs, find_pairs, paired_differences
from cohabit.stats.paired.swaps import paired_wilcoxon, sign_flip_test

__all__ = [
    "COLUMNS",
    "Pairs",
    "compare_pair_differences",
    "find_pairs",
    "fit_paired_model",
    "paired_differences",
    "paired_wilcoxon",
    "sign_flip_test",
]
