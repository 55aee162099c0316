import numpy as np
import pandas as pd
import pytest

from cohabit.simulate.clinic import EDSS_STEPS
from cohabit.simulate.design import StudyDesign
from cohabit.simulate.dice import Dice
from cohabit.simulate.diet import draw_diet
from cohabit.simulate.followup import MONTHS, draw_visits, list_followup_effects
from cohabit.simulate.households import draw_people

STUDY = StudyDesign.preset("study")
LARGE = StudyDesign(pairs_per_site={"San Francisco": 2500, "Edinburgh": 2500})
CLINICAL = ["treatment", "edss", "relapses", "new_lesions"]


@pytest.fixture(scope="module")
def people() -> pd.DataFrame:
    return draw_people(STUDY, 1, complete=True)


@pytest.fixture(scope="module")
def visits(people) -> pd.DataFrame:
    return draw_visits(people, Dice.of(people, STUDY, 1), STUDY)


@pytest.fixture(scope="module")
def many() -> pd.DataFrame:
    return draw_people(LARGE, 2, complete=True)


@pytest.fixture(scope="module")
def many_visits(many) -> pd.DataFrame:
    return draw_visits(many, Dice.of(many, LARGE, 2), LARGE)


def wide(visits: pd.DataFrame, column: str) -> pd.DataFrame:
    return visits.pivot(index="participant_id", columns="visit", values=column)


def test_draw_visits__start_with_everyone_as_recruited(visits, people):
    baseline = visits[visits["visit"] == 0].set_index("participant_id")
    assert baseline.index.equals(people.index)
    for column in ("edss", "relapses", "bmi"):
        pd.testing.assert_series_equal(baseline[column], people[column])
    assert (baseline["smoking"] == people["smoking"].astype(object)).all()


def test_draw_visits__nobody_returns_after_staying_away(visits):
    came = wide(visits, "bmi").notna().to_numpy()
    assert came.shape[1] == len(MONTHS)
    assert (np.diff(came.astype(int), axis=1) <= 0).all()
    assert 0.6 < came[:, -1].mean() < 0.95


def test_draw_visits__clinical_columns_belong_to_patients(visits, people):
    patient = (people["group"].reindex(visits["participant_id"]) == "MS").to_numpy()
    assert visits.loc[patient, CLINICAL].notna().all(axis=None)
    assert visits.loc[~patient, CLINICAL].isna().all(axis=None)
    assert set(visits["edss"].dropna()) <= set(EDSS_STEPS)


def test_draw_visits__the_disabled_stay_away_more(many_visits):
    edss = wide(many_visits, "edss").dropna(subset=0)
    left = edss[36].isna()
    assert edss.loc[left, 0].mean() > edss.loc[~left, 0].mean() + 0.5


def test_draw_visits__people_stay_themselves(many_visits):
    edss, bmi = wide(many_visits, "edss").dropna(), wide(many_visits, "bmi").dropna()
    assert edss[0].corr(edss[36]) > 0.9
    assert bmi[0].corr(bmi[36]) > 0.85
    assert edss[36].mean() > edss[0].mean()


def test_draw_visits__obesity_adds_relapses_and_lesions(many, many_visits):
    course = many["course"].reindex(many_visits["participant_id"]).to_numpy()
    rows = many_visits[(course == "RRMS") & (many_visits["visit"] > 0)]
    obese = rows["bmi"] >= 30
    for event, planted in (("relapses", 0.3), ("new_lesions", 0.35)):
        ratio = np.log(rows.loc[obese, event].mean() / rows.loc[~obese, event].mean())
        assert ratio == pytest.approx(planted, abs=0.25)  # three standard errors


def test_draw_visits__stopping_smoking_slows_progression_by_what_is_planted(many, many_visits):
    stopped = draw_visits(many, Dice.of(many, LARGE, 2), LARGE, everyone_stops_smoking=True)
    smokers = many.index[(many["smoking"] == "current") & (many["group"] == "MS")]
    gain = wide(many_visits, "edss")[36] - wide(stopped, "edss")[36]
    assert 0.15 < gain.reindex(smokers).mean() < 0.35
    never = many.index[(many["smoking"] == "never") & (many["group"] == "MS")]
    assert gain.reindex(never).dropna().abs().max() == 0


def test_draw_visits__diet_changes_slowly_and_partners_change_together(people):
    diet = draw_diet(people, Dice.of(people, STUDY, 1))
    eaten = wide(
        draw_visits(people, Dice.of(people, STUDY, 1), STUDY, diet=diet), "hei_total"
    ).dropna()
    pd.testing.assert_series_equal(eaten[0], diet["hei_total"][eaten.index], check_names=False)
    assert eaten[0].corr(eaten[12]) == pytest.approx(0.85, abs=0.05)
    change = (eaten[12] - 0.85 * eaten[0]).to_frame("change")
    change["home"] = change.index.str[:-2]
    pairs = change.groupby("home")["change"].agg(["first", "last", "size"]).query("size == 2")
    assert pairs["first"].corr(pairs["last"]) == pytest.approx(0.5, abs=0.15)


def test_draw_visits__therapy_starts_stops_and_switches(visits, people):
    treatment = wide(visits.dropna(subset="treatment"), "treatment").dropna()
    before, after = treatment[0], treatment[36]
    untreated = before == "untreated"
    assert (after[untreated] != "untreated").mean() > 0.1
    assert (after[~untreated] == "untreated").mean() > 0.03
    switched = ~untreated & (after != "untreated") & (after != before)
    assert switched.mean() > 0.03


def test_draw_visits__microbes_count_only_when_their_dial_is_on(people, visits):
    months = [0, 12, 24]
    butyrate = pd.DataFrame(2.0, people.index, months)
    off = draw_visits(people, Dice.of(people, STUDY, 1), STUDY, butyrate=butyrate)
    pd.testing.assert_frame_equal(off, visits)
    design = STUDY.replace(microbe_effect=1.0)
    on = draw_visits(people, Dice.of(people, design, 1), design, butyrate=butyrate)
    change = (wide(on, "edss") - wide(visits, "edss")).dropna()
    assert (change[0] == 0).all()
    assert change[36].mean() < -0.2


def test_draw_visits__same_seed_same_bytes(people, visits):
    assert draw_visits(people, Dice.of(people, STUDY, 1), STUDY).to_csv() == visits.to_csv()


def test_list_effects__has_the_form_of_the_truth_table():
    effects = list_followup_effects()
    columns = ["factor", "level", "property", "feature", "coefficient", "scale"]
    assert effects.columns.tolist() == columns
    assert not effects.duplicated(["feature", "factor", "level"]).any()
    smoking = effects.query("factor == 'smoking' and feature == 'disability'")
    assert smoking["coefficient"].item() > 0
