"""Exercises of part 1, the causes: notebooks 01a to 01c."""

from cohabit.course.registry import Context, exercise, is_name, is_near


@exercise("01a.1")
def _recurrence_ratio(answer: object, context: Context) -> bool | str:
    """Check the risk of a patient's identical twin relative to the general risk."""
    risks = context.table("risks").set_index("feature")
    return is_near(answer, risks.loc["identical_twin", "ratio"], relative=0.05) or (
        "Divide the twin's risk by the lifetime risk of everybody; `risks` has a column for it."
    )


@exercise("01a.2")
def _patients_without_the_gene(answer: object, context: Context) -> bool | str:
    """Check the share of patients without any copy of DRB1*15:01."""
    people = context.table("people")
    share = (people.loc[people["ms"], "hla_drb1_1501"] == 0).mean()
    return is_near(answer, share, absolute=0.01) or (
        "Among those with MS, count who has 0 copies. A strong risk gene is neither needed "
        "nor enough."
    )


@exercise("01b.1")
def _excess_at_sixty(answer: object, context: Context) -> bool | str:
    """Check the fitted difference in prevalence per 100,000 between 60 and 20 degrees."""
    slope = context.table("slope")
    return is_near(answer, 40 * slope["estimate"], relative=0.03) or (
        "The slope is per degree; how many degrees lie between 20 and 60?"
    )


@exercise("01b.2")
def _world_without_sun(answer: object, _: Context) -> bool | str:
    """Check the cause of the gradient in the world in which the sun has no effect."""
    return is_name(answer, "ancestry") or (
        "Light and vitamin D do nothing there, and care is as in the first world. What else "
        "changes along with latitude?"
    )


@exercise("01c.1")
def _smoking_fraction(answer: object, context: Context) -> bool | str:
    """Check the share of cases due to smoking, by Miettinen's formula."""
    people = context.table("people")
    exposed, ill = people["smoker"], people["ms"]
    ratio = ill[exposed].mean() / ill[~exposed].mean()
    return is_near(answer, exposed[ill].mean() * (ratio - 1) / ratio, absolute=0.01) or (
        "Share of patients who ever smoked, times (RR - 1) / RR, with RR the ratio of risks."
    )


@exercise("01c.2")
def _only_one_study_can_be_fooled(answer: object, _: Context) -> bool | str:
    """Check which of two studies keeps its error rate when beliefs of patients change."""
    return is_name(answer, "prospective") or (
        "In one of the two studies the answers were written down before anyone was ill. "
        "Answer prospective or retrospective."
    )
