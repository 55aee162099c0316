"""Figures of effects: forests, published values, agreement of methods and batches."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cohabit.figures import axes, style
from cohabit.figures.style import colours_for, readable, say_absent


def draw_forest(
    effects: pd.DataFrame, *, ax: Axes, label: str = "MS minus control", italic: bool = True
) -> Axes:
    """Draw effects with 95% intervals, one row per feature in the given order.

    `effects` holds `feature`, `estimate`, `low`, `high` and `q_value`; marks are filled where that
    is <= 0.05. `label` says what the effect is, with its unit; names of species are in `italic`.
    """
    places = axes.from_top(effects)
    colours = np.where(effects["estimate"] > 0, style.UP, style.DOWN)
    found = effects["q_value"].to_numpy() <= 0.05
    ax.hlines(places, effects["low"], effects["high"], color=colours, linewidth=1.4)
    mark = {"facecolor": np.where(found, colours, "white"), "edgecolor": colours, "linewidth": 1.4}
    ax.scatter(effects["estimate"], places, s=34, zorder=3, **mark)
    axes.mark_zero(ax)
    _name_features(ax, effects["feature"], label, italic)
    return ax


def draw_forest_by(
    effects: pd.DataFrame, by: str, *, ax: Axes, label: str, italic: bool = True
) -> Axes:
    """Draw several effects per feature side by side, by colour and marker.

    `effects` holds `feature`, `estimate`, `low`, `high` and the column `by`, which tells the
    effects of one feature apart, in order of appearance.
    """
    colours = colours_for(pd.unique(effects[by]))
    look = {"step": 0.7 / len(colours), "s": 28, "width": 1.4}
    features = axes.draw_side_by_side(effects, "feature", colours, by, ax=ax, **look)
    axes.mark_zero(ax)
    _name_features(ax, features, label, italic)
    axes.key_above(ax, len(colours))
    return ax


def draw_agreement(methods: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw the test statistics of two methods against each other, one point per feature.

    `methods` holds one row per feature: first two columns of statistics, named by method; then
    `found`: which of them passes the FDR ("both", "neither", or the method's name).
    """
    first, second = methods.columns[:2]
    styles = {
        "neither": ("neither", style.QUIET, "o"),
        first: (f"only {first}", style.AMBER, "s"),
        second: (f"only {second}", style.PINK, "^"),
        "both": ("both", style.FOREST, "D"),
    }
    kinds = {label: (methods["found"] == name, *look) for name, (label, *look) in styles.items()}
    axes.draw_kinds(methods, first, second, kinds, ax=ax, s=18, alpha=0.75)
    axes.equalise(ax, 1.08 * methods[[first, second]].abs().max().max())
    ax.axhline(0, color=style.REFERENCE, linewidth=0.8)
    axes.mark_zero(ax, width=0.8)
    ax.set(xlabel=f"t statistic, {first}", ylabel=f"t statistic, {second}")
    ax.legend(loc="upper left", title="FDR 5% passed by")
    return ax


def draw_hits(hits: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw the number of features that each analysis calls.

    `hits` holds `analysis`, `nominal` (p <= 0.05), `expected` (that many by luck alone), `fdr`
    (q <= 0.05) and `lenient`, the study's second rule, where it was tried.
    """
    places = axes.from_top(hits)
    ax.hlines(places, 0, hits["nominal"], color=style.BAR, linewidth=2.5, zorder=1)
    nominal = "nominal, p \N{LESS-THAN OR EQUAL TO} 0.05"
    ax.scatter(hits["nominal"], places, s=42, color=style.AMBER, label=nominal)
    tick = {"s": 120, "marker": "|", "color": style.REFERENCE, "linewidth": 2}
    ax.scatter(hits["expected"], places, label="expected by luck alone", **tick)
    if "lenient" in hits:
        look = {"s": 42, "marker": "^", "color": style.PURPLE}
        ax.scatter(hits["lenient"], places, label="lenient rule", **look)
    ax.scatter(hits["fdr"], places, s=42, marker="D", color=style.FOREST, label="FDR 5%")
    ax.set_yticks(places, hits["analysis"])
    ax.set(xlabel="Features called", ylim=(-0.7, len(hits) - 0.3))
    ax.set_xlim(left=min(-0.4, -0.02 * float(hits["nominal"].max())))
    axes.key_above(ax, 4, middle=0.4, columnspacing=1)
    return ax


def draw_equivalence(
    effects: pd.DataFrame,
    region: tuple[float, float],
    *,
    ax: Axes,
    label: str,
    band: str = "counts as no difference",
) -> Axes:
    """Draw effects with 95% intervals over the range in which a claim is true.

    `effects` holds one row per comparison: `label`, `estimate`, `low`, `high` and `verdict`;
    `region` holds the ends of the band, and `band` says what it means.
    """
    places = axes.from_top(effects)
    ax.axvspan(*region, color=style.REGION, zorder=0, label=band)
    axes.draw_judged(effects, places, ax=ax, width=1.8, s=38, zorder=3)
    axes.mark_zero(ax)
    axes.name_rows(ax, effects["label"], label=label)
    axes.key_above(ax, 4, middle=0.35)
    return ax


def draw_replication(batches: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw effects in a second batch against those in the first, one point per feature.

    `batches` holds `first`, `second` (same unit) and `called` (bool: chosen in the first batch).
    The solid line through zero has the slope of the chosen features' mean effects.
    """
    called = batches["called"].to_numpy(dtype=bool)
    kinds = {
        "not called": (~called, style.QUIET, "o"),
        "called in the first batch": (called, style.UP, "D"),
    }
    axes.draw_kinds(batches, "first", "second", kinds, ax=ax, s=24, alpha=0.75, linewidth=0)
    reach = 1.08 * float(batches[["first", "second"]].abs().max().max())
    axes.equalise(ax, reach, label="equal")
    if called.any():
        first, second = (batches.loc[called, name] for name in ("first", "second"))
        slope = (np.sign(first) * second).sum() / first.abs().sum()
        ends = np.array([-reach, reach])
        ax.plot(ends, slope * ends, color=style.UP, linewidth=1.6, label=f"{slope:.2f} of it left")
    ax.axhline(0, color=style.REFERENCE, linewidth=0.6)
    axes.mark_zero(ax, width=0.6)
    ax.set(xlabel="Effect in the first batch", ylabel="Effect in the second batch")
    ax.legend(loc="upper left")
    return ax


def draw_beside_published(effects: pd.DataFrame, *, ax: Axes, label: str) -> Axes:
    """Draw effects with 95% intervals, and published ones as ticks on a pale bar.

    `effects` holds `feature` (row labels), `estimate`, `low`, `high`, and `published`,
    `published_low`, `published_high` (missing if unpublished).
    """
    if effects.empty:
        return say_absent(ax)
    places, published = axes.from_top(effects), effects.filter(like="published_").astype(float)
    bar = {"color": style.BAR, "linewidth": 9, "label": "released study, 95% interval"}
    ax.hlines(places, published["published_low"], published["published_high"], **bar)
    tick = {"marker": "|", "s": 110, "linewidth": 2, "color": style.REFERENCE}
    ax.scatter(effects["published"], places, zorder=2, label="_released study", **tick)
    colours = np.where(effects["estimate"] > 0, style.UP, style.DOWN)
    ax.hlines(places, effects["low"], effects["high"], color=colours, linewidth=1.6, zorder=3)
    ax.scatter(effects["estimate"], places, s=34, color=colours, zorder=4, label="_here")
    axes.mark_zero(ax)
    axes.name_rows(ax, effects["feature"], margin=0.8, label=label)
    axes.key_above(ax)
    return ax


def draw_volcano(
    results: pd.DataFrame, *, ax: Axes, label: str, named: tuple[str, ...] = ()
) -> Axes:
    """Draw effect against -log10 p, one point per feature; those `named` are larger and labelled.

    `results` holds `feature`, `estimate`, `p_value` and `q_value`.
    """
    if results.empty:
        return say_absent(ax)
    surprise = -np.log10(results["p_value"].astype(float))
    found = results["q_value"] <= 0.05
    colour = np.where(found, np.where(results["estimate"] > 0, style.UP, style.DOWN), style.QUIET)
    chosen = results["feature"].isin(named).to_numpy()
    ax.scatter(results["estimate"], surprise, s=np.where(chosen, 70, 24), color=colour, alpha=0.85)
    near = {"textcoords": "offset points", "xytext": (-8, -3), "ha": "right"}
    known = results.assign(surprise=surprise)[chosen]
    for name, *place in known[["feature", "estimate", "surprise"]].itertuples(index=False):
        ax.annotate(readable(name), place, color=style.INK, **near)
    axes.mark_zero(ax)
    ax.set(xlabel=label, ylabel=r"Surprise, $-\log_{10}$ p")
    return ax


def draw_shift(effects: pd.DataFrame, *, ax: Axes, label: str) -> Axes:
    """Draw many effects in order of size with their mean.

    `effects` holds one row per feature: `estimate`, `low` and `high`.
    """
    if effects.empty:
        return say_absent(ax)
    rows = effects.sort_values("estimate", ignore_index=True)
    clear = (rows["low"] > 0) | (rows["high"] < 0)
    colours = np.where(clear, np.where(rows["estimate"] > 0, style.UP, style.DOWN), style.QUIET)
    ax.vlines(rows.index, rows["low"], rows["high"], color=colours, linewidth=1.4)
    ax.scatter(rows.index, rows["estimate"], s=16, color=colours, zorder=3)
    mean = round(float(rows["estimate"].mean()), 2) + 0.0  # no minus before a zero
    ax.axhline(0, color=style.REFERENCE, linewidth=1)
    look = {"linewidth": 1.4, "linestyle": "--", "label": f"mean {mean:+.2f}"}
    ax.axhline(mean, color=style.REFERENCE, **look)
    ax.set(ylabel=label, xlabel="Metabolites, in order of their estimate", xticks=[])
    ax.grid(axis="x", visible=False)
    ax.legend(loc="upper left")
    return ax


def draw_therapies(effects: pd.DataFrame, *, ax: Axes, label: str) -> Axes:
    """Draw effects by therapy with intervals (filled) over published ones (open).

    `effects` holds `name` (row labels), `patients` (therapy), `estimate`, `low`, `high` and
    `published`.
    """
    if effects.empty:
        return say_absent(ax)
    names = list(pd.unique(effects["name"]))
    colours = colours_for(pd.unique(effects["patients"]))
    for number, (therapy, colour) in enumerate(colours.items()):
        chosen = effects[effects["patients"] == therapy]
        places = len(names) - 1 - chosen["name"].map(names.index).to_numpy()
        places = places + axes.set_apart(number, len(colours), 0.26)
        marker = style.MARKERS[number % 6]
        mark = {"s": 32, "marker": marker, "label": f"_{readable(therapy)}"}
        axes.draw_intervals(chosen, places, ax=ax, colour=colour, width=1.5, **mark)
        ax.plot([], [], color=colour, marker=marker, label=readable(therapy))
        open_mark = {"facecolor": "white", "edgecolor": colour, "linewidth": 1.2, "zorder": 3}
        open_mark |= {"marker": marker, "label": f"_{readable(therapy)}, released"}
        ax.scatter(chosen["published"], places - 0.1, s=26, **open_mark)
    axes.mark_zero(ax)
    axes.name_rows(ax, names, label=label)
    axes.key_above(ax, len(colours))
    return ax


def _name_features(ax: Axes, names: Iterable[str], label: str, italic: bool) -> None:
    """Label rows with feature names, in italics for species."""
    axes.name_rows(ax, names if italic else map(readable, names), margin=0.8, label=label)
    if italic:
        for name in ax.get_yticklabels():
            name.set_fontstyle("italic")
