"""Stool of later visits: what stays, what drifts, what follows a change; the first visit kept."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from cohabit import read_cohort, write_cohort
from cohabit.simulate import StudyDesign, draw_world, simulate_cohort
from cohabit.simulate.effects import DRUGS
from cohabit.simulate.stool import antibiotic_effects, read_stability

DESIGN = StudyDesign().with_pairs(60).replace(stool_visits=4)


@pytest.fixture(scope="module")
def cohort():
    return simulate_cohort(DESIGN, 3)


@pytest.fixture(scope="module")
def world():
    return draw_world(DESIGN, 3)


@pytest.fixture(scope="module")
def later(world):
    return list(world.later())


def test_cohort__keeps_its_first_visit(cohort):
    alone = simulate_cohort(DESIGN.replace(stool_visits=1), 3)
    assert not alone.later
    for assay, table in alone.features.items():
        assert cohort.features[assay] == table
        pd.testing.assert_frame_equal(cohort.table(assay), alone.table(assay))
    first = cohort.samples[cohort.samples["visit"] == 0]
    pd.testing.assert_frame_equal(first, alone.samples)
    visits = cohort.visits.drop(columns=["months_on", "antibiotics"])
    pd.testing.assert_frame_equal(visits, alone.visits)


def test_cohort__has_stool_of_those_who_came_alone(cohort):
    came = set(zip(cohort.visits["participant_id"], cohort.visits["visit"], strict=True))
    samples = cohort.samples[cohort.samples["visit"] > 0]
    given = set(zip(samples["participant_id"], samples["visit"], strict=True))
    assert given < came
    assert set(samples["visit"]) == {12, 24, 36}
    assert 0.85 < len(given) / sum(month > 0 for _, month in came) < 0.97
    assert samples.groupby(["visit", "assay"])["batch"].nunique().eq(1).all()
    depth = pd.concat([table.to_dataframe().sum() for table in cohort.later.values()])
    pd.testing.assert_series_equal(
        depth.astype(int), samples["depth"][depth.index], check_names=False
    )


def test_table__of_all_visits_has_each_visit(cohort):
    table = cohort.table("shotgun", visit=None)
    assert table.index.names == ["participant_id", "visit"]
    first = table.xs(0, level="visit")
    alone = cohort.table("shotgun")
    pd.testing.assert_frame_equal(first[alone.columns], alone)
    assert (first.drop(columns=alone.columns) == 0).all(axis=None)
    second = table.xs(12, level="visit")
    pd.testing.assert_frame_equal(cohort.table("shotgun", visit=12), second)
    genera = cohort.table("16s", rank="genus", visit=None)
    assert genera.sum().sum() == cohort.table("16s", visit=None).sum().sum()
    samples = cohort.table("16s", level="sample", visit=None)
    assert len(samples) == (cohort.samples["assay"] == "16s").sum()


def test_write_cohort__keeps_the_later_visits(cohort, tmp_path):
    read = read_cohort(write_cohort(cohort, tmp_path / "cohort"))
    pd.testing.assert_frame_equal(
        read.table("16s", "genus", visit=None), cohort.table("16s", "genus", visit=None)
    )
    assert set(read.without("16s").later) == {"shotgun"}
    again = write_cohort(read, tmp_path / "again")
    for name in ("shotgun_later.biom", "16s_later.biom"):
        assert (again / name).read_bytes() == (tmp_path / "cohort" / name).read_bytes()


def test_world__without_drift_changes_with_its_exposures_alone():
    """Without drift a person's log abundance moves by the effects of what changed, exactly."""
    world = draw_world(DESIGN.replace(drift=0.0, partner_change=0.0), 3)
    first = world.species
    killed = antibiotic_effects(first.template)
    states = dict(world.states)
    for later, _ in world.later():
        change = later.species.exposures - first.exposures
        moved = change.to_numpy() @ first.coefficients.to_numpy()
        took = states[later.month]["antibiotics"].to_numpy(dtype=float)
        moved = moved + np.multiply.outer(took, killed)
        np.testing.assert_allclose(
            later.species.log_abundance - first.log_abundance, moved, atol=1e-9
        )
        np.testing.assert_array_equal(later.asv_scores, world.asv_scores)


def test_world__follows_a_new_drug_over_months(world, later):
    drugs = [f"treatment:{drug}" for drug in DRUGS]
    states = dict(world.states)
    exposures = later[0][0].species.exposures[drugs]
    state = states[12]
    new = state.index[state["months_on"].notna() & (state["treatment"] != "untreated")]
    given = np.array([exposures.loc[i, f"treatment:{state.loc[i, 'treatment']}"] for i in new])
    np.testing.assert_allclose(given, 1 - np.exp(-state.loc[new, "months_on"].astype(float) / 3))
    kept = state.index[state["months_on"].isna() & state["treatment"].isin(DRUGS)]
    assert (exposures.loc[kept].sum(axis=1) == 1).all()


def test_world__shares_a_part_of_a_change_at_home():
    """A partner shows the stated share of what changes in a person, and no more."""
    alone = draw_world(DESIGN.replace(drift=0.0, partner_change=0.0), 3)
    shared = draw_world(DESIGN.replace(drift=0.0, partner_change=0.25), 3)
    (one, _), (other, _) = next(alone.later()), next(shared.later())
    took = dict(alone.states)[12]["antibiotics"].to_numpy(dtype=float)
    by_drug = np.multiply.outer(took, antibiotic_effects(alone.species.template))
    own = one.species.log_abundance - alone.species.log_abundance - by_drug
    found = other.species.log_abundance - one.species.log_abundance
    partner = np.arange(len(own)).reshape(-1, 2)[:, ::-1].ravel()
    np.testing.assert_allclose(found, 0.25 * own[partner], atol=1e-9)


def test_world__has_the_variance_of_the_first_visit_at_every_visit(world, later):
    first = world.species
    real = first.template.column("tail") == 0
    start = first.person[:, real].var(axis=0)
    for drawn, _ in later:
        ratio = drawn.species.person[:, real].var(axis=0).sum() / start.sum()
        assert 0.93 < ratio < 1.07


def test_world__keeps_more_of_a_stable_genus_and_less_each_year(world, later):
    first = world.species
    stays = read_stability(first.template)
    carried = first.carried.mean(axis=0) > 0.5
    likeness = [
        np.array(
            [
                np.corrcoef(first.person[:, j], drawn.species.person[:, j])[0, 1]
                for j in np.flatnonzero(carried)
            ]
        )
        for drawn, _ in later
    ]
    assert np.corrcoef(likeness[0], stays[carried])[0, 1] > 0.8
    means = [part.mean() for part in likeness]
    assert means[0] > means[1] > means[2] > 0.3


def test_world__moves_severity_into_the_gut_by_its_dial_alone(world, later):
    msss = world.species.exposures["msss"]
    assert all((drawn.species.exposures["msss"] == msss).all() for drawn, _ in later)
    pushed = draw_world(DESIGN.replace(progression_effect=1.0), 3)
    month, exposures = [(w.month, w.species.exposures["msss"]) for w, _ in pushed.later()][-1]
    state = dict(world.states)[month]
    patients = state["course"].notna()
    change = exposures - msss
    assert (change[~patients] == 0).all()
    rose = (state["edss"] - dict(world.states)[0]["edss"])[patients].astype(float)
    assert np.corrcoef(change[patients], rose)[0, 1] > 0.5


def test_truth__lists_antibiotics_when_there_is_later_stool(cohort):
    effects = cohort.truth.effects
    listed = effects[effects["factor"] == "antibiotics"]
    assert set(listed["assay"]) == {"shotgun", "16s"}
    assert set(listed["property"]) == {"later visits"}


def test_cohort__of_some_people_has_their_later_samples(cohort):
    some = cohort.participants.index[:10]
    kept = cohort._keep(some)
    table = kept.table("shotgun", visit=None)
    assert set(table.index.get_level_values(0)) <= set(some)
    assert dataclasses.replace(kept, later={}).table("shotgun").equals(kept.table("shotgun"))
