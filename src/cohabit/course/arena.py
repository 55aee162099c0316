"""Exercises of notebook 15."""

from cohabit.course.registry import Context, exercise, is_name, is_near


@exercise("15.1")
def _lenient_false_discovery(answer: object, context: Context) -> bool | str:
    """Say how far above 5% the lenient rule's false discovery is where nothing is planted."""
    return is_near(answer, 1 / 0.05, relative=0.05) or (
        "Where nothing is planted, which of the calls are false? Divide their share by 0.05."
    )


@exercise("15.2")
def _same_as_pair_as_term(answer: object, context: Context) -> bool | str:
    """Name the way that equals the pair as a fixed term."""
    return is_name(answer, "paired difference") or (
        "A constant for every household takes the pair's sum away. What is left of two numbers?"
    )


@exercise("15.3")
def _best_on_spike_in(answer: object, context: Context) -> bool | str:
    """Name the most sensitive way on plain CLR that keeps its promise on the spike-in."""
    table = context.table("which_test")
    table = table[(table["generator"] == "spike-in") & table["holds"].astype(bool)]
    table = table[table["way"].str.endswith("· CLR")]
    tied = table.loc[table["gain"] == table["gain"].max(), "way"]
    right = any(is_name(answer, way) or is_name(answer, way.split(" · ")[0]) for way in tied)
    return right or (
        "Keep the rows of the spike-in that hold and end with CLR; which has the highest gain?"
    )
