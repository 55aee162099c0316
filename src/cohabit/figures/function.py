"""Figures of function: estimates beside published ones, a positive control, a shared shift."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cohabit.figures.axes import (
    draw_intervals,
    from_top,
    key_above,
    mark_zero,
    name_rows,
    set_apart,
)
from cohabit.figures.style import (
    BAR,
    DOWN,
    INK,
    MARKERS,
    QUIET,
    REFERENCE,
    UP,
    colours_for,
    readable,
    say_absent,
)


def draw_beside_published(effects: pd.DataFrame, *, ax: Axes, label: str) -> Axes:
    """Draw effects with 95% intervals, and published ones as ticks on a pale bar.

    Parameters
    ----------
    effects : DataFrame
        Columns `feature` (row labels), `estimate`, `low`, `high`, and `published`,
        `published_low`, `published_high` (missing where nobody published one).
    label : str
        What the effects are, with their unit.
    """
    if effects.empty:
        return say_absent(ax)
    places, published = from_top(effects), effects.filter(like="published_").astype(float)
    bar = {"color": BAR, "linewidth": 9, "label": "released study, 95% interval"}
    ax.hlines(places, published["published_low"], published["published_high"], **bar)
    tick = {"marker": "|", "s": 110, "linewidth": 2, "color": REFERENCE}
    ax.scatter(effects["published"], places, zorder=2, label="_released study", **tick)
    colours = np.where(effects["estimate"] > 0, UP, DOWN)
    ax.hlines(places, effects["low"], effects["high"], color=colours, linewidth=1.6, zorder=3)
    ax.scatter(effects["estimate"], places, s=34, color=colours, zorder=4, label="_here")
    mark_zero(ax)
    name_rows(ax, effects["feature"], margin=0.8, label=label)
    key_above(ax)
    return ax


def draw_volcano(
    results: pd.DataFrame, *, ax: Axes, label: str, named: tuple[str, ...] = ()
) -> Axes:
    """Draw effect against surprise, one point a feature; the named ones are labelled.

    Parameters
    ----------
    results : DataFrame
        Columns `feature`, `estimate`, `p_value`, `q_value`.
    label : str
        What the effects are, with their unit.
    named : tuple of str
        Features to label and to draw larger.
    """
    if results.empty:
        return say_absent(ax)
    surprise = -np.log10(results["p_value"].astype(float))
    found = results["q_value"] <= 0.05
    colour = np.where(found, np.where(results["estimate"] > 0, UP, DOWN), QUIET)
    chosen = results["feature"].isin(named).to_numpy()
    ax.scatter(results["estimate"], surprise, s=np.where(chosen, 70, 24), color=colour, alpha=0.85)
    near = {"textcoords": "offset points", "xytext": (-8, -3), "ha": "right"}
    for name, *place in zip(
        results["feature"][chosen], results["estimate"][chosen], surprise[chosen], strict=True
    ):
        ax.annotate(readable(name), place, color=INK, **near)
    mark_zero(ax)
    ax.set(xlabel=label, ylabel=r"Surprise, $-\log_{10}$ p")
    return ax


def draw_shift(effects: pd.DataFrame, *, ax: Axes, label: str) -> Axes:
    """Draw many effects in order of size, with their mean, to see whether all say the same.

    Parameters
    ----------
    effects : DataFrame
        Columns `estimate`, `low`, `high`; one row a feature.
    label : str
        What the effects are, with their unit.
    """
    if effects.empty:
        return say_absent(ax)
    rows = effects.sort_values("estimate", ignore_index=True)
    clear = (rows["low"] > 0) | (rows["high"] < 0)
    colours = np.where(clear, np.where(rows["estimate"] > 0, UP, DOWN), QUIET)
    ax.vlines(rows.index, rows["low"], rows["high"], color=colours, linewidth=1.4)
    ax.scatter(rows.index, rows["estimate"], s=16, color=colours, zorder=3)
    mean = round(float(rows["estimate"].mean()), 2) + 0.0  # no minus before a zero
    ax.axhline(0, color=REFERENCE, linewidth=1)
    ax.axhline(mean, color=REFERENCE, linewidth=1.4, linestyle="--", label=f"mean {mean:+.2f}")
    ax.set(ylabel=label, xlabel="Metabolites, in order of their estimate", xticks=[])
    ax.grid(axis="x", visible=False)
    ax.legend(loc="upper left")
    return ax


def draw_therapies(effects: pd.DataFrame, *, ax: Axes, label: str) -> Axes:
    """Draw effects by therapy, filled and with interval, over published ones, open.

    Parameters
    ----------
    effects : DataFrame
        Columns `name` (row labels), `patients` (therapy), `estimate`, `low`, `high`,
        `published`.
    label : str
        What the effects are, with their unit.
    """
    if effects.empty:
        return say_absent(ax)
    names, therapies = (list(pd.unique(effects[column])) for column in ("name", "patients"))
    colours = colours_for([str(therapy) for therapy in therapies])
    for number, therapy in enumerate(therapies):
        chosen = effects[effects["patients"] == therapy]
        places = len(names) - 1 - chosen["name"].map(names.index).to_numpy()
        places = places + set_apart(number, len(therapies), 0.26)
        colour, marker = colours[str(therapy)], MARKERS[number % 6]
        mark = {"s": 32, "marker": marker, "label": f"_{readable(therapy)}"}
        draw_intervals(chosen, places, ax=ax, colour=colour, width=1.5, **mark)
        ax.plot([], [], color=colour, marker=marker, label=readable(therapy))
        open_mark = {"facecolor": "white", "edgecolor": colour, "linewidth": 1.2, "zorder": 3}
        open_mark |= {"marker": marker, "label": f"_{readable(therapy)}, released"}
        ax.scatter(chosen["published"], places - 0.1, s=26, **open_mark)
    mark_zero(ax)
    name_rows(ax, names, label=label)
    key_above(ax, len(therapies))
    return ax
