"""Parts shared by figures: labelled rows, intervals, points, axes and legends."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cohabit.figures.style import MARKERS, REFERENCE, SITE_COLOURS, VERDICT_COLOURS, VERDICT_MARKERS

Kinds = Mapping[str, tuple[pd.Series | np.ndarray, str, str]]
"""Kind of point -> its rows, colour and marker."""


def from_top(rows) -> np.ndarray:
    """Return the positions of rows, first at the top."""
    return np.arange(len(rows))[::-1]


def set_apart(number: int, count: int, step: float) -> float:
    """Return the offset of the `number`-th of `count` series from the middle of its row."""
    return step * ((count - 1) / 2 - number)


def name_rows(ax: Axes, names: Iterable[str], *, margin: float = 0.7, label: str = "") -> None:
    """Label rows, first at the top, with a margin above and below."""
    names = list(names)
    ax.set_yticks(from_top(names), names)
    ax.set(ylim=(-margin, len(names) - 1 + margin), xlabel=label)
    ax.grid(axis="y", visible=False)


def mark_zero(ax: Axes, at: float = 0, width: float = 1) -> None:
    """Draw the line of no effect."""
    ax.axvline(at, color=REFERENCE, linewidth=width)


def draw_intervals(
    rows: pd.DataFrame, places: np.ndarray, *, ax: Axes, colour, width: float = 1.4, **mark
) -> None:
    """Draw estimates with 95% intervals at their positions; `mark` is the marker."""
    ax.hlines(places, rows["low"], rows["high"], color=colour, linewidth=width)
    ax.scatter(rows["estimate"], places, color=colour, **mark)


def draw_side_by_side(
    table: pd.DataFrame, row: str, colours: Mapping, by: str, *, ax: Axes, step: float, **mark
) -> list:
    """Draw intervals of several series in each row, by colour and marker, and return rows."""
    names = list(pd.unique(table[row]))
    for number, (level, colour) in enumerate(colours.items()):
        rows = table[table[by] == level]
        places = len(names) - 1 - rows[row].map(names.index).to_numpy()
        places = places + set_apart(number, len(colours), step)
        look = {"width": 1.6, "marker": MARKERS[number % 7], "label": level, **mark}
        draw_intervals(rows, places, ax=ax, colour=colour, **look)
    return names


def draw_judged(rows: pd.DataFrame, places: np.ndarray, *, ax: Axes, width: float, **mark) -> None:
    """Draw estimates with 95% intervals, coloured by verdict."""
    for verdict, colour in VERDICT_COLOURS.items():
        chosen = (rows["verdict"] == verdict).to_numpy()
        if chosen.any():
            style = {"marker": VERDICT_MARKERS[verdict], "label": verdict, **mark}
            draw_intervals(rows[chosen], places[chosen], ax=ax, colour=colour, width=width, **style)


def draw_kinds(table: pd.DataFrame, x: str, y: str, kinds: Kinds, *, ax: Axes, **mark) -> None:
    """Draw points of several kinds, with their counts in the legend."""
    for label, (chosen, colour, marker) in kinds.items():
        rows = table[chosen]
        style = {"color": colour, "marker": marker, "label": f"{label} ({len(rows)})"}
        ax.scatter(rows[x], rows[y], **style, **mark)


def equalise(ax: Axes, reach: float, *, label: str | None = None) -> None:
    """Set both axes to the range from `-reach` to `reach` and draw the diagonal."""
    style = {"color": REFERENCE, "linewidth": 1, "linestyle": "--", "label": label}
    ax.plot([-reach, reach], [-reach, reach], **style)
    ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")


def key_above(ax: Axes, columns: int = 1, *, middle: float = 0.5, **more) -> None:
    """Place the legend above the axes."""
    ax.legend(loc="lower center", bbox_to_anchor=(middle, 1.0), ncols=columns, **more)


def draw_violins(table: pd.DataFrame, value: str, *, ax: Axes, **style) -> None:
    """Draw the distribution of a value at each site as violins with quartiles."""
    import seaborn as sns

    shape = {"inner": "quart", "cut": 0, "density_norm": "width"}
    sites = {"y": "site", "order": order_sites(table["site"])}
    sns.violinplot(data=table, x=value, ax=ax, **sites, **shape, **style)


def order_sites(sites: pd.Series) -> list[str]:
    """Return the sites present: in palette order, then others by name."""
    present = set(sites.dropna())
    known = [site for site in SITE_COLOURS if site in present]
    return [*known, *sorted(present - set(known))]
