"""Sealed worlds: the analysis sees no truth, verdicts are those of claims, shares are counted."""

from dataclasses import fields

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cohabit.judge.claims import verdict
from validation import sealed
from validation.sealed import ANALYSES, N_DIRECTIONS, N_EQUAL, SEALED_COLUMNS, SealedWorld


@pytest.fixture(scope="module")
def drawn():
    return sealed.draw_sealed(3)


@pytest.fixture(scope="module")
def opened() -> pd.DataFrame:
    return sealed.run_sealed(3)


def test_world__shows_counts_people_and_claims_alone(drawn):
    world, envelope = drawn
    assert {field.name for field in fields(SealedWorld)} == {
        "counts",
        "people",
        "covariates",
        "claims",
    }
    hidden = {"planted", "latent", "true_here", "effect", "power"}
    assert not hidden & {*world.counts.columns, *world.people.columns}
    assert not hidden & {name for claims in world.claims.values() for name in claims}
    assert envelope.truth["planted"].any()


def test_claims__are_about_directions_and_margins(drawn):
    world, _ = drawn
    for claims in world.claims.values():
        margin = claims["region_high"] < np.inf
        assert len(claims) == N_DIRECTIONS + N_EQUAL
        assert (claims.loc[margin, "region_low"] == -claims.loc[margin, "region_high"]).sum() == 5
        assert set(claims["truth_feature"]) <= set(world.counts.columns)


def test_decide__judges_as_the_report_does(drawn):
    world, _ = drawn
    table = sealed.decide(world, "lmm_clr").set_index("claim_id")
    claims = world.claims["clr"].set_index("claim_id")
    for claim_id, row in table.iterrows():
        region = claims.loc[claim_id, ["region_low", "region_high"]]
        assert row["verdict"] == verdict(row["low"], row["high"], *region)


def test_opened__says_what_was_true(drawn, opened):
    world, envelope = drawn
    assert list(opened.columns) == list(SEALED_COLUMNS)
    assert set(opened["analysis"]) == set(ANALYSES)
    corrected = opened[opened["analysis"] == "linda"].set_index("claim_id")
    claims = world.claims["latent"].set_index("claim_id")
    latent = envelope.truth["latent"]
    for claim_id, row in corrected.iterrows():
        value = latent[claims.loc[claim_id, "truth_feature"]]
        inside = row["region_low"] < value < row["region_high"]
        assert row["true_here"] == inside
        assert row["planted"] == value


def test_power__is_the_chance_of_an_interval_inside_the_region(opened):
    row = opened[opened["claim_id"].str.startswith("same")].iloc[0]
    half = (row["high"] - row["low"]) / 2
    rng = np.random.default_rng(1)
    centre = row["planted"] + half / stats.norm.ppf(0.975) * rng.standard_normal(200_000)
    inside = (centre - half > row["region_low"]) & (centre + half < row["region_high"])
    assert row["power"] == pytest.approx(inside.mean(), abs=0.005)


def test_worlds__differ_in_every_dial_and_repeat_by_seed(opened):
    assert sealed.run_sealed(3).equals(opened)
    other = sealed.run_sealed(4)
    assert other["n_pairs"].iloc[0] != opened["n_pairs"].iloc[0]
    assert other["prior"].iloc[0] != opened["prior"].iloc[0]


def test_calibration__counts_verdicts():
    claims = pd.DataFrame(
        {
            "world": [1, 1, 1, 2, 2, 2],
            "analysis": "lmm_asin",
            "kind": "direction",
            "verdict": ["agrees", "agrees", "cannot tell", "agrees", "disagrees", "cannot tell"],
            "true_here": [True, False, True, True, False, True],
            "power": [0.95, 0.05, 0.2, 0.95, 0.0, 0.2],
            "n_pairs": 60,
            "prior": 0.6,
            "heavy": [False] * 3 + [True] * 3,
        }
    )
    table = (
        sealed.calibrate_verdicts(claims, n_bootstrap=199)
        .set_index(["kind", "by", "bin"])
        .sort_index()
    )
    row = table.loc[("both", "all", 0)]
    assert row["agrees_true"] == pytest.approx(2 / 3)
    assert row["agrees_true_n"] == 3
    assert (row["agrees_true_low"], row["agrees_true_high"]) == (0.5, 1.0)
    assert row["disagrees_untrue"] == 1
    assert row["true_undecided"] == pytest.approx(0.5)
    assert row["undecided"] == pytest.approx(1 / 3)
    by_power = table.loc[("direction", "power")]
    assert by_power.loc[5, "true_upheld"] == 1
    assert by_power.loc[1, "true_undecided"] == 1
    assert np.isnan(by_power.loc[0, "true_upheld"])
