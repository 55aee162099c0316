"""Real against simulated: blind where there is nothing to see, sure where there is."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cohabit.experiments.realism import distinguish, fit_template
from cohabit.files.storage import read_cohort
from cohabit.simulate import StudyDesign, simulate_from

EXAMPLE = Path(__file__).resolve().parents[1] / "data" / "synthetic" / "example"

FAST = {"n_trees": 30, "n_bootstrap": 99}


def make_table(rng: np.random.Generator, n_pairs: int, spread: float, first: int = 0):
    """Return counts of pairs that share half of their spread, and who lives with whom."""
    level = np.linspace(3, -3, 30)
    home, own = rng.normal(size=(n_pairs, 30)), rng.normal(size=(2 * n_pairs, 30))
    logs = level + spread * (np.repeat(home, 2, axis=0) + own) / np.sqrt(2)
    shares = np.exp(logs) / np.exp(logs).sum(axis=1, keepdims=True)
    depth = rng.integers(3000, 9000, 2 * n_pairs)
    index = [f"p{first + number}" for number in range(2 * n_pairs)]
    counts = pd.DataFrame(rng.poisson(shares * depth[:, None]), index, map(str, range(30)))
    return counts, pd.DataFrame({"household_id": np.arange(2 * n_pairs) // 2}, index=index)


@pytest.fixture(scope="module")
def real():
    return make_table(np.random.default_rng(1), 120, 1.0)


def test_distinguish__is_blind_to_another_sample_of_the_same_people(real):
    other = make_table(np.random.default_rng(2), 120, 1.0)
    found = distinguish(*real, *other, rng=3, **FAST).set_index("model")
    assert (found["auc"] - 0.5).abs().max() < 0.08
    assert (found["low"] < 0.5).all()
    assert (found["high"] > 0.5).all()


def test_distinguish__is_blind_to_depth_alone(real):
    counts, people = make_table(np.random.default_rng(2), 120, 1.0)
    deeper = counts + 9 * counts
    found = distinguish(*real, deeper, people, models=("ridge",), rng=3, **FAST)
    assert found["auc"].iloc[0] == pytest.approx(0.5, abs=0.08)


def test_distinguish__sees_through_a_table_that_is_too_even(real):
    other = make_table(np.random.default_rng(2), 120, 0.3)
    found = distinguish(*real, *other, models=("random_forest",), rng=3, **FAST)
    assert found["auc"].iloc[0] > 0.97
    assert found["n_real"].iloc[0] > 200
    assert found["depth"].iloc[0] < 4000


def test_distinguish__refuses_what_it_cannot_compare(real):
    counts, people = real
    with pytest.raises(ValueError, match="features in common; got none"):
        distinguish(counts, people, counts.add_prefix("other "), people)
    with pytest.raises(ValueError, match="simulated: 2 sample.s. have no household_id"):
        distinguish(counts, people, counts, people.iloc[2:], rng=1)


def test_distinguish__runs_on_a_cohort_read_from_disk_against_its_own_template():
    cohort = read_cohort(EXAMPLE)
    counts = cohort.table("shotgun", rank="genus")
    counts = counts.loc[:, (counts > 0).mean() > 0.2]
    template = fit_template(counts, cohort.participants)
    design = StudyDesign().with_pairs(40).replace(shotgun_depth=float(counts.sum(axis=1).median()))
    drawn = simulate_from(template, design, 1)
    sides = (counts, cohort.participants, drawn.table("shotgun"), drawn.participants)
    close = distinguish(*sides, models=("ridge",), rng=1, **FAST)
    even = drawn.table("shotgun") * 0 + 100
    far = distinguish(*sides[:2], even, drawn.participants, models=("ridge",), rng=1, **FAST)
    assert far["auc"].iloc[0] > 0.99
    assert close["auc"].iloc[0] < far["auc"].iloc[0]
    assert close["n_real"].iloc[0] > 70
