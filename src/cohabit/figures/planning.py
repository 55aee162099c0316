"""Figures of planning: power against size or money, designs at equal cost."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cohabit.figures.style import QUIET, REFERENCE

WHO = {
    "household": ("cohabitant", "#009E73", "o"),
    "site": ("stranger, same site", "#AA4499", "s"),
    "anyone": ("stranger, any site", "#6B7280", "^"),
}
"""Kind of control -> words, colour, marker."""

SERIES = ("#0072B2", "#E69F00", "#009E73", "#CC79A7")
MARKERS = ("o", "s", "^", "D")


def draw_power_curves(
    points: pd.DataFrame | None,
    lines: pd.DataFrame | None = None,
    *,
    ax: Axes,
    by: str = "controls",
    x: str = "n",
    target: float | None = 0.8,
) -> Axes:
    """Draw power against size or cost: marks with intervals, lines between or beside them.

    Parameters
    ----------
    points : DataFrame, one row a size, optional
        Columns `by`, `x`, `power`, `low`, `high`, as from `power.estimate_power`.
    lines : DataFrame, optional
        Columns `by`, `x`, `power`; a band where there are `low` and `high`.
    by : str
        Column that tells the series apart; kinds of control have colours of their own.
    x : str
    target : float, optional
        Power to mark.
    """
    tables = [table for table in (points, lines) if table is not None]
    names = list(dict.fromkeys(name for table in tables for name in table[by]))
    for place, name in enumerate(names):
        label, colour, marker = WHO.get(name, (str(name), SERIES[place % 4], MARKERS[place % 4]))
        if lines is not None:
            line = lines[lines[by] == name]
            named = label if points is None else None
            width = 3.2 if name == "household" else 1.6  # seen where lines coincide
            ax.plot(line[x], line["power"], color=colour, label=named, linewidth=width)
            if "low" in line:
                ax.fill_between(line[x], line["low"], line["high"], color=colour, alpha=0.15, lw=0)
        if points is not None:
            rows = points[points[by] == name]
            error = np.abs(rows[["low", "high"]].to_numpy().T - rows["power"].to_numpy())
            style = {"fmt": marker, "color": colour, "capsize": 3, "label": label}
            ax.errorbar(rows[x], rows["power"], error, **style)
    if target is not None:
        ax.axhline(target, color=REFERENCE, linewidth=1, linestyle="--")
    ax.set(ylim=(-0.03, 1.03), ylabel="Power", xlabel="Patients recruited" if x == "n" else x)
    ax.legend(loc="best")
    return ax


def draw_designs(designs: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw designs at equal cost, the best on top; grey where the best is surely better.

    Parameters
    ----------
    designs : DataFrame, one row a design
        Columns `label`, `power`, `low`, `high`, `beaten`, as from `power.compare_designs`.
    """
    places = np.arange(len(designs))[::-1]
    for beaten, colour, words in ((False, "#0072B2", "may be the best"), (True, QUIET, "beaten")):
        chosen = (designs["beaten"] == beaten).to_numpy()
        rows = designs[chosen]
        if rows.empty:
            continue
        error = np.abs(rows[["low", "high"]].to_numpy().T - rows["power"].to_numpy())
        marker = "X" if beaten else "o"
        ax.errorbar(
            rows["power"],
            places[chosen],
            xerr=error,
            fmt=marker,
            color=colour,
            capsize=3,
            markersize=7,
            label=words,
        )
    ax.set_yticks(places, designs["label"])
    ax.set(xlabel="Power", xlim=(-0.03, 1.03), ylim=(-0.6, len(designs) - 0.4))
    ax.grid(axis="y", visible=False)
    ax.legend(loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=2)
    return ax
