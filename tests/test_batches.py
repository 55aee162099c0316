"""Two batches beside each other, by hand."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from cohabit.stats.partners import measure_replication, set_batches_side_by_side, turn_to_published


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
