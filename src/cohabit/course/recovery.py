"""Exercises of notebook 13."""

from cohabit.course.registry import Context, exercise, is_name, is_near


@exercise("13.1")
def _untrue_claims(answer: object, context: Context) -> bool | str:
    """How many published claims are untrue in this world."""
    table = context.scorecard("claims")
    untrue = int(table["true_here"].astype("string").eq("False").sum())
    return is_near(answer, untrue, relative=0) or (
        "Count the claims whose column true_here is False; empty means that nobody knows."
    )


@exercise("13.2")
def _wrong_verdicts(answer: object, context: Context) -> bool | str:
    """How many decided verdicts are wrong."""
    table = context.scorecard("claims")
    wrong = int(table["right"].astype("string").eq("False").sum())
    return is_near(answer, wrong, relative=0) or (
        "Count the claims whose verdict was decided and does not fit what was planted."
    )


@exercise("13.3")
def _most_sensitive_method(answer: object, context: Context) -> bool | str:
    """Name the method that calls the largest share of the planted species."""
    table = context.scorecard("recovery")
    best = table.loc[table["sensitivity"].idxmax(), "method"]
    return is_name(answer, best) or (
        "Sort the methods by sensitivity; then ask what its false discoveries cost."
    )


@exercise("13.4")
def _missed_claims(answer: object, context: Context) -> bool | str:
    """Share of the claims that are true here on which the verdict stayed open."""
    table = context.scorecard("claims")
    true = table[table["true_here"].astype("string").eq("True")]
    true = true[true["verdict"] != "not estimated"]
    return is_near(answer, (true["verdict"] == "cannot tell").mean(), absolute=0.01) or (
        "Of the claims that are true here and were estimated, what share got the verdict "
        "'cannot tell'? This is what more pairs would buy."
    )
