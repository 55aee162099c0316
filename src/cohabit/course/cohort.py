"""Exercises of part 2, the cohort: notebooks 02 and 03."""

import pandas as pd

from cohabit.course.registry import Context, exercise, is_name, is_near


def share_of_opposite_sex(people: pd.DataFrame) -> float:
    """Return the share of pairs that consist of a woman and a man."""
    sexes = people.astype({"sex": str}).groupby("household_id")["sex"].agg(["nunique", "size"])
    return float((sexes.loc[sexes["size"] == 2, "nunique"] == 2).mean())


def find_most_untreated_site(patients: pd.DataFrame) -> str:
    """Return the site with the largest share of untreated patients."""
    untreated = patients["treatment"].astype(str).eq("untreated")
    return untreated.groupby(patients["site"].astype(str)).mean().idxmax()


@exercise("02.1")
def _opposite_sex(answer: object, context: Context) -> bool | str:
    """Check the share of pairs that consist of a woman and a man."""
    return is_near(answer, share_of_opposite_sex(context.people), relative=0.005) or (
        "`ages` has a column of true and false, one row per household. Its mean is a share."
    )


@exercise("02.2")
def _most_untreated(answer: object, context: Context) -> bool | str:
    """Check the site with the largest share of untreated patients."""
    return is_name(answer, find_most_untreated_site(context.patients)) or (
        "Divide the column `untreated` of Figure 2 by the sum of each row: counts favour big sites."
    )


@exercise("03.1")
def _patients_are_lighter(answer: object, context: Context) -> bool | str:
    """Check the mean BMI of patients minus that of their partners."""
    return is_near(answer, _differences(context, "bmi").mean(), absolute=0.05) or (
        "Patient minus partner, home by home, in kg/m2; then the mean over homes."
    )


@exercise("03.2")
def _partners_of_one_age(answer: object, context: Context) -> bool | str:
    """Check the share of pairs with at most five years between them."""
    near = (_differences(context, "age").abs() <= 5).mean()
    return is_near(answer, near, absolute=0.005) or (
        "Take the difference in age home by home, without its sign; what share is at most 5?"
    )


def _differences(context: Context, name: str) -> pd.Series:
    wide = context.people.set_index(["household_id", "group"])[name].unstack()
    return (wide["MS"] - wide["control"]).dropna()
