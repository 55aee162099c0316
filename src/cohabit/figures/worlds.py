"""Figures of two worlds and of traps: exact and observed, wrong and right analyses."""

import textwrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm

from cohabit.figures import axes, style

LOOKS = {"wrong": (style.ORANGE, "X", -0.09), "right": (style.BLUE, "o", 0.09)}
"""Analysis -> colour, marker and horizontal offset."""


def draw_individual_effects(effects: pd.DataFrame, *, ax: Axes, label: str) -> Axes:
    """Draw each person's effects of several changes, one row per change.

    The axis is linear up to 0.1 and logarithmic beyond; a diamond is the mean, a line holds 90%.

    Parameters
    ----------
    effects : DataFrame
        Columns `change` (rows in order of appearance) and `effect`, one row per person.
    label : str
        What the effect is, with its unit.
    """
    names = list(pd.unique(effects["change"]))
    spread = np.random.default_rng(0)
    for place, name in enumerate(reversed(names)):
        values = effects.loc[effects["change"] == name, "effect"].to_numpy()
        y = place + spread.uniform(-0.26, 0.26, len(values))
        ax.scatter(values, y, s=5, color=style.DOWN, alpha=0.3, linewidth=0)
        low, high = np.quantile(values, [0.05, 0.95])
        ax.hlines(place, low, high, color=style.EXACT, linewidth=1.4)
        look = {"s": 60, "marker": "D", "color": style.EXACT, "edgecolor": "white"}
        ax.scatter(values.mean(), place, zorder=4, **look)
    axes.mark_zero(ax)
    axes.name_rows(ax, names, margin=0.6, label=label)
    ax.set_xscale("symlog", linthresh=0.1, linscale=0.6)
    ax.xaxis.set_major_formatter("{x:g}")
    return ax


def draw_beside_exact(beside: pd.DataFrame, *, ax: Axes, label: str) -> Axes:
    """Draw the estimate of each feature against its exact effect.

    Parameters
    ----------
    beside : DataFrame, one row per feature
        From `worlds.set_beside_exact`; `called` is q <= 0.05.
    label : str
        What the effect is, with its unit.
    """
    called = beside["q_value"] <= 0.05
    kinds = {
        "not called": (~called, style.QUIET, "."),
        "called, touched": (called & beside["touched"], style.FOREST, "D"),
        "called, not touched": (called & ~beside["touched"], style.PURPLE, "X"),
    }
    axes.draw_kinds(beside, "exact", "estimate", kinds, ax=ax, s=28, alpha=0.75, linewidth=0.5)
    axes.equalise(ax, 1.08 * beside[["exact", "estimate"]].abs().max().max())
    ax.axhline(0, color=style.REFERENCE, linewidth=0.6)
    ax.set(xlabel=f"Exact: {label}", ylabel=f"Observed: {label}")
    ax.legend(loc="upper left", fontsize=8, handletextpad=0.1, borderaxespad=0.2)
    return ax


def draw_split(split: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw the contribution of each term to a difference as a table of coloured numbers.

    Parameters
    ----------
    split : DataFrame, features x terms
        From `worlds.split_difference`; the last column is the sum of the others.
    """
    values = split.to_numpy()
    reach = np.abs(values).max()
    norm = TwoSlopeNorm(0, -reach, reach)
    ax.imshow(values, cmap="PuOr_r", norm=norm, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        colour = "white" if abs(value) > 0.62 * reach else style.INK
        ax.text(column, row, _write(value), ha="center", va="center", fontsize=8, color=colour)
    ax.axvline(values.shape[1] - 1.5, color="white", linewidth=5)
    ax.set_xticks(range(values.shape[1]), list(split.columns), rotation=35, ha="right")
    ax.set_yticks(range(len(split)), list(split.index), fontstyle="italic")
    ax.grid(visible=False)
    ax.spines[["left", "bottom"]].set_visible(False)
    return ax


def _write(value: float) -> str:
    """Return a number as text that distinguishes zero from nearly zero."""
    if abs(value) < 1e-9:
        return "0"
    return "~0" if abs(value) < 0.005 else f"{value:+.2f}"


def draw_sizes(sizes: pd.DataFrame, *, ax: Axes, label: str) -> Axes:
    """Draw the sizes of the terms of several differences, one group of bars per term.

    Parameters
    ----------
    sizes : DataFrame, terms x comparisons
        Sizes, none below zero.
    label : str
        What the sizes are, with their unit.
    """
    places = axes.from_top(sizes)
    height = 0.8 / sizes.shape[1]
    colours = style.colours_for(list(sizes.columns))
    for number, (name, column) in enumerate(sizes.items()):
        shifted = places + axes.set_apart(number, sizes.shape[1], height)
        ax.barh(shifted, column, height=height * 0.92, color=colours[name], label=name)
    axes.name_rows(ax, sizes.index, margin=0.6, label=label)
    axes.key_above(ax, sizes.shape[1], middle=0.4)
    return ax


def draw_mediation(paths: pd.DataFrame, *, ax: Axes, label: str) -> Axes:
    """Draw exact paths and their regression estimates, one row per path.

    Parameters
    ----------
    paths : DataFrame
        Columns `path`, `exact`, `estimate`, `low` and `high`.
    label : str
        What the effects are, with their unit.
    """
    places = axes.from_top(paths)
    mark = {"s": 40, "label": "regression, 95% interval"}
    axes.draw_intervals(paths, places, ax=ax, colour=style.UP, width=1.6, **mark)
    mark = {"s": 52, "marker": "D", "color": style.EXACT, "edgecolor": "white", "label": "exact"}
    ax.scatter(paths["exact"], places, **mark)
    axes.mark_zero(ax)
    axes.name_rows(ax, paths["path"], margin=0.6, label=label)
    axes.key_above(ax, 2, middle=0.4)
    return ax


def draw_trap(measured: pd.DataFrame, *, ax: Axes, title: str, quantity: str, switch: str) -> Axes:
    """Draw a trap: a mark per cohort, and a line through the means of each analysis.

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
        look = {"linewidth": 2, "marker": marker, "markersize": 9, "markeredgecolor": "white"}
        label = f"{analysis}: {rows['words'].iloc[0]}"
        ax.plot(np.array([*places.values()]) + shift, means, color=colour, label=label, **look)
    truth = float(measured["truth"].iloc[0])
    ax.axhline(truth, color=style.REFERENCE, linewidth=1, linestyle="--", zorder=1)
    ax.annotate("truth", (1.34, truth), xytext=(0, 3), textcoords="offset points", ha="right")
    ax.set_xticks(list(places.values()), ["switch off", "switch on"])
    ax.set(xlim=(-0.35, 1.35), ylabel=textwrap.fill(quantity, 28))
    ax.set_title(title, pad=36)
    ax.set_xlabel(textwrap.fill(f"Switch: {switch}", 46))
    ax.margins(y=0.12)
    ax.grid(axis="x", visible=False)
    ax.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.0), fontsize=8)
    return ax
