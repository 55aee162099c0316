"""Figures of communities: prevalence, diversity, ordination, distances, R², networks."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from cohabit.figures import axes, style
from cohabit.figures.style import colours_for, readable

LEAST_NAMED = 5
"""Smallest number of features in a family whose block is labelled."""

_LEGEND_ROWS = 12


def draw_prevalence(features: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw the prevalence of features against their abundance.

    `features` holds one row per feature: `mean_abundance` (share of reads) and `prevalence` (share
    of people).
    """
    seen = features[features["mean_abundance"] > 0]
    look = {"s": 12, "alpha": 0.45, "color": style.BLUE, "linewidth": 0}
    ax.scatter(seen["mean_abundance"], 100 * seen["prevalence"], **look)
    ax.set(xscale="log", xlabel="Mean relative abundance")
    ax.set(ylabel="People who carry it (%)", ylim=(-3, 103))
    return ax


def draw_ordination(
    points: pd.DataFrame, explained: pd.Series, hue: pd.Series, *, ax: Axes
) -> Axes:
    """Draw two principal coordinates with the mean of each level.

    The first two columns of `points`, people x axes, are drawn. `explained` is the share of the
    variation on each axis, in the order of the columns; `hue` is the level of each person (site,
    country, group), aligned by index.
    """
    levels = axes.order_sites(hue)
    colours, markers = colours_for(levels), style.markers_for(levels)
    first, second = points.columns[:2]
    hue = hue.reindex(points.index)
    for level in levels:
        rows, colour = points[hue == level], colours[level]
        ax.scatter(rows[first], rows[second], s=9, alpha=0.35, color=colour, linewidth=0)
        mark = {"s": 95, "marker": markers[level], "edgecolor": "white"}
        mark |= {"linewidth": 1.2, "label": f"{level} ({len(rows)})", "zorder": 3}
        ax.scatter(rows[first].mean(), rows[second].mean(), color=colour, **mark)
    _name_coordinates(ax, explained)
    columns = 1 + (len(levels) - 1) // _LEGEND_ROWS
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), title="Mean of", ncols=columns)
    return ax


def draw_pairs_ordination(
    points: pd.DataFrame, explained: pd.Series, people: pd.DataFrame, *, ax: Axes
) -> Axes:
    """Draw two principal coordinates by group, with a line between the people of a household.

    `points` and `explained` are as for `draw_ordination`; `people` holds `household_id` and
    `group` of each row of `points`.
    """
    first, second = points.columns[:2]
    people = people.loc[points.index]
    centres = points[[first, second]].groupby(people["household_id"]).transform("mean")
    ends = np.stack([centres.to_numpy(), points[[first, second]].to_numpy()], axis=1)
    ax.add_collection(LineCollection(ends, colors=style.QUIET, linewidths=0.5, alpha=0.6))
    for group, colour in style.GROUP_COLOURS.items():
        rows = points[people["group"] == group]
        if len(rows):
            ax.scatter(rows[first], rows[second], s=12, alpha=0.6, color=colour, linewidth=0)
            mark = {"s": 110, "marker": "D", "edgecolor": "white", "linewidth": 1.2, "zorder": 3}
            label = f"{group} ({len(rows)})"
            ax.scatter(rows[first].mean(), rows[second].mean(), color=colour, label=label, **mark)
    _name_coordinates(ax, explained)
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), title="Mean of")
    return ax


def _name_coordinates(ax: Axes, explained: pd.Series) -> None:
    shares = 100 * np.asarray(explained)[:2]
    ax.set(xlabel=f"First axis ({shares[0]:.1f}%)", ylabel=f"Second axis ({shares[1]:.1f}%)")


def draw_distances(distances: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw mean dissimilarities with 95% intervals, one row per kind of pair.

    `distances` holds `comparison` (kind of pair), `mean`, `low` and `high`.
    """
    places = axes.from_top(distances)
    error = [distances["mean"] - distances["low"], distances["high"] - distances["mean"]]
    look = {"fmt": "o", "color": style.BLUE, "capsize": 3, "markersize": 7}
    ax.errorbar(distances["mean"], places, xerr=error, **look)
    for place, mean in zip(places, distances["mean"], strict=True):
        ax.annotate(f"{mean:.3g}", (mean, place), (0, 8), textcoords="offset points", ha="center")
    ax.set_yticks(places, distances["comparison"])
    ax.set(xlabel="Mean dissimilarity", ylim=(-0.6, len(distances) - 0.3))
    ax.margins(x=0.12)
    return ax


def draw_r2(terms: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw explained variation, one bar per term, with published values as marks.

    `terms` holds `term`, `r2` (share), `published` (NaN where no figure is known) and, optionally,
    `low` and `high`.
    """
    places, r2 = axes.from_top(terms), 100 * terms["r2"]
    ax.barh(places, r2, height=0.6, color=style.SKY, edgecolor="none", label="here")
    if {"low", "high"} <= set(terms):
        error = np.abs(100 * (terms[["low", "high"]].to_numpy().T - terms["r2"].to_numpy()))
        look = {"fmt": "none", "ecolor": style.INK, "elinewidth": 1.2, "capsize": 3}
        ax.errorbar(r2, places, xerr=error, **look)
    mark = {"marker": "D", "s": 38, "facecolor": "white", "edgecolor": style.REFERENCE}
    mark |= {"linewidth": 1.5, "label": "released study", "zorder": 3}
    ax.scatter(100 * terms["published"], places, **mark)
    ax.set_yticks(places, [readable(term) for term in terms["term"]])
    ax.set(xlabel="Variation explained (% of the sum of squares)")
    axes.mark_zero(ax)
    ax.legend(loc="lower right")
    ax.grid(axis="y", visible=False)
    return ax


def draw_by_site(values: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw a measure by site: controls above, patients below in each shape.

    `values` holds one row per person: `site`, `group` and `value`; people without a value are left
    out.
    """
    known = values.dropna().astype({"group": str})
    colours = {"hue_order": list(style.GROUP_COLOURS), "palette": style.GROUP_COLOURS}
    halves = {"hue": "group", "split": True, "gap": 0.1, "linewidth": 0.8}
    axes.draw_violins(known, "value", ax=ax, **colours, **halves)
    ax.set_ylabel("")
    axes.key_above(ax, 2)
    return ax


def draw_partners(points: np.ndarray, site: np.ndarray, *, ax: Axes) -> Axes:
    """Draw people on two axes with partners joined by a line and markers by site.

    `points` is (2 n_pairs, 2): patient, then partner, pair after pair; `site` holds a whole number
    for each of them.
    """
    ax.add_collection(LineCollection(points.reshape(-1, 2, 2), colors=style.QUIET, linewidths=0.6))
    for code, marker in enumerate(list(style.SITE_MARKERS.values())[: site.max() + 1]):
        for start, group in enumerate(("MS", "control")):
            rows = np.flatnonzero(site[start::2] == code) * 2 + start
            label = group if code == 0 else None
            look = {"s": 22, "marker": marker, "alpha": 0.8, "linewidth": 0, "zorder": 3}
            ax.scatter(*points[rows].T, color=style.GROUP_COLOURS[group], label=label, **look)
    ax.set(xlabel="First axis", ylabel="Second axis", xticks=[], yticks=[])
    axes.key_above(ax, 2)
    return ax


def draw_closeness(distances: Mapping[str, float], *, ax: Axes) -> Axes:
    """Draw mean distances by kind of pair, with each one's percentage of the largest."""
    places = axes.from_top(distances)
    values = np.array(list(distances.values()))
    ax.barh(places, values, height=0.55, color=style.SKY, edgecolor="none")
    for place, value in zip(places, values, strict=True):
        ax.text(value / 2, place, f"{value:.1f}", ha="center", va="center")
    ax.set_yticks(places, distances)
    ax.set(xlabel="Mean Aitchison distance")
    ax.grid(axis="y", visible=False)
    return ax


def draw_permuted(permuted: np.ndarray | None, observed: float, *, ax: Axes, title: str) -> Axes:
    """Draw permuted values of R², None if the scheme has no permutations, and the observed one."""
    ax.axvline(100 * observed, color=style.ORANGE, linewidth=2.2, label="observed")
    if permuted is None:
        look = {"ha": "center", "va": "center", "transform": ax.transAxes, "zorder": 4}
        look["bbox"] = {"facecolor": "white", "edgecolor": "none"}
        ax.text(0.5, 0.5, "nothing moves:\nno test", **look)
        ax.set_yticks([])
    else:
        look = {"color": style.QUIET, "edgecolor": "white", "label": "permuted"}
        ax.hist(100 * permuted, bins=24, **look)
        rare = 100 * np.quantile(permuted, 0.95)
        ax.axvline(rare, color=style.REFERENCE, linestyle="--", label="95%")
    ax.set(title=title, xlabel="R² (%)")
    return ax


def draw_two_networks(
    upper: pd.DataFrame,
    lower: pd.DataFrame,
    families: pd.Series,
    *,
    ax: Axes,
    names: tuple[str, str],
    threshold: float = 0.4,
) -> Axes:
    """Draw the correlations of two networks in one square, features ordered by family.

    `upper` and `lower`, features x features, stand above and below the diagonal; features without
    an absolute correlation of `threshold` in either are left out. `families` maps feature to
    family: those of at least 5 features are named, the others go to the end.
    """
    lower = lower.loc[upper.index, upper.columns]
    strength = np.maximum(upper.abs(), lower.abs()) - 2 * np.eye(len(upper))
    family = families.loc[upper.columns[(strength >= threshold).any()]]
    sizes = family[family != "unclassified"].value_counts()
    sizes = sizes[sizes >= LEAST_NAMED]
    rank = family.map({name: place for place, name in enumerate(sizes.index)})
    order = rank.sort_values(kind="stable").index
    square = np.triu(upper.loc[order, order], 1) + np.tril(lower.loc[order, order], -1)
    image = ax.imshow(square, cmap="RdBu_r", vmin=-0.8, vmax=0.8, interpolation="nearest")
    ax.figure.colorbar(image, ax=ax, shrink=0.6, label="correlation")
    _frame_families(sizes, ax)
    ax.set_title(f"Above: {names[0]}\nBelow: {names[1]}", fontsize=9, fontweight="normal")
    return ax


def _frame_families(sizes: pd.Series, ax: Axes) -> None:
    """Frame and label the blocks of the families along the diagonal."""
    ends = np.concatenate([[0], sizes.cumsum()]) - 0.5
    for low, high in zip(ends[:-1], ends[1:], strict=True):
        across, up = [low, high, high, low, low], [low, low, high, high, low]
        ax.plot(across, up, color=style.INK, linewidth=0.7)
    ax.set_yticks((ends[:-1] + ends[1:]) / 2, list(sizes.index))
    ax.tick_params(axis="y", labelsize=7)
    ax.set_xticks([])
    ax.grid(False)


def draw_swaps(differences: pd.DataFrame, *, ax: Axes, label: str) -> Axes:
    """Draw observed differences of two networks over their permutation distribution.

    `differences` holds `comparison`, `difference`, `null_mean`, `null_low`, `null_high` and
    `p_value`; `label` says what differs, with its unit.
    """
    places = axes.from_top(differences)
    ends = differences["null_low"], differences["null_high"]
    ax.hlines(places, *ends, color=style.BAR, linewidth=9, label="labels swapped (95%)", zorder=1)
    look = {"s": 110, "marker": "|", "color": style.REFERENCE, "linewidth": 1.4, "zorder": 2}
    ax.scatter(differences["null_mean"], places, label="their mean", **look)
    far = (differences["p_value"] <= 0.05).to_numpy()
    look = {"s": 46, "marker": "D", "zorder": 3, "edgecolor": style.UP, "linewidth": 1.4}
    colours = np.where(far, style.UP, "white")
    ax.scatter(differences["difference"], places, color=colours, label="observed", **look)
    ax.axvline(0, color=style.REFERENCE, linewidth=0.8, zorder=0)
    axes.name_rows(ax, map(readable, differences["comparison"]), margin=0.6, label=label)
    return ax


def draw_edges(
    first: pd.DataFrame,
    second: pd.DataFrame,
    specific: pd.DataFrame,
    *,
    ax: Axes,
    names: tuple[str, str],
    threshold: float = 0.4,
) -> Axes:
    """Draw the correlations of two networks against each other, marking specific edges.

    `first` and `second` are features x features; `specific`, from `networks.specific_edges`, holds
    `first` and `second`. Dotted lines mark `threshold`, the least absolute correlation of an edge.
    """
    corner = np.triu_indices(len(first), 1)
    values = first.to_numpy()[corner], second.loc[first.index, first.columns].to_numpy()[corner]
    ax.hexbin(*values, gridsize=60, extent=(-1, 1, -1, 1), bins="log", cmap="Greys", mincnt=1)
    label = f"edges of one alone ({len(specific)})"
    ax.scatter(specific["first"], specific["second"], s=22, color=style.UP, label=label, zorder=3)
    for end in (-threshold, threshold):
        ax.axhline(end, color=style.QUIET, linewidth=0.8, linestyle=":")
        ax.axvline(end, color=style.QUIET, linewidth=0.8, linestyle=":")
    ax.plot([-1, 1], [-1, 1], color=style.REFERENCE, linewidth=0.8, linestyle="--")
    ax.set(xlim=(-1, 1), ylim=(-1, 1), aspect="equal")
    ax.set(xlabel=f"Correlation, {names[0]}", ylabel=f"Correlation, {names[1]}")
    ax.legend(loc="upper left")
    return ax
