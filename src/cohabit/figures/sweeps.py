"""Figures of a sweep: one claim over all settings."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cohabit.figures.style import QUIET, REFERENCE, VERDICT_COLOURS, VERDICT_MARKERS

REGION = "#DBEAFE"
MOST_BARS = 60
"""More intervals than this hide each other; then estimates are drawn alone."""


def draw_claim_by_group(runs: pd.DataFrame, groups: list[str], *, ax: Axes) -> Axes:
    """Draw one claim's estimates over the groups of a sweep, coloured by verdict.

    Parameters
    ----------
    runs : DataFrame, one row a setting
        Columns `group` (one of `groups`), `estimate`, `low`, `high`, `verdict`, `region_low`,
        `region_high` and `planted`, which may be missing.
    groups : list of str
        In the order of the axis; settings that differ in their seed alone share a group and
        stand beside each other.
    """
    runs = runs.dropna(subset=["estimate"])
    places = _place(runs, groups)
    _shade(runs, ax)
    planted = runs.groupby("group")["planted"].median().reindex(groups)
    ax.scatter(
        range(len(groups)), planted, s=260, marker="_", color="black", linewidth=1.6, zorder=4
    )
    for verdict, colour in VERDICT_COLOURS.items():
        chosen = (runs["verdict"] == verdict).to_numpy()
        rows, x = runs[chosen], places[chosen]
        if len(runs) <= MOST_BARS:
            ax.vlines(x, rows["low"], rows["high"], color=colour, linewidth=1.2)
        size = 26 if len(runs) <= MOST_BARS else 9
        ax.scatter(x, rows["estimate"], s=size, color=colour, marker=VERDICT_MARKERS[verdict])
    ax.axhline(0, color=REFERENCE, linewidth=0.8)
    ax.set_xticks(range(len(groups)), groups)
    ax.set_xlim(-0.6, len(groups) - 0.4)
    if max(map(len, groups), default=0) * len(groups) > 24:
        ax.tick_params(axis="x", labelrotation=40)
        for label in ax.get_xticklabels():
            label.set_horizontalalignment("right")
    ax.grid(axis="x", visible=False)
    return ax


def _place(runs: pd.DataFrame, groups: list[str]) -> np.ndarray:
    """Return where each run stands: its group's place, members spread over two thirds of it."""
    member = runs.groupby("group").cumcount()
    size = runs.groupby("group")["group"].transform("size")
    spread = np.where(size > 1, (member + 0.5) / size - 0.5, 0.0)
    return runs["group"].map(groups.index).to_numpy(float) + 0.66 * spread


def _shade(runs: pd.DataFrame, ax: Axes) -> None:
    """Shade where the claim is true, as far as the estimates reach."""
    shown = runs[["low", "high"]] if len(runs) <= MOST_BARS else runs[["estimate"]]
    values = pd.concat([shown.stack(), runs["planted"].dropna(), pd.Series([0.0])]).astype(float)
    pad = 0.08 * (values.max() - values.min() or 1.0)
    bottom, top = values.min() - pad, values.max() + pad
    low, high = (float(runs[name].iloc[0]) for name in ("region_low", "region_high"))
    ax.axhspan(max(low, bottom), max(min(high, top), bottom), color=REGION, zorder=0)
    for edge in (low, high):
        if bottom < edge < top and edge != 0:
            ax.axhline(edge, color=QUIET, linewidth=0.8, linestyle=":")
    ax.set_ylim(bottom, top)
