"""Figures of whole communities: prevalence, diversity, maps, distances, explained variation."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from cohabit.figures.axes import draw_violins, from_top, key_above, mark_zero, order_sites
from cohabit.figures.style import (
    BLUE,
    GROUP_COLOURS,
    INK,
    ORANGE,
    QUIET,
    REFERENCE,
    SITE_MARKERS,
    SKY,
    colours_for,
    readable,
)


def draw_prevalence(features: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw how many people carry a feature against how abundant it is.

    Parameters
    ----------
    features : DataFrame, one row a feature
        Columns `mean_abundance` (share of reads) and `prevalence` (share of people).
    """
    seen = features[features["mean_abundance"] > 0]
    style = {"s": 12, "alpha": 0.45, "color": BLUE, "linewidth": 0}
    ax.scatter(seen["mean_abundance"], 100 * seen["prevalence"], **style)
    ax.set(xscale="log", xlabel="Mean relative abundance")
    ax.set(ylabel="People who carry it (%)", ylim=(-3, 103))
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
    levels = order_sites(hue)
    colours = colours_for(levels)
    first, second = points.columns[:2]
    hue = hue.reindex(points.index)
    for level in levels:
        rows, colour = points[hue == level], colours[level]
        ax.scatter(rows[first], rows[second], s=9, alpha=0.35, color=colour, linewidth=0)
        mark = {"s": 95, "marker": SITE_MARKERS.get(level, "o"), "edgecolor": "white"}
        mark |= {"linewidth": 1.2, "label": f"{level} ({len(rows)})", "zorder": 3}
        ax.scatter(rows[first].mean(), rows[second].mean(), color=colour, **mark)
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
    places = from_top(distances)
    error = [distances["mean"] - distances["low"], distances["high"] - distances["mean"]]
    style = {"fmt": "o", "color": BLUE, "capsize": 3, "markersize": 7}
    ax.errorbar(distances["mean"], places, xerr=error, **style)
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
    places, r2 = from_top(terms), 100 * terms["r2"]
    ax.barh(places, r2, height=0.6, color=SKY, edgecolor="none", label="here")
    if {"low", "high"} <= set(terms):
        error = np.abs(100 * (terms[["low", "high"]].to_numpy().T - terms["r2"].to_numpy()))
        style = {"fmt": "none", "ecolor": INK, "elinewidth": 1.2, "capsize": 3}
        ax.errorbar(r2, places, xerr=error, **style)
    mark = {"marker": "D", "s": 38, "facecolor": "white", "edgecolor": REFERENCE}
    mark |= {"linewidth": 1.5, "label": "released study", "zorder": 3}
    ax.scatter(100 * terms["published"], places, **mark)
    ax.set_yticks(places, [readable(term) for term in terms["term"]])
    ax.set(xlabel="Variation explained (% of the sum of squares)")
    mark_zero(ax)
    ax.legend(loc="lower right")
    ax.grid(axis="y", visible=False)
    return ax


def draw_by_site(values: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw a measure by site: upper half of each shape controls, lower half patients.

    Parameters
    ----------
    values : DataFrame, one row a person
        `site`, `group` and `value`; people without a value are left out.
    """
    known = values.dropna().astype({"group": str})
    halves = {"hue": "group", "hue_order": list(GROUP_COLOURS), "palette": GROUP_COLOURS}
    halves |= {"split": True, "gap": 0.1, "linewidth": 0.8}
    draw_violins(known, "value", ax=ax, **halves)
    ax.set_ylabel("")
    key_above(ax, 2)
    return ax


def draw_partners(points: np.ndarray, site: np.ndarray, *, ax: Axes) -> Axes:
    """Draw people on two axes, partners joined by a line, sites by their marker.

    Parameters
    ----------
    points : array, shape (2 n_pairs, 2)
        Patient, then partner, pair after pair.
    site : array of int, shape (2 n_pairs,)
    """
    ax.add_collection(LineCollection(points.reshape(-1, 2, 2), colors=QUIET, linewidths=0.6))
    for code, marker in enumerate(list(SITE_MARKERS.values())[: site.max() + 1]):
        for start, group in enumerate(("MS", "control")):
            rows = np.flatnonzero(site[start::2] == code) * 2 + start
            label = group if code == 0 else None
            style = {"s": 22, "marker": marker, "alpha": 0.8, "linewidth": 0, "zorder": 3}
            ax.scatter(*points[rows].T, color=GROUP_COLOURS[group], label=label, **style)
    ax.set(xlabel="First axis", ylabel="Second axis", xticks=[], yticks=[])
    key_above(ax, 2)
    return ax


def draw_closeness(distances: Mapping[str, float], *, ax: Axes) -> Axes:
    """Draw mean distances between kinds of people, with the share of the largest beside each."""
    places = from_top(distances)
    values = np.array(list(distances.values()))
    ax.barh(places, values, height=0.55, color=SKY, edgecolor="none")
    for place, value in zip(places, values, strict=True):
        ax.text(value / 2, place, f"{value:.1f}", ha="center", va="center")
    ax.set_yticks(places, distances)
    ax.set(xlabel="Mean Aitchison distance")
    ax.grid(axis="y", visible=False)
    return ax


def draw_permuted(permuted: np.ndarray | None, observed: float, *, ax: Axes, title: str) -> Axes:
    """Draw permuted values of R² and the observed one.

    Parameters
    ----------
    permuted : array or None
        None where the scheme moves nothing: there is no distribution.
    observed : float
    title : str
    """
    ax.axvline(100 * observed, color=ORANGE, linewidth=2.2, label="observed")
    if permuted is None:
        style = {"ha": "center", "va": "center", "transform": ax.transAxes, "zorder": 4}
        style["bbox"] = {"facecolor": "white", "edgecolor": "none"}
        ax.text(0.5, 0.5, "nothing moves:\nno test", **style)
        ax.set_yticks([])
    else:
        style = {"color": QUIET, "edgecolor": "white", "label": "permuted"}
        ax.hist(100 * permuted, bins=24, **style)
        ax.axvline(100 * np.quantile(permuted, 0.95), color=REFERENCE, linestyle="--", label="95%")
    ax.set(title=title, xlabel="R² (%)")
    return ax
