"""Figures of the causes: what stands on the axes, never its pixels."""

import matplotlib

matplotlib.use("Agg")

import numpy as np
import pandas as pd
import pytest
from figure_words import labels, legend

from cohabit import figures
from cohabit.figures.causes import CELLS


@pytest.fixture
def ratios():
    return pd.DataFrame(
        {
            "label": ["smoking", "vitamin D", "pets"],
            "kind": ["cause", "protects", "no effect"],
            "estimate": [1.5, 0.6, 1.0],
            "low": [1.4, 0.4, 0.8],
            "high": [1.6, 0.9, 1.2],
            "region_low": [1.48, 0.36, np.nan],
            "region_high": [1.62, 0.97, np.nan],
        }
    )


def test_draw_recurrence__is_logarithmic_and_leaves_out_regions_nobody_published(ax):
    risks = pd.DataFrame(
        {
            "relation": ["identical twin", "cousin"],
            "shared": ["all", "an eighth"],
            "estimate": [0.2, 0.0],
            "low": [0.1, 0.0],
            "high": [0.3, 0.01],
            "region_low": [0.17, np.nan],
            "region_high": [0.25, np.nan],
        }
    )
    figures.draw_recurrence(risks, ax=ax)
    assert ax.get_xscale() == "log"
    assert labels(ax.yaxis) == ["identical twin (all)", "cousin (an eighth)"]
    assert len(ax.patches) == 1
    assert ax.patches[0].get_x() == pytest.approx(17)


def test_draw_score__prints_people_per_100_000(ax):
    figures.draw_score(pd.Series([0.001, 0.012], index=[1, 2]), ax=ax)
    assert [text.get_text() for text in ax.texts] == ["100", "1,200"]


def test_draw_scores_of__draws_both_groups_as_densities(ax):
    scores = pd.DataFrame({"score": np.linspace(0, 1, 100), "ms": np.arange(100) % 5 == 0})
    figures.draw_scores_of(scores, ax=ax)
    assert legend(ax) == ["without MS", "with MS"]


def test_draw_latitude__draws_every_region_and_says_the_slope(ax):
    rates = pd.DataFrame({"latitude": [10.0, 30, 60], "estimate": [20.0, 100, 300]})
    rates["low"], rates["high"], rates["n"] = rates["estimate"] - 10, rates["estimate"] + 10, 100
    slope = {"estimate": 5.5, "low": 4.0, "high": 7.0, "intercept": -30.0}
    figures.draw_latitude(rates, slope, ax=ax)
    assert legend(ax) == ["+5.5 a degree (4.0 to 7.0)"]
    assert len(ax.collections[-1].get_offsets()) == 3


def test_draw_migrants__shades_the_window_and_has_a_line_a_direction(ax):
    risks = pd.DataFrame({"direction": ["to", "to", "from", "from"], "age": [5.0, 30] * 2})
    risks["estimate"], risks["low"], risks["high"] = 100.0, 50.0, 150.0
    figures.draw_migrants(risks, ax=ax, closes=12.0)
    assert legend(ax) == ["to", "from"]
    assert ax.patches[0].get_width() == 12


def test_draw_ratios__tells_kinds_apart_and_marks_one(ax, ratios):
    figures.draw_ratios(ratios, ax=ax)
    assert {"cause", "protects", "no effect", "published range"} == set(legend(ax))
    assert labels(ax.yaxis) == ["smoking", "vitamin D", "pets"]
    assert "1" in labels(ax.xaxis)
    assert len(ax.patches) == 2


def test_draw_two_studies__puts_studies_of_one_exposure_side_by_side(ax, ratios):
    both = pd.concat([ratios.assign(study="before"), ratios.assign(study="after")])
    figures.draw_two_studies(both, ax=ax)
    assert legend(ax) == ["before", "after"]
    first, second = (group.get_offsets()[:, 1] for group in ax.collections[1::2])
    assert (first - second).tolist() == pytest.approx([0.3, 0.3, 0.3])


def test_draw_map__rings_the_chosen_places(ax):
    places = pd.DataFrame({"x": [0.0, 1, 9], "y": [0.0, 1, 9], "cases": [3, 2, 0]})
    places["expected"] = 1.0
    figures.draw_map(places, places.index[:2], ax=ax)
    (ring,) = ax.patches
    assert ring.contains_point(ax.transData.transform((0.5, 0.5)))
    assert not ring.contains_point(ax.transData.transform((9, 9)))


def test_draw_tolerance__names_every_cell(ax):
    figures.draw_tolerance(ax=ax)
    words = " ".join(text.get_text() for text in ax.texts)
    for name in ("T helper", "Cytotoxic T", "Regulatory T", "B cell", "HLA-DRB1", "myelin"):
        assert name in words
    assert len(ax.patches) == len(CELLS) + 7
