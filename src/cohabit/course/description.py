"""Exercises of notebook 03."""

import pandas as pd

from cohabit.course.registry import Context, exercise, is_near


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
