import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from released_intervals import INTERVALS

from cohabit.data import schema
from cohabit.simulate.design import StudyDesign
from cohabit.simulate.households import PEOPLE_COLUMNS, draw_people
from cohabit.simulate.template import read_template

STUDY = StudyDesign.preset("study")
SEEDS = range(101, 106)


def to_bytes(people: pd.DataFrame) -> bytes:
    return people.to_csv().encode()


def split_pairs(people: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return patients and their controls, both by household."""
    by_household = people.reset_index().set_index("household_id")
    patients = by_household[by_household["group"] == "MS"]
    return patients, by_household[by_household["group"] == "control"].loc[patients.index]


def measure(people: pd.DataFrame) -> dict[str, float]:
    patients, controls = split_pairs(people)
    gap = (patients["age"] - controls["age"]).abs()
    return {
        "D01": (patients["sex"].astype(str) != controls["sex"].astype(str)).mean(),
        "D02": (patients["sex"] == "female").mean(),
        "D03": patients["age"].mean(),
        "D04": patients["age"].std(),
        "D05": patients["age"].corr(controls["age"]),
        "D06": patients["bmi"].mean(),
        "D07": controls["bmi"].mean(),
        "D08": patients["bmi"].corr(controls["bmi"]),
        "D09": (gap <= 5).mean(),
    }


@pytest.fixture(scope="module")
def study() -> pd.DataFrame:
    return draw_people(STUDY, 1)


@pytest.fixture(scope="module")
def medians() -> pd.Series:
    return pd.DataFrame([measure(draw_people(STUDY, seed)) for seed in SEEDS]).median()


@pytest.mark.parametrize("target", [f"D0{number}" for number in range(1, 10)])
def test_draw_people__demography_lies_within_the_released_interval(target, medians):
    low, high = INTERVALS[target]
    assert low <= medians[target] <= high


def test_draw_people__gives_the_columns_and_ids_of_the_contract(study):
    assert tuple(study.columns[: len(PEOPLE_COLUMNS)]) == PEOPLE_COLUMNS
    assert study.index.name == "participant_id"
    assert study.index[:3].tolist() == ["SF-001-a", "SF-001-b", "SF-002-a"]
    assert (study["household_id"] == study.index.str[:-2]).all()
    assert study["group"].tolist() == ["MS", "control"] * 576
    assert study["smoking"].cat.categories.tolist() == list(schema.SMOKING)
    assert study["site"].value_counts()["Boston"] == 84


def test_draw_people__controls_have_no_disease(study):
    clinical = ["course", "treatment", "onset_age", "duration", "edss", "msss", "relapses"]
    controls, patients = study[study["group"] == "control"], study[study["group"] == "MS"]
    assert controls[clinical].isna().all(axis=None)
    assert patients[clinical].notna().all(axis=None)


def test_draw_people__same_seed_same_bytes(study):
    assert to_bytes(draw_people(STUDY, 1)) == to_bytes(study)
    assert to_bytes(draw_people(STUDY, 2)) != to_bytes(study)


@pytest.mark.parametrize("name", ["null", "null_clean", "spillover", "deep_cases", "shared_batch"])
def test_draw_people__dials_of_the_community_move_nobody(name, study):
    assert to_bytes(draw_people(StudyDesign.preset(name), 1)) == to_bytes(study)


def test_draw_people__a_site_more_leaves_the_others_as_they_were():
    alone = StudyDesign(pairs_per_site={"Boston": 30})
    both = StudyDesign(pairs_per_site={"Boston": 30, "San Francisco": 20})
    people = draw_people(both, 5)
    pd.testing.assert_frame_equal(people[people["site"] == "Boston"], draw_people(alone, 5))


def test_draw_people__couples_stay_opposite_as_the_dial_rises():
    def list_opposite(share: float) -> set[str]:
        patients, controls = split_pairs(draw_people(STUDY.replace(opposite_sex_share=share), 1))
        return set(patients.index[patients["sex"].astype(str) != controls["sex"].astype(str)])

    shares = [0.0, 0.3, 0.8, 1.0]
    couples = [list_opposite(share) for share in shares]
    assert couples[0] < couples[1] < couples[2] < couples[3]
    for share, found in zip(shares, couples, strict=True):
        assert len(found) / 576 == pytest.approx(share, abs=0.02)


def test_draw_people__strangers_change_homes_and_nothing_else(study):
    strangers = draw_people(STUDY.replace(strangers=True), 1)
    pd.testing.assert_frame_equal(
        strangers.drop(columns="household_id"), study.drop(columns="household_id")
    )
    moved = strangers["household_id"] != study["household_id"]
    assert (moved == (study["group"] == "control")).all()
    whole = strangers.groupby("household_id")["group"].agg(["size", "nunique"])
    assert (whole == 2).all(axis=None)
    assert (strangers.groupby("household_id")["site"].nunique() == 1).all()
    patients, controls = split_pairs(strangers)
    assert abs(patients["bmi"].corr(controls["bmi"])) < 0.2


def test_draw_people__missing_partners_leave_and_all_others_stay(study):
    fewer = draw_people(STUDY.replace(missing_partners=0.25), 1)
    fewest = draw_people(STUDY.replace(missing_partners=0.5), 1)
    assert (fewer["group"] == "MS").sum() == 576
    assert (fewer["group"] == "control").sum() == pytest.approx(0.75 * 576, abs=7)
    assert set(fewest.index) < set(fewer.index) < set(study.index)
    pd.testing.assert_frame_equal(fewer, study.loc[fewer.index])


def test_draw_people__complete_answers_agree_with_the_recorded_ones(study):
    complete = draw_people(STUDY, 1, complete=True)
    assert complete["smoking"].notna().all()
    answered = study["smoking"].notna()
    assert (study["smoking"] == complete["smoking"])[answered].all()


SITES = st.dictionaries(st.sampled_from(sorted(schema.SITE_COUNTRY)), st.integers(0, 30))


@settings(max_examples=15)
@given(
    SITES.filter(lambda pairs: sum(pairs.values()) > 0),
    st.floats(0, 1),
    st.booleans(),
    st.floats(0, 0.95),
    st.integers(0, 2**32),
)
def test_draw_people__any_design_gives_whole_and_possible_people(pairs, share, strange, gone, seed):
    design = StudyDesign(
        pairs_per_site=pairs, opposite_sex_share=share, strangers=strange, missing_partners=gone
    )
    people = draw_people(design, seed)
    patients = people[people["group"] == "MS"]
    assert patients["site"].value_counts().to_dict() == {s: n for s, n in pairs.items() if n}
    assert people.index.is_unique
    assert people.groupby("household_id").size().max() <= 2
    assert people[list(schema.PARTICIPANT_COLUMNS)].notna().all(axis=None)
    assert people["age"].between(18, 81).all()
    assert people["bmi"].between(12, 80).all()
    assert (patients["onset_age"] + patients["duration"] == patients["age"]).all()
    assert patients["onset_age"].min() >= 10
    assert patients["msss"].between(0, 10).all()
    assert (patients["edss"] % 0.5 == 0).all()
    assert not (patients["edss"] == 0.5).any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pairs_per_site": {"Boston": 0}}, "at least one pair"),
        ({"pairs_per_site": {"Boston": -1}}, "whole number"),
        ({"pairs_per_site": {"Bostn": 3}}, "Boston"),
        ({"opposite_sex_share": 1.2}, "opposite_sex_share"),
        ({"missing_partners": 1.0}, "missing_partners"),
    ],
)
def test_draw_people__a_bad_design_is_refused_by_name(change, message):
    with pytest.raises(ValueError, match=message):
        StudyDesign(**change)


def test_template__partners_and_patients_are_placed_by_the_released_site_shares():
    shares = read_template("people_course_by_site")
    assert np.allclose(shares.groupby("site")["share"].sum(), 1, atol=2e-4)
