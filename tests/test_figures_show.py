import IPython.display
import matplotlib
import matplotlib.pyplot as plt
import pytest
from matplotlib.figure import Figure

from cohabit.run.results import open_run


@pytest.fixture
def run(tmp_path):
    return open_run(tmp_path / "run", notebook="07", seed=1)


@pytest.fixture
def shown(monkeypatch):
    """What a cell shows, where cells show figures."""
    monkeypatch.setattr(matplotlib, "get_backend", lambda: "inline")
    pictures = []
    monkeypatch.setattr(IPython.display, "display", pictures.append)
    return pictures


def test_write_figure__shows_the_saved_picture_once_at_the_size_of_the_figure(run, shown):
    figure, ax = plt.subplots(figsize=(6, 3), dpi=110)
    ax.set(xlabel="Age (years)")
    path = run.write_figure(figure, "slopes", alt="Lines that fall.")
    (picture,) = shown
    assert picture.data == path.read_bytes()
    assert (picture.width, picture.height) == (660, 330)
    assert picture.alt == "Across: Age (years)."
    assert not plt.fignum_exists(figure.number), "the end of the cell would show it again"


def test_write_figure__leaves_a_figure_to_who_shows_it_elsewhere(run, shown):
    figure = Figure()
    figure.subplots()
    run.write_figure(figure, "slopes", alt="An explorer's.")
    assert shown == []
