"""What a figure says of itself."""

import matplotlib.pyplot as plt
import pytest

from cohabit.figures.words import LISTED, describe_figure


@pytest.fixture
def figure():
    drawn = plt.figure()
    yield drawn
    plt.close(drawn)


@pytest.mark.parametrize("place", ["left", "center"])
def test_describe_figure__tells_axes_rows_and_key(figure, place):
    ax = figure.subplots()
    ax.plot([0, 1], [0, 1], label="women")
    ax.plot([0, 1], [1, 0], label="men")
    ax.set_title("Age", loc=place)
    ax.set(xlabel="Years", yticks=[0, 1], yticklabels=["Dorea", "Blautia"])
    ax.legend()
    words = describe_figure(figure)
    assert words == "Age; across: Years; rows: Dorea, Blautia; key: women, men."


def test_describe_figure__numbers_its_panels_and_leaves_numbers_on_axes_out(figure):
    left, right = figure.subplots(1, 2)
    left.set(xlabel="A", xlim=(-1, 1e5))
    right.set(ylabel="B", yscale="log", ylim=(1e-3, 1e3))
    assert describe_figure(figure) == "Panel 1: across: A. Panel 2: up: B."


def test_describe_figure__cuts_long_lists(figure):
    names = [f"row {number}" for number in range(LISTED + 5)]
    figure.subplots().set(yticks=range(len(names)), yticklabels=names)
    assert describe_figure(figure).endswith(f"row {LISTED - 1} and 5 more.")


def test_describe_figure__says_when_nothing_is_written(figure):
    figure.subplots()
    assert describe_figure(figure) == "A figure without words."
