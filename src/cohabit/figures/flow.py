"""The flow of samples through a study, as journals print it."""

import textwrap

import pandas as pd
from matplotlib.axes import Axes

from cohabit.figures.style import GREY

_WIDE, _NARROW = 56, 44
"""Characters in a line of a step and of what was left out."""


def draw_flow(flow: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw steps from top to bottom, with what each left out to the right.

    Parameters
    ----------
    flow : DataFrame, one row per step
        step, unit, n, of, left_out and why; steps of a notebook stand side by side, no step
        after another.
    ax : Axes
    """
    box = {"boxstyle": "round,pad=0.35", "facecolor": "white", "edgecolor": GREY}
    aside = box | {"linestyle": (0, (3, 2))}
    rows = [*flow.itertuples()]
    for place, row in enumerate(rows):
        words = textwrap.fill(f"{row.step}: {row.n:,} {row.unit}", _WIDE)
        ax.text(0.29, -place, words, ha="center", va="center", fontsize=8, bbox=box)
        if row.left_out:
            out = textwrap.fill(f"{row.left_out:,} left out: {row.why}", _NARROW)
            ax.text(0.62, -place, out, ha="left", va="center", fontsize=7, bbox=aside)
            ax.annotate("", (0.615, -place), (0.555, -place), arrowprops={"arrowstyle": "->"})
        after = rows[place + 1] if place + 1 < len(rows) else None
        if after and (after.unit, after.of) == (row.unit, row.n) and "notebook" not in after.step:
            ends = (0.29, -place - 0.72), (0.29, -place - 0.28)
            ax.annotate("", *ends, arrowprops={"arrowstyle": "->"})
    ax.set(xlim=(0, 1.05), ylim=(-len(rows) + 0.45, 0.55))
    ax.axis("off")
    return ax
