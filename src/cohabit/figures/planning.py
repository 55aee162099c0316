"""Figures of power against size, cost, effect and people, and designs of equal cost."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cohabit.figures import axes, style

WHO = {
    "household": ("cohabitant", style.GREEN, "o"),
    "site": ("stranger, same site", style.PURPLE, "s"),
    "anyone": ("stranger, any site", style.GREY, "^"),
}
"""Type of control -> label, colour, marker."""

SERIES = tuple(zip((style.BLUE, style.AMBER, style.GREEN, style.PINK), "os^D", strict=True))
"""Colours and markers of series without a fixed style."""


def draw_power_curves(
    points: pd.DataFrame | None,
    lines: pd.DataFrame | None = None,
    *,
    ax: Axes,
    by: str = "controls",
    x: str = "n",
    target: float | None = 0.8,
) -> Axes:
    """Draw power against size or cost: marks with intervals, and curves.

    Parameters
    ----------
    points : DataFrame, one row per size, optional
        Columns `by`, `x`, `power`, `low`, `high`, as from `power.estimate_power`.
    lines : DataFrame, optional
        Columns `by`, `x`, `power`; a band where there are `low` and `high`.
    by : str
        Column that distinguishes the series; kinds of control have fixed colours.
    x : str
    target : float, optional
        Power to mark.
    """
    tables = [table for table in (points, lines) if table is not None]
    names = list(dict.fromkeys(name for table in tables for name in table[by]))
    for place, name in enumerate(names):
        label, colour, marker = WHO.get(name, (str(name), *SERIES[place % 4]))
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
            look = {"fmt": marker, "color": colour, "capsize": 3, "label": label}
            ax.errorbar(rows[x], rows["power"], error, **look)
    if target is not None:
        ax.axhline(target, color=style.REFERENCE, linewidth=1, linestyle="--")
    ax.set(ylim=(-0.03, 1.03), ylabel="Power", xlabel="Patients recruited" if x == "n" else x)
    ax.legend(loc="best")
    return ax


def draw_designs(designs: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw designs of equal cost, best first, grey where another is clearly better.

    Parameters
    ----------
    designs : DataFrame, one row per design
        Columns `label`, `power`, `low`, `high`, `beaten`, as from `power.compare_designs`.
    """
    places = axes.from_top(designs)
    kinds = {False: (style.BLUE, "may be the best"), True: (style.QUIET, "beaten")}
    for beaten, (colour, words) in kinds.items():
        chosen = (designs["beaten"] == beaten).to_numpy()
        rows = designs[chosen]
        if rows.empty:
            continue
        error = np.abs(rows[["low", "high"]].to_numpy().T - rows["power"].to_numpy())
        look = {"fmt": "X" if beaten else "o", "color": colour, "capsize": 3, "markersize": 7}
        ax.errorbar(rows["power"], places[chosen], xerr=error, label=words, **look)
    axes.name_rows(ax, designs["label"], margin=0.6, label="Power")
    ax.set_xlim(-0.03, 1.03)
    axes.key_above(ax, 2, middle=0.4)
    return ax


def draw_power(power: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw power against effect size, one line per number of pairs.

    Parameters
    ----------
    power : DataFrame
        Columns `n_pairs`, `effect` (in standard deviations of one person) and `power`.
    """
    counts = list(pd.unique(power["n_pairs"]))
    colours = style.colours_for([str(count) for count in counts])
    for place, count in enumerate(counts):
        chosen = power[power["n_pairs"] == count]
        look = {"color": colours[str(count)], "linestyle": style.LINES[place % 4]}
        ax.plot(chosen["effect"], 100 * chosen["power"], label=f"{count} pairs", **look)
    ax.axhline(80, color=style.REFERENCE, linewidth=0.8, linestyle=":")
    ax.set(xlabel="Effect (standard deviations of one person)", ylabel="Power (%)", ylim=(0, 101))
    ax.legend(loc="lower right")
    return ax


def draw_power_by_people(power: pd.DataFrame, *, ax: Axes, here: int, needed: float) -> Axes:
    """Draw the power of a study against its number of people on a log scale.

    Parameters
    ----------
    power : DataFrame
        Columns `n` and `power`.
    here : int
        People of the study at hand.
    needed : float
        People for a power of 80%.
    """
    ax.plot(power["n"], 100 * power["power"], color=style.DOWN)
    marks = {
        f"this study: {here:,}": (here, style.UP, "--"),
        f"80%: {needed:,.0f}": (needed, style.EXACT, ":"),
    }
    for words, (n, colour, dashes) in marks.items():
        ax.axvline(n, color=colour, linewidth=1.2, linestyle=dashes, label=words)
    ax.axhline(80, color=style.REFERENCE, linewidth=0.8, linestyle=":")
    ax.set(xscale="log", xlabel="Patients with everything measured", ylabel="Power (%)")
    ax.set_ylim(-2, 102)
    ax.legend(loc="center right")
    return ax
