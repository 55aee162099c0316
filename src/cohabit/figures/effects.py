"""Figures of effects: forests, one method or batch against another, a band of no difference."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cohabit.figures.axes import (
    draw_intervals,
    draw_judged,
    draw_kinds,
    equalise,
    from_top,
    key_above,
    mark_zero,
    name_rows,
    set_apart,
)
from cohabit.figures.style import (
    AMBER,
    BAR,
    DOWN,
    FOREST,
    MARKERS,
    PINK,
    PURPLE,
    QUIET,
    REFERENCE,
    REGION,
    UP,
    colours_for,
    readable,
)


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
    places, colours = from_top(effects), np.where(effects["estimate"] > 0, UP, DOWN)
    found = effects["q_value"].to_numpy() <= 0.05
    ax.hlines(places, effects["low"], effects["high"], color=colours, linewidth=1.4)
    mark = {"facecolor": np.where(found, colours, "white"), "edgecolor": colours, "linewidth": 1.4}
    ax.scatter(effects["estimate"], places, s=34, zorder=3, **mark)
    mark_zero(ax)
    _name_features(ax, effects["feature"], label, italic)
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
    for number, level in enumerate(levels):
        chosen = effects[effects[by] == level]
        places = len(features) - 1 - chosen["feature"].map(features.index).to_numpy()
        places = places + set_apart(number, len(levels), 0.7 / len(levels))
        mark = {"s": 28, "marker": MARKERS[number % 7], "label": level}
        draw_intervals(chosen, places, ax=ax, colour=colours[f"{level}"], **mark)
    mark_zero(ax)
    _name_features(ax, features, label, italic)
    key_above(ax, len(levels))
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
        first: (f"only {first}", AMBER, "s"),
        second: (f"only {second}", PINK, "^"),
        "both": ("both", FOREST, "D"),
    }
    kinds = {label: (methods["found"] == name, *style) for name, (label, *style) in styles.items()}
    draw_kinds(methods, first, second, kinds, ax=ax, s=18, alpha=0.75)
    equalise(ax, 1.08 * methods[[first, second]].abs().max().max())
    ax.axhline(0, color=REFERENCE, linewidth=0.8)
    mark_zero(ax, width=0.8)
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
    places = from_top(hits)
    ax.hlines(places, 0, hits["nominal"], color=BAR, linewidth=2.5, zorder=1)
    nominal = "nominal, p \N{LESS-THAN OR EQUAL TO} 0.05"
    ax.scatter(hits["nominal"], places, s=42, color=AMBER, label=nominal)
    tick = {"s": 120, "marker": "|", "color": REFERENCE, "linewidth": 2}
    ax.scatter(hits["expected"], places, label="expected by luck alone", **tick)
    if "lenient" in hits:
        ax.scatter(hits["lenient"], places, s=42, marker="^", color=PURPLE, label="lenient rule")
    ax.scatter(hits["fdr"], places, s=42, marker="D", color=FOREST, label="FDR 5%")
    ax.set_yticks(places, hits["analysis"])
    ax.set(xlabel="Features called", ylim=(-0.7, len(hits) - 0.3))
    ax.set_xlim(left=min(-0.4, -0.02 * float(hits["nominal"].max())))
    key_above(ax, 4, middle=0.4, columnspacing=1)
    return ax


def draw_equivalence(
    effects: pd.DataFrame,
    region: tuple[float, float],
    *,
    ax: Axes,
    label: str,
    band: str = "counts as no difference",
) -> Axes:
    """Draw effects with 95% intervals over the band in which a claim is true.

    Parameters
    ----------
    effects : DataFrame, one row a comparison
        `label`, `estimate`, `low`, `high` and `verdict`.
    region : tuple of float
        Ends of the band.
    label : str
        What the effect is, with its unit.
    band : str
        What the band means.
    """
    places = from_top(effects)
    ax.axvspan(*region, color=REGION, zorder=0, label=band)
    draw_judged(effects, places, ax=ax, width=1.8, s=38, zorder=3)
    mark_zero(ax)
    name_rows(ax, effects["label"], label=label)
    key_above(ax, 4, middle=0.35)
    return ax


def draw_replication(batches: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw effects in a second batch against those in the first, one point a feature.

    Parameters
    ----------
    batches : DataFrame
        `first`, `second` (same unit) and `called` (bool: chosen in the first batch). The solid
        line through zero has the slope of the chosen features' mean effects.
    """
    called = batches["called"].to_numpy(dtype=bool)
    kinds = {"not called": (~called, QUIET, "o"), "called in the first batch": (called, UP, "D")}
    draw_kinds(batches, "first", "second", kinds, ax=ax, s=24, alpha=0.75, linewidth=0)
    reach = 1.08 * float(batches[["first", "second"]].abs().max().max())
    equalise(ax, reach, label="equal")
    if called.any():
        first, second = (batches.loc[called, name] for name in ("first", "second"))
        slope = (np.sign(first) * second).sum() / first.abs().sum()
        ends = np.array([-reach, reach])
        ax.plot(ends, slope * ends, color=UP, linewidth=1.6, label=f"{slope:.2f} of it left")
    ax.axhline(0, color=REFERENCE, linewidth=0.6)
    mark_zero(ax, width=0.6)
    ax.set(xlabel="Effect in the first batch", ylabel="Effect in the second batch")
    ax.legend(loc="upper left")
    return ax


def _name_features(ax: Axes, names: Iterable[str], label: str, italic: bool) -> None:
    """Name rows by their features; in italics as names of species are."""
    name_rows(ax, names if italic else map(readable, names), margin=0.8, label=label)
    if italic:
        for name in ax.get_yticklabels():
            name.set_fontstyle("italic")
