"""Patients and partners recruited from a population, and what they bring along."""

import numpy as np
import pandas as pd
import pytest
from statsmodels.discrete.conditional_models import ConditionalLogit

from cohabit.simulate import StudyDesign, recruitment, simulate_cohort
from cohabit.simulate.households import draw_people

FEW = StudyDesign.preset("population").with_pairs(60)


@pytest.fixture(scope="module")
def people():
    return draw_people(StudyDesign.preset("population"), 1)


def test_recruit__fills_every_place_with_all_that_people_bring(people):
    assert len(people) == 2 * 576
    assert people["group"].value_counts().to_dict() == {"MS": 576, "control": 576}
    assert people[recruitment.CARRIED].notna().all(axis=None)
    patients = people[people["group"] == "MS"]
    assert patients[["course", "treatment", "onset_age", "edss", "msss"]].notna().all(axis=None)
    assert (patients["onset_age"] + patients["duration"] == patients["age"]).all()
    assert people.loc[people["group"] == "control", "onset_age"].isna().all()


def test_recruit__lets_homes_lie_around_their_site(people):
    assert people.groupby("household_id")["latitude"].nunique().eq(1).all()
    away = people["latitude"] - people["site"].astype(str).map(recruitment.LATITUDE)
    assert away.abs().max() <= 3


def test_recruit__keeps_what_the_clinic_and_the_couple_decide(people):
    patients = people[people["group"] == "MS"]
    untreated = (patients["treatment"] == "untreated").groupby(patients["site"], observed=True)
    shares = untreated.mean()
    assert shares["Edinburgh"] > 0.55, "as in the released data: 62%"
    assert shares["Buenos Aires"] < 0.25, "as in the released data: 16%"
    sexes = people.set_index(["household_id", "group"])["sex"].astype(str).unstack()
    assert (sexes["MS"] != sexes["control"]).mean() == pytest.approx(0.92, abs=0.03)
    ages = people.set_index(["household_id", "group"])["age"].unstack()
    assert ages.corr().iloc[0, 1] > 0.8
    median = patients.groupby("course", observed=True)["duration"].median()
    assert median["SPMS"] > median["RRMS"] + 5


def test_recruit__brings_the_causes_into_the_pairs(people):
    """Within pairs the alleles' odds ratios are those of the whole population (calibrated)."""
    low, high = _matched_odds_ratio(people, people["hla_drb1_1501"])
    assert low < 3.32 < high
    low, high = _matched_odds_ratio(people, people["hla_a0201"])
    assert low < 0.68 < high < 1
    low, high = _matched_odds_ratio(people, people["polygenic_score"])
    assert low > 1.5
    low, high = _matched_odds_ratio(people, people["smoking"] != "never")
    assert 1 < low < 1.5 < high


def _matched_odds_ratio(people: pd.DataFrame, exposure: pd.Series) -> np.ndarray:
    design = pd.DataFrame({"exposed": exposure, "woman": people["sex"] == "female"}, dtype=float)
    is_case = (people["group"] == "MS").astype(int)
    fit = ConditionalLogit(is_case, design, groups=people["household_id"]).fit(disp=False)
    return np.exp(fit.conf_int().loc["exposed"].to_numpy())


def test_recruit__gives_the_same_people_for_the_same_seed():
    pd.testing.assert_frame_equal(draw_people(FEW, 3), draw_people(FEW, 3))
    assert not draw_people(FEW, 3)["vitamin_d"].equals(draw_people(FEW, 4)["vitamin_d"])


def test_recruit__says_when_the_population_runs_out(monkeypatch):
    monkeypatch.setattr(recruitment, "PEOPLE_A_PATIENT", 1)
    monkeypatch.setattr(recruitment, "FEWEST", 1_000)
    monkeypatch.setattr(recruitment, "MOST_VILLAGES", 1)
    with pytest.raises(ValueError, match="Edinburgh.*131 patients wanted, .* found"):
        draw_people(StudyDesign(source="population", pairs_per_site={"Edinburgh": 131}), 1)


def test_choose_partners__takes_the_nearest_age_and_nobody_twice():
    pool = pd.DataFrame({"sex": ["male", "male", "female", "male"], "age": [40, 50, 45, 51]})
    wanted = pd.DataFrame({"sex": ["male", "female", "male"], "age": [50.0, 20.0, 50.0]})
    chosen = recruitment._choose_partners(pool, wanted)
    assert chosen["age"].tolist() == [50, 45, 51]


def test_simulate_cohort__goes_on_from_a_population_as_from_the_study():
    cohort = simulate_cohort(FEW, 1)
    assert set(recruitment.CARRIED) <= set(cohort.participants)
    assert len(cohort.table("shotgun")) == 120
    assert cohort.visits is not None
    direct = simulate_cohort(StudyDesign().with_pairs(20), 1)
    assert not set(recruitment.CARRIED) & set(direct.participants)


def test_design__refuses_another_source():
    with pytest.raises(ValueError, match="source: did you mean 'population'"):
        StudyDesign(source="populaton")
