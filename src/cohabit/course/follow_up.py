"""Exercises of the follow-up: notebooks 12 and 12b."""

import pandas as pd

from cohabit.course.registry import Context, exercise, is_near, says_yes
from cohabit.stats.longitudinal import list_years, take_visits


@exercise("12.1")
def _still_coming(answer: object, context: Context) -> bool | str:
    """Check the share of patients still present at the last visit."""
    return is_near(answer, _stays(context).mean()) or (
        "Patients with a row at the last month, divided by patients with a row at month 0."
    )


@exercise("12.2")
def _who_is_left(answer: object, context: Context) -> bool | str:
    """Check the first EDSS of patients who completed follow-up minus that of the others."""
    edss = _patients_visits(context).groupby("participant_id")["edss"].first()
    means = edss.groupby(_stays(context)).mean()
    return is_near(answer, means[True] - means[False], absolute=0.02) or (
        "Two means of EDSS at month 0, patients only: those with a last visit, those without."
    )


@exercise("12.3")
def _regression_to_the_mean(answer: object, context: Context) -> bool | str:
    """Check relapses after / before in patients selected for a relapse who changed nothing."""
    years = list_years(_patients_visits(context))
    kept = years[(years["relapses_before"] > 0) & (years["therapy"] == "kept")]
    expected = kept["relapses"].mean() / kept["relapses_before"].mean()
    return is_near(answer, expected, relative=0.05) or (
        "Years with relapses_before above 0 and therapy 'kept': mean relapses after by mean before."
    )


@exercise("12.4")
def _butyrate_slows(answer: object, context: Context) -> bool | str:
    """Check whether butyrate affects progression, which depends on the world."""
    design = context.cohort.provenance.get("design", {})
    return says_yes(answer) is (design.get("microbe_effect", 0) > 0) or (
        "The last row of Figure 6: is its interval clear of zero? Answer yes or no."
    )


@exercise("12b.1")
def _second_samples(answer: object, context: Context) -> bool | str:
    """Check the share of people with stool at the first visit who gave it again a year later."""
    samples = context.cohort.samples
    first, later = (set(samples[samples["visit"] == m]["participant_id"]) for m in (0, 12))
    return is_near(answer, len(later & first) / len(first)) or (
        "People with a library of visit 12, divided by people with one of visit 0."
    )


@exercise("12b.2")
def _samples_needed(answer: object, _: Context) -> bool | str:
    """Check the samples for a reliability of 0.8 at an intraclass correlation of 0.6."""
    return is_near(answer, 3, relative=0) or (
        "A mean of n samples has the reliability n r / (1 + (n - 1) r); the next whole number."
    )


@exercise("12b.3")
def _marker_by_chance(answer: object, _: Context) -> bool | str:
    """Check the chance of at least one of twenty independent markers of 0.0033 each."""
    return is_near(answer, 1 - (1 - 0.0033) ** 20, absolute=0.004) or (
        "One minus the chance that none of the twenty passes."
    )


@exercise("12b.4")
def _gut_follows_progression(answer: object, context: Context) -> bool | str:
    """Check whether progression moves the gut, which depends on the world."""
    design = context.cohort.provenance.get("design", {})
    return says_yes(answer) is (design.get("progression_effect", 0) > 0) or (
        "Which dial of this world moves the gut with severity? Answer yes or no."
    )


def _patients_visits(context: Context) -> pd.DataFrame:
    visits = take_visits(context.cohort.visits, context.people)
    return visits[visits["group"] == "MS"].dropna(subset=["edss"])


def _stays(context: Context) -> pd.Series:
    visits = _patients_visits(context)
    return visits.groupby("participant_id")["visit"].max() == visits["visit"].max()
