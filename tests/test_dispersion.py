"""PERMDISP against vegan::betadisper (`oracles/betadisper.R`) and its definition."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from household_worlds import euclidean, people, values_of
from scipy.optimize import minimize
from scipy.stats import binom

from cohabit.stats.permanova import dispersion, distances_to_middle
from cohabit.stats.permanova.groups import spatial_median

ORACLES = Path(__file__).parent / "oracles"
READ = {"sep": "\t", "index_col": 0}
DISTANCES = pd.read_csv(ORACLES / "betadisper_distances.tsv", sep="\t")
TESTS = pd.read_csv(ORACLES / "betadisper_tests.tsv", sep="\t")
CASES = TESTS[["cohort", "column", "kind"]].drop_duplicates().values.tolist()
TOLERANCE = {"centroid": 1e-9, "median": 5e-4}
"""vegan minimises the spatial median by BFGS with its default, loose, stopping rule."""


def read_cohort(name):
    metadata = pd.read_csv(ORACLES / f"adonis2_{name}_metadata.tsv", **READ)
    return metadata, pd.read_csv(ORACLES / f"adonis2_{name}_distances.tsv", **READ)


@pytest.mark.parametrize(("cohort", "column", "kind"), CASES)
def test_dispersion__equals_betadisper(cohort, column, kind):
    metadata, distances = read_cohort(cohort)
    found = distances_to_middle(distances, metadata, column, kind=kind)
    chosen = (DISTANCES[["cohort", "column", "kind"]] == [cohort, column, kind]).all(axis=1)
    expected = DISTANCES[chosen].set_index("sample_id")["distance"]
    np.testing.assert_allclose(found, expected[found.index], rtol=TOLERANCE[kind])
    table = dispersion(distances, metadata, column, kind=kind, scheme="free", n_permutations=0)
    chosen = (TESTS[["cohort", "column", "kind"]] == [cohort, column, kind]).all(axis=1)
    expected_f = TESTS[chosen]["f"].iloc[0]
    assert table.loc[column, "pseudo_f"] == pytest.approx(expected_f, rel=TOLERANCE[kind])


@pytest.mark.parametrize(("strata", "scheme"), [("free", "free"), ("household_id", "within")])
def test_dispersion__p_value_is_near_that_of_betadisper(strata, scheme):
    metadata, distances = read_cohort("pairs")
    table = dispersion(
        distances, metadata, "group", kind="centroid", scheme=scheme, n_permutations=1999, rng=1
    )
    chosen = TESTS["strata"].eq(strata) & TESTS["column"].eq("group")
    rows = TESTS[chosen & TESTS["cohort"].eq("pairs") & TESTS["kind"].eq("centroid")]
    expected = rows["p_value"].item()
    assert table.loc["group", "p_value"] == pytest.approx(expected, abs=0.12)


def test_spatial_median__is_the_minimum():
    points = np.random.default_rng(2).standard_exponential((30, 3))
    found = spatial_median(points)
    best = minimize(lambda x: np.linalg.norm(points - x, axis=1).sum(), found + 0.1, tol=1e-12)
    np.testing.assert_allclose(found, best.x, atol=1e-5)


def test_spatial_median__may_be_one_of_the_points():
    corners = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1], [0, 0]])
    np.testing.assert_allclose(spatial_median(corners), [0, 0], atol=1e-12)
    heavy = np.vstack([np.tile([3.0, 1.0], (5, 1)), corners[:4]])
    np.testing.assert_allclose(spatial_median(heavy), [3, 1], atol=1e-8)


def test_dispersion__finds_the_wider_group_and_not_the_shifted_one():
    rng = np.random.default_rng(5)
    metadata = pd.DataFrame({"arm": np.repeat(["a", "b"], 30)}, index=[f"s{i}" for i in range(60)])
    points = rng.normal(size=(60, 3))
    shifted = points + 3 * np.repeat([0, 1], 30)[:, None]
    wider = points * np.repeat([1, 2.5], 30)[:, None]
    p_values = [_p_value(world, metadata) for world in (shifted, wider)]
    assert p_values[0] > 0.05
    assert p_values[1] == pytest.approx(0.005)


def _p_value(points, metadata):
    distances = np.linalg.norm(points[:, None] - points, axis=2)
    square = pd.DataFrame(distances, metadata.index, metadata.index)
    table = dispersion(square, metadata, "arm", blocks=None, n_permutations=199, rng=1)
    return table.loc["arm", "p_value"]


@pytest.mark.parametrize("column", ["group", "site"])
def test_dispersion__rejects_at_its_level_among_households(column):
    rng = np.random.default_rng(20240305)
    metadata = people(20, rng)
    hits = 0
    for _ in range(100):
        distances = euclidean(values_of(metadata, rng))
        table = dispersion(distances, metadata, column, n_permutations=19, rng=rng)
        hits += table.loc[column, "p_value"] <= 0.05
    low, high = binom.interval(0.999, 100, 0.05)
    assert low <= hits <= high


def test_dispersion__takes_numbers_as_groups():
    metadata, distances = read_cohort("pairs")
    numbered = metadata.assign(site=pd.factorize(metadata["site"], sort=True)[0])
    tables = [
        dispersion(distances, people, "site", n_permutations=0) for people in (metadata, numbered)
    ]
    assert tables[1].loc["site", "df"] == 3
    assert tables[1].loc["site", "pseudo_f"] == pytest.approx(tables[0].loc["site", "pseudo_f"])


def test_dispersion__names_what_it_cannot_use():
    metadata, distances = read_cohort("pairs")
    with pytest.raises(ValueError, match="median, centroid"):
        dispersion(distances, metadata, "group", kind="mean")
    with pytest.raises(ValueError, match="did you mean 'group'"):
        dispersion(distances, metadata, "grup")
    metadata.loc[metadata.index[0], "group"] = None
    with pytest.raises(ValueError, match="1 value.s. missing"):
        dispersion(distances, metadata, "group")
