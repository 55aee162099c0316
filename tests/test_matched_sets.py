"""Permutation tests within homes: every swap by hand, rarefied presence, what cannot be tested."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cohabit.stats.abundance import compare_abundance
from cohabit.stats.abundance.matched_sets import SCALE_COLUMNS, expect_presence
from cohabit.stats.composition import arcsine_sqrt, relative_abundance

N_HOMES, N_FEATURES = 7, 5


@pytest.fixture
def people() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    return pd.DataFrame(
        {
            "household_id": np.repeat([f"H{home}" for home in range(N_HOMES)], 2),
            "group": ["MS", "control"] * N_HOMES,
            "age": rng.normal(50, 9, 2 * N_HOMES),
            "site": np.repeat(list("nnnssss"), 2),
        },
        index=[f"P{number:02d}" for number in range(2 * N_HOMES)],
    )


@pytest.fixture
def counts(people) -> pd.DataFrame:
    rng = np.random.default_rng(4)
    table = rng.poisson(np.exp(rng.normal(2, 1.2, (len(people), N_FEATURES))))
    table[::2, 0] += 40
    return pd.DataFrame(table, people.index).add_prefix("taxon_").assign(whole=200)


def test_expect_presence__is_hypergeometric(counts):
    expected = expect_presence(counts)
    total = counts.sum(axis=1)
    chance = stats.hypergeom(total.to_numpy()[:, None], counts.to_numpy(), total.min()).sf(0)
    np.testing.assert_allclose(expected, chance, atol=1e-6)


def by_hand(counts: pd.DataFrame, people: pd.DataFrame, covariate: str | None) -> dict:
    """Swap every set of homes in turn; the differences of pairs change their signs."""
    scales = [relative_abundance(counts), arcsine_sqrt(counts), expect_presence(counts)]
    apart = [scale.to_numpy()[::2] - scale.to_numpy()[1::2] for scale in scales]
    group = np.ones(N_HOMES)
    if covariate:
        change = people[covariate].to_numpy()[::2] - people[covariate].to_numpy()[1::2]
        hat = np.outer(change, change) / (change @ change)
        apart = [values - hat @ values for values in apart]
        group = group - hat @ group
    signs = np.array(list(product([1, -1], repeat=N_HOMES)))
    tops = [((signs * group) @ values) ** 2 for values in apart]
    ranks = [[rank(top[:, j]) for top in tops] for j in range(counts.shape[1])]
    whole = [rank(top.sum(axis=1)) for top in tops]
    return {
        "scales": np.array([[scale[0] for scale in feature] for feature in ranks]),
        "joint": np.array([joint(feature) for feature in ranks]),
        "community": joint(whole),
    }


def rank(statistic: np.ndarray) -> np.ndarray:
    statistic = (statistic / max(statistic.max(), 1e-300)).round(11)
    return (statistic >= statistic[:, None]).mean(axis=1)


def joint(p_values: list[np.ndarray]) -> float:
    least = np.min(p_values, axis=0)
    return (least <= least[0]).mean()


@pytest.mark.parametrize("covariate", [None, "age"])
def test_matched_sets__is_every_swap_by_hand(counts, people, covariate):
    table = compare_abundance(counts, people, "group", covariate, "matched_sets")
    theirs = by_hand(counts, people, covariate)
    varying = slice(0, N_FEATURES)  # the last feature has one value
    np.testing.assert_allclose(table["p_value"][varying], theirs["joint"][varying])
    moved = table[list(SCALE_COLUMNS)].to_numpy()[varying]
    known = ~np.isnan(moved)
    assert known[:, :2].all()
    np.testing.assert_allclose(moved[known], theirs["scales"][varying][known])
    assert table.attrs["community_p_value"] == {"MS - control": theirs["community"]}
    assert table["note"].str.contains("128 swaps are all")[varying].all()
    assert table["p_value"].min() >= 2 / 128


def test_matched_sets__tells_what_no_swap_can(counts, people):
    table = compare_abundance(counts, people, "site", method="matched_sets")
    assert set(table["note"]) == {"not estimable: the same for all members of every household"}
    assert table["p_value"].isna().all()
    row = compare_abundance(counts, people, "group", method="matched_sets").iloc[-1]
    assert row["note"] == "constant: the feature does not vary"
    assert np.isnan(row["p_value"])


def test_matched_sets__bigger_homes_permute_all_their_members(counts, people):
    people.loc[["P02", "P03"], "household_id"] = "H0"  # four people, 24 orders
    people.loc[people.index[4:], "household_id"] = [f"A{home}" for home in range(10)]  # alone
    table = compare_abundance(counts, people, "group", method="matched_sets", min_prevalence=0)
    assert table["note"].str.contains("24 swaps are all|constant").all()
    assert table["p_value"].min() >= 1 / 6  # six splits into two and two, each thrice mirrored
