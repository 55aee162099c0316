"""Exercises of part 2, the cohort: notebooks 02 and 03."""

import pandas as pd

from cohabit.course.registry import Context, exercise, is_name, is_near


def share_of_opposite_sex(people: pd.DataFrame) -> float:
    """Return the share of the pairs that are a woman and a man."""
    sexes = people.astype({"sex": str}).groupby("household_id")["sex"].agg(["nunique", "size"])
    return float((sexes.loc[sexes["size"] == 2, "nunique"] == 2).mean())


def find_most_untreated_site(patients: pd.DataFrame) -> str:
    """Return the site at which the largest share of patients takes nothing."""
    untreated = patients["treatment"].astype(str).eq("untreated")
    return untreated.groupby(patients["site"].astype(str)).mean().idxmax()


@exercise("02.1")
def _opposite_sex(answer: object, context: Context) -> bool | str:
    """Share of the pairs that are a woman and a man."""
    return is_near(answer, share_of_opposite_sex(context.people), relative=0.005) or (
        "`ages` has a column of true and false, one row a household. Its mean is a share."
    )


@exercise("02.2")
def _most_untreated(answer: object, context: Context) -> bool | str:
    """Site with the largest untreated share."""
    return is_name(answer, find_most_untreated_site(context.patients)) or (
        "Divide the column `untreated` of Figure 2 by the sum of each row: counts favour big sites."
    )


@exercise("03.1")
def _patients_are_lighter(answer: object, context: Context) -> bool | str:
    """Mean BMI of patients minus their own partners."""
    return is_near(answer, _differences(context, "bmi").mean(), absolute=0.05) or (
        "Patient minus partner, home by home, in kg/m2; then the mean over homes."
    )


@exercise("03.2")
def _partners_of_one_age(answer: object, context: Context) -> bool | str:
    """Share of pairs at most five years apart."""
    near = (_differences(context, "age").abs() <= 5).mean()
    return is_near(answer, near, absolute=0.005) or (
        "Take the difference in age home by home, without its sign; what share is at most 5?"
    )


def _differences(context: Context, name: str) -> pd.Series:
    wide = context.people.set_index(["household_id", "group"])[name].unstack()
    return (wide["MS"] - wide["control"]).dropna()
