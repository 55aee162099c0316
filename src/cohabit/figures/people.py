"""Figures of who was recruited: pairs, counts, what partners share."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from cohabit.figures.style import (
    GROUP_COLOURS,
    REFERENCE,
    SITE_COLOURS,
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
    styles = {"woman and man": ("o", "#0072B2", 0.45), "same sex": ("D", "#D55E00", 0.9)}
    for label, (marker, colour, alpha) in styles.items():
        chosen = pairs[labels == label]
        ax.scatter(
            chosen["control"],
            chosen["MS"],
            s=16,
            marker=marker,
            color=colour,
            alpha=alpha,
            linewidth=0,
            label=f"{label} ({len(chosen)})",
        )
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
    import seaborn as sns

    shares = counts.div(counts.sum(axis=1), axis=0)
    sns.heatmap(
        shares,
        annot=counts,
        fmt="d",
        cmap="Blues",
        vmin=0,
        vmax=max(0.5, float(shares.max().max())),
        linewidths=1.5,
        linecolor="white",
        cbar_kws={"label": "share of the row", "shrink": 0.85},
        annot_kws={"size": 9},
        ax=ax,
    )
    ax.set_xticklabels([readable(name) for name in counts.columns], rotation=35, ha="right")
    ax.set_yticklabels([readable(name) for name in counts.index], rotation=0)
    ax.set(xlabel="", ylabel="")
    ax.grid(False)
    return ax


def draw_correlations(correlations: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw a square table of correlations; blue is negative, red positive.

    Parameters
    ----------
    correlations : DataFrame
        Symmetric, same names in rows and columns.
    """
    import seaborn as sns

    if correlations.empty:
        return say_absent(ax)
    sns.heatmap(
        correlations,
        annot=True,
        fmt=".2f",
        cmap="RdBu_r",
        vmin=-1,
        vmax=1,
        linewidths=1.5,
        linecolor="white",
        cbar_kws={"label": "correlation", "shrink": 0.85},
        ax=ax,
    )
    names = [readable(name) for name in correlations]
    ax.set_xticklabels(names, rotation=0)
    ax.set_yticklabels(names, rotation=0)
    ax.grid(False)
    return ax


def draw_shared(shared: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw how alike partners are, one row a trait, with its 95% interval.

    Parameters
    ----------
    shared : DataFrame
        Columns `trait`, `estimate`, `low`, `high` (correlation within pairs), and
        `published` (NaN where no figure is known).
    """
    places = np.arange(len(shared))[::-1]
    error = [shared["estimate"] - shared["low"], shared["high"] - shared["estimate"]]
    ax.errorbar(
        shared["estimate"], places, xerr=error, fmt="o", color=GROUP_COLOURS["control"], capsize=2
    )
    if shared["published"].notna().any():
        ax.scatter(
            shared["published"],
            places,
            marker="|",
            s=220,
            linewidth=2,
            color=REFERENCE,
            label="released study",
            zorder=3,
        )
        ax.legend(loc="lower right")
    ax.axvline(0, color=REFERENCE, linewidth=1)
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
    import seaborn as sns

    order = [site for site in SITE_COLOURS if site in set(depth["site"])]
    order += sorted(set(depth["site"]) - set(order))
    sns.violinplot(
        data=depth,
        x="depth",
        y="site",
        order=order,
        hue="site",
        hue_order=order,
        palette=colours_for(order),
        saturation=0.9,
        log_scale=True,
        inner="quart",
        cut=0,
        density_norm="width",
        linewidth=0.9,
        legend=False,
        ax=ax,
    )
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
