"""Explorers: a still figure where nobody looks, dials where somebody does."""

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from cohabit.course import explorers, widgets
from cohabit.course.widgets import Choice, Slider, explore, is_live
from cohabit.experiments.planner import Scenario
from cohabit.stats.permanova import permanova_features

DIALS = {"height": Slider("height", 0, 10, 1, 3), "colour": Choice("colour", {"a": "red"})}


def draw_bar(figure, height: int, colour: str) -> str:
    if height > 9:
        raise ValueError("too high")
    figure.subplots().bar([0], [height], color=colour)
    return f"height {height}"


@pytest.fixture
def shown(monkeypatch):
    """What would be displayed."""
    found = []
    monkeypatch.setattr("IPython.display.display", found.append)
    return found


def test_is_live__where_a_front_end_started_the_kernel(monkeypatch):
    for name in ("COHABIT_LIVE", *widgets.FRONT_ENDS):
        monkeypatch.delenv(name, raising=False)
    assert not is_live()
    monkeypatch.setenv("JPY_SESSION_NAME", "02.ipynb")
    assert is_live()
    monkeypatch.setenv("COHABIT_LIVE", "0")
    assert not is_live()


def test_explore__is_a_still_figure_without_a_front_end(shown, capsys):
    figure = explore(draw_bar, DIALS, live=False)
    assert shown == []
    assert capsys.readouterr().out == "height 3\n"
    assert figure.axes[0].patches[0].get_height() == 3
    assert plt.fignum_exists(figure.number)
    plt.close(figure)


def test_explore__redraws_when_a_dial_is_turned(shown):
    figure = explore(draw_bar, DIALS, live=True)
    assert not plt.fignum_exists(figure.number), "it is not shown twice"
    controls, image, words = shown[0].children
    slider, choice = controls.children
    assert isinstance(slider, ipywidgets.IntSlider)
    assert isinstance(choice, ipywidgets.Dropdown)
    first = image.value
    slider.value = 7
    assert image.value != first
    assert words.value == "height 7"
    slider.value = 10
    assert "too high" in words.value
    slider.value = 3
    assert words.value == "height 3"


def test_partner_map__follows_its_dials():
    said = {share: draw(explorers.draw_partner_map, 1.0, share, 1.0) for share in (0.0, 3.0)}
    closer = {share: int(text.split("are ")[1].split("%")[0]) for share, text in said.items()}
    assert abs(closer[0.0]) <= 1
    assert closer[3.0] > 10


def test_schemes__r2_is_that_of_permanova():
    measured = explorers._measure(Scenario(n=30, sites=3))
    observed, permuted = explorers.permute_r2(measured, "site")
    people, values = describe(measured)
    table = permanova_features(values, people, "site", n_permutations=0)
    assert observed == pytest.approx(table.loc["site", "r2"])
    assert permuted["within"] is None
    assert permuted["between"].mean() < observed
    _, permuted = explorers.permute_r2(measured, "status")
    assert permuted["between"] is None
    assert permuted["free"].mean() > permuted["within"].mean(), "homes share, strangers do not"


def test_plan__more_spillover_gives_cohabitants_less_power():
    said = [draw(explorers.draw_plan, "community", 1.0, s, 100, 100) for s in (0.0, 0.6)]
    power = [float(text.split("power of ")[1][:4]) for text in said]
    assert power[1] < power[0]
    assert said[0].endswith(said[1].split("strangers")[1])


def draw(function, *values) -> str:
    figure = plt.figure()
    try:
        return function(figure, *values)
    finally:
        plt.close(figure)


def describe(measured):
    people = measured.people
    table = pd.DataFrame({"household_id": people.household, "site": people.site}).astype(str)
    return table, pd.DataFrame(measured.values)


def test_figure__is_the_same_every_time():
    first, second = (explorers.explore_permutations(live=False) for _ in range(2))
    heights = [[p.get_height() for p in f.axes[0].patches] for f in (first, second)]
    assert heights[0] == heights[1]
    assert np.sum(heights[0]) == explorers.N_PERMUTATIONS
    plt.close("all")


def test_partner_map__says_what_status_explains():
    measured = explorers._measure(Scenario(n=explorers.PAIRS_ON_MAP, sites=3))
    observed, _ = explorers.permute_r2(measured, "status")
    assert f"status explains {100 * observed:.2f}%" in draw(
        explorers.draw_partner_map, 1.0, 1.0, 1.0
    )


@pytest.mark.parametrize(
    "explorer", [explorers.explore_partners, explorers.explore_permutations, explorers.explore_plan]
)
def test_explorer__redraws_its_picture_and_words(shown, explorer):
    plt.close(explorer(live=True))
    controls, image, words = shown[0].children
    before, said = image.value, words.value
    slider = controls.children[1]
    slider.value = slider.value + 10 * slider.step
    assert (image.value, words.value) != (before, said)
    assert "<b>" not in words.value
