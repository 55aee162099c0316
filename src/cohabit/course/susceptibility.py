"""Exercises of notebook 06."""

from cohabit.course.registry import Context, exercise, is_near


@exercise("06.1")
def _hits_in_both_batches_by_luck(answer: object, _: Context) -> bool | str:
    """Nominal twice with one sign, of 600 species that do not differ: 600 * 0.05 * 0.05 / 2."""
    return is_near(answer, 600 * 0.05 * 0.05 / 2) or (
        "One in twenty reaches P = 0.05 in the first batch, one in twenty of those in the second, "
        "and half of these point the other way."
    )


@exercise("06.2")
def _sex_picks_the_patient(answer: object, context: Context) -> bool | str:
    """Share of pairs in which "the woman is the patient" is right; half of pairs of one sex."""
    sex = context.people.set_index(["household_id", "group"])["sex"].astype(str).unstack()
    women = (sex[["MS", "control"]].dropna() == "female").astype(float)
    right = 0.5 + 0.5 * (women["MS"] - women["control"])
    return is_near(answer, right.mean(), absolute=0.005) or (
        "Pairs with a female patient and a male partner count 1, the reverse 0, pairs of one sex "
        "one half; take the mean over pairs."
    )
