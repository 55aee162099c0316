"""Figures of the arena draw what the tables say."""

import numpy as np
import pandas as pd

from cohabit import figures


def ends(collection) -> np.ndarray:
    return np.array([segment[:, 0] for segment in collection.get_segments()])


def test_ways__have_a_row_each_and_a_mark_a_generator_with_its_interval(ax):
    table = pd.DataFrame(
        {
            "way": ["strata", "unpaired"] * 2,
            "generator": ["simulated"] * 2 + ["spike-in"] * 2,
            "gain": [0.5, 0.01, 0.4, 0.2],
            "gain_error": [0.1, 0.02, np.nan, 0.0],
        }
    )
    figures.draw_ways(table, "gain", ax=ax, label="Gain", reference=0.05)
    assert [text.get_text() for text in ax.get_yticklabels()] == ["unpaired", "strata"]
    lines, marks = ax.collections[0], ax.collections[1]
    assert np.allclose(ends(lines), [[0.304, 0.696], [0, 0.0492]])
    places = marks.get_offsets()
    assert np.allclose(places[:, 0], [0.5, 0.01])
    assert places[0, 1] > places[1, 1]
    assert ax.lines[0].get_xdata()[0] == 0.05


def test_ways__a_number_that_is_no_share_may_lie_anywhere(ax):
    table = pd.DataFrame({"way": ["strata"], "generator": "simulated", "bias": -0.5})
    table["bias_error"] = 0.1
    figures.draw_ways(table, "bias", ax=ax, label="Bias", share=False)
    assert np.allclose(ends(ax.collections[0]), [[-0.696, -0.304]])


def test_levels__are_drawn_in_order_whatever_the_table(ax):
    table = pd.DataFrame(
        {
            "way": "strata",
            "level": [2e5, 5e3],
            "gain": [0.4, 0.1],
            "gain_error": [0.1, 0.1],
        }
    )
    figures.draw_levels(table, "gain", ax=ax, label="Reads", logarithmic=True)
    line = ax.lines[0]
    assert line.get_xdata().tolist() == [5e3, 2e5]
    assert line.get_ydata().tolist() == [0.1, 0.4]
    assert [text.get_text() for text in ax.get_xticklabels()] == ["5k", "200k"]


def test_calibration__sets_verdicts_against_power(ax):
    table = pd.DataFrame({"mean": [0.1, 0.9]})
    for share, values in {"true_upheld": [0.1, 0.8], "true_undecided": [0.9, 0.2]}.items():
        table = table.assign(**{share: values, f"{share}_low": 0.05, f"{share}_high": 1.0})
    figures.draw_calibration(table, ax=ax)
    upheld, undecided = ax.containers
    assert upheld.lines[0].get_ydata().tolist() == [0.1, 0.8]
    assert undecided.lines[0].get_ydata().tolist() == [0.9, 0.2]


def test_true_share__has_the_first_analysis_on_top(ax):
    table = pd.DataFrame({"analysis": ["lmm_asin", "linda"], "kind": "both", "agrees_true": 0.95})
    table = table.assign(agrees_true_low=0.9, agrees_true_high=1.0)
    figures.draw_true_share(table, ax=ax)
    assert [text.get_text() for text in ax.get_yticklabels()] == ["linda", "lmm_asin"]
    assert np.allclose(ax.collections[1].get_offsets()[:, 0], 0.95)
