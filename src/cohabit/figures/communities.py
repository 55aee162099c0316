"""Figures of whole communities: prevalence, ordination, distances, explained variation."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cohabit.figures.style import INK, REFERENCE, SITE_MARKERS, colours_for, readable


def draw_prevalence(features: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw how many people carry a feature against how abundant it is.

    Parameters
    ----------
    features : DataFrame, one row a feature
        Columns `mean_abundance` (share of reads) and `prevalence` (share of people).
    """
    seen = features[features["mean_abundance"] > 0]
    ax.scatter(
        seen["mean_abundance"],
        100 * seen["prevalence"],
        s=12,
        alpha=0.45,
        color="#0072B2",
        linewidth=0,
    )
    ax.set_xscale("log")
    ax.set(xlabel="Mean relative abundance", ylabel="People who carry it (%)", ylim=(-3, 103))
    return ax


def draw_ordination(
    points: pd.DataFrame, explained: pd.Series, hue: pd.Series, *, ax: Axes
) -> Axes:
    """Draw two principal coordinates, with each level's mean on top.

    Parameters
    ----------
    points : DataFrame, people x axes
        The first two columns are drawn.
    explained : Series
        Share of the variation on each axis, in the order of the columns.
    hue : Series
        Level of each person (site, country, group); aligned by index.
    """
    levels = _in_house_order(hue)
    colours = colours_for(levels)
    first, second = points.columns[:2]
    hue = hue.reindex(points.index)
    for level in levels:
        chosen = points[hue == level]
        marker = SITE_MARKERS.get(level, "o")
        ax.scatter(
            chosen[first], chosen[second], s=9, alpha=0.35, color=colours[level], linewidth=0
        )
        ax.scatter(
            chosen[first].mean(),
            chosen[second].mean(),
            s=95,
            marker=marker,
            color=colours[level],
            edgecolor="white",
            linewidth=1.2,
            label=f"{level} ({len(chosen)})",
            zorder=3,
        )
    shares = 100 * np.asarray(explained)[:2]
    ax.set(xlabel=f"First axis ({shares[0]:.1f}%)", ylabel=f"Second axis ({shares[1]:.1f}%)")
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), title="Mean of")
    return ax


def draw_distances(distances: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw mean dissimilarities with 95% intervals, one row a kind of pair.

    Parameters
    ----------
    distances : DataFrame
        Columns `comparison` (kind of pair), `mean`, `low`, `high`.
    """
    places = np.arange(len(distances))[::-1]
    error = [distances["mean"] - distances["low"], distances["high"] - distances["mean"]]
    ax.errorbar(
        distances["mean"], places, xerr=error, fmt="o", color="#0072B2", capsize=3, markersize=7
    )
    for place, mean in zip(places, distances["mean"], strict=True):
        ax.annotate(f"{mean:.3g}", (mean, place), (0, 8), textcoords="offset points", ha="center")
    ax.set_yticks(places, distances["comparison"])
    ax.set(xlabel="Mean dissimilarity", ylim=(-0.6, len(distances) - 0.3))
    ax.margins(x=0.12)
    return ax


def draw_r2(terms: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw explained variation, one bar a term, with the published value as a mark.

    Parameters
    ----------
    terms : DataFrame
        Columns `term`, `r2` (share, adjusted or not: the axis label says `label`),
        `published` (NaN where no figure is known), optional `low`, `high`.
    """
    places = np.arange(len(terms))[::-1]
    ax.barh(places, 100 * terms["r2"], height=0.6, color="#56B4E9", edgecolor="none", label="here")
    if {"low", "high"} <= set(terms):
        error = np.abs(100 * (terms[["low", "high"]].to_numpy().T - terms["r2"].to_numpy()))
        ax.errorbar(
            100 * terms["r2"], places, xerr=error, fmt="none", ecolor=INK, elinewidth=1.2, capsize=3
        )
    ax.scatter(
        100 * terms["published"],
        places,
        marker="D",
        s=38,
        facecolor="white",
        edgecolor=REFERENCE,
        linewidth=1.5,
        label="released study",
        zorder=3,
    )
    ax.set_yticks(places, [readable(term) for term in terms["term"]])
    ax.set(xlabel="Variation explained (% of the sum of squares)")
    ax.axvline(0, color=REFERENCE, linewidth=1)
    ax.legend(loc="lower right")
    ax.grid(axis="y", visible=False)
    return ax


def _in_house_order(hue: pd.Series) -> list[str]:
    """Return the levels present: sites as the palette lists them, others by name."""
    present = set(hue.dropna())
    sites = [site for site in SITE_MARKERS if site in present]
    return [*sites, *sorted(present - set(sites))]
