"""The gallery of traps: the wrong analysis falls in, the right one does not."""

import numpy as np
import pandas as pd
import pytest

from cohabit.experiments import traps
from cohabit.experiments.traps import analyses, sample
from cohabit.experiments.traps.gallery import SMALL_STUDY, STRANGERS

SEED = 4


@pytest.fixture(scope="module")
def measured() -> dict[str, pd.DataFrame]:
    return {name: traps.measure(name, SEED, n_repeats=1) for name in traps.TRAPS}


def means(table: pd.DataFrame) -> pd.Series:
    return table.groupby(["analysis", "switch"])["value"].mean()


UPWARDS = {"depth", "country", "forking", "boundary", "batch", "sex"}
"""Traps whose wrong answer is too high; that of the others is too low."""


@pytest.mark.parametrize("name", traps.TRAPS)
def test_switch__misleads_the_wrong_analysis_and_leaves_the_right_one(measured, name):
    seen = means(measured[name])
    shift = {analysis: seen[analysis, "on"] - seen[analysis, "off"] for analysis in LOOKS}
    assert abs(shift["right"]) < abs(shift["wrong"]) / 2
    assert np.sign(shift["wrong"]) == (1 if name in UPWARDS else -1)


LOOKS = ("wrong", "right")


def test_measure__gives_the_same_numbers_again(measured):
    again = traps.measure("sex", SEED, n_repeats=1)
    pd.testing.assert_frame_equal(again, measured["sex"])


def test_measure__looks_at_every_cohort_twice():
    table = traps.measure("prevalence", SEED, n_repeats=2)
    assert not table.duplicated(["switch", "analysis", "repeat"]).any()
    assert len(table) == 8
    assert table.groupby("repeat")["value"].sum().nunique() == 2


def test_measure__names_the_nearest_trap():
    with pytest.raises(ValueError, match="sex"):
        traps.measure("sexes", SEED)


def test_switch__leaves_the_people_as_they_are():
    worlds = [
        sample.draw_sample(
            sample.NO_DISEASE | {"geography": dial}, SMALL_STUDY, SEED, on=bool(dial)
        )
        for dial in (0.0, 1.0)
    ]
    pd.testing.assert_frame_equal(worlds[0].people, worlds[1].people)
    np.testing.assert_array_equal(worlds[0].world.species.person, worlds[1].world.species.person)


def test_bloom__pulls_every_other_share_by_closure_alone():
    before = sample.draw_sample(sample.NO_DISEASE, SMALL_STUDY, SEED, on=False).world
    after = sample.bloom(before, log_fold=2.0)
    place = before.species.taxa.get_loc(sample.BLOOMING)
    carriers = (before.patients & before.species.carried[:, place]).to_numpy()
    share = before.species.composition[carriers, place]
    pull = -np.log1p(share * np.expm1(2.0))
    others = before.species.carried[carriers]
    others[:, place] = False
    later, earlier = (world.species.log_composition[carriers][others] for world in (after, before))
    expected = np.broadcast_to(pull[:, None], others.shape)[others]
    np.testing.assert_allclose(later - earlier, expected, atol=1e-9)
    controls = ~before.patients.to_numpy()
    np.testing.assert_array_equal(
        after.species.composition[controls], before.species.composition[controls]
    )


def test_shared_percent__is_the_intraclass_correlation_of_anova():
    drawn = sample.draw_sample(STRANGERS, SMALL_STUDY, SEED, on=False)
    values = drawn.clr.iloc[:, :5]
    found = analyses._percent_shared(drawn, values, "group")
    wide = values.groupby(drawn.patients).transform(lambda column: column - column.mean())
    pairs = wide.groupby(drawn.people["household_id"])
    n = drawn.people["household_id"].nunique()
    between = 2 * (pairs.mean() ** 2).sum() / (n - 1)
    within = (wide**2).sum().sub(2 * (pairs.mean() ** 2).sum()) / (n - 1)
    expected = ((between - within) / (between + within)).mean()
    assert found == pytest.approx(100 * expected, abs=1e-6)


def test_summary__is_the_mean_over_cohorts_in_the_order_of_the_traps():
    rows = [
        {"trap": t, "analysis": a, "switch": s, "repeat": r, "value": v + r, "truth": 1.0}
        for t in ("z", "b")
        for r in (0, 2)
        for a, s, v in [
            ("wrong", "off", 1.0),
            ("wrong", "on", 6.0),
            ("right", "off", 2.0),
            ("right", "on", 3.0),
        ]
    ]
    summary = traps.summarise(pd.DataFrame(rows))
    assert list(summary.index) == ["z", "b"]
    assert summary.loc["z"].tolist() == [1.0, 2.0, 7.0, 3.0, 4.0]
