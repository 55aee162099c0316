"""R² against scikit-bio's PERMANOVA; intervals against the spread over fresh cohorts."""

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import pdist, squareform
from skbio import DistanceMatrix
from skbio.stats.distance import permanova as skbio_permanova

from cohabit.stats.explained import explain_alone, explain_jointly


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


def test_explain_jointly__gives_the_projections_of_the_features():
    distances, people = make_people()
    result = explain_jointly(distances, people, "site + age + group", n_groups=10, rng=1)
    dummies = pd.get_dummies(people[["site", "group"]], drop_first=True).astype(float)
    full = np.column_stack([np.ones(len(people)), dummies, people["age"]])
    without = np.delete(full, dummies.columns.get_loc("group_control") + 1, axis=1)
    gram = _gram(distances)
    added = np.trace(_hat(full) @ gram) - np.trace(_hat(without) @ gram)
    assert result.estimates.loc["group", "r2"] == pytest.approx(added / np.trace(gram))


def test_explain_alone__a_number_and_its_order_do_not_matter():
    distances, people = make_people()
    shuffled = people.sample(frac=1, random_state=1)
    first = explain_alone(distances, people, ["age"], rng=1).table
    second = explain_alone(distances, shuffled, ["age"], rng=1).table
    pd.testing.assert_frame_equal(first, second)


def test_interval__is_as_wide_as_the_spread_over_cohorts():
    found = [
        explain_alone(*make_people(seed=seed), ["group"], n_groups=20, rng=1).table.iloc[0]
        for seed in range(60)
    ]
    table = pd.DataFrame(found)
    spread = table["r2"].astype(float).std()
    width = ((table["r2_high"] - table["r2_low"]) / (2 * 2.093)).astype(float)
    assert 0.7 < width.median() / spread < 1.3


def test_adjusted__is_zero_on_average_when_nothing_is_explained():
    found = [
        explain_alone(*make_people(seed=seed, effect=0), ["site"], n_groups=10, rng=1)
        for seed in range(60)
    ]
    values = np.array([one.estimates.loc["site", "r2_adjusted"] for one in found])
    raw = np.array([one.estimates.loc["site", "r2"] for one in found])
    assert raw.mean() > 10 * values.std() / np.sqrt(60)
    assert abs(values.mean()) < 3.5 * values.std() / np.sqrt(60) + 0.01


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


def _gram(distances: pd.DataFrame) -> np.ndarray:
    n = len(distances)
    centre = np.eye(n) - 1 / n
    return centre @ (-0.5 * distances.to_numpy() ** 2) @ centre


def _hat(columns: np.ndarray) -> np.ndarray:
    return columns @ np.linalg.pinv(columns)
