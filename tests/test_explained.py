"""R² against scikit-bio's PERMANOVA; intervals against the spread over fresh cohorts."""

from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import pdist, squareform
from scipy.stats import binom
from skbio import DistanceMatrix
from skbio.stats.distance import permanova as skbio_permanova

from cohabit.stats.explained import explain_alone, explain_jointly
from cohabit.stats.permanova import permanova


def make_people(n_pairs=60, effect=0.5, seed=0, n_features=8):
    rng = np.random.default_rng(seed)
    household = np.repeat([f"H{number:03d}" for number in range(n_pairs)], 2)
    people = pd.DataFrame(
        {
            "household_id": household,
            "group": np.tile(["MS", "control"], n_pairs),
            "site": np.repeat(rng.choice(["A", "B", "C"], n_pairs), 2),
            "age": rng.normal(50, 10, 2 * n_pairs),
        },
        index=[f"P{number:03d}" for number in range(2 * n_pairs)],
    )
    values = np.repeat(rng.normal(size=(n_pairs, n_features)), 2, axis=0)
    values += rng.normal(size=(2 * n_pairs, n_features))
    values[:, 0] += effect * (people["group"] == "MS")
    distances = pd.DataFrame(squareform(pdist(values)), people.index, people.index)
    return distances, people


@pytest.mark.parametrize("term", ["site", "group", "household_id"])
def test_explain_alone__agrees_with_scikit_bio(term):
    distances, people = make_people()
    result = explain_alone(distances, people, [term], n_groups=10, rng=1).estimates.loc[term]
    matrix = DistanceMatrix(distances.to_numpy(), list(distances.index))
    peer = skbio_permanova(matrix, people, column=term, permutations=0)["test statistic"]
    n, df = len(people), result["df"]
    pseudo_f = (result["r2"] / df) / ((1 - result["r2"]) / (n - 1 - df))
    assert pseudo_f == pytest.approx(peer)


@pytest.mark.parametrize("formula", ["site + age + group", "site * group + age"])
def test_explain_jointly__adds_up_the_strata_of_permanova(formula):
    distances, people = make_people()
    found = explain_jointly(distances, people, formula).estimates
    table = permanova(distances, people, formula, n_permutations=0)
    sums = table.groupby(level=0)[["df", "r2", "r2_adjusted"]].sum(min_count=1).loc[found.index]
    np.testing.assert_allclose(found[sums.columns], sums, rtol=1e-8, atol=1e-12)
    assert found.loc["age", "df"] == 2, "one between households and one within"


def test_explain_alone__a_number_and_its_order_do_not_matter():
    distances, people = make_people()
    shuffled = people.sample(frac=1, random_state=1)
    first = explain_alone(distances, people, ["age"], rng=1).table
    second = explain_alone(distances, shuffled, ["age"], rng=1).table
    pd.testing.assert_frame_equal(first, second)


@pytest.fixture
def coverage(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[1]))
    return import_module("validation.explained_variation")


@pytest.mark.parametrize("place", [0, 3])
def test_intervals__miss_as_often_as_they_promise(coverage, place):
    """A slice of `validation/explained_variation.py`: 95% intervals, without bias."""
    measured = coverage.measure_cell(coverage.WORLDS[place], 40, 60, [20240301, place])
    summary = coverage.summarise(measured).set_index("quantity")
    assert (summary["rejected"] <= binom.ppf(0.9995, 60, 0.065)).all(), summary["rejected"]
    assert (summary["bias_in_errors"].abs() < 4).all(), summary["bias_in_errors"]


def test_adjusted__takes_off_what_homes_and_partners_differ_by_on_their_own(coverage):
    """With one mean square for all, status is too low by share/(N-1), and site too high."""
    world = coverage.World("alike", share=0.8)
    rng, people = np.random.default_rng(1), coverage.simulate_people(40)
    plain, own = [], []
    for _ in range(80):
        values = coverage.draw_values(world, 40, rng)
        distances = pd.DataFrame(squareform(pdist(values)), people.index, people.index)
        found = explain_alone(distances, people, ["group", "site"]).estimates
        r2, df = found["r2"], found["df"]
        plain.append(r2 - df * (1 - r2) / (79 - df))
        own.append(found["r2_adjusted"])
    error = np.std(own, axis=0) / np.sqrt(80)
    bias = np.mean(plain, axis=0) * 79 / 0.8
    np.testing.assert_allclose(bias, [-1, 3], atol=4 * error.max() * 79)
    assert bias[0] < 0 < bias[1]
    assert (np.abs(np.mean(own, axis=0)) < 4 * error).all()


def test_interval__of_the_household_is_as_wide_as_its_spread():
    found = [
        explain_alone(*make_people(seed=seed), ["household_id"], n_groups=20, rng=1).table.iloc[0]
        for seed in range(60)
    ]
    table = pd.DataFrame(found)[["r2_adjusted", "r2_adjusted_low", "r2_adjusted_high"]]
    estimate, low, high = table.astype(float).to_numpy().T
    assert 0.7 < np.median((high - low) / (2 * 2.093)) / estimate.std() < 1.3


def test_compare__subtracts_on_the_same_people():
    distances, people = make_people(effect=2.0)
    result = explain_alone(distances, people, ["group", "age"], rng=1)
    difference = result.compare("group", "age", "r2")
    rows = result.table.set_index("term")["r2"]
    assert difference["estimate"] == pytest.approx(rows["group"] - rows["age"])
    assert difference["low"] > 0


def test_explain__names_who_lacks_a_value():
    distances, people = make_people()
    people.loc["P003", "age"] = np.nan
    with pytest.raises(ValueError, match="P003"):
        explain_alone(distances, people, ["age"])
