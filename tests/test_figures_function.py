"""Figures of function and follow-up: what stands on the axes, never its pixels."""

import matplotlib

matplotlib.use("Agg")

import numpy as np
import pandas as pd
import pytest
from figure_words import legend

from cohabit import figures


def effects() -> pd.DataFrame:
    estimate = np.array([-0.3, 0.1, 0.6])
    return pd.DataFrame(
        {
            "feature": ["a", "b", "fumarate"],
            "name": ["A", "B", "A"],
            "patients": ["untreated", "untreated", "interferon"],
            "estimate": estimate,
            "low": estimate - 0.2,
            "high": estimate + 0.2,
            "published": [-0.2, np.nan, 0.5],
            "published_low": [-0.4, np.nan, 0.3],
            "published_high": [0.0, np.nan, 0.7],
            "p_value": [0.01, 0.5, 1e-6],
            "q_value": [0.02, 0.5, 1e-5],
        }
    )


def labels(ax) -> list[str]:
    return [label.get_text() for label in ax.get_yticklabels()]


def test_draw_beside_published__first_row_on_top(ax):
    figures.draw_beside_published(effects(), ax=ax, label="log")
    assert labels(ax) == ["a", "b", "fumarate"]
    assert ax.get_yticks()[0] > ax.get_yticks()[-1]
    assert ax.get_xlabel() == "log"


def test_draw_volcano__names_whom_it_is_asked_to_name(ax):
    figures.draw_volcano(effects(), ax=ax, label="log", named=("fumarate",))
    assert [text.get_text() for text in ax.texts] == ["fumarate"]
    assert ax.collections[0].get_offsets()[:, 1].max() == pytest.approx(6.0)


def test_draw_shift__orders_and_gives_the_mean(ax):
    figures.draw_shift(effects().iloc[::-1], ax=ax, label="log")
    assert list(ax.collections[-1].get_offsets()[:, 1]) == [-0.3, 0.1, 0.6]
    assert ax.get_legend().get_texts()[0].get_text() == "mean +0.13"


def test_draw_therapies__published_beside_found(ax):
    figures.draw_therapies(effects(), ax=ax, label="log")
    assert labels(ax) == ["A", "B"]
    assert ax.get_yticks().tolist() == [1, 0]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["untreated", "interferon"]


@pytest.mark.parametrize(
    "draw", ["draw_beside_published", "draw_volcano", "draw_shift", "draw_therapies"]
)
def test_draw__says_when_the_cohort_lacks_the_data(ax, draw):
    getattr(figures, draw)(effects().iloc[:0], ax=ax, label="log")
    assert "does not hold" in ax.texts[0].get_text()


def test_draw_correlations__says_when_the_cohort_lacks_the_data(ax):
    figures.draw_correlations(pd.DataFrame(), ax=ax)
    assert "does not hold" in ax.texts[0].get_text()


def test_draw_attendance__one_line_a_group_in_percent(ax):
    shares = pd.DataFrame({"mild": [1.0, 0.9], "severe": [1.0, 0.7]}, [0, 12])
    figures.draw_attendance(shares.rename_axis(columns="EDSS"), ax=ax)
    assert list(ax.get_lines()[1].get_ydata()) == [100.0, 70.0]
    assert ax.get_legend().get_title().get_text() == "EDSS"
    assert list(ax.get_xticks()) == [0, 12]


def test_draw_changes__starts_at_nothing(ax):
    changes = pd.DataFrame({"way": ["a", "a", "b"], "months": [12, 24, 24], "estimate": [1, 2, 3]})
    changes = changes.assign(low=changes["estimate"] - 1, high=changes["estimate"] + 1)
    figures.draw_changes(changes, "way", ax=ax, label="EDSS")
    assert [line.get_ydata()[0] for line in ax.get_lines()] == [0, 0]
    assert list(ax.get_xticks()) == [0, 12, 24]


def test_draw_occasions__has_a_line_for_each_comparison_and_its_intervals(ax):
    occasions = pd.DataFrame(
        {
            "comparison": ["people of one home", *["people of other homes"] * 2, "the same person"],
            "months": [0, 0, 12, 12],
            "estimate": [0.5, 0.55, 0.54, 0.3],
            "low": [0.49, 0.54, 0.53, 0.29],
            "high": [0.51, 0.56, 0.55, 0.31],
        }
    )
    figures.draw_occasions(occasions, ax=ax, label="Bray-Curtis distance")
    assert [len(line.get_xdata()) for line in ax.lines] == [1, 2, 1]
    assert legend(ax) == ["people of one home", "people of other homes", "the same person"]
    assert ax.get_ylabel() == "Bray-Curtis distance"
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["0", "12"]


def test_draw_likeness__the_partner_is_a_dotted_line(ax):
    likeness = pd.DataFrame(
        {
            "trait": "bmi",
            "with": ["self", "self", "partner"],
            "months": [12, 24, 0],
            "estimate": [0.9, 0.8, 0.3],
            "low": [0.8, 0.7, 0.2],
            "high": [0.95, 0.85, 0.4],
        }
    )
    figures.draw_likeness(likeness, ax=ax)
    assert ax.get_lines()[1].get_ydata()[0] == 0.3
    assert ax.get_legend().get_texts()[0].get_text() == "BMI"


def test_draw_before_after__one_line_a_group(ax):
    means = pd.DataFrame(
        {
            "group": ["kept", "kept", "switched", "switched"],
            "when": ["before", "after"] * 2,
            "estimate": [1.2, 0.2, 1.1, 0.1],
            "low": 0.0,
            "high": 1.5,
        }
    )
    figures.draw_before_after(means, ax=ax, label="relapses")
    assert [label.get_text() for label in ax.get_xticklabels()] == ["before", "after"]
    assert len(ax.get_lines()) == 2
