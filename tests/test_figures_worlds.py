"""Figures of two worlds and of traps: what stands on the axes."""

import matplotlib

matplotlib.use("Agg")

import numpy as np
import pandas as pd
from figure_words import labels, legend
from matplotlib.collections import PathCollection

from cohabit import figures


def points(ax) -> int:
    return sum(len(collection.get_offsets()) for collection in ax.collections)


def test_individual_effects__have_a_row_a_change_and_a_mark_a_person(ax):
    effects = pd.DataFrame({"change": ["a"] * 5 + ["b"] * 3, "effect": np.arange(8.0)})
    figures.draw_individual_effects(effects, ax=ax, label="log")
    assert dict(zip(labels(ax.yaxis), ax.get_yticks(), strict=True)) == {"a": 1, "b": 0}
    marks = [mark for mark in ax.collections if isinstance(mark, PathCollection)]
    means = [mark.get_offsets()[0][0] for mark in marks if len(mark.get_offsets()) == 1]
    assert sorted(means) == [2.0, 6.0]
    assert sorted(len(mark.get_offsets()) for mark in marks) == [1, 1, 3, 5]


def test_beside_exact__sorts_calls_by_what_was_touched(ax):
    beside = pd.DataFrame(
        {
            "exact": [0.1, 0.0, 0.2],
            "estimate": [0.2, 0.3, 0.1],
            "q_value": [0.01, 0.02, 0.5],
            "touched": [True, False, True],
        }
    )
    figures.draw_beside_exact(beside, ax=ax, label="share")
    assert legend(ax) == [
        "not called (1)",
        "called, touched (1)",
        "called, not touched (1)",
    ]
    assert ax.get_xlim() == ax.get_ylim()
    assert points(ax) == 3


def test_split__tells_nothing_from_next_to_nothing(ax):
    split = pd.DataFrame({"site": [0.0, 1e-4], "sex": [0.25, -0.1]}, index=["A b", "C d"])
    figures.draw_split(split, ax=ax)
    assert [text.get_text() for text in ax.texts] == ["0", "+0.25", "~0", "-0.10"]
    assert labels(ax.yaxis) == ["A b", "C d"]


def test_sizes__have_a_bar_a_term_and_comparison(ax):
    sizes = pd.DataFrame({"one": [1.0, 2.0], "two": [3.0, 4.0]}, index=["site", "sex"])
    figures.draw_sizes(sizes, ax=ax, label="log")
    assert [bar.get_width() for bar in ax.patches] == [1.0, 2.0, 3.0, 4.0]
    assert legend(ax) == ["one", "two"]


def test_mediation__sets_exact_beside_regression(ax):
    paths = pd.DataFrame(
        {"path": ["a", "b"], "exact": [0, 1], "estimate": [1, 2], "low": [0, 1], "high": [2, 3]}
    )
    figures.draw_mediation(paths, ax=ax, label="EDSS points")
    assert set(legend(ax)) == {"regression, 95% interval", "exact"}
    assert labels(ax.yaxis) == ["a", "b"]


def test_power_by_people__marks_this_study_and_the_one_needed(ax):
    power = pd.DataFrame({"n": [100, 1000, 10_000], "power": [0.1, 0.5, 0.9]})
    figures.draw_power_by_people(power, ax=ax, here=249, needed=5200.0)
    assert legend(ax) == ["this study: 249", "80%: 5,200"]
    assert ax.get_xscale() == "log"


def test_trap__shows_every_cohort_under_both_analyses(ax):
    rows = [
        {"switch": s, "analysis": a, "words": f"{a} way", "value": v, "truth": 1.0}
        for s in ("off", "on")
        for a in ("wrong", "right")
        for v in (0.5, 1.5)
    ]
    figures.draw_trap(pd.DataFrame(rows), ax=ax, title="T", quantity="Q (%)", switch="turned")
    assert legend(ax) == ["wrong: wrong way", "right: right way"]
    assert points(ax) == 8
    assert labels(ax.xaxis) == ["switch off", "switch on"]
    assert ax.get_xlabel() == "Switch: turned"
