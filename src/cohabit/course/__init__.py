"""Self-checks of the notebooks' exercises: right or wrong, with a hint, never a table."""

from cohabit.course import beyond, causes, cohort, steps  # noqa: F401
from cohabit.course.registry import EXERCISES, check

__all__ = ["EXERCISES", "check"]
