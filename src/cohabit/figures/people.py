"""Figures of people: recruitment, similarity of partners, attendance and changes."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from cohabit.figures import axes, style
from cohabit.figures.style import colours_for, readable, say_absent


def draw_pairs(pairs: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw each household's patient against the control, one point per household.

    `pairs` holds `MS` and `control` (same unit, named by ``pairs.columns.name``) and `opposite_sex`
    (bool).
    """
    unit = pairs.columns.name or "value"
    labels = np.where(pairs["opposite_sex"], "woman and man", "same sex")
    kinds = {"woman and man": ("o", style.BLUE, 0.45), "same sex": ("D", style.ORANGE, 0.9)}
    for label, (marker, colour, alpha) in kinds.items():
        kind = {label: (labels == label, colour, marker)}
        axes.draw_kinds(pairs, "control", "MS", kind, ax=ax, s=16, alpha=alpha, linewidth=0)
    both = pairs[["MS", "control"]]
    limits = both.min().min() - 2, both.max().max() + 2
    ax.plot(limits, limits, color=style.REFERENCE, linewidth=1, linestyle="--", zorder=1)
    ax.set(xlim=limits, ylim=limits, aspect="equal")
    ax.set(xlabel=f"Control: {unit}", ylabel=f"Patient: {unit}")
    ax.legend(loc="lower right", title="Pair")
    return ax


def draw_counts(counts: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw a table of counts, coloured by the share of each row."""
    shares = counts.div(counts.sum(axis=1), axis=0)
    numbers = {"annot": counts, "fmt": "d", "annot_kws": {"size": 9}}
    top = max(0.5, float(shares.max().max()))
    _draw_table(shares, "share of the row", ax=ax, cmap="Blues", vmin=0, vmax=top, **numbers)
    ax.set_xticklabels([readable(name) for name in counts.columns], rotation=35, ha="right")
    ax.set_yticklabels([readable(name) for name in counts.index], rotation=0)
    ax.set(xlabel="", ylabel="")
    return ax


def draw_correlations(correlations: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw a square table of correlations, negative in blue and positive in red."""
    if correlations.empty:
        return say_absent(ax)
    numbers = {"annot": True, "fmt": ".2f"}
    _draw_table(correlations, "correlation", ax=ax, cmap="RdBu_r", vmin=-1, vmax=1, **numbers)
    names = [readable(name) for name in correlations]
    ax.set_xticklabels(names, rotation=0)
    ax.set_yticklabels(names, rotation=0)
    return ax


def _draw_table(table: pd.DataFrame, label: str, *, ax: Axes, **look) -> None:
    """Draw a table of numbers as colours; `label` is that of the colour bar."""
    import seaborn as sns

    bar = {"label": label, "shrink": 0.85}
    sns.heatmap(table, linewidths=1.5, linecolor="white", cbar_kws=bar, ax=ax, **look)
    ax.grid(False)


def draw_shared(shared: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw the similarity of partners by trait with 95% intervals.

    `shared` holds `trait`, `estimate`, `low`, `high` (correlation within pairs), and `published`
    (NaN where no figure is known).
    """
    places = axes.from_top(shared)
    error = [shared["estimate"] - shared["low"], shared["high"] - shared["estimate"]]
    look = {"fmt": "o", "color": style.GROUP_COLOURS["control"], "capsize": 2}
    ax.errorbar(shared["estimate"], places, xerr=error, **look)
    if shared["published"].notna().any():
        tick = {"marker": "|", "s": 220, "linewidth": 2, "color": style.REFERENCE}
        ax.scatter(shared["published"], places, label="released study", zorder=3, **tick)
        ax.legend(loc="lower right")
    axes.mark_zero(ax)
    ax.set_yticks(places, [readable(name) for name in shared["trait"]])
    ax.set(xlabel="Correlation between partners", ylim=(-0.6, len(shared) - 0.4))
    return ax


def draw_depth(depth: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw reads per person by site as violins; `depth` holds `site` and `depth` (reads)."""
    order = axes.order_sites(depth["site"])
    colours = {"hue": "site", "hue_order": order, "palette": colours_for(order), "legend": False}
    look = {"saturation": 0.9, "log_scale": True, "linewidth": 0.9}
    axes.draw_violins(depth, "depth", ax=ax, **colours, **look)
    ax.set(xlabel="Reads a person", ylabel="")
    _label_reads(ax)
    return ax


def _label_reads(ax: Axes) -> None:
    """Label a log axis with as many round numbers as fit."""
    low, high = ax.get_xlim()
    span = np.log10(high / low)
    steps = (1, 2, 5) if span < 1.6 else (1, 3) if span < 2.6 else (1,)
    ax.xaxis.set_major_locator(LogLocator(subs=steps))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda reads, _: f"{reads:,.0f}"))
    ax.xaxis.set_minor_formatter(NullFormatter())


def draw_attendance(shares: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw the share of people still attending, one line per group.

    `shares` has months as rows, groups as columns, and shares of the people at the first visit.
    """
    for place, (name, colour) in enumerate(colours_for(shares).items()):
        ax.plot(shares.index, 100 * shares[name], label=name, **_style(place, colour))
    _mark_months(ax, shares.index)
    ax.set(ylabel="Patients who still come (%)", ylim=(0, 102))
    ax.legend(loc="lower left", title=shares.columns.name)
    return ax


def draw_changes(changes: pd.DataFrame, by: str, *, ax: Axes, label: str) -> Axes:
    """Draw mean changes since the first visit with 95% intervals, by method.

    `changes` holds `months`, `estimate`, `low`, `high` and the column `by`, which tells the ways
    apart, in order of appearance. `label` says what changes, with its unit.
    """
    colours = colours_for(pd.unique(changes[by]))
    for place, (level, colour) in enumerate(colours.items()):
        rows = changes[changes[by] == level]
        months = rows["months"] + 0.7 * (place - (len(colours) - 1) / 2)
        ax.vlines(months, rows["low"], rows["high"], color=colour, linewidth=1.4)
        ax.plot([0, *months], [0, *rows["estimate"]], label=level, **_style(place, colour))
    _mark_months(ax, [0, *pd.unique(changes["months"])])
    ax.set(ylabel=label)
    ax.legend(loc="upper left")
    return ax


def draw_likeness(likeness: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw correlations of people with themselves over time and with their partners.

    `likeness` is as from `longitudinal.compare_to_self`.
    """
    colours = colours_for(pd.unique(likeness["trait"]))
    for place, (trait, colour) in enumerate(colours.items()):
        rows = likeness[likeness["trait"] == trait]
        own, partner = rows[rows["with"] == "self"], rows[rows["with"] == "partner"]
        marker = style.MARKERS[place % 6]
        months = own["months"] + 0.5 * (place - (len(colours) - 1) / 2)
        ax.vlines(months, own["low"], own["high"], color=colour, linewidth=1.4)
        ax.plot(months, own["estimate"], color=colour, marker=marker, label=readable(trait))
        for value in partner["estimate"]:
            ax.axhline(value, color=colour, linestyle=":", linewidth=1.4)
    ax.plot([], [], color=style.GREY, linestyle=":", label="with the partner, at the first visit")
    _mark_months(ax, pd.unique(likeness.loc[likeness["with"] == "self", "months"]))
    ax.set(ylabel="Correlation with oneself at the first visit", ylim=(0, 1.03))
    axes.key_above(ax, 2)
    return ax


def draw_occasions(occasions: pd.DataFrame, *, ax: Axes, label: str) -> Axes:
    """Draw mean distances by months apart with 95% intervals, one line per comparison.

    `occasions` is as from `stability.compare_occasions`; `label` names the distance.
    """
    looks = (style.SKY, style.QUIET, style.INK)
    colours = dict(zip(pd.unique(occasions["comparison"]), looks, strict=False))
    for place, (name, colour) in enumerate(colours.items()):
        rows = occasions[occasions["comparison"] == name]
        months = rows["months"] + 0.4 * (place - (len(colours) - 1) / 2)
        ax.vlines(months, rows["low"], rows["high"], color=colour, linewidth=1.4)
        ax.plot(months, rows["estimate"], label=name, **_style(place, colour))
    _mark_months(ax, pd.unique(occasions["months"]))
    ax.set(xlabel="Months between the samples", ylabel=label, ylim=(0, None))
    axes.key_above(ax, len(colours))
    return ax


def draw_before_after(means: pd.DataFrame, *, ax: Axes, label: str) -> Axes:
    """Draw means before and after with 95% intervals, one line per group.

    `means` holds `group`, `when` (two levels, in order of appearance), `estimate`, `low` and
    `high`; `label` says what is averaged, with its unit.
    """
    times, colours = list(pd.unique(means["when"])), colours_for(pd.unique(means["group"]))
    for place, (group, colour) in enumerate(colours.items()):
        rows = means[means["group"] == group].set_index("when").reindex(times)
        x = np.arange(len(times)) + 0.03 * (place - (len(colours) - 1) / 2)
        ax.vlines(x, rows["low"], rows["high"], color=colour, linewidth=1.4)
        ax.plot(x, rows["estimate"], label=group, **_style(place, colour))
    ax.set_xticks(range(len(times)), times)
    ax.set(ylabel=label, xlim=(-0.3, len(times) - 0.7), ylim=(0, None))
    ax.legend(loc="upper right")
    return ax


def _style(place: int, colour: str) -> dict[str, str]:
    """Return colour, marker and dashes of the line at a position in the legend."""
    dashes = style.LINES[place % 4]
    return {"color": colour, "marker": style.MARKERS[place % 6], "linestyle": dashes}


def _mark_months(ax: Axes, months) -> None:
    ax.set_xticks(sorted({int(month) for month in months}))
    ax.set_xlabel("Months since the first visit")
