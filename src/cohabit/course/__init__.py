"""Automatic checks of the notebooks' exercises, which answer with a hint if wrong."""

from cohabit.course import beyond, causes, cohort, steps  # noqa: F401
from cohabit.course.registry import EXERCISES, check

__all__ = ["EXERCISES", "check"]
