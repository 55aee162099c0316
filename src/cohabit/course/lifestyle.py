"""Exercises of notebook 10."""

from cohabit.course.registry import Context, exercise, is_near


@exercise("10.1")
def _half_is_left(answer: object, _: Context) -> bool | str:
    """Released data: 1.0 adjusted over 2.0 raw."""
    return is_near(answer, 0.5) or "Divide the adjusted difference by the raw one."


@exercise("10.2")
def _variance_of_a_pair_difference(answer: object, _: Context) -> bool | str:
    """Variance of a pair difference over that of two strangers: 2 (1 - r) / 2, r = 0.40."""
    return is_near(answer, 1 - 0.40) or (
        "Var(a - b) = Var(a) + Var(b) - 2 Cov(a, b); set the variances to 1."
    )
