"""Figures of the last notebook: what was planted, what was found, and the verdicts."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cohabit.figures.style import (
    QUIET,
    REFERENCE,
    VERDICT_COLOURS,
    VERDICT_MARKERS,
    colours_for,
    readable,
)


def draw_verdicts(claims: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw how many claims of each notebook got which verdict.

    Parameters
    ----------
    claims : DataFrame, one row a claim
        Columns `notebook` and `verdict`.
    """
    counts = claims.groupby(["notebook", "verdict"], observed=True).size().unstack(fill_value=0)
    counts = counts.reindex(columns=list(VERDICT_COLOURS), fill_value=0).iloc[::-1]
    left = np.zeros(len(counts))
    for verdict, colour in VERDICT_COLOURS.items():
        bars = ax.barh(range(len(counts)), counts[verdict], left=left, color=colour, label=verdict)
        labels = [str(count) if count else "" for count in counts[verdict]]
        ax.bar_label(bars, labels, label_type="center", color="white", fontweight="bold")
        left += counts[verdict].to_numpy()
    ax.set_yticks(range(len(counts)), [str(name) for name in counts.index])
    ax.set(xlabel="Claims", ylabel="Notebook")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
    ax.grid(axis="y", visible=False)
    return ax


def draw_claims(claims: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw each claim's estimate and interval beside what was planted and its region.

    Every row has a scale of its own: 0 is no effect, and the farthest mark of the row
    lies at 1 or -1, so that claims of different units can stand under each other.

    Parameters
    ----------
    claims : DataFrame, one row a claim
        Columns `label`, `estimate`, `low`, `high`, `planted`, `region_low`, `region_high`,
        `verdict`.
    """
    places = np.arange(len(claims))[::-1]
    columns = ["estimate", "low", "high", "planted", "region_low", "region_high"]
    values = claims[columns].astype(float)
    reach = values.where(np.isfinite(values)).abs().max(axis=1).replace(0, 1)
    scaled = values.div(reach, axis=0)
    region = scaled[["region_low", "region_high"]].clip(-1.15, 1.15)
    ax.barh(
        places,
        region["region_high"] - region["region_low"],
        left=region["region_low"],
        height=0.72,
        color="#DBEAFE",
        label="region of the claim",
    )
    for verdict, colour in VERDICT_COLOURS.items():
        chosen = (claims["verdict"] == verdict).to_numpy()
        if not chosen.any():
            continue
        rows = scaled[chosen]
        ax.hlines(places[chosen], rows["low"], rows["high"], color=colour, linewidth=1.6)
        marker = VERDICT_MARKERS[verdict]
        ax.scatter(
            rows["estimate"], places[chosen], s=36, color=colour, marker=marker, label=verdict
        )
    ax.scatter(
        scaled["planted"], places, s=90, marker="|", color="black", linewidth=2, label="planted"
    )
    ax.axvline(0, color=REFERENCE, linewidth=1)
    ax.set_yticks(places, claims["label"])
    ax.set(xlim=(-1.15, 1.15), ylim=(-0.7, len(claims) - 0.3), xticks=[-1, 0, 1])
    ax.set(xlabel="Each row on its own scale; 0 is no effect")
    ax.legend(loc="lower center", bbox_to_anchor=(0.3, 1.0), ncols=5)
    ax.grid(axis="y", visible=False)
    return ax


def draw_recovery(recovery: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw what was found against what an honest estimator should find.

    Parameters
    ----------
    recovery : DataFrame, one row a feature
        Columns `planted` and `estimate` on one scale, `q_value`, `active` (an effect was
        planted on the feature).
    """
    found = recovery["q_value"] <= 0.05
    groups = {
        "found": (recovery["active"] & found, "#117733", "D"),
        "missed": (recovery["active"] & ~found, "#E69F00", "o"),
        "invented": (~recovery["active"] & found, "#AA4499", "X"),
        "rightly not called": (~recovery["active"] & ~found, QUIET, "."),
    }
    for label, (chosen, colour, marker) in reversed(groups.items()):
        rows = recovery[chosen]
        ax.scatter(
            rows["planted"],
            rows["estimate"],
            s=26,
            alpha=0.8,
            color=colour,
            marker=marker,
            linewidth=0.5,
            label=f"{label} ({len(rows)})",
        )
    reach = 1.08 * recovery[["planted", "estimate"]].abs().max().max()
    ax.plot([-reach, reach], [-reach, reach], color=REFERENCE, linewidth=1, linestyle="--")
    ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    ax.set(xlabel="Planted", ylabel="Found")
    handles, labels = ax.get_legend_handles_labels()
    ax.legend(handles[::-1], labels[::-1], loc="upper left", fontsize=8)
    return ax


def draw_scores(scores: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw what each method does, as shares, one row a method.

    Parameters
    ----------
    scores : DataFrame
        Column `method`; every other column is a share between 0 and 1, named by what it is.
    """
    names = [name for name in scores.columns if name != "method"]
    places = np.arange(len(scores))[::-1]
    colours = colours_for(names)
    for number, name in enumerate(names):
        shift = 0.5 * ((len(names) - 1) / 2 - number) / max(len(names) - 1, 1)
        marker = "osD^vPX"[number % 7]
        ax.scatter(
            100 * scores[name],
            places + shift,
            s=40,
            color=colours[name],
            marker=marker,
            label=readable(name),
        )
    ax.set_yticks(places, scores["method"])
    ax.set(xlabel="%", xlim=(-2, 102), ylim=(-0.6, len(scores) - 0.4))
    ax.legend(loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=len(names))
    return ax
