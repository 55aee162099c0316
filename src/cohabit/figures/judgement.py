"""Figures of verdicts: claims, planted and estimated values, methods, realism, sweeps."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cohabit.figures import axes, style
from cohabit.figures.style import colours_for, readable

MOST_BARS = 60
"""Number of intervals above which only estimates are drawn."""

FARTHEST = 3.0
"""Deviations beyond this are drawn at this value."""


def draw_claims(claims: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw each claim's estimate and interval with the planted value and the region.

    Every row has its own scale: 0 is no effect, and the largest value of the row is drawn at 1 or
    -1, so that claims with different units can be compared. `claims` holds one row per claim:
    `label`, `estimate`, `low`, `high`, `planted`, `region_low`, `region_high` and `verdict`.
    """
    places = axes.from_top(claims)
    columns = ["estimate", "low", "high", "planted", "region_low", "region_high"]
    values = claims[columns].astype(float)
    reach = values.where(np.isfinite(values)).abs().max(axis=1).replace(0, 1)
    scaled = values.div(reach, axis=0)
    low, high = (scaled[f"region_{end}"].clip(-1.15, 1.15) for end in ("low", "high"))
    band = {"height": 0.72, "color": style.REGION, "label": "region of the claim"}
    ax.barh(places, high - low, left=low, **band)
    axes.draw_judged(scaled.assign(verdict=claims["verdict"]), places, ax=ax, width=1.6, s=36)
    tick = {"s": 90, "marker": "|", "color": "black", "linewidth": 2, "label": "planted"}
    ax.scatter(scaled["planted"], places, **tick)
    axes.mark_zero(ax)
    axes.name_rows(ax, claims["label"], label="Each row on its own scale; 0 is no effect")
    ax.set(xlim=(-1.15, 1.15), xticks=[-1, 0, 1])
    axes.key_above(ax, 5, middle=0.3)
    return ax


def draw_recovery(recovery: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw estimates against estimands.

    `recovery` holds one row per feature: `planted` and `estimate` on one scale, `q_value`, and
    `active` (an effect was planted on the feature).
    """
    found, active = recovery["q_value"] <= 0.05, recovery["active"]
    kinds = {
        "rightly not called": (~active & ~found, style.QUIET, "."),
        "invented": (~active & found, style.PURPLE, "X"),
        "missed": (active & ~found, style.AMBER, "o"),
        "found": (active & found, style.FOREST, "D"),
    }
    axes.draw_kinds(recovery, "planted", "estimate", kinds, ax=ax, s=26, alpha=0.8, linewidth=0.5)
    axes.equalise(ax, 1.08 * recovery[["planted", "estimate"]].abs().max().max())
    ax.set(xlabel="Planted", ylabel="Found")
    handles, labels = ax.get_legend_handles_labels()
    ax.legend(handles[::-1], labels[::-1], loc="upper left", fontsize=8)
    return ax


def draw_scores(scores: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw the error rates and power of each method as shares.

    Every column of `scores` but `method` is a share between 0 and 1, named by what it is.
    """
    names = [name for name in scores.columns if name != "method"]
    places, colours = axes.from_top(scores), colours_for(names)
    for number, name in enumerate(names):
        shifted = places + axes.set_apart(number, len(names), 0.5 / max(len(names) - 1, 1))
        look = {"s": 40, "color": colours[name], "marker": style.MARKERS[number % 7]}
        ax.scatter(100 * scores[name], shifted, label=readable(name), **look)
    ax.set_yticks(places, scores["method"])
    ax.set(xlabel="%", xlim=(-2, 102), ylim=(-0.6, len(scores) - 0.4))
    axes.key_above(ax, len(names), middle=0.4)
    return ax


def draw_scorecard(card: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw the deviation of each figure from the real value, one row per block.

    `card` holds one row per figure: `block`, `value`, `real_value`, `tolerance`, `origin` ("fed" or
    "emergent") and `passes`.
    """
    blocks = list(pd.unique(card["block"]))
    off = ((card["value"] - card["real_value"]) / card["tolerance"]).clip(-FARTHEST, FARTHEST)
    rows = card.assign(off=off.fillna(0), passes=card["passes"].astype(bool))
    ax.axvspan(-1, 1, color=style.REGION, zorder=0)
    for origin, marker, lift in (("fed", "o", 0.16), ("emergent", "D", -0.16)):
        for passes, colour in ((True, style.FOREST), (False, style.PURPLE)):
            chosen = rows[(rows["origin"] == origin) & (rows["passes"] == passes)]
            places = len(blocks) - 1 - chosen["block"].map(blocks.index) + lift
            face = "white" if origin == "fed" else colour
            label = f"{origin}, {'within' if passes else 'outside'} ({len(chosen)})"
            look = {"marker": marker, "facecolor": face, "edgecolor": colour, "label": label}
            ax.scatter(chosen["off"], places, s=30, linewidth=1.3, **look)
    axes.mark_zero(ax)
    ax.set_yticks(axes.from_top(blocks), blocks)
    ax.set(xlim=(-FARTHEST - 0.2, FARTHEST + 0.2), ylim=(-0.7, len(blocks) - 0.3))
    ax.set(xlabel="This cohort minus the released study, in tolerances")
    axes.key_above(ax, 4, middle=0.4, columnspacing=1)
    return ax


def draw_claim_by_group(runs: pd.DataFrame, groups: list[str], *, ax: Axes) -> Axes:
    """Draw a claim's estimates by group of a sweep, coloured by verdict.

    `runs` holds one row per setting: `group` (one of `groups`), `estimate`, `low`, `high`,
    `verdict`, `region_low`, `region_high` and `planted`, which may be missing. `groups` are in the
    order of the axis; settings that differ in their seed alone share one and stand beside each
    other.
    """
    runs = runs.dropna(subset=["estimate"])
    places = _place(runs, groups)
    _shade(runs, ax)
    planted = runs.groupby("group")["planted"].median().reindex(groups)
    bar = {"s": 260, "marker": "_", "color": "black", "linewidth": 1.6}
    ax.scatter(range(len(groups)), planted, zorder=4, **bar)
    for verdict, colour in style.VERDICT_COLOURS.items():
        chosen = (runs["verdict"] == verdict).to_numpy()
        rows, x = runs[chosen], places[chosen]
        if len(runs) <= MOST_BARS:
            ax.vlines(x, rows["low"], rows["high"], color=colour, linewidth=1.2)
        size = 26 if len(runs) <= MOST_BARS else 9
        ax.scatter(x, rows["estimate"], s=size, color=colour, marker=style.VERDICT_MARKERS[verdict])
    ax.axhline(0, color=style.REFERENCE, linewidth=0.8)
    ax.set_xticks(range(len(groups)), groups)
    ax.set_xlim(-0.6, len(groups) - 0.4)
    if max(map(len, groups), default=0) * len(groups) > 24:
        ax.tick_params(axis="x", labelrotation=40)
        for label in ax.get_xticklabels():
            label.set_horizontalalignment("right")
    ax.grid(axis="x", visible=False)
    return ax


def _place(runs: pd.DataFrame, groups: list[str]) -> np.ndarray:
    """Return positions of runs: spread over two thirds of their group's width."""
    member = runs.groupby("group").cumcount()
    size = runs.groupby("group")["group"].transform("size")
    spread = np.where(size > 1, (member + 0.5) / size - 0.5, 0.0)
    return runs["group"].map(groups.index).to_numpy(float) + 0.66 * spread


def _shade(runs: pd.DataFrame, ax: Axes) -> None:
    """Shade the region in which the claim is true, within the range of estimates."""
    shown = runs[["low", "high"]] if len(runs) <= MOST_BARS else runs[["estimate"]]
    values = pd.concat([shown.stack(), runs["planted"].dropna(), pd.Series([0.0])]).astype(float)
    pad = 0.08 * (values.max() - values.min() or 1.0)
    bottom, top = values.min() - pad, values.max() + pad
    low, high = (float(runs[name].iloc[0]) for name in ("region_low", "region_high"))
    ax.axhspan(max(low, bottom), max(min(high, top), bottom), color=style.REGION, zorder=0)
    for edge in (low, high):
        if bottom < edge < top and edge != 0:
            ax.axhline(edge, color=style.QUIET, linewidth=0.8, linestyle=":")
    ax.set_ylim(bottom, top)
