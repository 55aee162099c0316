"""Registration and checking of exercises, each of which is a small function."""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from cohabit.data.cohort import Cohort, Truth
from cohabit.data.schema import nearest
from cohabit.files import paths
from cohabit.files.storage import read_cohort
from cohabit.judge.recovery import read_truth

EXERCISES: dict[str, Callable] = {}
"""Exercise id -> function of (answer, context) that returns True or a hint."""


@dataclass(frozen=True)
class Context:
    """The data that an exercise can use, read when first needed."""

    cohort_dir: str | os.PathLike | None = None
    run_dir: str | os.PathLike | None = None
    given: Mapping[str, object] = field(default_factory=dict)
    """Objects passed by the notebook by name: its cohort, its tables."""

    @cached_property
    def cohort(self) -> Cohort:
        """The cohort that the notebook reads."""
        given = self.given.get("cohort")
        return read_cohort(self._folder("cohort_dir")) if given is None else given

    @cached_property
    def truth(self) -> Truth:
        """The planted truth of the cohort."""
        return read_truth(self._folder("cohort_dir"))

    @cached_property
    def people(self) -> pd.DataFrame:
        """One row per person."""
        return self.cohort.participants

    @cached_property
    def patients(self) -> pd.DataFrame:
        """The people with MS."""
        return self.people[self.people["group"] == "MS"]

    def scorecard(self, name: str) -> pd.DataFrame:
        """Return `name`.tsv of the run's top folder, or the table passed as `name`."""
        if name in self.given:
            return self.given[name]
        path = self._folder("run_dir") / f"{name}.tsv"
        if not path.exists():
            raise FileNotFoundError(f"{path} does not exist; run the cells above this one first")
        return pd.read_csv(path, sep="\t")

    def table(self, name: str) -> pd.DataFrame:
        """Return a table that the notebook passed by name."""
        if name not in self.given:
            raise ValueError(f"this exercise needs a table: check(..., {name}={name})")
        return self.given[name]

    def _folder(self, name: str):
        if getattr(self, name) is None:
            raise ValueError(f"this exercise needs {name}: check(..., {name}={name})")
        return paths.from_root(getattr(self, name))


def exercise(exercise_id: str) -> Callable:
    """Register a function (answer, context) -> True, or the hint for a wrong answer."""

    def register(judge: Callable) -> Callable:
        if exercise_id in EXERCISES:
            raise ValueError(f"exercise {exercise_id!r} is registered twice")
        EXERCISES[exercise_id] = judge
        return judge

    return register


def check(
    exercise_id: str, answer: object, *, cohort_dir=None, run_dir=None, **given: object
) -> None:
    """Print whether an answer is right, with a hint if it is not.

    The right answer is worked out from the notebook's `cohort_dir` or `run_dir`, or from what
    it has already: ``cohort=cohort``, or a table that the exercise asks for.

    Examples
    --------
    >>> check("05.3", 0.5)
    05.3  Not yet. Adding terms cannot lower R²: take off what chance alone gives.
    """
    if exercise_id not in EXERCISES:
        raise ValueError(f"no exercise {exercise_id!r}: {nearest(exercise_id, EXERCISES)}")
    if answer is None or answer is Ellipsis:
        print(f"{exercise_id}  Your turn: put your answer in place of the dots.")
        return
    said = EXERCISES[exercise_id](answer, Context(cohort_dir, run_dir, given))
    print(f"{exercise_id}  {'Right.' if said is True else f'Not yet. {said}'}")


def is_near(
    answer: object, expected: float, *, relative: float = 0.02, absolute: float = 1e-9
) -> bool:
    """Return True when an answer equals the expected number to within rounding."""
    try:
        number = float(answer)
    except (TypeError, ValueError):
        return False
    return bool(np.isclose(number, expected, rtol=relative, atol=absolute))


def is_name(answer: object, expected: str) -> bool:
    """Return True when an answer is the expected name, ignoring case and underscores."""
    return _plain(answer) == _plain(expected)


def says_yes(answer: object) -> bool | None:
    """Return True for yes and False for no; None for any other answer."""
    words = {"yes": True, "true": True, "no": False, "false": False}
    return words.get(_plain(answer))


def are_names(answer: object, expected: Iterable[str]) -> bool:
    """Return True when an answer lists exactly the expected names in any order."""
    if isinstance(answer, str):
        answer = answer.split(",")
    if not isinstance(answer, Iterable):
        return False
    return {_plain(name) for name in answer} == {_plain(name) for name in expected}


def _plain(name: object) -> str:
    return str(name).strip().lower().replace("_", " ")
