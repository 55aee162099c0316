"""A figure for each trap: wrong and right analysis of the same cohorts, switch off and on."""

import textwrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cohabit.figures.style import REFERENCE

LOOKS = {"wrong": ("#D55E00", "X", -0.09), "right": ("#0072B2", "o", 0.09)}
"""Analysis -> colour, marker, and how far it stands to the side."""


def draw_trap(measured: pd.DataFrame, *, ax: Axes, title: str, quantity: str, switch: str) -> Axes:
    """Draw one trap: each cohort a mark, each analysis a line through the means.

    Parameters
    ----------
    measured : DataFrame
        From `traps.measure`: switch (``"off"``, ``"on"``), analysis (``"wrong"``,
        ``"right"``), words, value, truth.
    title, quantity, switch : str
        The trap's own words; `quantity` with its unit.
    """
    places = {"off": 0.0, "on": 1.0}
    for analysis, (colour, marker, shift) in LOOKS.items():
        rows = measured[measured["analysis"] == analysis]
        x = rows["switch"].map(places) + shift
        ax.scatter(x, rows["value"], s=26, color=colour, marker=marker, alpha=0.55, linewidth=0.5)
        means = rows.groupby("switch")["value"].mean()[list(places)]
        ax.plot(
            np.array(list(places.values())) + shift,
            means,
            color=colour,
            linewidth=2,
            marker=marker,
            markersize=9,
            markeredgecolor="white",
            label=f"{analysis}: {rows['words'].iloc[0]}",
        )
    truth = float(measured["truth"].iloc[0])
    ax.axhline(truth, color=REFERENCE, linewidth=1, linestyle="--", zorder=1)
    ax.annotate("truth", (1.34, truth), xytext=(0, 3), textcoords="offset points", ha="right")
    ax.set_xticks(list(places.values()), ["switch off", "switch on"])
    ax.set(xlim=(-0.35, 1.35), ylabel=textwrap.fill(quantity, 28))
    ax.set_title(title, pad=36)
    ax.set_xlabel(textwrap.fill(f"Switch: {switch}", 46))
    ax.margins(y=0.12)
    ax.grid(axis="x", visible=False)
    ax.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.0), fontsize=8)
    return ax
