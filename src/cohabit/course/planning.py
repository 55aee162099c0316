"""Exercises of notebook 16."""

import numpy as np

from cohabit.course.registry import Context, exercise, is_near


@exercise("16.1")
def _pairs_for_money(answer: object, _: Context) -> bool | str:
    """One home at 100, two people at 50, two samples at 150 + 30: 560 a pair, of 60,000."""
    return is_near(answer, 60_000 // 560, relative=1e-3) or (
        "A pair pays for one home, two people, two visits and two samples. Only whole pairs count."
    )


@exercise("16.2")
def _spillover_that_undoes_pairing(answer: object, _: Context) -> bool | str:
    """Variance falls by 1 - r, the squared effect by (1 - s)²: equal at s = 1 - sqrt(1 - r)."""
    return is_near(answer, 1 - np.sqrt(1 - 0.3), absolute=0.003) or (
        "Power depends on effect² / variance. Partners have (1 - s)² / (1 - r) of what strangers "
        "have; when is that 1?"
    )


@exercise("16.3")
def _patients_for_power(answer: object, context: Context) -> bool | str:
    """Smallest size whose whole interval for PERMANOVA lies above one half; 0 when none does."""
    table = context.table("powers")
    sure = table[(table["question"] == "community") & (table["low"] > 0.5)]
    return is_near(answer, sure["n"].min() if len(sure) else 0) or (
        "Look at the lower ends of the intervals, not at the marks. If none is above one half, 0."
    )
