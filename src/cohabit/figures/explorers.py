"""Figures of the explorers: partners on a map, distances, permuted R²."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from cohabit.figures.style import GROUP_COLOURS, QUIET, REFERENCE


def draw_partners(points: np.ndarray, site: np.ndarray, *, ax: Axes) -> Axes:
    """Draw people on two axes, partners joined by a line, sites by their marker.

    Parameters
    ----------
    points : array, shape (2 n_pairs, 2)
        Patient, then partner, pair after pair.
    site : array of int, shape (2 n_pairs,)
    """
    ax.add_collection(LineCollection(points.reshape(-1, 2, 2), colors=QUIET, linewidths=0.6))
    for code, marker in enumerate("os^DvPX"[: site.max() + 1]):
        for start, group in enumerate(("MS", "control")):
            rows = np.flatnonzero(site[start::2] == code) * 2 + start
            label = group if code == 0 else None
            style = {"s": 22, "marker": marker, "alpha": 0.8, "linewidth": 0, "zorder": 3}
            ax.scatter(*points[rows].T, color=GROUP_COLOURS[group], label=label, **style)
    ax.set(xlabel="First axis", ylabel="Second axis", xticks=[], yticks=[])
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    return ax


def draw_closeness(distances: Mapping[str, float], *, ax: Axes) -> Axes:
    """Draw mean distances between kinds of people, with the share of the largest beside each."""
    places = np.arange(len(distances))[::-1]
    values = np.array(list(distances.values()))
    ax.barh(places, values, height=0.55, color="#56B4E9", edgecolor="none")
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
    ax.axvline(100 * observed, color="#D55E00", linewidth=2.2, label="observed")
    if permuted is None:
        style = {"ha": "center", "va": "center", "transform": ax.transAxes, "zorder": 4}
        style["bbox"] = {"facecolor": "white", "edgecolor": "none"}
        ax.text(0.5, 0.5, "nothing moves:\nno test", **style)
        ax.set_yticks([])
    else:
        style = {"color": "#9CA3AF", "edgecolor": "white", "label": "permuted"}
        ax.hist(100 * permuted, bins=24, **style)
        ax.axvline(100 * np.quantile(permuted, 0.95), color=REFERENCE, linestyle="--", label="95%")
    ax.set(title=title, xlabel="R² (%)")
    return ax
