"""Figures of networks: what stands on the axes, never its pixels."""

import matplotlib

matplotlib.use("Agg")

import numpy as np
import pandas as pd
import pytest

from cohabit import figures


def correlations(value: float) -> pd.DataFrame:
    """Six of one family tied to each other, six of others to nobody; the last two to one."""
    square = np.zeros((13, 13))
    square[:6, :6] = value
    square[11, 12] = square[12, 11] = -value
    np.fill_diagonal(square, 1)
    names = [f"species {number}" for number in range(13)]
    return pd.DataFrame(square, index=names, columns=names)


def test_draw_two_networks__one_above_the_diagonal_the_other_below(ax):
    families = pd.Series(["Cocci"] * 6 + ["Rest"] * 5 + ["Pair"] * 2, correlations(0).index)
    pair = correlations(0.5), correlations(0.6)
    figures.draw_two_networks(*pair, families, ax=ax, names=("patients", "controls"))
    square = ax.images[0].get_array()
    assert square.shape == (8, 8)  # species without an edge are left out
    assert square[0, 1] == pytest.approx(0.5)
    assert square[1, 0] == pytest.approx(0.6)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["Cocci"]
    assert "Above: patients" in ax.get_title(loc="left")


def test_draw_swaps__fills_the_mark_when_the_swaps_do_not_reach_it(ax):
    table = pd.DataFrame(
        {
            "comparison": ["one", "two"],
            "difference": [9.0, 0.5],
            "null_mean": [0.0, 0.1],
            "null_low": [-2.0, -2.0],
            "null_high": [2.0, 2.0],
            "p_value": [0.01, 0.7],
        }
    )
    figures.draw_swaps(table, ax=ax, label="Edges")
    words = [text.get_text() for text in ax.legend().get_texts()]
    assert words == ["labels swapped (95%)", "their mean", "observed"]
    filled, empty = ax.collections[-1].get_facecolor()
    assert not np.allclose(filled, empty)
    assert ax.get_xlabel() == "Edges"


def test_draw_edges__marks_the_edges_of_one_alone(ax):
    own = pd.DataFrame({"first": [0.1], "second": [0.7]})
    pair = correlations(0.1), correlations(0.7)
    figures.draw_edges(*pair, own, ax=ax, names=("controls", "patients"))
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["edges of one alone (1)"]
    assert ax.get_xlabel() == "Correlation, controls"
    assert ax.get_ylabel() == "Correlation, patients"
