"""Exercises of notebook 05."""

import numpy as np
import pandas as pd

from cohabit.course.registry import Context, are_names, exercise, is_near
from cohabit.stats.composition import relative_abundance
from cohabit.stats.diversity import bray_curtis


@exercise("05.1")
def _expected_household_r2(answer: object, context: Context) -> bool | str:
    """R² that household reaches when households share nothing: (H - 1) / (N - 1)."""
    people = context.people
    expected = (people["household_id"].nunique() - 1) / (len(people) - 1)
    return is_near(answer, expected) or (
        "By chance a term gets its df out of the N - 1. How many df has household?"
    )


@exercise("05.2")
def _countries_with_one_site(answer: object, context: Context) -> bool | str:
    """Countries that cannot be told from their only site."""
    people = context.people
    sites = people.groupby(people["country"].astype(str))["site"].nunique()
    return are_names(answer, sites.index[sites == 1]) or (
        "Count the different sites of each country; name the countries that have only one."
    )


@exercise("05.3")
def _adjusted_r2(answer: object, _: Context) -> bool | str:
    """R², adjusted: 0.06 on 6 df among 1,000 people: 1 - (1 - R²)(N - 1)/(N - 1 - df)."""
    expected = 1 - (1 - 0.06) * (1000 - 1) / (1000 - 1 - 6)
    return is_near(answer, expected, absolute=3e-4) or (
        "Adding terms cannot lower R²: take off what chance alone gives."
    )


@exercise("05.4")
def _household_ratio(answer: object, context: Context) -> bool | str:
    """Distance within households over the distance between households of one site.

    Near 1 in a world of strangers, below 1 where households share: the same cell, two answers.
    """
    cohort = context.cohort
    shares = relative_abundance(cohort.table(cohort.main_assay, rank="family"))
    people = cohort.participants.loc[shares.index]
    distances = bray_curtis(shares).data
    expected = distances[_pairs(people, True)].mean() / distances[_pairs(people, False)].mean()
    return is_near(answer, expected) or (
        "Divide the mean distance of people who share a household by the mean of people of other "
        "households at the same site. A ratio near 1 means that households share nothing."
    )


def _pairs(people: pd.DataFrame, same_household: bool) -> np.ndarray:
    """Mark the pairs of different people at one site, within or between households."""
    homes, sites = people["household_id"].to_numpy(), people["site"].astype(str).to_numpy()
    together = homes[:, None] == homes[None, :]
    at_one_site = sites[:, None] == sites[None, :]
    different = ~np.eye(len(people), dtype=bool)
    return at_one_site & different & (together == same_household)
