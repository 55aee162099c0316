"""Self-checks of the notebooks' exercises: right or wrong, with a hint, never a table."""

from cohabit.course import (  # noqa: F401
    alpha,
    arena,
    causes,
    description,
    followup,
    function,
    gallery,
    geography,
    lifestyle,
    networks,
    planning,
    recovery,
    recruitment,
    severity,
    susceptibility,
    treatment,
    two_worlds,
)
from cohabit.course.registry import EXERCISES, check

__all__ = ["EXERCISES", "check"]
