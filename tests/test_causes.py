"""Simulator and estimators together: small fixed-seed slices of ``validation/causes.py``."""

import numpy as np
import pytest
from scipy.stats import binom

from cohabit.judge.recovery import read_population_truth
from cohabit.simulate import PopulationDesign, ask_after, simulate_population
from cohabit.simulate.hazard import MYTHS
from cohabit.stats import epidemiology


@pytest.fixture(scope="module")
def population():
    return simulate_population(PopulationDesign(), n_people=190_000, seed=11)


def test_logistic__finds_what_was_planted(population):
    people = population.people
    x = people[["mononucleosis", *MYTHS]].copy()
    x["drb1_1501"], x["a0201"] = people["hla_drb1_1501"], people["hla_a0201"]
    x["smoking"], x["overweight_20"] = people["smoker"], people["bmi_20"] >= 27
    x["vitamin_d"] = people["vitamin_d"] / 50
    x["women"], x["latitude"] = people["sex"].eq("female"), people["birth_latitude"] / 10
    found = epidemiology.fit_logistic(people["ms"], x).set_index("feature")
    planted = read_population_truth().set_index("feature")["value"]
    shared = found.index.intersection(planted.index)
    assert len(shared) == 10
    away = np.log(found.loc[shared, "estimate"] / planted[shared])
    error = np.log(found.loc[shared, "high"] / found.loc[shared, "low"]) / 3.92
    assert (away / error).abs().max() < 3.3, "within the 99.9% interval"
    assert ((away / error) ** 2).sum() < 30


def test_myths__are_found_when_memory_is_biased_and_not_when_it_is_fair():
    found = np.array([_ask(seed) for seed in range(300, 312)])
    fair, biased = found[:, 0].ravel(), found[:, 1].ravel()
    low, high = binom.interval(0.999, len(fair), 0.05)
    assert low <= (fair <= 0.05).sum() <= high
    assert (biased <= 0.05).mean() > 0.4


def _ask(seed: int) -> list[np.ndarray]:
    """Return p-values of the myths, by a fair memory and by a biased one."""
    population = simulate_population(PopulationDesign(), n_people=30_000, seed=seed)
    people, found = population.people, []
    sets = epidemiology.draw_controls(people, people["ms"], ["sex", "age_group"], rng=seed)
    for bias in (0.0, 1.0):
        design = PopulationDesign(recall_bias=bias)
        told = ask_after(population, sets.index, list(MYTHS), design=design)
        table = epidemiology.conditional_logit(sets["ill"], told, sets["set"])
        found.append(table["p_value"].to_numpy())
    return found


def test_movers__take_on_the_place_they_move_to_before_fifteen():
    design = PopulationDesign.preset("migrants")
    people = simulate_population(design, n_people=190_000, seed=12).people
    down = people["birth_latitude"] > people["latitude"]
    for chosen, side in ((down, -1), (~down, 1)):
        moved = people[chosen]
        _, ratio = epidemiology.risk_by_age_at_move(moved["move_age"], moved["ms"], [0, 15, 46])
        assert side * np.log(ratio["estimate"]) > 0.7


@pytest.mark.parametrize(
    ("preset", "ill", "told"),
    [
        ("default", (1.6, 4), (1.7, 5)),
        ("ancestry_not_sun", (1.3, 4), (1.3, 4)),
        ("care_not_disease", (0.8, 1.2), (1.4, 4)),
    ],
)
def test_gradients__look_alike_and_only_care_spares_disease(preset, ill, told):
    design = PopulationDesign.preset(preset)
    population = simulate_population(design, n_people=95_000, seed=13)
    risk = population.hazard.lifetime_risk(population.exposed)
    latitude, care = population.people["latitude"], population.people["care"]
    north, south = (latitude > 55).to_numpy(), (latitude < 40).to_numpy()
    assert ill[0] < risk[north].mean() / risk[south].mean() < ill[1]
    assert told[0] < (risk * care)[north].mean() / (risk * care)[south].mean() < told[1]
