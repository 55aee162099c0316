"""Figures of function and follow-up: what stands on the axes, never its pixels."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from cohabit import figures


@pytest.fixture
def ax():
    fig, ax = plt.subplots()
    yield ax
    fig.canvas.draw()
    plt.close(fig)


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
    assert labels(ax) == ["B", "A"]
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
