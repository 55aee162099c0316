"""Exercises of notebook 04."""

import math

from cohabit.course.registry import Context, exercise, is_near


@exercise("04.1")
def _pairs_for_equivalence(answer: object, _: Context) -> bool | str:
    """Pairs until 1.96 sqrt(2 (1 - r) / n) is within the margin: r = 0.25, margin 0.15."""
    expected = 2 * (1 - 0.25) * (1.96 / 0.15) ** 2
    return is_near(answer, expected) or (
        "The difference of two partners has the variance 2 (1 - r) / n; 1.96 of its standard "
        "errors must fit inside 0.15. Solve for n."
    )


@exercise("04.2")
def _halves_add_log_two(answer: object, _: Context) -> bool | str:
    """Shannon of a community whose every kind is split in two equal halves rises by ln 2."""
    return is_near(answer, math.log(2)) or (
        "Each share p becomes two shares p / 2. Write -2 (p / 2) log(p / 2) and expand the log."
    )
