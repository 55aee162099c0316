"""Covariates that the models of a cohort hold fixed."""

import pandas as pd

from cohabit.data import schema

USUAL = ("sex", "age", "bmi", "site")
"""Covariates of the study's models."""

MOST_UNKNOWN = 0.2
"""Largest share of people with a missing value that a model may leave out."""


def why_not_held(people: pd.DataFrame, column: str, most_unknown: float = MOST_UNKNOWN) -> str:
    """Return why a model of these people cannot hold a column fixed, or an empty string.

    A column that is absent, unknown for more than the share `most_unknown` of the people, or the
    same for all, leaves the model.
    """
    if column not in people or people[column].isna().all():
        return "not recorded"
    unknown = int(people[column].isna().sum())
    if unknown > most_unknown * len(people):
        return f"unknown for {unknown} of {len(people)}"
    return "" if people[column].nunique() > 1 else "the same for all"


def concerned(people: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return the people of whom a column can be known: only cases have a course or a drug."""
    return people[people["group"] == "MS"] if column in schema.ONLY_PATIENTS else people
