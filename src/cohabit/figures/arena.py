"""Figures of the arena: ways by generator and dial, and calibration of verdicts."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cohabit.figures import axes, style

GENERATORS = {
    "simulated": (style.BLUE, "o"),
    "heavy tails": (style.ORANGE, "D"),
    "spike-in": (style.GREEN, "s"),
}
"""Generator -> colour and marker."""

WIDE = 1.96
"""Standard errors on each side of a 95% interval."""


def draw_ways(
    table: pd.DataFrame,
    value: str,
    *,
    ax: Axes,
    label: str,
    reference: float | None = None,
    share: bool = True,
) -> Axes:
    """Draw one value of every way by generator, with 95% Monte Carlo intervals.

    Parameters
    ----------
    table : DataFrame, one row per way and generator
        Columns `way`, `generator`, `value` and its standard error (``_error``); ways
        are drawn from the top in the order of the table.
    value : str
        Column to draw.
    ax : Axes
    label : str
        Of the axis.
    reference : float, optional
        A line to compare with.
    share : bool
        Whether it is a share, whose interval ends at 0 and 1.
    """
    ways = list(dict.fromkeys(table["way"]))
    known = [name for name in GENERATORS if name in set(table["generator"])]
    for number, name in enumerate(known):
        chosen = table[table["generator"] == name]
        places = np.array([len(ways) - 1 - ways.index(way) for way in chosen["way"]])
        places = places + axes.set_apart(number, len(known), 0.24)
        low, high = _find_ends(chosen, value, share)
        colour, marker = GENERATORS[name]
        ax.hlines(places, low, high, color=colour, linewidth=1.3)
        ax.scatter(chosen[value], places, s=22, color=colour, marker=marker, label=name, zorder=3)
    if reference is not None:
        ax.axvline(reference, color=style.REFERENCE, linewidth=1, linestyle="--")
    ax.set_yticks(range(len(ways)), ways[::-1])
    ax.set(xlabel=label, ylim=(-0.7, len(ways) - 0.3))
    return ax


def _find_ends(rows: pd.DataFrame, value: str, share: bool = True) -> np.ndarray:
    """Return the ends of the 95% intervals, shape (2, n_rows)."""
    half = WIDE * rows[f"{value}_error"].fillna(0).to_numpy()
    middle = rows[value].to_numpy()
    ends = np.array([middle - half, middle + half])
    return ends.clip(0, 1) if share else ends


def draw_levels(
    table: pd.DataFrame,
    value: str,
    *,
    ax: Axes,
    label: str,
    reference: float | None = None,
    logarithmic: bool = False,
) -> Axes:
    """Draw a share for every way against the level of a dial, with 95% intervals.

    Parameters
    ----------
    table : DataFrame, one row per way and level
        Columns `way`, `level`, `value` and its standard error.
    value : str
        Column to draw.
    ax : Axes
    label : str
        Of the level's axis.
    reference : float, optional
        A line to compare with.
    logarithmic : bool
        Whether the level's axis is.
    """
    for number, (way, rows) in enumerate(table.groupby("way", sort=False)):
        rows = rows.sort_values("level")
        ends = np.abs(_find_ends(rows, value) - rows[value].to_numpy())
        look = {"color": style.OTHERS[number % 7], "marker": style.MARKERS[number % 8]}
        look |= {"markersize": 4, "linewidth": 1.2, "label": way}
        ax.errorbar(rows["level"], rows[value], ends, **look)
    if reference is not None:
        ax.axhline(reference, color=style.REFERENCE, linewidth=1, linestyle="--")
    levels = sorted(table["level"].unique())
    if logarithmic:
        ax.set_xscale("log")
        ax.minorticks_off()
    thousands = max(levels) >= 1000
    names = [f"{level / 1000:g}k" if thousands else f"{level:g}" for level in levels]
    ax.set_xticks(levels, names)
    ax.set_xlabel(label)
    return ax


def draw_calibration(sealed: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw how often true claims were upheld or left open, against their power.

    Parameters
    ----------
    sealed : DataFrame, one row per bin of power
        Columns `mean` (power), and `true_upheld` and `true_undecided` with ``_low``, ``_high``.
    """
    for share, verdict in {"true_upheld": "agrees", "true_undecided": "cannot tell"}.items():
        ends = np.abs(sealed[[f"{share}_low", f"{share}_high"]].to_numpy().T - sealed[share].array)
        look = {"color": style.VERDICT_COLOURS[verdict], "marker": style.VERDICT_MARKERS[verdict]}
        ax.errorbar(sealed["mean"], sealed[share], ends, label=verdict, **look)
    ax.plot([0, 1], [0, 1], color=style.REFERENCE, linewidth=1, linestyle="--")
    ax.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
    ax.set(xlabel="Power of the claim, from its interval's width", ylabel="Share of true claims")
    ax.legend(title="verdict", loc="center left")
    return ax


def draw_true_share(sealed: pd.DataFrame, *, ax: Axes, promised: float = 0.9) -> Axes:
    """Draw the share of "agrees" verdicts that were true, by analysis.

    Parameters
    ----------
    sealed : DataFrame, one row per analysis and kind of claim
        Columns `analysis`, `kind`, `agrees_true` with ``_low`` and ``_high``.
    promised : float
        A line to compare with.
    """
    analyses = list(dict.fromkeys(sealed["analysis"]))[::-1]
    for number, (kind, rows) in enumerate(sealed.groupby("kind", sort=False)):
        places = np.array([analyses.index(name) for name in rows["analysis"]]) + 0.2 * (1 - number)
        colour, marker = style.OTHERS[number], style.MARKERS[number]
        ax.hlines(places, rows["agrees_true_low"], rows["agrees_true_high"], color=colour)
        ax.scatter(rows["agrees_true"], places, s=28, color=colour, marker=marker, label=kind)
    ax.axvline(promised, color=style.REFERENCE, linewidth=1, linestyle="--")
    ax.set_yticks(range(len(analyses)), analyses)
    ax.set(xlabel='Share of the verdicts "agrees" that are true', ylim=(-0.6, len(analyses) - 0.4))
    axes.key_above(ax, 3, title="claims of")
    return ax
