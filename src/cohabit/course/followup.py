"""Exercises of notebook 12."""

import pandas as pd

from cohabit.course.registry import Context, exercise, is_near, says_yes
from cohabit.stats.longitudinal import list_years, take_visits


@exercise("12.1")
def _still_coming(answer: object, context: Context) -> bool | str:
    """Share of patients at the last visit."""
    return is_near(answer, _stays(context).mean()) or (
        "Patients with a row at the last month, divided by patients with a row at month 0."
    )


@exercise("12.2")
def _who_is_left(answer: object, context: Context) -> bool | str:
    """First EDSS of those who came to the end, minus that of the others."""
    edss = _visits(context).groupby("participant_id")["edss"].first()
    means = edss.groupby(_stays(context)).mean()
    return is_near(answer, means[True] - means[False], absolute=0.02) or (
        "Two means of EDSS at month 0, patients only: those with a last visit, those without."
    )


@exercise("12.3")
def _regression_to_the_mean(answer: object, context: Context) -> bool | str:
    """Relapses after divided by before, of patients chosen for a relapse who changed nothing."""
    years = list_years(_visits(context))
    kept = years[(years["relapses_before"] > 0) & (years["therapy"] == "kept")]
    expected = kept["relapses"].mean() / kept["relapses_before"].mean()
    return is_near(answer, expected, relative=0.05) or (
        "Years with relapses_before above 0 and therapy 'kept': mean relapses after by mean before."
    )


@exercise("12.4")
def _butyrate_slows(answer: object, context: Context) -> bool | str:
    """Whether butyrate acts on progression here; differs between two worlds."""
    design = context.cohort.provenance.get("design", {})
    return says_yes(answer) is (design.get("microbe_effect", 0) > 0) or (
        "The last row of Figure 6: is its interval clear of zero? Answer yes or no."
    )


def _visits(context: Context) -> pd.DataFrame:
    visits = take_visits(context.cohort.visits, context.people)
    return visits[visits["group"] == "MS"].dropna(subset=["edss"])


def _stays(context: Context) -> pd.Series:
    visits = _visits(context)
    return visits.groupby("participant_id")["visit"].max() == visits["visit"].max()
