"""Exercises of notebook 11."""

import numpy as np

from cohabit.course.registry import Context, exercise, is_near
from cohabit.stats.tails import normal_cdf


@exercise("11.1")
def _seen_as_an_edge(answer: object, _: Context) -> bool | str:
    """Chance that 209 people show 0.40 or more where the truth is 0.35, by Fisher's z."""
    steps = (np.arctanh(0.40) - np.arctanh(0.35)) * np.sqrt(209 - 3)
    return is_near(answer, normal_cdf(-steps), absolute=0.005) or (
        "Take atanh of both, divide the distance by 1/sqrt(n - 3), and look up the upper tail."
    )


@exercise("11.2")
def _swaps_that_can_pass(answer: object, _: Context) -> bool | str:
    """Least B with 1/(B + 1) <= 0.05/18."""
    return is_near(answer, 359, relative=0) or (
        "The smallest p-value is 1/(B + 1); it has to be at most 0.05 divided by 18."
    )
