"""Figures of networks: two in one square, differences under swapped labels, edges of one alone."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cohabit.figures.axes import from_top, name_rows
from cohabit.figures.style import BAR, INK, QUIET, REFERENCE, UP, readable

_LEAST_NAMED = 5


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

    Parameters
    ----------
    upper, lower : DataFrame, features x features
        Above and below the diagonal.
    families : Series
        Feature -> family. Those of at least 5 features are named, the others go to the end.
    names : tuple of str
        Of the upper and of the lower network.
    threshold : float
        Features without an absolute correlation of this in either network are left out.
    """
    lower = lower.loc[upper.index, upper.columns]
    strength = np.maximum(upper.abs(), lower.abs()) - 2 * np.eye(len(upper))
    family = families.loc[upper.columns[(strength >= threshold).any()]]
    sizes = family[family != "unclassified"].value_counts()
    sizes = sizes[sizes >= _LEAST_NAMED]
    rank = family.map({name: place for place, name in enumerate(sizes.index)})
    order = rank.sort_values(kind="stable").index
    square = np.triu(upper.loc[order, order], 1) + np.tril(lower.loc[order, order], -1)
    image = ax.imshow(square, cmap="RdBu_r", vmin=-0.8, vmax=0.8, interpolation="nearest")
    ax.figure.colorbar(image, ax=ax, shrink=0.6, label="correlation")
    _frame_families(sizes, ax)
    ax.set_title(f"Above: {names[0]}\nBelow: {names[1]}", fontsize=9, fontweight="normal")
    return ax


def _frame_families(sizes: pd.Series, ax: Axes) -> None:
    """Frame and name the blocks of the families along the diagonal."""
    ends = np.concatenate([[0], sizes.cumsum()]) - 0.5
    for low, high in zip(ends[:-1], ends[1:], strict=True):
        ax.plot([low, high, high, low, low], [low, low, high, high, low], color=INK, linewidth=0.7)
    ax.set_yticks((ends[:-1] + ends[1:]) / 2, list(sizes.index))
    ax.tick_params(axis="y", labelsize=7)
    ax.set_xticks([])
    ax.grid(False)


def draw_swaps(differences: pd.DataFrame, *, ax: Axes, label: str) -> Axes:
    """Draw an observed difference of two networks over what swapped labels give, one row each.

    Parameters
    ----------
    differences : DataFrame
        Columns `comparison`, `difference`, `null_mean`, `null_low`, `null_high`, `p_value`.
    label : str
        What differs, with its unit.
    """
    places = from_top(differences)
    ends = differences["null_low"], differences["null_high"]
    ax.hlines(places, *ends, color=BAR, linewidth=9, label="labels swapped (95%)", zorder=1)
    style = {"s": 110, "marker": "|", "color": REFERENCE, "linewidth": 1.4, "zorder": 2}
    ax.scatter(differences["null_mean"], places, label="their mean", **style)
    far = (differences["p_value"] <= 0.05).to_numpy()
    style = {"s": 46, "marker": "D", "zorder": 3, "edgecolor": UP, "linewidth": 1.4}
    colours = np.where(far, UP, "white")
    ax.scatter(differences["difference"], places, color=colours, label="observed", **style)
    ax.axvline(0, color=REFERENCE, linewidth=0.8, zorder=0)
    name_rows(ax, map(readable, differences["comparison"]), margin=0.6, label=label)
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
    """Draw every correlation of one network against another's, and the edges of one alone.

    Parameters
    ----------
    first, second : DataFrame, features x features
    specific : DataFrame
        From `networks.specific_edges`: columns `first` and `second`.
    names : tuple of str
        Of the two networks, for the axes.
    threshold : float
        Least absolute correlation of an edge; dotted.
    """
    corner = np.triu_indices(len(first), 1)
    values = first.to_numpy()[corner], second.loc[first.index, first.columns].to_numpy()[corner]
    ax.hexbin(*values, gridsize=60, extent=(-1, 1, -1, 1), bins="log", cmap="Greys", mincnt=1)
    label = f"edges of one alone ({len(specific)})"
    ax.scatter(specific["first"], specific["second"], s=22, color=UP, label=label, zorder=3)
    for end in (-threshold, threshold):
        ax.axhline(end, color=QUIET, linewidth=0.8, linestyle=":")
        ax.axvline(end, color=QUIET, linewidth=0.8, linestyle=":")
    ax.plot([-1, 1], [-1, 1], color=REFERENCE, linewidth=0.8, linestyle="--")
    ax.set(xlim=(-1, 1), ylim=(-1, 1), aspect="equal")
    ax.set(xlabel=f"Correlation, {names[0]}", ylabel=f"Correlation, {names[1]}")
    ax.legend(loc="upper left")
    return ax
