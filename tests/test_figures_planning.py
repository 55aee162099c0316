"""Figures of planning: what stands on the axes."""

import matplotlib

matplotlib.use("Agg")

import pandas as pd
import pytest
from figure_words import legend

from cohabit import figures


def spans(container, along: int) -> list[tuple[float, float]]:
    """Return the ends of each error bar of a container, along x (0) or y (1)."""
    (bars,) = container[2]
    return [tuple(segment[:, along]) for segment in bars.get_segments()]


def test_power_curves__mark_each_size_with_its_interval(ax):
    points = pd.DataFrame(
        {"controls": "household", "n": [50, 100], "power": [0.4, 0.7], "low": [0.3, 0.6]}
    ).assign(high=[0.5, 0.8])
    figures.draw_power_curves(points, ax=ax)
    (drawn,) = ax.containers
    assert drawn[0].get_xdata().tolist() == [50, 100]
    assert drawn[0].get_ydata().tolist() == [0.4, 0.7]
    assert spans(drawn, 1) == [pytest.approx((0.3, 0.5)), pytest.approx((0.6, 0.8))]
    assert legend(ax) == ["cohabitant"]
    assert ax.get_ylabel() == "Power"
    assert ax.get_xlabel() == "Patients recruited"


def test_power_curves__tell_kinds_of_control_apart(ax):
    lines = pd.DataFrame({"controls": ["site", "anyone"] * 2, "n": [10, 10, 20, 20]})
    figures.draw_power_curves(None, lines.assign(power=[0.1, 0.2, 0.3, 0.4]), ax=ax)
    assert legend(ax) == ["stranger, same site", "stranger, any site"]
    *curves, mark = ax.lines
    assert [line.get_ydata().tolist() for line in curves] == [[0.1, 0.3], [0.2, 0.4]]
    assert len({line.get_color() for line in curves}) == 2
    assert list(mark.get_ydata()) == [0.8, 0.8]


def test_designs__stand_in_order_and_grey_where_beaten(ax):
    designs = pd.DataFrame(
        {
            "label": ["200 pairs", "150 pairs, two visits", "90 strangers"],
            "power": [0.9, 0.85, 0.4],
            "low": [0.85, 0.8, 0.3],
            "high": [0.95, 0.9, 0.5],
            "beaten": [False, False, True],
        }
    )
    figures.draw_designs(designs, ax=ax)
    best, beaten = ax.containers
    assert best[0].get_xdata().tolist() == [0.9, 0.85]
    assert best[0].get_ydata().tolist() == [2, 1], "the best on top"
    assert beaten[0].get_xdata().tolist() == [0.4]
    assert spans(beaten, 0) == [pytest.approx((0.3, 0.5))]
    assert best[0].get_color() != beaten[0].get_color()
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names[0] == "200 pairs"
    assert legend(ax) == ["may be the best", "beaten"]
