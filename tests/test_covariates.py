import pandas as pd
import pytest
from released_intervals import INTERVALS

from cohabit.data import schema
from cohabit.simulate.design import StudyDesign
from cohabit.simulate.households import draw_people

STUDY = StudyDesign.preset("study")
LARGE = STUDY.replace(
    pairs_per_site={site: 5 * pairs for site, pairs in STUDY.pairs_per_site.items()}
)
SEEDS = range(101, 106)


def smoke_alike(people: pd.DataFrame) -> float:
    pairs = people["smoking"].astype(object).to_numpy().reshape(-1, 2)
    both = pairs[pd.notna(pairs).all(axis=1)]
    return (both[:, 0] == both[:, 1]).mean()


def depression_gap(people: pd.DataFrame) -> float:
    share = share_by(people, "depression", "group")
    return share["MS"] - share["control"]


def share_by(people: pd.DataFrame, variable: str, by: str, answer: str = "yes") -> pd.Series:
    answered = people.dropna(subset=variable)
    return (answered[variable] == answer).groupby(answered[by], observed=True).mean()


def phi(people: pd.DataFrame, variable: str) -> float:
    yes = (people[variable] == "yes").to_numpy().reshape(-1, 2)
    return pd.DataFrame(yes.astype(float)).corr().iloc[0, 1]


@pytest.fixture(scope="module")
def cohorts() -> list[pd.DataFrame]:
    return [draw_people(STUDY, seed) for seed in SEEDS]


@pytest.fixture(scope="module")
def large() -> pd.DataFrame:
    return draw_people(LARGE, 101)


@pytest.fixture(scope="module")
def complete() -> pd.DataFrame:
    return draw_people(LARGE, 101, complete=True)


@pytest.mark.parametrize(("target", "measure"), [("C14", depression_gap), ("C15", smoke_alike)])
def test_answers__targets_lie_within_the_released_interval(target, measure, cohorts):
    low, high = INTERVALS[target]
    assert low <= pd.Series([measure(people) for people in cohorts]).median() <= high


@pytest.mark.parametrize(
    ("variable", "patients", "controls"),
    [
        ("allergies", 0.369, 0.349),
        ("depression", 0.209, 0.085),
        ("anxiety", 0.158, 0.074),
        ("nsaids", 0.394, 0.304),
        ("probiotics", 0.164, 0.091),
        ("special_diet", 0.273, 0.186),
        ("over_the_counter_drugs", 0.422, 0.269),
        ("ms_family", 0.193, 0.059),
    ],
)
def test_draw_answer__shares_by_group_are_the_released_ones(variable, patients, controls, large):
    share = share_by(large, variable, "group")
    assert share["MS"] == pytest.approx(patients, abs=0.03)
    assert share["control"] == pytest.approx(controls, abs=0.03)


@pytest.mark.parametrize(
    ("variable", "released"),
    [("pets", 0.955), ("recreational_drugs", 0.393), ("breastfed", 0.288), ("asthma", 0.049)],
)
def test_draw_answer__partners_agree_as_released(variable, released, complete):
    assert phi(complete, variable) == pytest.approx(released, abs=0.06)


@pytest.mark.parametrize("variable", ["postpartum_depression", "oral_contraceptives"])
def test_draw_answer__what_only_women_have_no_man_has(variable, complete):
    share = share_by(complete, variable, "sex")
    assert share["male"] == 0
    assert share["female"] > 0.02


def test_draw_answer__birth_has_its_own_words(large):
    assert set(large["birth_method"].dropna()) == {"vaginal", "caesarean"}
    assert share_by(large, "birth_method", "group", "caesarean")["MS"] == pytest.approx(
        0.115, abs=0.03
    )


def test_draw_level__smoking_and_education_are_ordered_and_shared_as_released(large):
    smoking = large.groupby("group", observed=True)["smoking"].value_counts(normalize=True)
    assert smoking["MS", "never"] == pytest.approx(0.543, abs=0.03)
    assert smoking["MS", "former"] == pytest.approx(0.369, abs=0.03)
    assert smoking["control", "current"] == pytest.approx(0.096, abs=0.02)
    assert large["education"].cat.categories.tolist() == list(schema.EDUCATION)
    college = share_by(large, "education", "group", "college")
    assert college["MS"] == pytest.approx(0.404, abs=0.03)


@pytest.mark.parametrize(
    ("variable", "missing"),
    [("smoking", 0.059), ("breastfed", 0.181), ("birth_method", 0.162), ("special_diet", 0.0)],
)
def test_hide_unanswered__misses_as_much_as_released(variable, missing, large):
    assert large[variable].isna().mean() == pytest.approx(missing, abs=0.015)


def test_hide_unanswered__mostly_whole_households(large):
    lost = large["allergies"].isna().to_numpy().reshape(-1, 2)
    assert lost.all(axis=1).sum() > 0.5 * lost.any(axis=1).sum()
