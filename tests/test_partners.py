"""Comparisons made, counted and foreseen."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.stats import binomtest
from statsmodels.stats.power import TTestPower

from cohabit.data.cohort import pairs_where
from cohabit.stats.abundance import compare_abundance
from cohabit.stats.partners import (
    compare_with_partners,
    count_hits,
    measure_replication,
    pairs_needed,
    power_of_pairs,
    set_batches_side_by_side,
    set_methods_side_by_side,
    turn_to_published,
    visible_effect,
)


@pytest.fixture(scope="module")
def world():
    rng = np.random.default_rng(3)
    people = pd.DataFrame(
        {
            "household_id": np.repeat([f"h{number:02d}" for number in range(40)], 2),
            "group": ["MS", "control"] * 40,
            "sex": rng.choice(["male", "female"], 80),
            "treatment": [name for number in range(40) for name in (_drug(number), None)],
        },
        index=pd.Index([f"p{number:02d}" for number in range(80)], name="participant_id"),
    )
    means = rng.gamma(2, 50, 12)
    counts = pd.DataFrame(rng.poisson(means * rng.gamma(5, 0.2, (80, 12))), people.index)
    return counts.add_prefix("species "), people


def _drug(number: int) -> str:
    return "untreated" if number % 2 else "interferon"


def test_compare_with_partners__is_the_single_comparison_of_each_group(world):
    counts, people = world
    untreated = pairs_where(people, treatment="untreated")
    table = compare_with_partners(
        counts, {"MS": people, "untreated MS": untreated}, ["lmm_asin", "lmm_clr"], "sex"
    )
    alone = compare_abundance(counts.loc[untreated.index], untreated, "group", "sex", "lmm_clr")
    rows = table.query("contrast == 'untreated MS - control' and method == 'lmm_clr'")
    np.testing.assert_allclose(rows["estimate"], alone["estimate"])
    assert len(table) == 4 * len(alone)
    assert (table["called"] == (table["q_value"] <= 0.05)).all()
    assert set(table["formula"]) == {"group + sex + (1 | household_id)"}


def test_count_hits__counts_tests_alone_and_keeps_the_order():
    results = pd.DataFrame(
        {
            "drug": ["b", "b", "b", "a", "a"],
            "p_value": [0.01, 0.05, np.nan, 0.2, 0.04],
            "q_value": [0.02, 0.05, np.nan, 0.2, 0.08],
            "lenient": [True, True, False, False, True],
        }
    )
    table = count_hits(results, "drug").set_index("drug")
    assert list(table.index) == ["b", "a"]
    assert table.loc["b"].tolist() == [2, 2, 0.1, 2, 2]
    assert table.loc["a"].tolist() == [2, 1, 0.1, 0, 1]


def test_set_methods_side_by_side__says_who_calls_what():
    results = pd.DataFrame(
        {
            "feature": ["w", "x", "y", "z"] * 2,
            "method": ["one"] * 4 + ["two"] * 4,
            "statistic": np.arange(8.0),
            "q_value": [0.01, 0.01, 0.5, 0.5, 0.02, 0.9, 0.02, 0.9],
        }
    )
    table = set_methods_side_by_side(results)
    assert table["found"].tolist() == ["both", "one", "two", "neither"]
    assert table.loc["y", ["one", "two"]].tolist() == [2, 6]
    with pytest.raises(ValueError, match="expected two methods; got 1"):
        set_methods_side_by_side(results.head(4))


def test_power_of_pairs__is_what_simulated_pairs_show():
    rng = np.random.default_rng(8)
    n_pairs, effect, share = 80, 0.3, 0.4
    home = rng.normal(0, share**0.5, (4000, n_pairs))
    apart = rng.normal(0, (1 - share) ** 0.5, (2, 4000, n_pairs))
    difference = (home + apart[0] + effect) - (home + apart[1])
    seen = (stats.ttest_1samp(difference, 0, axis=1).pvalue <= 0.05).mean()
    table = power_of_pairs([n_pairs], [effect], household_share=share)
    assert table["power"].iloc[0] == pytest.approx(seen, abs=0.03)


def test_visible_effect__has_the_power_it_was_asked_for():
    effect = visible_effect(209)
    assert power_of_pairs([209], [effect])["power"].iloc[0] == pytest.approx(0.8, abs=1e-4)
    assert visible_effect(100) > visible_effect(400)


@pytest.mark.parametrize("effect", [-0.25, 0.05, 0.5, 1.5, 4.0])
@pytest.mark.parametrize("alpha", [0.05, 1e-4])
def test_pairs_needed__is_the_least_number_with_the_power_of_the_t_test(effect, alpha):
    n_pairs = int(pairs_needed(effect, alpha=alpha))
    standard = abs(effect) / np.sqrt(2 * (1 - 0.145))

    def power(n):  # without the far tail, which is NaN in statsmodels where it is nothing
        return TTestPower().power(standard, n, alpha / 2, alternative="larger")

    assert power(n_pairs) >= 0.8
    assert n_pairs == 2 or power(n_pairs - 1) < 0.8
    assert visible_effect(n_pairs, alpha=alpha) <= abs(effect)
    assert n_pairs == 2 or visible_effect(n_pairs - 1, alpha=alpha) > abs(effect)


def test_pairs_needed__few_pairs_are_not_normal():
    assert pairs_needed(1.5) == 9  # 6 by the normal curve, whose power is then 0.62
    assert power_of_pairs([6], [1.5])["power"].iloc[0] == pytest.approx(0.6172777, abs=1e-6)
    assert pairs_needed(1.5, alpha=1e-4) == 25  # 17 by the normal curve, with a power of 0.41


def test_power_of_pairs__equals_r():
    oracle = Path(__file__).parent / "oracles" / "small_samples.json"
    for case in json.loads(oracle.read_text(encoding="utf-8"))["power"]:
        effect = case["delta"] * np.sqrt(2)  # partners who share nothing differ with variance 2
        options = {"household_share": 0.0, "alpha": case["alpha"]}
        found = power_of_pairs([case["n"]], [effect], **options)["power"].iloc[0]
        assert found == pytest.approx(case["power"], rel=1e-6)


def test_power_of_pairs__without_a_test_there_is_no_power():
    assert power_of_pairs([0, 1], [3.0])["power"].tolist() == [0.0, 0.0]
    assert visible_effect(pd.Series([1, 2]))[0] == np.inf
    assert pairs_needed(0.0) == np.inf
    with pytest.raises(ValueError, match="expected alpha < power < 1"):
        pairs_needed(1.0, power=0.01)
    with pytest.raises(ValueError, match="household_share: expected 0 to below 1"):
        pairs_needed(1.0, household_share=1.0)


def batch(estimates: list, q_values: list) -> pd.DataFrame:
    features = [f"taxon {number}" for number in range(len(estimates))]
    return pd.DataFrame({"feature": features, "estimate": estimates, "q_value": q_values})


def test_set_batches_side_by_side__goes_by_name_and_needs_both():
    first = batch([0.3, -0.2, 0.1], [0.01, 0.04, 0.5])
    second = batch([0.1, -0.3, np.nan], [0.5, 0.01, 0.5]).iloc[::-1]
    both = set_batches_side_by_side(first, second)
    assert both["feature"].tolist() == ["taxon 0", "taxon 1"]
    assert both["second"].tolist() == [0.1, -0.3]
    assert both["called_again"].tolist() == [False, True]


def test_measure_replication__counts_signs_and_what_is_left_of_effects():
    first = batch([0.4, -0.2, 0.2, 0.1, 0.0], [0.01, 0.01, 0.01, 0.5, 0.9])
    second = batch([0.2, -0.3, -0.1, 0.1, 0.1], [0.5] * 5)
    table = measure_replication(set_batches_side_by_side(first, second), rng=1)
    assert table.loc["sign", "estimate"] == pytest.approx(2 / 3)
    wilson = binomtest(2, 3).proportion_ci(method="wilson")
    assert [*table.loc["sign", ["low", "high"]]] == pytest.approx([*wilson], abs=1e-4)
    assert table.loc["size", "estimate"] == pytest.approx((0.2 + 0.3 - 0.1) / 0.8)
    assert table.loc["r", "estimate"] == pytest.approx(
        np.corrcoef([0.4, -0.2, 0.2, 0.1, 0], [0.2, -0.3, -0.1, 0.1, 0.1])[0, 1]
    )
    assert table["n"].tolist() == [3, 3, 5]


def test_measure_replication__has_no_number_where_nothing_was_called():
    both = set_batches_side_by_side(batch([0.1] * 3, [0.5] * 3), batch([0.1] * 3, [0.5] * 3))
    assert measure_replication(both, rng=1)["estimate"].isna().all()


def test_turn_to_published__turns_down_round_and_ignores_brackets_and_other_ranks():
    columns = ["study", "feature", "rank", "contrast", "direction"]
    rows = [
        ("A", "Clostridium bolteae", "species", "MS - control", "up"),
        ("B", "Blautia", "genus", "MS - control", "down"),
        ("C", "diversity", "community", "MS - control", "none"),
    ]
    results = pd.DataFrame(
        {
            "feature": ["[Clostridium] bolteae", "Blautia", "Blautia"],
            "rank": ["species", "genus", "species"],
            "contrast": "MS - control",
            "statistic": [-1.0, -3.0, 9.0],
        }
    )
    table = turn_to_published(pd.DataFrame(rows, columns=columns), results)
    assert table["estimate"].tolist() == [-1.0, 3.0]
    assert table.loc[1, "low"] == pytest.approx(3 - 1.96)
