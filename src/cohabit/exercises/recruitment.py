"""Exercises of notebook 02."""

from cohabit.exercises.registry import Context, exercise, is_name, is_near


@exercise("02.1")
def _opposite_sex(answer: object, context: Context) -> bool | str:
    """Share of the pairs that are a woman and a man."""
    sexes = context.people.groupby("household_id")["sex"].agg(["nunique", "size"])
    share = (sexes.loc[sexes["size"] == 2, "nunique"] == 2).mean()
    return is_near(answer, share, relative=0.005) or (
        "`ages` has a column of true and false, one row a household. Its mean is a share."
    )


@exercise("02.2")
def _most_untreated(answer: object, context: Context) -> bool | str:
    """Site at which most patients, as a share, take nothing."""
    patients = context.patients
    untreated = (patients["treatment"] == "untreated").groupby(patients["site"].astype(str)).mean()
    return is_name(answer, untreated.idxmax()) or (
        "Divide the column `untreated` of Figure 2 by the sum of each row: counts favour big sites."
    )
