"""What a figure says of itself."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from cohabit.figures import draw_counts, draw_forest
from cohabit.figures.axes import draw_violins
from cohabit.figures.words import LISTED, MOST_PANELS, describe_figure


@pytest.fixture
def figure():
    drawn = plt.figure()
    yield drawn
    plt.close(drawn)


@pytest.mark.parametrize("place", ["left", "center"])
def test_describe_figure__tells_axes_rows_and_key(figure, place):
    ax = figure.subplots()
    ax.scatter([0, 1], [0, 1], label="women")
    ax.scatter([1, 0], [0, 1], label="men")
    ax.set_title("Age", loc=place)
    ax.set(xlabel="Years", yticks=[0, 1], yticklabels=["Dorea", "Blautia"])
    ax.legend()
    words = describe_figure(figure)
    assert words == (
        "Age; across: Years; rows from the top, each with women; men: Blautia 1, 0; Dorea 0, 1."
    )


def test_describe_figure__counts_intervals_on_either_side_of_no_effect(figure):
    effects = pd.DataFrame({"feature": list("abc"), "estimate": [0.31, -0.2, 0.05]})
    effects = effects.assign(low=effects["estimate"] - 0.1, high=effects["estimate"] + 0.1)
    draw_forest(effects.assign(q_value=1.0), ax=figure.subplots(), label="difference")
    assert describe_figure(figure) == (
        "Across: difference; rows from the top: a 0.31; b -0.2; c 0.05; "
        "intervals above 0: 1 of 3; below: 1."
    )


def test_describe_figure__numbers_its_panels_and_leaves_numbers_on_axes_out(figure):
    left, right = figure.subplots(1, 2)
    left.set(xlabel="A", xlim=(-1, 1e5))
    right.set(ylabel="B", yscale="log", ylim=(1e-3, 1e3))
    assert describe_figure(figure) == "Panel 1: across: A. Panel 2: up: B."


def test_describe_figure__says_where_lines_and_clouds_lead(figure):
    left, right = figure.subplots(1, 2)
    left.plot([10, 20, 30], [0.1, 0.9, 0.4], label="power")
    left.axhline(0.8)
    right.scatter(range(50)[::-1], range(50)[::-1])
    assert describe_figure(figure) == (
        "Panel 1: power rises from 0.1 at 10 to 0.4 at 30, highest 0.9 at 20. "
        "Panel 2: 50 points, most from 2.5 to 47 across and from 2.5 to 47 up, correlation 1.00."
    )


def test_describe_figure__reads_bars_violins_and_tables(figure):
    bars, violins, table = figure.subplots(1, 3)
    bars.barh([1, 0], [30, 20])
    bars.set(yticks=[1, 0], yticklabels=["site", "sex"])
    values = pd.DataFrame({"site": "Boston", "value": np.linspace(0, 1, 101)})
    draw_violins(values, "value", ax=violins)
    draw_counts(pd.DataFrame({"treated": [8, 1]}, index=["Boston", "Edinburgh"]), ax=table)
    words = describe_figure(figure)
    assert "rows from the top: site 30; sex 20" in words
    assert "rows from the top: Boston 0.25 and 0.5 and 0.75" in words
    assert (
        "columns: treated; rows from the top: Boston 8; Edinburgh 1; colours from 1 to 1" in words
    )


def test_describe_figure__of_what_a_cohort_lacks_is_silent(figure):
    bars, marks, table = figure.subplots(1, 3)
    bars.barh([], [])
    bars.set(yticks=[0], yticklabels=["site"])
    marks.scatter([np.nan], [0.5])
    marks.plot([np.nan, np.nan, np.nan], [0, 1, 2], label="power")
    table.pcolormesh(np.full((2, 2), np.nan))
    assert describe_figure(figure) == "Rows from the top: site."


def test_describe_figure__tells_the_first_and_last_of_many_rows(figure):
    names = [f"row {number}" for number in range(LISTED + 5)]
    ax = figure.subplots()
    ax.scatter(range(len(names)), range(len(names)))
    ax.set(yticks=range(len(names)), yticklabels=names)
    words = describe_figure(figure)
    assert words.startswith("Rows from the top: row 12 12; row 11 11; ")
    assert words.endswith("; 6 more; row 2 2; row 1 1; row 0 0.")


def test_describe_figure__leaves_out_the_values_of_many_panels(figure):
    for ax in figure.subplots(1, MOST_PANELS + 1):
        ax.plot([0, 1], [0, 1], label="power")
        ax.set(xlabel="n")
    assert "power" not in describe_figure(figure)


def test_describe_figure__says_when_nothing_is_written(figure):
    figure.subplots()
    assert describe_figure(figure) == "A figure without words."
