"""Figures of the experiments: ways in the arena, power of designs, two worlds, traps."""

import textwrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm

from cohabit.figures import axes, style

GENERATORS = {
    "simulated": (style.BLUE, "o"),
    "heavy tails": (style.ORANGE, "D"),
    "spike-in": (style.GREEN, "s"),
}
"""Generator -> colour and marker."""

WHO = {
    "household": ("cohabitant", style.GREEN, "o"),
    "site": ("stranger, same site", style.PURPLE, "s"),
    "anyone": ("stranger, any site", style.GREY, "^"),
}
"""Type of control -> label, colour, marker."""

SERIES = tuple(zip((style.BLUE, style.AMBER, style.GREEN, style.PINK), "os^D", strict=True))
"""Colours and markers of series without a fixed style."""

LOOKS = {"wrong": (style.ORANGE, "X", -0.09), "right": (style.BLUE, "o", 0.09)}
"""Analysis -> colour, marker and horizontal offset."""


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

    `table` holds one row per way and generator, ways from the top: `way`, `generator`, `value` and
    its standard error (``_error``). The interval of a `share` ends at 0 and 1.
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
    half = 1.96 * rows[f"{value}_error"].fillna(0).to_numpy()
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

    `table` holds one row per way and level: `way`, `level`, `value` and its standard error.
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

    `sealed` holds one row per bin of power: `mean` (power), and `true_upheld` and `true_undecided`
    with ``_low`` and ``_high``.
    """
    for share, verdict in {"true_upheld": "agrees", "true_undecided": "cannot tell"}.items():
        ends = _reach(sealed, share, f"{share}_")
        look = {"color": style.VERDICT_COLOURS[verdict], "marker": style.VERDICT_MARKERS[verdict]}
        ax.errorbar(sealed["mean"], sealed[share], ends, label=verdict, **look)
    ax.plot([0, 1], [0, 1], color=style.REFERENCE, linewidth=1, linestyle="--")
    ax.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
    ax.set(xlabel="Power of the claim, from its interval's width", ylabel="Share of true claims")
    ax.legend(title="verdict", loc="center left")
    return ax


def draw_true_share(sealed: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw the share of "agrees" verdicts that were true, by analysis.

    `sealed` holds one row per analysis and kind of claim: `analysis`, `kind`, and `agrees_true`
    with ``_low`` and ``_high``.
    """
    analyses = list(dict.fromkeys(sealed["analysis"]))[::-1]
    for number, (kind, rows) in enumerate(sealed.groupby("kind", sort=False)):
        places = np.array([analyses.index(name) for name in rows["analysis"]]) + 0.2 * (1 - number)
        colour, marker = style.OTHERS[number], style.MARKERS[number]
        ax.hlines(places, rows["agrees_true_low"], rows["agrees_true_high"], color=colour)
        ax.scatter(rows["agrees_true"], places, s=28, color=colour, marker=marker, label=kind)
    ax.axvline(0.9, color=style.REFERENCE, linewidth=1, linestyle="--")
    ax.set_yticks(range(len(analyses)), analyses)
    ax.set(xlabel='Share of the verdicts "agrees" that are true', ylim=(-0.6, len(analyses) - 0.4))
    axes.key_above(ax, 3, title="claims of")
    return ax


def draw_power_curves(
    points: pd.DataFrame | None,
    lines: pd.DataFrame | None = None,
    *,
    ax: Axes,
    by: str = "controls",
    x: str = "n",
) -> Axes:
    """Draw power against size or cost: marks with intervals, and curves.

    `points`, as from `power.estimate_power`, holds one row per size: the columns `by` and `x`,
    `power`, `low` and `high`; `lines` the same, with a band where it has `low` and `high`. `by`
    tells the series apart; kinds of control have colours of their own.
    """
    tables = [table for table in (points, lines) if table is not None]
    names = list(dict.fromkeys(name for table in tables for name in table[by]))
    for place, name in enumerate(names):
        label, colour, marker = WHO.get(name, (str(name), *SERIES[place % 4]))
        if lines is not None:
            line = lines[lines[by] == name]
            named = label if points is None else None
            width = 3.2 if name == "household" else 1.6  # seen where lines coincide
            ax.plot(line[x], line["power"], color=colour, label=named, linewidth=width)
            if "low" in line:
                ax.fill_between(line[x], line["low"], line["high"], color=colour, alpha=0.15, lw=0)
        if points is not None:
            rows = points[points[by] == name]
            look = {"fmt": marker, "color": colour, "capsize": 3, "label": label}
            ax.errorbar(rows[x], rows["power"], _reach(rows, "power"), **look)
    ax.axhline(0.8, color=style.REFERENCE, linewidth=1, linestyle="--")
    ax.set(ylim=(-0.03, 1.03), ylabel="Power", xlabel="Patients recruited" if x == "n" else x)
    ax.legend(loc="best")
    return ax


def _reach(rows: pd.DataFrame, value: str, prefix: str = "") -> np.ndarray:
    """Return how far each interval reaches below and above its value, shape (2, n_rows)."""
    return np.abs(rows[[f"{prefix}low", f"{prefix}high"]].to_numpy().T - rows[value].to_numpy())


def draw_designs(designs: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw designs of equal cost, best first, grey where another is clearly better.

    `designs`, as from `power.compare_designs`, holds `label`, `power`, `low`, `high` and `beaten`.
    """
    places = axes.from_top(designs)
    kinds = {False: (style.BLUE, "may be the best"), True: (style.QUIET, "beaten")}
    for beaten, (colour, words) in kinds.items():
        chosen = (designs["beaten"] == beaten).to_numpy()
        rows = designs[chosen]
        if rows.empty:
            continue
        look = {"fmt": "X" if beaten else "o", "color": colour, "capsize": 3, "markersize": 7}
        error = _reach(rows, "power")
        ax.errorbar(rows["power"], places[chosen], xerr=error, label=words, **look)
    axes.name_rows(ax, designs["label"], margin=0.6, label="Power")
    ax.set_xlim(-0.03, 1.03)
    axes.key_above(ax, 2, middle=0.4)
    return ax


def draw_power(power: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw power against effect size, one line per number of pairs.

    `power` holds `n_pairs`, `effect` (in standard deviations of one person) and `power`.
    """
    colours = style.colours_for(pd.unique(power["n_pairs"]))
    for place, (count, colour) in enumerate(colours.items()):
        chosen = power[power["n_pairs"] == count]
        look = {"color": colour, "linestyle": style.LINES[place % 4]}
        ax.plot(chosen["effect"], 100 * chosen["power"], label=f"{count} pairs", **look)
    ax.axhline(80, color=style.REFERENCE, linewidth=0.8, linestyle=":")
    ax.set(xlabel="Effect (standard deviations of one person)", ylabel="Power (%)", ylim=(0, 101))
    ax.legend(loc="lower right")
    return ax


def draw_power_by_people(power: pd.DataFrame, *, ax: Axes, here: int, needed: float) -> Axes:
    """Draw the power of a study against its people `n`, on a log scale.

    `here` is the number of people of the study at hand, `needed` that for a power of 80%.
    """
    ax.plot(power["n"], 100 * power["power"], color=style.DOWN)
    marks = {
        f"this study: {here:,}": (here, style.UP, "--"),
        f"80%: {needed:,.0f}": (needed, style.EXACT, ":"),
    }
    for words, (n, colour, dashes) in marks.items():
        ax.axvline(n, color=colour, linewidth=1.2, linestyle=dashes, label=words)
    ax.axhline(80, color=style.REFERENCE, linewidth=0.8, linestyle=":")
    ax.set(xscale="log", xlabel="Patients with everything measured", ylabel="Power (%)")
    ax.set_ylim(-2, 102)
    ax.legend(loc="center right")
    return ax


def draw_individual_effects(effects: pd.DataFrame, *, ax: Axes, label: str) -> Axes:
    """Draw each person's effects of several changes, one row per change.

    The axis is linear up to 0.1 and logarithmic beyond; a diamond is the mean, a line holds 90%.
    `effects` holds `change` (rows in order of appearance) and `effect`, one row per person.
    """
    names = list(pd.unique(effects["change"]))
    spread = np.random.default_rng(0)
    for place, name in enumerate(reversed(names)):
        values = effects.loc[effects["change"] == name, "effect"].to_numpy()
        y = place + spread.uniform(-0.26, 0.26, len(values))
        ax.scatter(values, y, s=5, color=style.DOWN, alpha=0.3, linewidth=0)
        low, high = np.quantile(values, [0.05, 0.95])
        ax.hlines(place, low, high, color=style.EXACT, linewidth=1.4)
        look = {"s": 60, "marker": "D", "color": style.EXACT, "edgecolor": "white"}
        ax.scatter(values.mean(), place, zorder=4, **look)
    axes.mark_zero(ax)
    axes.name_rows(ax, names, margin=0.6, label=label)
    ax.set_xscale("symlog", linthresh=0.1, linscale=0.6)
    ax.xaxis.set_major_formatter("{x:g}")
    return ax


def draw_beside_exact(beside: pd.DataFrame, *, ax: Axes, label: str) -> Axes:
    """Draw the estimate of each feature against its exact effect.

    `beside` is as from `two_worlds.set_beside_exact`; a feature is called when q <= 0.05.
    """
    called = beside["q_value"] <= 0.05
    kinds = {
        "not called": (~called, style.QUIET, "."),
        "called, touched": (called & beside["touched"], style.FOREST, "D"),
        "called, not touched": (called & ~beside["touched"], style.PURPLE, "X"),
    }
    axes.draw_kinds(beside, "exact", "estimate", kinds, ax=ax, s=28, alpha=0.75, linewidth=0.5)
    axes.equalise(ax, 1.08 * beside[["exact", "estimate"]].abs().max().max())
    ax.axhline(0, color=style.REFERENCE, linewidth=0.6)
    ax.set(xlabel=f"Exact: {label}", ylabel=f"Observed: {label}")
    ax.legend(loc="upper left", fontsize=8, handletextpad=0.1, borderaxespad=0.2)
    return ax


def draw_split(split: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw the contribution of each term to a difference as a table of coloured numbers.

    `split`, features x terms, is as from `two_worlds.split_difference`: the last column is the sum.
    """
    values = split.to_numpy()
    reach = np.abs(values).max()
    norm = TwoSlopeNorm(0, -reach, reach)
    ax.imshow(values, cmap="PuOr_r", norm=norm, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        colour = "white" if abs(value) > 0.62 * reach else style.INK
        ax.text(column, row, _write(value), ha="center", va="center", fontsize=8, color=colour)
    ax.axvline(values.shape[1] - 1.5, color="white", linewidth=5)
    ax.set_xticks(range(values.shape[1]), list(split.columns), rotation=35, ha="right")
    ax.set_yticks(range(len(split)), list(split.index), fontstyle="italic")
    ax.grid(visible=False)
    ax.spines[["left", "bottom"]].set_visible(False)
    return ax


def _write(value: float) -> str:
    """Return a number as text that distinguishes zero from nearly zero."""
    if abs(value) < 1e-9:
        return "0"
    return "~0" if abs(value) < 0.005 else f"{value:+.2f}"


def draw_sizes(sizes: pd.DataFrame, *, ax: Axes, label: str) -> Axes:
    """Draw the sizes of the terms of several differences, one group of bars per term.

    `sizes` is terms x comparisons, none below zero.
    """
    places = axes.from_top(sizes)
    height = 0.8 / sizes.shape[1]
    colours = style.colours_for(sizes)
    for number, (name, column) in enumerate(sizes.items()):
        shifted = places + axes.set_apart(number, sizes.shape[1], height)
        ax.barh(shifted, column, height=height * 0.92, color=colours[name], label=name)
    axes.name_rows(ax, sizes.index, margin=0.6, label=label)
    axes.key_above(ax, sizes.shape[1], middle=0.4)
    return ax


def draw_mediation(paths: pd.DataFrame, *, ax: Axes, label: str) -> Axes:
    """Draw exact paths and their regression estimates, one row per path.

    `paths` holds `path`, `exact`, `estimate`, `low` and `high`.
    """
    places = axes.from_top(paths)
    mark = {"s": 40, "label": "regression, 95% interval"}
    axes.draw_intervals(paths, places, ax=ax, colour=style.UP, width=1.6, **mark)
    mark = {"s": 52, "marker": "D", "color": style.EXACT, "edgecolor": "white", "label": "exact"}
    ax.scatter(paths["exact"], places, **mark)
    axes.mark_zero(ax)
    axes.name_rows(ax, paths["path"], margin=0.6, label=label)
    axes.key_above(ax, 2, middle=0.4)
    return ax


def draw_trap(measured: pd.DataFrame, *, ax: Axes, title: str, quantity: str, switch: str) -> Axes:
    """Draw a trap: a mark per cohort, and a line through the means of each analysis.

    `measured`, as from `traps.measure`, holds `switch` ("off", "on"), `analysis` ("wrong",
    "right"), `words`, `value` and `truth`; `title`, `quantity` and `switch` are the trap's own
    words.
    """
    places = {"off": 0.0, "on": 1.0}
    for analysis, (colour, marker, shift) in LOOKS.items():
        rows = measured[measured["analysis"] == analysis]
        x = rows["switch"].map(places) + shift
        ax.scatter(x, rows["value"], s=26, color=colour, marker=marker, alpha=0.55, linewidth=0.5)
        means = rows.groupby("switch")["value"].mean()[list(places)]
        look = {"linewidth": 2, "marker": marker, "markersize": 9, "markeredgecolor": "white"}
        label = f"{analysis}: {rows['words'].iloc[0]}"
        ax.plot(np.array([*places.values()]) + shift, means, color=colour, label=label, **look)
    truth = float(measured["truth"].iloc[0])
    ax.axhline(truth, color=style.REFERENCE, linewidth=1, linestyle="--", zorder=1)
    ax.annotate("truth", (1.34, truth), xytext=(0, 3), textcoords="offset points", ha="right")
    ax.set_xticks(list(places.values()), ["switch off", "switch on"])
    ax.set(xlim=(-0.35, 1.35), ylabel=textwrap.fill(quantity, 28))
    ax.set_title(title, pad=36)
    ax.set_xlabel(textwrap.fill(f"Switch: {switch}", 46))
    ax.margins(y=0.12)
    ax.grid(axis="x", visible=False)
    ax.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.0), fontsize=8)
    return ax
