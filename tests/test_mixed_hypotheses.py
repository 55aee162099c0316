"""How many features a covariate touches."""

import numpy as np
import pandas as pd
import pytest

from cohabit.stats.mixed import compare_significant, count_significant


@pytest.fixture
def world():
    rng = np.random.default_rng(1)
    homes = [f"h{number:03d}" for number in range(60) for _ in range(2)]
    people = pd.DataFrame(
        {
            "household_id": homes,
            "group": pd.Categorical(["MS", "control"] * 60, ["control", "MS"]),
            "bmi": rng.normal(26, 4, 120),
        },
        index=[f"p{number}" for number in range(120)],
    )
    values = pd.DataFrame(rng.normal(size=(120, 8)), people.index).add_prefix("taxon ")
    values.iloc[:, :5] = values.iloc[:, :5].add(0.5 * people["bmi"], axis=0)
    return values, people


def test_count_touched__finds_what_was_put_in(world):
    counts = count_significant(*world, "group + bmi")
    assert counts["bmi"] == 5
    assert counts["group[MS]"] <= 1


def test_compare_touched__has_an_interval_and_does_not_heed_the_order_of_people(world):
    values, people = world
    result = compare_significant(
        values, people, "group + bmi", "bmi", "group[MS]", n_groups=10, rng=1
    )
    assert result["low"] <= result["estimate"] <= result["high"]
    assert result["estimate"] >= 4
    turned = compare_significant(
        values.iloc[::-1], people.iloc[::-1], "group + bmi", "bmi", "group[MS]", n_groups=10, rng=1
    )
    pd.testing.assert_series_equal(result, turned)
