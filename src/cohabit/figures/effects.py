"""Figures of effects: forests, one method against another, restoration, forking paths."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cohabit.figures.style import DOWN, QUIET, REFERENCE, UP, colours_for, readable


def draw_forest(
    effects: pd.DataFrame, *, ax: Axes, label: str = "MS minus control", italic: bool = True
) -> Axes:
    """Draw effects with 95% intervals, one row a feature, in the order given.

    Parameters
    ----------
    effects : DataFrame
        Columns `feature`, `estimate`, `low`, `high`; filled where `q_value` <= 0.05.
    label : str
        What the effect is, with its unit.
    italic : bool
        Set row labels in italics, as names of species are.
    """
    places = np.arange(len(effects))[::-1]
    found = effects["q_value"].to_numpy() <= 0.05
    colours = np.where(effects["estimate"] > 0, UP, DOWN)
    ax.hlines(places, effects["low"], effects["high"], color=colours, linewidth=1.4)
    ax.scatter(
        effects["estimate"],
        places,
        s=34,
        facecolor=np.where(found, colours, "white"),
        edgecolor=colours,
        linewidth=1.4,
        zorder=3,
    )
    ax.axvline(0, color=REFERENCE, linewidth=1)
    _label_rows(ax, places, effects["feature"], italic)
    ax.set(xlabel=label, ylim=(-0.8, len(effects) - 0.2))
    return ax


def draw_forest_by(
    effects: pd.DataFrame, by: str, *, ax: Axes, label: str, italic: bool = True
) -> Axes:
    """Draw several effects for each feature side by side, told apart by colour and shape.

    Parameters
    ----------
    effects : DataFrame
        Columns `feature`, `estimate`, `low`, `high` and `by`.
    by : str
        Column that tells the effects of one feature apart; levels in order of appearance.
    label : str
        What the effects are, with their unit.
    """
    features, levels = (list(pd.unique(effects[column])) for column in ("feature", by))
    colours = colours_for([f"{level}" for level in levels])
    step = 0.7 / len(levels)
    rows = {feature: len(features) - 1 - place for place, feature in enumerate(features)}
    for number, level in enumerate(levels):
        chosen = effects[effects[by] == level]
        shift = step * ((len(levels) - 1) / 2 - number)
        places = chosen["feature"].map(rows).to_numpy() + shift
        colour, marker = colours[f"{level}"], "osD^vPX"[number % 7]
        ax.hlines(places, chosen["low"], chosen["high"], color=colour, linewidth=1.4)
        ax.scatter(chosen["estimate"], places, s=28, color=colour, marker=marker, label=level)
    ax.axvline(0, color=REFERENCE, linewidth=1)
    _label_rows(ax, np.array(list(rows.values())), features, italic)
    ax.set(xlabel=label, ylim=(-0.8, len(features) - 0.2))
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(levels))
    return ax


def draw_agreement(methods: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw one method's test statistic against another's, one point a feature.

    Parameters
    ----------
    methods : DataFrame, one row a feature
        The first two columns are statistics, named by method; then `found`: which of them
        passes the FDR ("both", "neither", or the method's name).
    """
    first, second = methods.columns[:2]
    styles = {
        "neither": ("neither", QUIET, "o"),
        first: (f"only {first}", "#E69F00", "s"),
        second: (f"only {second}", "#CC79A7", "^"),
        "both": ("both", "#117733", "D"),
    }
    for found, (label, colour, marker) in styles.items():
        chosen = methods[methods["found"] == found]
        label = f"{label} ({len(chosen)})"
        ax.scatter(
            chosen[first],
            chosen[second],
            s=18,
            color=colour,
            marker=marker,
            alpha=0.75,
            label=label,
        )
    reach = 1.08 * methods[[first, second]].abs().max().max()
    ax.plot([-reach, reach], [-reach, reach], color=REFERENCE, linewidth=1, linestyle="--")
    ax.axhline(0, color=REFERENCE, linewidth=0.8)
    ax.axvline(0, color=REFERENCE, linewidth=0.8)
    ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    ax.set(xlabel=f"t statistic, {first}", ylabel=f"t statistic, {second}")
    ax.legend(loc="upper left", title="FDR 5% passed by")
    return ax


def draw_hits(hits: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw how many features each analysis calls, one row an analysis.

    Parameters
    ----------
    hits : DataFrame
        Columns `analysis`, `nominal` (p <= 0.05), `expected` (that many by luck alone) and
        `fdr` (q <= 0.05); `lenient`, the study's second rule, where it was tried.
    """
    places = np.arange(len(hits))[::-1]
    ax.hlines(places, 0, hits["nominal"], color="#D1D5DB", linewidth=2.5, zorder=1)
    ax.scatter(
        hits["nominal"],
        places,
        s=42,
        color="#E69F00",
        label="nominal, p \N{LESS-THAN OR EQUAL TO} 0.05",
    )
    ax.scatter(
        hits["expected"],
        places,
        s=120,
        marker="|",
        color=REFERENCE,
        linewidth=2,
        label="expected by luck alone",
    )
    if "lenient" in hits:
        ax.scatter(hits["lenient"], places, s=42, marker="^", color="#AA4499", label="lenient rule")
    ax.scatter(hits["fdr"], places, s=42, marker="D", color="#117733", label="FDR 5%")
    ax.set_yticks(places, hits["analysis"])
    ax.set(xlabel="Features called", ylim=(-0.7, len(hits) - 0.3))
    ax.set_xlim(left=min(-0.4, -0.02 * float(hits["nominal"].max())))
    ax.legend(loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=4, columnspacing=1)
    return ax


def draw_power(power: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw the power to see an effect against its size, one line a number of pairs.

    Parameters
    ----------
    power : DataFrame
        Columns `n_pairs`, `effect` (in standard deviations of one person) and `power`.
    """
    counts = list(pd.unique(power["n_pairs"]))
    colours = colours_for([str(count) for count in counts])
    for place, count in enumerate(counts):
        chosen = power[power["n_pairs"] == count]
        ax.plot(
            chosen["effect"],
            100 * chosen["power"],
            color=colours[str(count)],
            linestyle=("-", "--", "-.", ":")[place % 4],
            label=f"{count} pairs",
        )
    ax.axhline(80, color=REFERENCE, linewidth=0.8, linestyle=":")
    ax.set(xlabel="Effect (standard deviations of one person)", ylabel="Power (%)", ylim=(0, 101))
    ax.legend(loc="lower right")
    return ax


def _label_rows(ax: Axes, places: np.ndarray, names: pd.Series | list, italic: bool) -> None:
    ax.set_yticks(places, list(names) if italic else [readable(name) for name in names])
    if italic:
        for label in ax.get_yticklabels():
            label.set_fontstyle("italic")
    ax.grid(axis="y", visible=False)
