"""Counts by inverse distribution function, depth, kits and the shared batch."""

import numpy as np
import pytest
from scipy import stats

from cohabit.simulate import StudyDesign, simulate_cohort
from cohabit.simulate.dice import Dice
from cohabit.simulate.households import draw_people
from cohabit.simulate.sequencing import DISPERSION, count_reads, draw_batches, draw_depths

DESIGN = StudyDesign(pairs_per_site={"San Francisco": 60, "Edinburgh": 60})


@pytest.mark.parametrize("mean", [0.02, 0.7, 5.0, 49.0])
def test_count_reads__equals_scipys_quantile_below_the_expansion(mean):
    uniform = (np.arange(4000) + 0.5) / 4000
    size = 1 / DISPERSION
    expected = stats.nbinom.ppf(uniform, size, size / (size + mean))
    counts = count_reads(np.full(4000, mean), uniform)
    assert (counts == expected).mean() > 0.999
    assert np.abs(counts - expected).max() <= 1


@pytest.mark.parametrize("mean", [60.0, 900.0, 40_000.0])
def test_count_reads__is_near_scipys_quantile_above_it(mean):
    uniform = (np.arange(4000) + 0.5) / 4000
    size = 1 / DISPERSION
    expected = stats.nbinom.ppf(uniform, size, size / (size + mean))
    counts = count_reads(np.full(4000, mean), uniform)
    miss = np.abs(counts - expected)[50:-50]
    assert miss.max() <= max(1, 0.03 * np.sqrt(mean + DISPERSION * mean**2))


def test_count_reads__grows_with_the_mean_at_one_uniform():
    means = np.geomspace(1e-4, 1e5, 3000)
    for uniform in (0.02, 0.5, 0.97):
        counts = count_reads(means, np.full(len(means), uniform))
        assert (np.diff(counts) >= -1).all()
        assert counts[0] == 0
        assert counts[-1] > 5e4


def test_count_reads__gives_nothing_where_nothing_is():
    assert (count_reads(np.zeros(100), np.linspace(0, 0.999999, 100)) == 0).all()


def test_count_reads__one_taxon_moves_no_other():
    rng = np.random.default_rng(1)
    mean, uniform = rng.gamma(0.5, 20, (50, 30)), rng.random((50, 30))
    changed = mean.copy()
    changed[:, 3] *= 4
    before, after = count_reads(mean, uniform), count_reads(changed, uniform)
    others = np.delete(np.arange(30), 3)
    assert (before[:, others] == after[:, others]).all()
    assert (before[:, 3] < after[:, 3]).any()


def test_batch__is_the_households():
    people = draw_people(DESIGN, 1)
    batches = draw_batches(Dice.of(people, DESIGN, 1))
    by_home = {home: set() for home in people["household_id"]}
    for home, batch in zip(people["household_id"], batches, strict=True):
        by_home[home].add(batch)
    assert all(len(seen) == 1 for seen in by_home.values())
    assert 0.6 < batches.mean() < 0.9


def test_depth__follows_the_sites_and_partners_share_it():
    people = draw_people(DESIGN, 1)
    depth = draw_depths(people, Dice.of(people, DESIGN, 1), DESIGN, "16s").sum(axis=0)
    here = (people["site"] == "San Francisco").to_numpy()
    assert np.median(depth[here]) == pytest.approx(16_490, rel=0.2)
    assert np.median(depth[~here]) == pytest.approx(22_784, rel=0.2)
    logs = np.log(depth)
    assert np.corrcoef(logs[::2], logs[1::2])[0, 1] > 0.4


def test_depth_confounding__deepens_patients_only():
    people = draw_people(DESIGN, 1)
    dice = Dice.of(people, DESIGN, 1)
    plain = draw_depths(people, dice, DESIGN, "shotgun").sum(axis=0)
    deep = draw_depths(people, dice, DESIGN.replace(depth_confounding=0.7), "shotgun").sum(axis=0)
    patient = (people["group"] == "MS").to_numpy()
    np.testing.assert_allclose(deep[patient] / plain[patient], np.exp(0.7))
    np.testing.assert_allclose(deep[~patient], plain[~patient])


def test_odoribacter__is_seen_by_one_batch_and_not_the_other():
    cohort = simulate_cohort(DESIGN, 2)
    genus = cohort.table("16s", rank="genus", level="sample")["Odoribacter"] > 0
    batch = cohort.samples.loc[genus.index, "batch"]
    assert genus[batch == "A"].mean() > 0.7
    assert genus[batch == "B"].mean() < 0.1
    family = cohort.table("shotgun", rank="family", level="sample")["Odoribacteraceae"] > 0
    batch = cohort.samples.loc[family.index, "batch"]
    assert abs(family[batch == "A"].mean() - family[batch == "B"].mean()) < 0.05


def test_samples__say_depth_as_counted():
    cohort = simulate_cohort(StudyDesign(pairs_per_site={"Boston": 5}), 3)
    for assay in ("shotgun", "16s"):
        counts = cohort.table(assay, level="sample")
        assert (counts.sum(axis=1) == cohort.samples.loc[counts.index, "depth"]).all()
    assert set(cohort.samples["kit"]) == {"dry swab", "snap frozen"}
