"""What is known of people: covariates that models can hold fixed, and groups of patients."""

import pandas as pd

from cohabit.data import schema

USUAL = ("sex", "age", "bmi", "site")
"""Covariates of the study's models."""

MOST_UNKNOWN = 0.2
"""Largest share of people with a missing value that a model may leave out."""

_COURSES = {"relapsing": ("RRMS",), "progressive": ("SPMS", "PPMS")}


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


def patient_groups(people: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the households of all patients, of those with and without therapy, and of each course.

    Parameters
    ----------
    people : DataFrame, one row per person
        `household_id` and `group`; `treatment` and `course` where they are known.

    Returns
    -------
    dict
        ``"all patients"``, ``"untreated"``, ``"treated"``, and courses by their names (of MS:
        ``"relapsing"`` and ``"progressive"``). Groups without a home of two, or without cases
        or controls, are left out.
    """
    patients = people[people["group"] == "MS"]
    chosen = {"all patients": patients}
    if "treatment" in people:
        known = patients.dropna(subset=["treatment"])
        untreated = known["treatment"] == "untreated"
        chosen |= {"untreated": known[untreated], "treated": known[~untreated]}
    if "course" in people:
        present = list(dict.fromkeys(patients["course"].dropna().sort_values()))
        ours = set(present) <= set(schema.COURSES)
        courses = _COURSES if ours else {str(name): (name,) for name in present}
        chosen |= {name: patients[patients["course"].isin(of)] for name, of in courses.items()}
    homes = {name: who["household_id"] for name, who in chosen.items() if len(who)}
    groups = {name: people[people["household_id"].isin(ids)] for name, ids in homes.items()}
    return {
        name: who
        for name, who in groups.items()
        if who["group"].nunique() > 1 and who["household_id"].duplicated().any()
    }


def with_study_groups(participants: pd.DataFrame) -> pd.DataFrame:
    """Return a copy with the patient groups that the study compares.

    Parameters
    ----------
    participants : DataFrame, one row per person
        Needs `household_id` and `group`; `course` and `treatment` where they are known.

    Returns
    -------
    DataFrame
        With `therapy` of the household's patient (``untreated`` before ``treated``), and two
        factors: `treatment_groups` (treated and untreated patients, and the controls of each)
        and `course_groups` (relapsing and progressive, or courses of another disease, and
        theirs). Without treatment or course, without those; missing in homes whose patients
        differ.
    """
    group, added = participants["group"].astype(str), {}
    if "treatment" in participants:
        drug = _agreed(participants, "treatment")
        therapy = drug.map(lambda name: _two_ways(name, "untreated", "treated"))
        added["therapy"] = pd.Categorical(therapy, ["untreated", "treated"], ordered=True)
        added["treatment_groups"] = (group + ", " + therapy).where(therapy.notna())
    if "course" in participants:
        form = _agreed(participants, "course")
        if form.dropna().isin(schema.COURSES).all():
            form = form.map(lambda name: _two_ways(name, "RRMS", "PMS"))
        added["course_groups"] = (group + ", " + form.astype(object)).where(form.notna())
    return participants.assign(**added)


def _agreed(participants: pd.DataFrame, column: str) -> pd.Series:
    """Return a household's value of its patients, missing where they have different ones."""
    patients = participants[participants["group"] == "MS"]
    several = patients.groupby("household_id")[column].nunique() > 1
    apart = participants["household_id"].isin(several.index[several])
    known = patients[~apart[patients.index]].dropna(subset=[column]).drop_duplicates("household_id")
    values = known.set_index("household_id")[column].astype(object)
    return participants["household_id"].map(values)


def _two_ways(value: object, first: str, other: str) -> object:
    return value if pd.isna(value) or value == first else other
