"""Figures of the causes: families, places, exposures, maps, and tolerance failing."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Circle

from cohabit.figures.style import DOWN, INK, QUIET, REFERENCE, UP, readable

PUBLISHED = "#DBEAFE"
GREEN, AMBER, PURPLE = "#117733", "#E69F00", "#AA4499"


def draw_recurrence(risks: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw the risk of relatives of a patient on a log scale, published ranges behind.

    Parameters
    ----------
    risks : DataFrame, one row a relation
        `relation`, `estimate`, `low`, `high` (shares), `region_low`, `region_high`
        (published; missing where none) and `shared` (share of genes, for the label).
    """
    places = np.arange(len(risks))[::-1]
    _draw_regions(risks, places, ax, scale=100)
    low = np.maximum(100 * risks["low"], 0.02)
    ax.hlines(places, low, 100 * risks["high"], color=UP, linewidth=1.6)
    ax.scatter(100 * risks["estimate"].replace(0, np.nan), places, s=42, color=UP, zorder=3)
    labels = [f"{relation} ({shared})" for relation, shared in risks[["relation", "shared"]].values]
    ax.set_yticks(places, labels)
    ax.set(xscale="log", xlim=(0.1, 60), ylim=(-0.7, len(risks) - 0.3))
    ax.set_xticks([0.1, 0.3, 1, 3, 10, 30], ["0.1", "0.3", "1", "3", "10", "30"])
    ax.set(xlabel="Risk of MS over a lifetime (%), log scale")
    ax.grid(axis="y", visible=False)
    ax.legend(loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=2)
    return ax


def _draw_regions(rows: pd.DataFrame, places: np.ndarray, ax: Axes, scale: float = 1.0) -> None:
    known = rows["region_low"].notna().to_numpy()
    low, high = scale * rows["region_low"][known], scale * rows["region_high"][known]
    ax.barh(
        places[known], high - low, left=low, height=0.6, color=PUBLISHED, label="published range"
    )


def draw_score(risks: pd.Series, *, ax: Axes) -> Axes:
    """Draw the share ill in each tenth of a polygenic score.

    Parameters
    ----------
    risks : Series
        Share ill; index 1 (lowest) to 10.
    """
    per_100k = 1e5 * risks
    bars = ax.bar(range(len(risks)), per_100k, color=UP, width=0.7)
    ax.bar_label(bars, [f"{value:,.0f}" for value in per_100k], fontsize=8)
    ax.axhline(per_100k.mean(), color=REFERENCE, linewidth=1, linestyle="--")
    ax.set_xticks(range(len(risks)), [str(name) for name in risks.index])
    ax.set(xlabel="Tenth of the genetic score, lowest first", ylabel="People with MS per 100,000")
    ax.grid(axis="x", visible=False)
    return ax


def draw_scores_of(scores: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw how a genetic score is spread among patients and others.

    Parameters
    ----------
    scores : DataFrame, one row a person
        `score` and `ms` (true or false).
    """
    edges = np.linspace(*np.percentile(scores["score"], [0.02, 99.98]), 28)
    for ill, label, colour in ((False, "without MS", DOWN), (True, "with MS", UP)):
        chosen = scores.loc[scores["ms"] == ill, "score"]
        ax.hist(chosen, edges, density=True, color=colour, alpha=0.55, label=label)
    ax.set(xlabel="Genetic score (log odds)", ylabel="Density")
    ax.legend()
    return ax


def draw_latitude(rates: pd.DataFrame, slope: dict, *, ax: Axes, colour: str = UP) -> Axes:
    """Draw prevalence by region against latitude, with the fitted line.

    Parameters
    ----------
    rates : DataFrame, one row a region
        `latitude`, `estimate`, `low`, `high` (per 100,000) and `n` (people).
    slope : dict
        From `latitude_slope`: `estimate`, `low`, `high`, `intercept`.
    """
    ax.vlines(rates["latitude"], rates["low"], rates["high"], color=colour, alpha=0.35, linewidth=1)
    size = 8 + 60 * rates["n"] / rates["n"].max()
    ax.scatter(rates["latitude"], rates["estimate"], s=size, color=colour, alpha=0.8)
    ends = np.array([rates["latitude"].min(), rates["latitude"].max()])
    label = f"{slope['estimate']:+.1f} a degree ({slope['low']:.1f} to {slope['high']:.1f})"
    fitted = slope["intercept"] + slope["estimate"] * ends
    ax.plot(ends, fitted, color=REFERENCE, linewidth=1.4, label=label)
    ax.set(xlabel="Degrees from the equator", ylabel="People with MS per 100,000")
    ax.set_ylim(bottom=0)
    ax.legend(loc="upper left")
    return ax


def draw_migrants(risks: pd.DataFrame, *, ax: Axes, closes: float = 15.0) -> Axes:
    """Draw risk by age at move, one line a direction; the window of exposure is shaded.

    Parameters
    ----------
    risks : DataFrame
        `direction`, `age`, `estimate`, `low`, `high` (per 100,000).
    closes : float
        Age at which the window closes.
    """
    ax.axvspan(0, closes, color="#F3F4F6", zorder=0)
    ax.axvline(closes, color=REFERENCE, linewidth=1, linestyle=":")
    styles = (("o", UP), ("s", DOWN))
    for (direction, rows), (marker, colour) in zip(
        risks.groupby("direction", sort=False), styles, strict=False
    ):
        ax.vlines(rows["age"], rows["low"], rows["high"], color=colour, linewidth=1.4)
        ax.plot(rows["age"], rows["estimate"], marker=marker, color=colour, label=direction)
    ax.annotate(
        "the window",
        (closes / 2, 0.02),
        xycoords=("data", "axes fraction"),
        ha="center",
        va="bottom",
        color=INK,
    )
    ax.set(xlabel="Age at the move (years)", ylabel="Ever ill per 100,000", xlim=(0, None))
    ax.set_ylim(bottom=0)
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    return ax


def draw_ratios(ratios: pd.DataFrame, *, ax: Axes, label: str = "Odds ratio, log scale") -> Axes:
    """Draw ratios with 95% intervals on a log scale, published ranges behind, 1 as a line.

    Parameters
    ----------
    ratios : DataFrame, one row a factor
        `label`, `estimate`, `low`, `high`, `region_low`, `region_high` (missing where none was
        published) and `kind`: "cause", "protects", "no effect".
    """
    colours = {"cause": UP, "protects": DOWN, "no effect": QUIET}
    places = np.arange(len(ratios))[::-1]
    _draw_regions(ratios, places, ax)
    for kind, colour in colours.items():
        chosen = (ratios["kind"] == kind).to_numpy()
        rows = ratios[chosen]
        ax.hlines(places[chosen], rows["low"], rows["high"], color=colour, linewidth=1.6)
        marker = "D" if kind == "no effect" else "o"
        ax.scatter(
            rows["estimate"],
            places[chosen],
            s=36,
            color=colour,
            marker=marker,
            label=kind,
            zorder=3,
        )
    ax.axvline(1, color=REFERENCE, linewidth=1)
    ax.set_yticks(places, ratios["label"])
    ends = 0.8 * ratios["low"].min(), 1.25 * ratios["high"].max()
    ax.set(xscale="log", xlim=ends, ylim=(-0.7, len(ratios) - 0.3), xlabel=label)
    _mark_ratios(ax)
    ax.grid(axis="y", visible=False)
    ax.legend(loc="lower center", bbox_to_anchor=(0.35, 1.0), ncols=4)
    return ax


def _mark_ratios(ax: Axes) -> None:
    low, high = ax.get_xlim()
    near, far = (
        (0.6, 0.7, 0.8, 1, 1.25, 1.5, 2, 2.5, 3),
        (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 4, 8, 16),
    )
    marks = [mark for mark in (near if high < 5 * low else far) if low <= mark <= high]
    ax.set_xticks(marks, [f"{value:g}" for value in marks])
    ax.minorticks_off()


def draw_two_studies(ratios: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw the same exposures as two studies saw them.

    Parameters
    ----------
    ratios : DataFrame
        `label`, `study`, `estimate`, `low`, `high`; studies in order of appearance.
    """
    labels, studies = list(pd.unique(ratios["label"])), list(pd.unique(ratios["study"]))
    for number, (study, colour) in enumerate(zip(studies, (DOWN, UP, AMBER), strict=False)):
        rows = ratios[ratios["study"] == study]
        shift = 0.3 * ((len(studies) - 1) / 2 - number)
        places = np.array([len(labels) - 1 - labels.index(name) for name in rows["label"]]) + shift
        ax.hlines(places, rows["low"], rows["high"], color=colour, linewidth=1.6)
        ax.scatter(rows["estimate"], places, s=34, color=colour, marker="osD"[number], label=study)
    ax.axvline(1, color=REFERENCE, linewidth=1)
    ax.set_yticks(range(len(labels)), [readable(name) for name in labels[::-1]])
    ax.set(xscale="log", xlabel="Odds ratio, log scale", ylim=(-0.6, len(labels) - 0.4))
    _mark_ratios(ax)
    ax.grid(axis="y", visible=False)
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(studies))
    return ax


def draw_map(places: pd.DataFrame, chosen: pd.Index, *, ax: Axes) -> Axes:
    """Draw a map of places, coloured by cases over expectation, the likeliest cluster ringed.

    Parameters
    ----------
    places : DataFrame, one row a place
        `x`, `y` (degrees), `cases`, `expected`.
    chosen : Index
        Places of the likeliest cluster.
    """
    order = places.assign(ratio=(places["cases"] / places["expected"]).clip(upper=4))
    order = order.sort_values("ratio")
    dots = ax.scatter(
        order["x"],
        order["y"],
        s=6 + 14 * np.sqrt(order["expected"] / order["expected"].mean()),
        c=order["ratio"],
        cmap="cividis",
        vmin=0,
        vmax=4,
        linewidth=0,
    )
    inside = places.loc[chosen]
    centre = inside[["x", "y"]].mean()
    reach = np.hypot(inside["x"] - centre["x"], inside["y"] - centre["y"]).max() + 1.0
    ax.add_patch(Circle(tuple(centre), reach, fill=False, color=UP, linewidth=2))
    bar = ax.figure.colorbar(dots, ax=ax, shrink=0.8, label="Cases over expected cases")
    bar.outline.set_visible(False)
    ax.set(xlabel="Degrees east", ylabel="Degrees from the equator", aspect="equal")
    ax.grid(visible=False)
    return ax
