import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from released_intervals import INTERVALS

from cohabit.simulate.design import StudyDesign
from cohabit.simulate.dice import Dice
from cohabit.simulate.diet import describe_diet, draw_diet, list_diet_effects
from cohabit.simulate.households import draw_people
from cohabit.simulate.world import draw_world

STUDY = StudyDesign.preset("study")
SEEDS = range(101, 106)


def to_scale(diet: pd.DataFrame) -> pd.DataFrame:
    logged = describe_diet().query("scale == 'log1p'").index
    return diet.assign(**{item: np.log1p(diet[item]) for item in logged})


def explained(values: pd.DataFrame, groups: pd.Series) -> tuple[float, float]:
    """Return R² of Euclidean distances by group, as it is and adjusted for its size."""
    standardised = ((values - values.mean()) / values.std()).to_numpy()
    centres = pd.DataFrame(standardised).groupby(groups.to_numpy()).transform("mean").to_numpy()
    within, total = ((standardised - centres) ** 2).sum(), (standardised**2).sum()
    n, k = len(values), groups.nunique()
    return 1 - within / total, 1 - (within / (n - k)) / (total / (n - 1))


def effect_of_ms(values: pd.Series, people: pd.DataFrame) -> float:
    table = people.assign(value=values, site=people["site"].astype(str))
    table["patient"] = (people["group"] == "MS").astype(float)
    table["woman"] = (people["sex"] == "female").astype(float)
    fit = smf.ols("value ~ patient + woman + age + bmi + site", table).fit()
    return fit.params["patient"]


def measure(seed: int) -> dict[str, float]:
    people = draw_people(STUDY, seed)
    diet = draw_diet(people, Dice.of(people, STUDY, seed))
    people = people.loc[diet.index]
    partners = [diet.iloc[::2].reset_index(drop=True), diet.iloc[1::2].reset_index(drop=True)]
    alike = partners[0].corrwith(partners[1])
    scaled = to_scale(diet)
    nutrients = scaled.iloc[:, :37]
    return {
        "E1": diet["hei_total"].mean(),
        "E2": effect_of_ms(diet["hei_total"], people),
        "E3": alike["hei_total"],
        "E4": alike.iloc[:37].median(),
        "E5": effect_of_ms(scaled["vitamin_c"], people),
        "E6": explained(nutrients, people["household_id"])[1],
        "E7": explained(nutrients, people["site"])[0],
    }


@pytest.fixture(scope="module")
def people() -> pd.DataFrame:
    return draw_people(STUDY, 1)


@pytest.fixture(scope="module")
def diet(people) -> pd.DataFrame:
    return draw_diet(people, Dice.of(people, STUDY, 1))


@pytest.fixture(scope="module")
def medians() -> pd.Series:
    return pd.DataFrame([measure(seed) for seed in SEEDS]).median()


@pytest.mark.parametrize("target", [f"E{number}" for number in range(1, 8)])
def test_draw_diet__targets_lie_within_the_released_interval(target, medians):
    low, high = INTERVALS[target]
    assert low <= medians[target] <= high


def test_draw_diet__has_every_item_of_those_who_answered(diet, people):
    assert diet.shape[1] == 37 + 13 + 1
    assert diet.notna().all(axis=None)
    households = people.loc[diet.index, "household_id"].value_counts()
    assert (households == 2).all()
    assert len(households) == pytest.approx(517, abs=7)


def test_draw_diet__index_components_stay_within_their_points(diet):
    components = diet.filter(like="hei_").drop(columns="hei_total")
    highest = np.where(components.max() > 5, 10, 5)
    assert (components >= 0).all(axis=None)
    assert (components.max() == highest).all()
    assert diet["hei_total"].to_numpy() == pytest.approx(components.sum(axis=1), abs=1e-3)
    assert (diet["hei_greens_and_beans"] == 5).mean() == pytest.approx(0.66, abs=0.08)


def test_draw_diet__sites_keep_their_means(diet, people):
    mean = diet["hei_total"].groupby(people["site"].reindex(diet.index)).mean()
    assert mean["Buenos Aires"] == pytest.approx(62.2, abs=2)
    assert mean["Edinburgh"] == pytest.approx(68.7, abs=2)


def test_draw_diet__same_seed_same_bytes_and_no_dial_of_the_community_counts(diet, people):
    assert draw_diet(people, Dice.of(people, STUDY, 1)).to_csv() == diet.to_csv()
    null = StudyDesign.preset("null_clean")
    assert draw_world(null, 1).diet.to_csv() == diet.to_csv()


def test_draw_diet__strangers_eat_as_they_do_at_home(diet):
    strangers = STUDY.replace(strangers=True)
    again = draw_world(strangers, 1).diet
    pd.testing.assert_frame_equal(again, diet)


def test_draw_diet__works_for_a_part_of_the_people(diet, people):
    some = people.iloc[10:40]
    part = draw_diet(some, Dice.of(some, STUDY, 1))
    pd.testing.assert_frame_equal(part, diet.loc[diet.index.isin(some.index)])


def test_list_effects__names_each_item_and_factor_once():
    effects = list_diet_effects()
    assert len(effects) == 50 * 4
    assert not effects.duplicated(["factor", "level", "feature"]).any()
    vitamin_c = effects.query("feature == 'vitamin_c' and factor == 'group'")
    assert vitamin_c["coefficient"].item() == pytest.approx(0.271, abs=0.01)
