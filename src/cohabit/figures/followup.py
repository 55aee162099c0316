"""Figures of follow-up: who comes back, what is left of a change, before and after."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cohabit.figures.axes import key_above
from cohabit.figures.style import GREY, LINES, MARKERS, colours_for, readable


def draw_attendance(shares: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw the share of people who still come, one line a group.

    Parameters
    ----------
    shares : DataFrame
        Rows: months; columns: groups; values: share of those who came at first, 0 to 1.
    """
    colours = colours_for([str(name) for name in shares])
    for place, name in enumerate(shares):
        style = _style(place, colours[str(name)])
        ax.plot(shares.index, 100 * shares[name], label=name, **style)
    _mark_months(ax, shares.index)
    ax.set(ylabel="Patients who still come (%)", ylim=(0, 102))
    ax.legend(loc="lower left", title=shares.columns.name)
    return ax


def draw_changes(changes: pd.DataFrame, by: str, *, ax: Axes, label: str) -> Axes:
    """Draw mean changes since the first visit with 95% intervals, several ways side by side.

    Parameters
    ----------
    changes : DataFrame
        Columns `months`, `estimate`, `low`, `high` and `by`.
    by : str
        Column that tells the ways apart; levels in order of appearance.
    label : str
        What changes, with its unit.
    """
    levels = list(pd.unique(changes[by]))
    colours = colours_for([str(level) for level in levels])
    for place, level in enumerate(levels):
        rows = changes[changes[by] == level]
        months = rows["months"] + 0.7 * (place - (len(levels) - 1) / 2)
        style = _style(place, colours[str(level)])
        ax.vlines(months, rows["low"], rows["high"], color=style["color"], linewidth=1.4)
        ax.plot([0, *months], [0, *rows["estimate"]], label=level, **style)
    _mark_months(ax, [0, *pd.unique(changes["months"])])
    ax.set(ylabel=label)
    ax.legend(loc="upper left")
    return ax


def draw_likeness(likeness: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw how alike people stay to themselves, and how alike their partners are.

    Parameters
    ----------
    likeness : DataFrame
        As from `longitudinal.compare_to_self`.
    """
    traits = list(pd.unique(likeness["trait"]))
    colours = colours_for([str(trait) for trait in traits])
    for place, trait in enumerate(traits):
        rows = likeness[likeness["trait"] == trait]
        own, partner = rows[rows["with"] == "self"], rows[rows["with"] == "partner"]
        colour, marker = colours[str(trait)], MARKERS[place % 6]
        months = own["months"] + 0.5 * (place - (len(traits) - 1) / 2)
        ax.vlines(months, own["low"], own["high"], color=colour, linewidth=1.4)
        ax.plot(months, own["estimate"], color=colour, marker=marker, label=readable(trait))
        for value in partner["estimate"]:
            ax.axhline(value, color=colour, linestyle=":", linewidth=1.4)
    ax.plot([], [], color=GREY, linestyle=":", label="with the partner, at the first visit")
    _mark_months(ax, pd.unique(likeness.loc[likeness["with"] == "self", "months"]))
    ax.set(ylabel="Correlation with oneself at the first visit", ylim=(0, 1.03))
    key_above(ax, 2)
    return ax


def draw_before_after(means: pd.DataFrame, *, ax: Axes, label: str) -> Axes:
    """Draw a mean before and after with 95% intervals, one line a group.

    Parameters
    ----------
    means : DataFrame
        Columns `group`, `when` (two levels, in order of appearance), `estimate`, `low`, `high`.
    label : str
        What is averaged, with its unit.
    """
    times, groups = (list(pd.unique(means[column])) for column in ("when", "group"))
    colours = colours_for([str(group) for group in groups])
    for place, group in enumerate(groups):
        rows = means[means["group"] == group].set_index("when").reindex(times)
        x = np.arange(len(times)) + 0.03 * (place - (len(groups) - 1) / 2)
        style = _style(place, colours[str(group)])
        ax.vlines(x, rows["low"], rows["high"], color=style["color"], linewidth=1.4)
        ax.plot(x, rows["estimate"], label=group, **style)
    ax.set_xticks(range(len(times)), times)
    ax.set(ylabel=label, xlim=(-0.3, len(times) - 0.7), ylim=(0, None))
    ax.legend(loc="upper right")
    return ax


def _style(place: int, colour: str) -> dict[str, str]:
    """Return colour, shape and dashes of the line at a place in the key."""
    return {"color": colour, "marker": MARKERS[place % 6], "linestyle": LINES[place % 4]}


def _mark_months(ax: Axes, months) -> None:
    ax.set_xticks(sorted({int(month) for month in months}))
    ax.set_xlabel("Months since the first visit")
