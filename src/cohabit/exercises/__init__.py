"""Self-checks of the notebooks' exercises: right or wrong, with a hint, never a table."""

from cohabit.exercises import geography, recovery, recruitment, severity, treatment  # noqa: F401
from cohabit.exercises.registry import EXERCISES, check

__all__ = ["EXERCISES", "check"]
