"""Declared contrasts: against the comparisons they stand for."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cohabit.simulate import StudyDesign, simulate_cohort
from cohabit.stats.abundance import compare_abundance
from cohabit.stats.whole_cohort import DECLARED_COLUMNS, fit_declared, person_slopes


@pytest.fixture(scope="module")
def cohort():
    """Twenty pairs whose second library, where there is one, is of month 6."""
    found = simulate_cohort(StudyDesign.preset("study").with_pairs(24), 17).without("shotgun")
    samples = found.samples.copy()
    samples["visit"] = np.where(samples.groupby("participant_id").cumcount() % 2, 6, 0)
    people = found.participants.assign(
        dose=np.arange(48) % 7 / 2,
        kind=[("healthy", "focal", "general")[place] for place in np.arange(48) % 3],
    )
    return replace(found, samples=samples, participants=people)


def declare(cohort, **model):
    return replace(cohort, provenance={**cohort.provenance, "model": model})


def test_fit_declared__nothing_declared_gives_an_empty_table(cohort):
    assert list(fit_declared(cohort)) == list(DECLARED_COLUMNS)
    assert fit_declared(cohort).empty


def test_fit_declared__levels_are_compared_with_the_reference(cohort):
    model = {"contrasts": ["kind"], "reference": {"kind": "healthy"}, "covariates": ["age"]}
    table = fit_declared(declare(cohort, **model))
    assert set(table["contrast"]) == {"focal - healthy", "general - healthy"}
    assert set(table["formula"]) == {"kind + age + group + (1 | household_id)"}
    counts = cohort.resolution.counts
    people = cohort.participants.loc[counts.index]
    people = people.assign(kind=pd.Categorical(people["kind"], ["healthy", "focal", "general"]))
    same = compare_abundance(counts, people, "kind", "age + group", "lmm_asin")
    np.testing.assert_allclose(table["estimate"], same["estimate"])
    np.testing.assert_allclose(table["q_value"], same["q_value"])


def test_fit_declared__a_dose_is_a_slope(cohort):
    table = fit_declared(declare(cohort, contrasts=["dose"], covariates=[]))
    assert set(table["contrast"]) == {"per unit of dose"}
    assert table["p_value"].notna().sum() > 10


def test_fit_declared__a_contrast_that_tells_cases_stands_in_their_place(cohort):
    people = cohort.participants
    kinds = np.where(
        people["group"] == "control", "healthy", people["kind"].replace("healthy", "x")
    )
    table = fit_declared(
        declare(replace(cohort, participants=people.assign(kind=kinds)), contrasts=["kind"],
                covariates=[], reference={"kind": "healthy"})
    )  # fmt: skip
    assert set(table["formula"]) == {"kind + (1 | household_id)"}


def test_person_slopes__are_the_difference_over_the_months_between_two_visits(cohort):
    slopes, main = person_slopes(cohort), cohort.resolution
    both = [cohort.table("16s", main.rank, visit=month) for month in (0, 6)]
    shares = [np.arcsin(np.sqrt(table.div(table.sum(axis=1), axis=0))) for table in both]
    twice = slopes.index
    assert set(twice) == set(both[0].index) & set(both[1].index)
    expected = (shares[1].loc[twice] - shares[0].loc[twice])[slopes.columns] / 6
    np.testing.assert_allclose(slopes, expected, atol=1e-12)


def test_fit_declared__time_and_group_is_the_mean_difference_of_slopes_in_complete_pairs(cohort):
    slopes = person_slopes(cohort)
    people = cohort.participants
    homes = people.loc[slopes.index, "household_id"].value_counts()
    whole = people.index[people["household_id"].isin(homes.index[homes == 2])]
    paired = declare(cohort._keep(whole), contrasts=["group:visit"], covariates=[])
    table = fit_declared(paired).set_index("feature")
    kept = person_slopes(paired)
    by_home = kept.groupby([people["household_id"], people["group"]], observed=True).first()
    difference = by_home.xs("MS", level=1) - by_home.xs("control", level=1)
    assert len(difference) >= 5
    np.testing.assert_allclose(
        table.loc[difference.columns, "estimate"], difference.mean(), atol=1e-10
    )
