"""The latent community: what was asked is what is there, to the last digit."""

import numpy as np
import pandas as pd
import pytest

from cohabit.simulate import StudyDesign
from cohabit.simulate.community import RICHNESS_HOUSEHOLD_SHARE, Community, draw_community
from cohabit.simulate.dag import parents
from cohabit.simulate.dice import Dice
from cohabit.simulate.effects import DRUGS
from cohabit.simulate.households import draw_people
from cohabit.simulate.template import read_taxa
from cohabit.simulate.world import draw_recorded_world

SMALL = StudyDesign(pairs_per_site={"San Francisco": 30, "Edinburgh": 20})
SEED = 4


def draw_species(people: pd.DataFrame, design: StudyDesign, seed: int) -> Community:
    dice = Dice.of(people, design, seed)
    return draw_community(people, dice, design, read_taxa("species"), "species")


@pytest.fixture(scope="module")
def people() -> pd.DataFrame:
    return draw_people(SMALL, SEED)


@pytest.fixture(scope="module")
def community(people):
    return draw_species(people, SMALL, SEED)


@pytest.fixture(scope="module")
def healthy(people):
    return draw_species(people, SMALL.replace(disease=0.0), SEED)


def is_patient(community) -> np.ndarray:
    return (community.people["group"] == "MS").to_numpy()


def test_terms__add_up_to_the_log_abundance(community):
    total = sum(community.terms.values())
    np.testing.assert_allclose(total, community.log_abundance, atol=1e-9)


def test_composition__is_closed_and_empty_where_not_carried(community):
    np.testing.assert_allclose(community.composition.sum(axis=1), 1.0, atol=1e-12)
    assert (community.composition[~community.carried] == 0).all()
    assert (community.composition[community.carried] > 0).all()


def test_expose__moves_the_latent_value_by_the_coefficient(community):
    without = community.exposures.assign(**{"group:MS": 0.0})
    moved = community.log_abundance - community.expose(without).log_abundance
    asked = community.coefficients.loc["group:MS"].to_numpy()
    patient = is_patient(community)
    assert (asked != 0).sum() >= 40
    np.testing.assert_allclose(moved[patient], np.tile(asked, (patient.sum(), 1)), atol=1e-9)
    assert (moved[~patient] == 0).all()


def test_closure__leaves_log_ratios_of_two_carried_taxa_moving_as_asked(community):
    asked = community.coefficients.loc["group:MS"].to_numpy()
    j, k = np.argmax(asked), np.argmin(asked)
    other = community.expose(community.exposures.assign(**{"group:MS": 0.0}))
    both = is_patient(community)
    for world in (community, other):
        both &= world.carried[:, j] & world.carried[:, k]
    now, before = (world.log_composition[both][:, [j, k]] for world in (community, other))
    moved = np.diff(before - now, axis=1)
    assert both.sum() > 10
    np.testing.assert_allclose(moved, asked[j] - asked[k], atol=1e-9)


def test_disease_dial__leaves_controls_and_all_other_terms_byte_identical(community, healthy):
    control = ~is_patient(community)
    for name in ("log_abundance", "liability"):
        now, before = getattr(community, name), getattr(healthy, name)
        assert now[control].tobytes() == before[control].tobytes()
    for name in community.terms:
        if name not in ("group:MS", "spillover"):
            assert community.term(name).tobytes() == healthy.term(name).tobytes()
    assert (healthy.term("group:MS") == 0).all()


def test_disease_dial__changes_cases_by_the_disease_term_alone(community, healthy):
    difference = community.log_abundance - healthy.log_abundance
    np.testing.assert_allclose(difference, community.term("group:MS"), atol=1e-9)


def test_disease__is_sparse_and_zero_elsewhere_on_both_properties(community):
    abundance = community.coefficients.loc["group:MS"] != 0
    carriage = community.carriage_coefficients.loc["group:MS"] != 0
    assert 40 <= abundance.sum() <= 80
    assert not (carriage & ~abundance).any()


def test_seven_species__fall_in_untreated_patients_and_therapy_restores_a_fifth(community):
    from calibration.plant import LARGEST_D, RESTORED, SEVEN

    disease = community.coefficients.loc["group:MS", list(SEVEN)]
    assert (disease < 0).all()
    spread = community.template.table.loc[list(SEVEN), "log_sd"]
    assert (disease.abs() <= LARGEST_D * spread + 1e-4).all()
    for drug in DRUGS:
        restored = community.coefficients.loc[f"treatment:{drug}", list(SEVEN)]
        np.testing.assert_allclose(restored, -RESTORED * disease, atol=0.001)


def test_household_dial__shares_nothing_at_zero_and_keeps_the_variance(people):
    apart = draw_species(people, SMALL.replace(household_sharing=0.0), SEED)
    together = draw_species(people, SMALL, SEED)
    assert (apart.household == 0).all()
    spread = apart.person.std() / (together.household + together.person).std()
    assert spread == pytest.approx(1.0, abs=0.05)


def test_household_share__is_what_was_asked():
    design = StudyDesign(pairs_per_site={"Boston": 800})
    drawn = draw_species(draw_people(design, 1), design, 1)
    residual = drawn.household + drawn.person
    shared = (residual[::2] * residual[1::2]).mean(axis=0) / (residual**2).mean(axis=0)
    rich = drawn.template.column("richness_loading") ** 2
    asked = (1 - rich) * drawn.template.column("household_share") + rich * RICHNESS_HOUSEHOLD_SHARE
    assert np.median(np.abs(shared - asked)) < 0.05
    assert abs(np.mean(shared - asked)) < 0.01


def test_genera__follow_their_species_damped_as_the_template_says(community):
    genera = draw_recorded_world(SMALL, SEED).genera
    named = community.template.table["genus"] == "Faecalibacterium"
    column = genera.taxa.get_loc("Faecalibacterium")
    amounts = np.where(community.carried, np.exp(community.log_abundance), 0.0)
    summed = np.log(amounts[:, named].sum(axis=1))
    left = genera.log_abundance[:, column] - genera.template.column("following")[column] * summed
    has = np.isfinite(summed)
    assert np.corrcoef(summed[has], genera.log_abundance[has, column])[0, 1] > 0.6
    assert abs(np.corrcoef(summed[has], left[has])[0, 1]) < 0.4


def test_missing_partners__move_nobody_who_stayed(people):
    fewer = SMALL.replace(missing_partners=0.4)
    remaining = draw_people(fewer, SEED)
    assert len(remaining) < len(people)
    part = draw_species(remaining, fewer, SEED)
    whole = draw_species(people, SMALL, SEED)
    rows = people.index.get_indexer(remaining.index)
    assert part.log_abundance.tobytes() == whole.log_abundance[rows].tobytes()


def test_fibre__moves_the_community_by_the_diet_dial(people):
    eaten = people.assign(fibre=np.linspace(5, 40, len(people)))
    fed = draw_species(eaten, SMALL, SEED)
    unfed = draw_species(eaten, SMALL.replace(diet=0.0), SEED)
    moved = (fed.log_abundance - unfed.log_abundance).any(axis=0)
    planted = fed.coefficients.loc["diet:fibre"].to_numpy() != 0
    assert planted.sum() >= 10
    assert (moved == planted).all()


def test_species__are_drawn_from_their_parents_in_the_graph_and_nothing_else(people, community):
    listed = {name for name in parents()["species"] if name != "diet"}
    alone = draw_species(people[sorted(listed)], SMALL, SEED)
    assert alone.log_abundance.tobytes() == community.log_abundance.tobytes()
    for parent in listed - {"smoking"}:
        with pytest.raises(KeyError):
            draw_species(people[sorted(listed - {parent})], SMALL, SEED)
