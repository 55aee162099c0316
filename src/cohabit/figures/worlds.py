"""Figures of two worlds: own effects, exact against observed, what a difference consists of."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm

from cohabit.figures.style import DOWN, INK, QUIET, REFERENCE, UP, colours_for

EXACT = "#111827"


def draw_individual_effects(effects: pd.DataFrame, *, ax: Axes, label: str) -> Axes:
    """Draw each person's own effect of several changes, one row a change.

    The axis is linear up to 0.1 and logarithmic beyond; a diamond is the mean, a line holds 90%.

    Parameters
    ----------
    effects : DataFrame
        Columns `change` (rows in order of appearance) and `effect`, one row a person.
    label : str
        What the effect is, with its unit.
    """
    names = list(pd.unique(effects["change"]))
    spread = np.random.default_rng(0)
    for place, name in enumerate(reversed(names)):
        values = effects.loc[effects["change"] == name, "effect"].to_numpy()
        y = place + spread.uniform(-0.26, 0.26, len(values))
        ax.scatter(values, y, s=5, color=DOWN, alpha=0.3, linewidth=0)
        low, high = np.quantile(values, [0.05, 0.95])
        ax.hlines(place, low, high, color=EXACT, linewidth=1.4)
        ax.scatter(values.mean(), place, s=60, marker="D", color=EXACT, edgecolor="white", zorder=4)
    ax.axvline(0, color=REFERENCE, linewidth=1)
    ax.set_yticks(np.arange(len(names)), names[::-1])
    ax.set_xscale("symlog", linthresh=0.1, linscale=0.6)
    ax.xaxis.set_major_formatter("{x:g}")
    ax.set(xlabel=label, ylim=(-0.6, len(names) - 0.4))
    ax.grid(axis="y", visible=False)
    return ax


def draw_beside_exact(beside: pd.DataFrame, *, ax: Axes, label: str) -> Axes:
    """Draw what an analysis says of each feature against the exact effect.

    Parameters
    ----------
    beside : DataFrame, one row a feature
        From `worlds.set_beside_exact`; `called` is q <= 0.05.
    label : str
        What the effect is, with its unit.
    """
    called = beside["q_value"] <= 0.05
    groups = {
        "not called": (~called, QUIET, "."),
        "called, touched": (called & beside["touched"], "#117733", "D"),
        "called, not touched": (called & ~beside["touched"], "#AA4499", "X"),
    }
    for words, (chosen, colour, marker) in groups.items():
        rows = beside[chosen]
        ax.scatter(
            rows["exact"],
            rows["estimate"],
            s=28,
            color=colour,
            marker=marker,
            alpha=0.75,
            linewidth=0.5,
            label=f"{words} ({len(rows)})",
        )
    reach = 1.08 * beside[["exact", "estimate"]].abs().max().max()
    ax.axline((0, 0), slope=1, color=REFERENCE, linewidth=1, linestyle="--")
    ax.axhline(0, color=REFERENCE, linewidth=0.6)
    ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    ax.set(xlabel=f"Exact: {label}", ylabel=f"Observed: {label}")
    ax.legend(loc="upper left", fontsize=8, handletextpad=0.1, borderaxespad=0.2)
    return ax


def draw_split(split: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw what each term of the world adds to a difference, a table of coloured numbers.

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
        colour = "white" if abs(value) > 0.62 * reach else INK
        ax.text(column, row, _write(value), ha="center", va="center", fontsize=8, color=colour)
    ax.axvline(values.shape[1] - 1.5, color="white", linewidth=5)
    ax.set_xticks(range(values.shape[1]), list(split.columns), rotation=35, ha="right")
    ax.set_yticks(range(len(split)), list(split.index), fontstyle="italic")
    ax.grid(visible=False)
    ax.spines[["left", "bottom"]].set_visible(False)
    return ax


def _write(value: float) -> str:
    """Write a number so that exactly nothing and next to nothing look different."""
    if abs(value) < 1e-9:
        return "0"
    return "~0" if abs(value) < 0.005 else f"{value:+.2f}"


def draw_sizes(sizes: pd.DataFrame, *, ax: Axes, label: str) -> Axes:
    """Draw how large each term of several differences is, one group of bars a term.

    Parameters
    ----------
    sizes : DataFrame, terms x comparisons
        Sizes, none below zero.
    label : str
        What the sizes are, with their unit.
    """
    places = np.arange(len(sizes))[::-1]
    height = 0.8 / sizes.shape[1]
    colours = colours_for(list(sizes.columns))
    for number, (name, column) in enumerate(sizes.items()):
        shift = height * ((sizes.shape[1] - 1) / 2 - number)
        ax.barh(places + shift, column, height=height * 0.92, color=colours[name], label=name)
    ax.set_yticks(places, list(sizes.index))
    ax.set(xlabel=label, ylim=(-0.6, len(sizes) - 0.4))
    ax.grid(axis="y", visible=False)
    ax.legend(loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=sizes.shape[1])
    return ax


def draw_mediation(paths: pd.DataFrame, *, ax: Axes, label: str) -> Axes:
    """Draw exact paths and what a regression makes of them, one row a path.

    Parameters
    ----------
    paths : DataFrame
        Columns `path`, `exact`, `estimate`, `low` and `high`.
    label : str
        What the effects are, with their unit.
    """
    places = np.arange(len(paths))[::-1]
    ax.hlines(places, paths["low"], paths["high"], color=UP, linewidth=1.6)
    ax.scatter(paths["estimate"], places, s=40, color=UP, label="regression, 95% interval")
    ax.scatter(
        paths["exact"], places, s=52, marker="D", color=EXACT, edgecolor="white", label="exact"
    )
    ax.axvline(0, color=REFERENCE, linewidth=1)
    ax.set_yticks(places, paths["path"])
    ax.set(xlabel=label, ylim=(-0.6, len(paths) - 0.4))
    ax.grid(axis="y", visible=False)
    ax.legend(loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=2)
    return ax


def draw_power_by_people(power: pd.DataFrame, *, ax: Axes, here: int, needed: float) -> Axes:
    """Draw the power of a study against its people, on a log scale.

    Parameters
    ----------
    power : DataFrame
        Columns `n` and `power`.
    here : int
        People of the study at hand.
    needed : float
        People for a power of 80%.
    """
    ax.plot(power["n"], 100 * power["power"], color=DOWN)
    marks = {f"this study: {here:,}": (here, UP, "--"), f"80%: {needed:,.0f}": (needed, EXACT, ":")}
    for words, (n, colour, dashes) in marks.items():
        ax.axvline(n, color=colour, linewidth=1.2, linestyle=dashes, label=words)
    ax.axhline(80, color=REFERENCE, linewidth=0.8, linestyle=":")
    ax.set(xscale="log", xlabel="Patients with everything measured", ylabel="Power (%)")
    ax.set_ylim(-2, 102)
    ax.legend(loc="center right")
    return ax
