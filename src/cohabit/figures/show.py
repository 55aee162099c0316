"""A saved figure shown in its notebook: the same picture, not drawn a second time."""

from pathlib import Path

import matplotlib
from matplotlib import pyplot as plt
from matplotlib.figure import Figure


def show_saved(figure: Figure, path: Path, alt: str) -> None:
    """Show a saved picture in place of its figure, where a cell would show the figure anyway.

    Elsewhere, and for a figure that is not pyplot's own (an explorer's), nothing happens.

    Parameters
    ----------
    figure : Figure
        Closed once it is shown, so that the end of the cell does not show it again.
    path : Path
        The PNG; shown at the figure's size in inches, with more pixels to the inch.
    alt : str
        For who cannot see it.
    """
    if (
        "inline" not in matplotlib.get_backend()
        or getattr(figure, "number", None) not in plt.get_fignums()
    ):
        return
    from IPython.display import Image, display  # whoever shows figures in cells has IPython

    width, height = (round(side * figure.dpi) for side in figure.get_size_inches())
    display(Image(path.read_bytes(), format="png", width=width, height=height, alt=alt))
    plt.close(figure)
