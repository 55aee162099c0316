"""Automatic checks of the notebooks' exercises, which answer with a hint if wrong."""

# ruff: noqa: F401
from cohabit.course import beyond, causes, follow_up, steps
from cohabit.course.registry import EXERCISES, check
