"""The population: families, dials, calibration."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from calibration.population import SOLVED
from calibration.population_estimands import Lottery, Worlds, expect_figures, expect_recurrence
from cohabit.judge.recovery import read_population_targets
from cohabit.simulate import PopulationDesign, ask_after, ask_before, simulate_population
from cohabit.simulate.genes import KINDRED
from cohabit.simulate.hazard import INFECTIONS, MYTHS, Exposed, Hazard
from cohabit.simulate.places import find_cluster, share_before_move
from cohabit.simulate.template import read_template

DESIGN = PopulationDesign()


@pytest.fixture(scope="module")
def population():
    return simulate_population(DESIGN, n_people=38_000, seed=5)


@pytest.fixture(scope="module")
def twins():
    return simulate_population(PopulationDesign.preset("twins"), n_people=8_000, seed=5)


@pytest.fixture(scope="module")
def constants():
    return read_template("population").set_index("name")["value"].to_dict()


def of_slot(population, values):
    return np.asarray(values).reshape(-1, population.pedigree.size, *np.shape(values)[1:])


# Calibration


def test_targets__are_all_reached_in_every_seed_that_was_scored():
    targets = read_population_targets()
    assert (targets["least"] >= targets["low"]).all()
    assert (targets["most"] <= targets["high"]).all()
    assert len(targets) == targets["feature"].nunique() >= 22


def test_estimands__are_in_range_together_in_a_small_population(constants):
    found = expect_figures(Worlds.draw(constants, 80_000, seed=3))
    targets = read_population_targets().set_index("feature")
    noisy = ["sibling", "parent_child", "half_sibling", "cousin", "lifetime_risk"]
    sure = targets.drop(index=[*noisy, "moved_down_early", "moved_up_early", "latitude_slope"])
    value = found[sure.index]
    assert not [*sure.index[(value < sure["low"]) | (value > sure["high"])]]
    assert np.allclose(found[noisy], targets.loc[noisy, "reached"], rtol=0.3)


def test_solver__answers_for_every_primary_effect():
    solved = {estimand for estimand, _ in SOLVED.values()}
    targets = set(read_population_targets()["feature"])
    assert {"lifetime_risk", "sex_ratio", "smoking", "vitamin_d", "ebv_negative"} <= solved
    assert solved - {"overweight_20_women", "overweight_20_men"} <= targets


def test_loci__are_about_two_hundred_of_small_effect():
    loci = read_template("population_loci")
    assert len(loci) == 200
    assert loci["odds_ratio"].between(1.05, 1.33).all()


def test_overweight__weighs_more_on_women(constants):
    assert constants["overweight_women"] > constants["overweight_men"] > 0


# Families


def test_genes__follow_mendel(population):
    dosage = of_slot(population, population.dosage)
    for child, (mother, father) in KINDRED.parents.items():
        least = (dosage[:, mother] == 2).astype(int) + (dosage[:, father] == 2)
        most = (dosage[:, mother] > 0).astype(int) + (dosage[:, father] > 0)
        assert (dosage[:, child] >= least).all()
        assert (dosage[:, child] <= most).all()


def test_genes__are_shared_by_half_a_quarter_an_eighth(population):
    score = population.exposed.unmeasured
    pairs = population.relatives.groupby("relation", observed=True)
    shared = {
        name: np.corrcoef(score[rows["person"]], score[rows["relative"]])[0, 1]
        for name, rows in pairs
    }
    expected = {"sibling": 0.5, "parent or child": 0.5, "half-sibling": 0.25, "cousin": 0.125}
    for relation, value in expected.items():
        assert shared[relation] == pytest.approx(value, abs=0.04), relation


def test_founders__have_the_listed_frequencies(population):
    founders = of_slot(population, population.dosage)[:, KINDRED.founders].reshape(-1, 200)
    listed = read_template("population_loci")["frequency"].to_numpy()
    assert np.abs(founders.mean(axis=0) / 2 - listed).max() < 0.02


def test_identical_twins__share_genes_sex_and_birthday_and_fraternal_half(twins):
    pairs = twins.relatives.query("relation == 'identical twin'")
    one, other = pairs["person"].to_numpy(), pairs["relative"].to_numpy()
    assert (twins.dosage[one] == twins.dosage[other]).all()
    for column in ("sex", "birth_year", "hla_drb1_1501"):
        values = twins.people[column].to_numpy()
        assert (values[one] == values[other]).all()
    assert (twins.exposed.combination[one] == twins.exposed.combination[other]).all()
    fraternal = twins.relatives.query("relation == 'fraternal twin'")
    score = twins.exposed.unmeasured
    shared = np.corrcoef(score[fraternal["person"]], score[fraternal["relative"]])[0, 1]
    assert shared == pytest.approx(0.5, abs=0.06)


def test_partners__are_a_woman_and_a_man_and_have_no_blood_in_common(population):
    female = of_slot(population, population.people["sex"].eq("female"))
    assert all((female[:, a] != female[:, b]).all() for a, b in KINDRED.couples)
    assert KINDRED.relation(2, 5) is None
    assert KINDRED.relation(7, 8) is None


@pytest.mark.parametrize(
    ("one", "other", "relation"),
    [
        (0, 2, "parent or child"),
        (2, 3, "sibling"),
        (15, 17, "half-sibling"),
        (9, 12, "cousin"),
        (9, 3, None),
    ],
)
def test_pedigree__names_relations(one, other, relation):
    assert KINDRED.relation(one, other) == KINDRED.relation(other, one) == relation


def test_lottery__integrates_what_the_shuffle_of_genes_adds(twins):
    lottery = Lottery.of(twins)
    elder = np.arange(2, len(twins.people), 4)
    first = elder[np.argsort(lottery.before(elder))[-3:]]  # rare risks would need far more draws
    second = first + 1
    shuffles = np.random.default_rng(1).normal(size=(200_000, 1)) * lottery.spread[first]
    level = lottery.rest + lottery.inherited
    risks = [-np.expm1(-np.exp(level[who] + shuffles)) for who in (first, second)]
    assert lottery.both(first, second) == pytest.approx((risks[0] * risks[1]).mean(axis=0), rel=0.1)
    assert lottery.before(first) == pytest.approx(risks[0].mean(axis=0), rel=0.05)


def test_recurrence__falls_with_shared_genes(population, twins):
    kin = pd.concat([expect_recurrence(twins), expect_recurrence(population)])
    kin = kin[~kin.index.duplicated(keep="last")]
    everyone = population.people["ms"].mean()
    assert kin["identical twin"] > 3 * kin["sibling"]
    assert kin["sibling"] > kin["half-sibling"] > kin["cousin"] > everyone


# Dials


def test_dial__moves_no_draw_of_another_component(population):
    other = simulate_population(DESIGN.replace(sun_effect=0.0), n_people=38_000, seed=5)
    untouched = population.people.columns.drop(
        ["ms", "onset_age", "diagnosed", "diagnosis_age", "prevalent"]
    )
    pd.testing.assert_frame_equal(population.people[untouched], other.people[untouched])
    assert (population.people["ms"] != other.people["ms"]).any()


def test_same_seed__same_people_and_another_seed_others(population):
    again = simulate_population(DESIGN, n_people=38_000, seed=5)
    pd.testing.assert_frame_equal(population.people, again.people)
    other = simulate_population(DESIGN, n_people=38_000, seed=6)
    assert not population.people["vitamin_d"].equals(other.people["vitamin_d"])


def test_myths_and_candidate_infections__stand_in_no_term_of_the_hazard(population):
    terms = {item.name for item in dataclasses.fields(Exposed)}
    assert not terms & {*MYTHS, *INFECTIONS}
    assert {*MYTHS, *INFECTIONS} <= set(population.people.columns)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("recall_bias", 1.5, "recall_bias: expected 0 to 1"),
        ("genes", float("nan"), "genes: expected 0 to 3"),
        ("twin_families", 1, "twin_families: expected true or false"),
        ("recal_bias", 0.5, "did you mean 'recall_bias'"),
    ],
)
def test_design__refuses_by_name(name, value, message):
    with pytest.raises(ValueError, match=message):
        DESIGN.replace(**{name: value})


def test_design__says_unit_range_and_source_of_every_dial():
    for item in dataclasses.fields(PopulationDesign):
        assert {"unit", "source", "doc"} <= set(item.metadata), item.name


def test_simulate_population__refuses_less_than_a_kindred():
    with pytest.raises(ValueError, match="at least 19"):
        simulate_population(DESIGN, n_people=10)


# Places and exposures


def test_move__counts_for_nothing_after_the_window_closes():
    assert share_before_move(np.array([np.nan, 5.0, 14.0, 15.0, 30.0]), 15.0).tolist() == [
        1.0, 0.0, 0.5, 1.0, 1.0,
    ]  # fmt: skip


def test_no_sun_no_ancestry__leaves_no_gradient_in_disease():
    flat = DESIGN.replace(sun_effect=0.0, ancestry_gradient=0.0)
    people = simulate_population(flat, n_people=38_000, seed=7)
    risk = people.hazard.lifetime_risk(people.exposed)
    assert abs(np.corrcoef(risk, people.people["birth_latitude"])[0, 1]) < 0.02


def test_ebv__comes_before_nearly_every_onset(population):
    ill = population.people.query("ms")
    assert (ill["onset_age"] > ill["ebv_age"]).mean() > 0.9


def test_never_smoked__has_no_dates(population):
    never = population.people.query("not smoker")
    assert never[["smoking_start", "smoking_stop"]].isna().all(axis=None)


def test_hazard__onset_is_drawn_with_the_lifetime_risk(population):
    risk = population.hazard.lifetime_risk(population.exposed)
    even = np.random.default_rng(1).random(len(risk))
    onset = population.hazard.draw_onset(population.exposed, even)
    assert ((~np.isnan(onset)) == (even < risk)).all()


def test_hazard__age_and_course_are_inverse(constants):
    hazard = Hazard(constants, DESIGN)
    ages = np.array([12.0, 20, 31, 50, 70])
    assert hazard.age_at(hazard.course(ages)) == pytest.approx(ages)


def test_cluster__raises_the_risk_of_who_grows_up_there_alone(population):
    other = simulate_population(PopulationDesign.preset("cluster"), n_people=38_000, seed=5)
    inside = population.people["grew_up_in"].isin(find_cluster()).to_numpy()
    before = population.hazard.lifetime_risk(population.exposed)
    after = other.hazard.lifetime_risk(other.exposed)
    assert inside.any()
    assert (after[inside] > before[inside]).all()
    assert (after[~inside] == before[~inside]).all()


def test_care__gates_diagnosis_and_not_disease(population):
    none = simulate_population(DESIGN.replace(care_gradient=1.0), n_people=38_000, seed=5)
    assert (none.people["ms"] == population.people["ms"]).all()
    assert none.people["diagnosed"].sum() < population.people["diagnosed"].sum()
    assert not (population.people["diagnosed"] & ~population.people["ms"]).any()


# Questionnaires


def test_ask_before__is_what_was(population):
    people = population.people.index[:500]
    assert ask_before(population, people, ["pets"]).equals(population.people.loc[people, ["pets"]])


def test_ask_after__tells_patients_apart_only_when_a_dial_is_on(population):
    people, ill = population.people.index, population.people["ms"]
    fair = ask_after(population, people, ["pets"])["pets"]
    biased = DESIGN.replace(recall_bias=0.8)
    told = ask_after(population, people, ["pets"], design=biased)["pets"]
    assert (fair <= population.people["pets"]).all(), "nobody invents without bias"
    assert (told[~ill] == fair[~ill]).all()
    assert told[ill].sum() > fair[ill].sum()


def test_reverse_causation__adds_exposures_of_patients_alone(population):
    people, ill = population.people.index, population.people["ms"]
    fair = ask_after(population, people, ["solvents"])["solvents"]
    late = DESIGN.replace(reverse_causation=0.5)
    told = ask_after(population, people, ["solvents"], design=late)["solvents"]
    assert told[ill].mean() > fair[ill].mean() + 0.1
    assert (told[~ill] == fair[~ill]).all()
