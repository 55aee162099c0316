"""Figures of who was recruited: pairs, counts, what partners share."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from cohabit.figures.axes import draw_kinds, draw_violins, from_top, mark_zero, order_sites
from cohabit.figures.style import (
    BLUE,
    GROUP_COLOURS,
    ORANGE,
    REFERENCE,
    colours_for,
    readable,
    say_absent,
)


def draw_pairs(pairs: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw each household's patient against the control, one point a household.

    Parameters
    ----------
    pairs : DataFrame, one row a household
        Columns `MS` and `control` (same unit, named by ``pairs.columns.name``) and
        `opposite_sex` (bool).
    ax : matplotlib Axes
    """
    unit = pairs.columns.name or "value"
    labels = np.where(pairs["opposite_sex"], "woman and man", "same sex")
    kinds = {"woman and man": ("o", BLUE, 0.45), "same sex": ("D", ORANGE, 0.9)}
    for label, (marker, colour, alpha) in kinds.items():
        kind = {label: (labels == label, colour, marker)}
        draw_kinds(pairs, "control", "MS", kind, ax=ax, s=16, alpha=alpha, linewidth=0)
    both = pairs[["MS", "control"]]
    limits = both.min().min() - 2, both.max().max() + 2
    ax.plot(limits, limits, color=REFERENCE, linewidth=1, linestyle="--", zorder=1)
    ax.set(xlim=limits, ylim=limits, aspect="equal")
    ax.set(xlabel=f"Control: {unit}", ylabel=f"Patient: {unit}")
    ax.legend(loc="lower right", title="Pair")
    return ax


def draw_counts(counts: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw a table of counts; colour is the share of its row, the number is the count.

    Parameters
    ----------
    counts : DataFrame of int
        Rows and columns are labelled levels; a row's colours add up to 1.
    """
    shares = counts.div(counts.sum(axis=1), axis=0)
    numbers = {"annot": counts, "fmt": "d", "annot_kws": {"size": 9}}
    top = max(0.5, float(shares.max().max()))
    _draw_table(shares, "share of the row", ax=ax, cmap="Blues", vmin=0, vmax=top, **numbers)
    ax.set_xticklabels([readable(name) for name in counts.columns], rotation=35, ha="right")
    ax.set_yticklabels([readable(name) for name in counts.index], rotation=0)
    ax.set(xlabel="", ylabel="")
    return ax


def draw_correlations(correlations: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw a square table of correlations; blue is negative, red positive.

    Parameters
    ----------
    correlations : DataFrame
        Symmetric, same names in rows and columns.
    """
    if correlations.empty:
        return say_absent(ax)
    numbers = {"annot": True, "fmt": ".2f"}
    _draw_table(correlations, "correlation", ax=ax, cmap="RdBu_r", vmin=-1, vmax=1, **numbers)
    names = [readable(name) for name in correlations]
    ax.set_xticklabels(names, rotation=0)
    ax.set_yticklabels(names, rotation=0)
    return ax


def _draw_table(table: pd.DataFrame, label: str, *, ax: Axes, **style) -> None:
    """Draw a table of numbers as colours; `label` is of the colour bar."""
    import seaborn as sns

    bar = {"label": label, "shrink": 0.85}
    sns.heatmap(table, linewidths=1.5, linecolor="white", cbar_kws=bar, ax=ax, **style)
    ax.grid(False)


def draw_shared(shared: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw how alike partners are, one row a trait, with its 95% interval.

    Parameters
    ----------
    shared : DataFrame
        Columns `trait`, `estimate`, `low`, `high` (correlation within pairs), and
        `published` (NaN where no figure is known).
    """
    places = from_top(shared)
    error = [shared["estimate"] - shared["low"], shared["high"] - shared["estimate"]]
    style = {"fmt": "o", "color": GROUP_COLOURS["control"], "capsize": 2}
    ax.errorbar(shared["estimate"], places, xerr=error, **style)
    if shared["published"].notna().any():
        tick = {"marker": "|", "s": 220, "linewidth": 2, "color": REFERENCE}
        ax.scatter(shared["published"], places, label="released study", zorder=3, **tick)
        ax.legend(loc="lower right")
    mark_zero(ax)
    ax.set_yticks(places, [readable(name) for name in shared["trait"]])
    ax.set(xlabel="Correlation between partners", ylim=(-0.6, len(shared) - 0.4))
    return ax


def draw_depth(depth: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw reads a person by site, one violin a site.

    Parameters
    ----------
    depth : DataFrame, one row a person
        Columns `site` and `depth` (reads).
    """
    order = order_sites(depth["site"])
    colours = {"hue": "site", "hue_order": order, "palette": colours_for(order), "legend": False}
    style = {"saturation": 0.9, "log_scale": True, "linewidth": 0.9}
    draw_violins(depth, "depth", ax=ax, **colours, **style)
    ax.set(xlabel="Reads a person", ylabel="")
    _label_reads(ax)
    return ax


def _label_reads(ax: Axes) -> None:
    """Write as many round numbers along a log axis as stand apart, whatever it spans."""
    low, high = ax.get_xlim()
    span = np.log10(high / low)
    steps = (1, 2, 5) if span < 1.6 else (1, 3) if span < 2.6 else (1,)
    ax.xaxis.set_major_locator(LogLocator(subs=steps))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda reads, _: f"{reads:,.0f}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
