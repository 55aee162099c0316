"""Exercises of notebook 02."""

import pandas as pd

from cohabit.course.registry import Context, exercise, is_name, is_near


def opposite_sex_share(people: pd.DataFrame) -> float:
    """Return the share of the pairs that are a woman and a man."""
    sexes = people.astype({"sex": str}).groupby("household_id")["sex"].agg(["nunique", "size"])
    return float((sexes.loc[sexes["size"] == 2, "nunique"] == 2).mean())


def most_untreated_site(patients: pd.DataFrame) -> str:
    """Return the site at which the largest share of patients takes nothing."""
    untreated = patients["treatment"].astype(str).eq("untreated")
    return untreated.groupby(patients["site"].astype(str)).mean().idxmax()


@exercise("02.1")
def _opposite_sex(answer: object, context: Context) -> bool | str:
    """Share of the pairs that are a woman and a man."""
    return is_near(answer, opposite_sex_share(context.people), relative=0.005) or (
        "`ages` has a column of true and false, one row a household. Its mean is a share."
    )


@exercise("02.2")
def _most_untreated(answer: object, context: Context) -> bool | str:
    """Site with the largest untreated share."""
    return is_name(answer, most_untreated_site(context.patients)) or (
        "Divide the column `untreated` of Figure 2 by the sum of each row: counts favour big sites."
    )
