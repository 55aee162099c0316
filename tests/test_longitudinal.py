"""Years between visits, weights of those who come back, likeness to oneself."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cohabit.data.schema import MissingInput
from cohabit.simulate import StudyDesign
from cohabit.simulate.dice import Dice
from cohabit.simulate.followup import draw_visits, follow_disability
from cohabit.simulate.households import draw_people
from cohabit.stats import longitudinal


@pytest.fixture
def people() -> pd.DataFrame:
    homes = [f"h{number:03d}" for number in range(200)]
    index = [f"{home}-{letter}" for home in homes for letter in "ab"]
    return pd.DataFrame(
        {"household_id": np.repeat(homes, 2), "group": ["MS", "control"] * 200},
        index=pd.Index(index, name="participant_id"),
    )


def rows(**columns) -> pd.DataFrame:
    table = pd.DataFrame(columns)
    return table.set_index(table["participant_id"] + "-m" + table["visit"].astype(str))


@pytest.fixture
def short() -> pd.DataFrame:
    """Two patients; the second misses the last visit."""
    return rows(
        participant_id=["h000-a"] * 3 + ["h001-a"] * 2,
        visit=[0, 12, 24, 0, 12],
        treatment=["untreated", "interferon", "fingolimod", "interferon", "untreated"],
        edss=[1.0, 1.5, 1.5, 4.0, 5.0],
        relapses=[1, 0, 2, 0, 0],
        smoking=["current", "former", "former", "never", "never"],
    )


def test_list_years__one_row_for_two_visits(short, people):
    years = longitudinal.list_years(longitudinal.take_visits(short.iloc[::-1], people))
    assert list(years.index) == ["h000-a-m12", "h000-a-m24", "h001-a-m12"]
    assert years["therapy"].tolist() == ["started", "switched", "stopped"]
    assert years["smoker"].tolist() == ["stopped", "stopped", "never"]
    assert years["edss_change"].tolist() == [0.5, 0.0, 1.0]
    assert years["relapses_before"].tolist() == [1, 0, 0]
    assert years["months"].tolist() == [12, 12, 12]
    assert years["household_id"].tolist() == ["h000", "h000", "h001"]


def test_take_visits__refuses_strangers_and_repeats_and_nothing(short, people):
    with pytest.raises(MissingInput, match=r"visits\.tsv"):
        longitudinal.take_visits(None, people)
    with pytest.raises(MissingInput, match="no bmi, hei_total"):
        longitudinal.take_visits(short, people, needed=["edss", "bmi", "hei_total"])
    with pytest.raises(MissingInput, match="one month only"):
        longitudinal.take_visits(short[short["visit"] == 0], people)
    with pytest.raises(ValueError, match="belong to no participant"):
        longitudinal.take_visits(short.assign(participant_id="nobody"), people)
    with pytest.raises(ValueError, match="one per person and month"):
        longitudinal.take_visits(pd.concat([short, short.iloc[:1]]), people)


@pytest.fixture(scope="module")
def leaving() -> pd.DataFrame:
    """Levels 0 and 1, half of each; of level 1 half leave at each visit, and everyone rises."""
    table = [
        {"participant_id": f"p{n:04d}", "visit": month, "high": float(n % 2), "edss": n % 2 * 3.0}
        for n in range(800)
        for month in (0, 12, 24)
        if n % 2 == 0 or (n // 2) % 2 ** (month // 12) == 0
    ]
    frame = pd.DataFrame(table)
    frame["edss"] += 0.5 * frame["visit"] / 12
    return frame.set_index(frame["participant_id"] + frame["visit"].astype(str))


def test_weigh_returners__one_over_the_share_that_came(leaving):
    weights = longitudinal.weigh_returners(leaving.assign(x=leaving["high"]), "x")
    expected = np.where(leaving["high"] == 1, 2.0 ** (leaving["visit"] / 12), np.nan)
    chosen = leaving["high"] == 1
    np.testing.assert_allclose(weights[chosen], expected[chosen], rtol=1e-5)


def test_weigh_returners__nobody_left_weighs_one(leaving):
    stayers = leaving[leaving["high"] == 0]
    assert (longitudinal.weigh_returners(stayers, "edss") == 1).all()


def test_compare_ways__weights_and_model_give_the_rise_that_the_means_hide(leaving):
    rng = np.random.default_rng(4)
    noisy = leaving.assign(edss=leaving["edss"] + 0.01 * rng.normal(size=len(leaving)))
    # some low people must leave too: a chance of exactly one cannot be modelled on the log odds
    lost = noisy["participant_id"].isin([f"p{n:04d}" for n in range(0, 40, 2)]) & (
        noisy["visit"] > 0
    )
    table = longitudinal.compare_ways(noisy[~lost], "edss", comes_back="high")
    last = table[table["months"] == 24].set_index("way")["estimate"]
    for way in ("only who always came", "weighted", "model of all visits"):
        assert last[way] == pytest.approx(1.0, abs=0.02), way
    assert last["means of who came"] < 0.2
    assert set(table["months"]) == {12, 24}


def test_compare_ways__against_everybody_in_a_simulated_cohort():
    design = StudyDesign(pairs_per_site={"San Francisco": 1500, "Buenos Aires": 1500})
    people = draw_people(design, 11, complete=True)
    visits = longitudinal.take_visits(
        draw_visits(people, Dice.of(people, design, 11), design), people
    )
    patients = visits[visits["group"] == "MS"]
    table = longitudinal.compare_ways(patients, "edss", comes_back="edss")
    table = table[table["months"] == 36].set_index("way")
    everybody = follow_disability(people, Dice.of(people, design, 11), design)
    truth = (everybody[36] - everybody[0]).mean()
    for way in ("weighted", "model of all visits"):
        assert table.loc[way, "estimate"] == pytest.approx(truth, abs=0.06), way
    assert table.loc["means of who came", "high"] < truth


def test_compare_before_after__means_and_t_intervals(short, people):
    years = longitudinal.list_years(longitudinal.take_visits(short, people)).assign(all="x")
    table = longitudinal.compare_before_after(years, "relapses", by="all")
    assert table["when"].tolist() == ["year before", "year after"]
    peer = stats.ttest_1samp([0, 2, 0], 0).confidence_interval()
    np.testing.assert_allclose(table.loc[1, ["low", "high"]].astype(float), [*peer])


def test_compare_to_self__with_oneself_and_with_the_partner(people):
    rng = np.random.default_rng(7)
    shared = np.repeat(rng.normal(size=200), 2)
    start = 0.6 * shared + 0.8 * rng.normal(size=400)
    later = 0.9 * start + np.sqrt(1 - 0.81) * rng.normal(size=400)
    visits = rows(
        participant_id=[*people.index, *people.index],
        visit=[0] * 400 + [12] * 400,
        bmi=[*start, *later],
    )
    table = longitudinal.compare_to_self(visits, people, ["bmi"]).set_index("with")
    ill = (people["group"] == "MS").to_numpy()
    own = stats.pearsonr(start[ill], later[ill])
    assert table.loc["self", "estimate"] == pytest.approx(own.statistic)
    np.testing.assert_allclose(
        table.loc["self", ["low", "high"]].astype(float), own.confidence_interval(), rtol=1e-3
    )
    partner = stats.pearsonr(start[ill], start[~ill]).statistic
    assert table.loc["partner", "estimate"] == pytest.approx(partner)
    assert (table["n"] == 200).all()
