"""Mediation over time: exact effects by turning edges off, and what a study would see of it."""

import numpy as np
import pandas as pd
import pytest

from cohabit.experiments import two_worlds
from cohabit.simulate import StudyDesign, World, draw_world
from cohabit.simulate.followup import follow_disability

DESIGN = StudyDesign(microbe_effect=2.0).with_pairs(80)
SLOPE = -0.1  # EDSS points a year for each SD of butyrate; template people_followup.tsv
SMOKING = 0.1  # EDSS points a year for who smokes


@pytest.fixture(scope="module")
def before() -> World:
    return draw_world(DESIGN, 5)


@pytest.fixture(scope="module")
def fibre(before) -> World:
    return two_worlds.enrich_diet(before, 40.0)


def inside(world: World, *others: World) -> np.ndarray:
    """Patients whose disability is never cut at an end of the scale, in any of the worlds."""
    whole = [
        follow_disability(one.people, one.dice, one.design, butyrate=butyrate)
        for one in (world, *others)
        for butyrate in (w.metabolites.follow_butyrate() for w in (world, *others))
    ]
    free = [((level > 0) & (level < 9.5)).all(axis=1) for level in whole]
    return np.logical_and.reduce(free)[world.patients.to_numpy()]


def test_diet__acts_through_butyrate_alone_and_by_as_much_as_planted(before, fibre):
    paths = two_worlds.mediate(fibre, before)
    gained = fibre.metabolites.follow_butyrate() - before.metabolites.follow_butyrate()
    expected = 2.0 * SLOPE * gained.sum(axis=1)[before.patients]
    free = inside(before, fibre)
    assert free.mean() > 0.5
    np.testing.assert_allclose(paths["indirect"][free], expected[free], rtol=0, atol=1e-9)
    np.testing.assert_array_equal(paths["direct"], 0.0)
    assert paths["indirect"].abs().max() > 0.01


def test_paths__add_up_where_the_scale_does_not_end(before):
    after = two_worlds.stop_smoking(before)
    paths = two_worlds.mediate(after, before)
    free = inside(before, after)
    both = (paths["direct"] + paths["indirect"])[free]
    np.testing.assert_allclose(paths["total"][free], both, rtol=0, atol=1e-9)


def test_smoking__acts_directly_in_who_smokes(before):
    after = two_worlds.stop_smoking(before)
    direct = two_worlds.mediate(after, before)["direct"]
    smokes = (before.people["smoking"] == "current")[before.patients]
    never = (before.people["smoking"] == "never")[before.patients]
    assert (direct[never] == 0).all()
    assert direct[smokes].min() == pytest.approx(-3 * SMOKING)


def test_each_edge__carries_the_whole_effect_of_diet(before, fibre):
    left = two_worlds.cut_edges(fibre, before)
    np.testing.assert_array_equal(left["none"], two_worlds.mediate(fibre, before)["total"])
    assert (left["none"] != 0).mean() > 0.5
    for edge in two_worlds.EDGES[1:]:
        np.testing.assert_allclose(left[edge], 0.0, atol=1e-12, err_msg=edge)


def test_dial_off__nothing_is_mediated(before, fibre):
    off = [world.metabolites.follow_butyrate() for world in (fibre, before)]
    gains = [two_worlds.gain_disability(before, butyrate, effect=0.0) for butyrate in off]
    pd.testing.assert_series_equal(*gains)


def test_mediate__needs_the_same_patients(before):
    with pytest.raises(ValueError, match="same patients"):
        two_worlds.mediate(two_worlds.remove_disease(before), before)


def test_observed_table__holds_complete_patients_who_came_back(before):
    seen = two_worlds.observe_progress(before)
    assert before.patients[seen.index].all()
    assert 10 < len(seen) < before.patients.sum()
    assert not seen.isna().any(axis=None)
    true = before.metabolites.follow_butyrate().loc[seen.index, 0]
    np.testing.assert_allclose(seen["butyrate"], true, atol=1e-3)
    assert set(seen["gain"] % 0.5) == {0.0}
    level = follow_disability(
        before.people, before.dice, DESIGN, butyrate=before.metabolites.follow_butyrate()
    )
    examined = (level[36] - level[0])[seen.index]
    assert (seen["gain"] - examined).abs().mean() < 0.4
