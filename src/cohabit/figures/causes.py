"""Figures of causes: families, places, exposures and maps."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch

from cohabit.figures import axes, style
from cohabit.figures.style import readable


def draw_recurrence(risks: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw the risk of patients' relatives on a log scale with published ranges behind.

    `risks` holds one row per relation: `relation`, `estimate`, `low`, `high` (shares),
    `region_low`, `region_high` (published; missing where none) and `shared` (share of genes, for
    the label).
    """
    places = axes.from_top(risks)
    _draw_regions(risks, places, ax, scale=100)
    low = np.maximum(100 * risks["low"], 0.02)
    ax.hlines(places, low, 100 * risks["high"], color=style.UP, linewidth=1.6)
    ax.scatter(100 * risks["estimate"].replace(0, np.nan), places, s=42, color=style.UP, zorder=3)
    labels = [f"{relation} ({shared})" for relation, shared in risks[["relation", "shared"]].values]
    axes.name_rows(ax, labels, label="Risk of MS over a lifetime (%), log scale")
    ax.set(xscale="log", xlim=(0.1, 60))
    ax.set_xticks([0.1, 0.3, 1, 3, 10, 30], ["0.1", "0.3", "1", "3", "10", "30"])
    axes.key_above(ax, 2, middle=0.4)
    return ax


def _draw_regions(rows: pd.DataFrame, places: np.ndarray, ax: Axes, scale: float = 1.0) -> None:
    known = rows["region_low"].notna().to_numpy()
    low, high = scale * rows["region_low"][known], scale * rows["region_high"][known]
    look = {"height": 0.6, "color": style.REGION, "label": "published range"}
    ax.barh(places[known], high - low, left=low, **look)


def draw_score(risks: pd.Series, *, ax: Axes) -> Axes:
    """Draw the share of ill people in each tenth of a polygenic score, lowest first."""
    per_100k = 1e5 * risks
    bars = ax.bar(range(len(risks)), per_100k, color=style.UP, width=0.7)
    ax.bar_label(bars, [f"{value:,.0f}" for value in per_100k], fontsize=8)
    ax.axhline(per_100k.mean(), color=style.REFERENCE, linewidth=1, linestyle="--")
    ax.set_xticks(range(len(risks)), [str(name) for name in risks.index])
    ax.set(xlabel="Tenth of the genetic score, lowest first", ylabel="People with MS per 100,000")
    ax.grid(axis="x", visible=False)
    return ax


def draw_scores_of(scores: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw the distribution of a genetic score in patients and others.

    `scores` holds one row per person: `score` and `ms` (true or false).
    """
    edges = np.linspace(*np.percentile(scores["score"], [0.02, 99.98]), 28)
    for ill, label, colour in ((False, "without MS", style.DOWN), (True, "with MS", style.UP)):
        chosen = scores.loc[scores["ms"] == ill, "score"]
        ax.hist(chosen, edges, density=True, color=colour, alpha=0.55, label=label)
    ax.set(xlabel="Genetic score (log odds)", ylabel="Density")
    ax.legend()
    return ax


def draw_latitude(rates: pd.DataFrame, slope: dict, *, ax: Axes) -> Axes:
    """Draw prevalence by region against latitude with the fitted line.

    `rates` holds one row per region: `latitude`, `estimate`, `low`, `high` (per 100,000) and `n`
    (people); `slope`, from `latitude_slope`, holds `estimate`, `low`, `high` and `intercept`.
    """
    pale = {"color": style.UP, "alpha": 0.35, "linewidth": 1}
    ax.vlines(rates["latitude"], rates["low"], rates["high"], **pale)
    size = 8 + 60 * rates["n"] / rates["n"].max()
    ax.scatter(rates["latitude"], rates["estimate"], s=size, color=style.UP, alpha=0.8)
    ends = np.array([rates["latitude"].min(), rates["latitude"].max()])
    label = f"{slope['estimate']:+.1f} a degree ({slope['low']:.1f} to {slope['high']:.1f})"
    fitted = slope["intercept"] + slope["estimate"] * ends
    ax.plot(ends, fitted, color=style.REFERENCE, linewidth=1.4, label=label)
    ax.set(xlabel="Degrees from the equator", ylabel="People with MS per 100,000", ylim=(0, None))
    ax.legend(loc="upper left")
    return ax


def draw_migrants(risks: pd.DataFrame, *, ax: Axes, closes: float = 15.0) -> Axes:
    """Draw risk by age at move and direction, with the window of exposure shaded.

    `risks` holds `direction`, `age`, `estimate`, `low` and `high` (per 100,000); the window closes
    at the age `closes`.
    """
    ax.axvspan(0, closes, color=style.WINDOW, zorder=0)
    ax.axvline(closes, color=style.REFERENCE, linewidth=1, linestyle=":")
    for number, (direction, rows) in enumerate(risks.groupby("direction", sort=False)):
        colour, marker = ((style.UP, "o"), (style.DOWN, "s"))[number]
        ax.vlines(rows["age"], rows["low"], rows["high"], color=colour, linewidth=1.4)
        ax.plot(rows["age"], rows["estimate"], marker=marker, color=colour, label=direction)
    inside = {"xycoords": ("data", "axes fraction"), "ha": "center", "va": "bottom"}
    ax.annotate("the window", (closes / 2, 0.02), color=style.INK, **inside)
    ax.set(xlabel="Age at the move (years)", ylabel="Ever ill per 100,000", xlim=(0, None))
    ax.set_ylim(bottom=0)
    axes.key_above(ax, 2)
    return ax


def draw_ratios(ratios: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw ratios with 95% intervals on a log scale with published ranges behind.

    `ratios` holds one row per factor: `label`, `estimate`, `low`, `high`, `region_low`,
    `region_high` (missing where none was published) and `kind`: "cause", "protects" or "no effect".
    """
    colours = {"cause": style.UP, "protects": style.DOWN, "no effect": style.QUIET}
    places = axes.from_top(ratios)
    _draw_regions(ratios, places, ax)
    for kind, colour in colours.items():
        chosen = (ratios["kind"] == kind).to_numpy()
        mark = {"s": 36, "marker": "D" if kind == "no effect" else "o", "label": kind, "zorder": 3}
        axes.draw_intervals(ratios[chosen], places[chosen], ax=ax, colour=colour, width=1.6, **mark)
    axes.mark_zero(ax, at=1)
    axes.name_rows(ax, ratios["label"], label="Odds ratio, log scale")
    ax.set(xscale="log", xlim=(0.8 * ratios["low"].min(), 1.25 * ratios["high"].max()))
    _mark_ratios(ax)
    axes.key_above(ax, 4, middle=0.35)
    return ax


def _mark_ratios(ax: Axes) -> None:
    low, high = ax.get_xlim()
    near = (0.6, 0.7, 0.8, 1, 1.25, 1.5, 2, 2.5, 3)
    far = (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 4, 8, 16)
    marks = [mark for mark in (near if high < 5 * low else far) if low <= mark <= high]
    ax.set_xticks(marks, [f"{value:g}" for value in marks])
    ax.minorticks_off()


def draw_two_studies(ratios: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw the odds ratios of the same exposures in two studies.

    `ratios` holds `label`, `study`, `estimate`, `low` and `high`; studies in order of appearance.
    """
    studies = list(pd.unique(ratios["study"]))
    colours = dict(zip(studies, (style.DOWN, style.UP, style.AMBER), strict=False))
    labels = axes.draw_side_by_side(ratios, "label", colours, "study", ax=ax, step=0.3, s=34)
    axes.mark_zero(ax, at=1)
    axes.name_rows(ax, map(readable, labels), margin=0.6, label="Odds ratio, log scale")
    ax.set_xscale("log")
    _mark_ratios(ax)
    axes.key_above(ax, len(studies))
    return ax


def draw_map(places: pd.DataFrame, chosen: pd.Index, *, ax: Axes) -> Axes:
    """Draw a map of observed over expected cases with the likeliest cluster ringed.

    `places` holds one row per place: `x`, `y` (degrees), `cases` and `expected`; `chosen` names
    those of the likeliest cluster.
    """
    order = places.assign(ratio=(places["cases"] / places["expected"]).clip(upper=4))
    order = order.sort_values("ratio")
    size = 6 + 14 * np.sqrt(order["expected"] / order["expected"].mean())
    shade = {"c": order["ratio"], "cmap": "cividis", "vmin": 0, "vmax": 4}
    dots = ax.scatter(order["x"], order["y"], s=size, linewidth=0, **shade)
    inside = places.loc[chosen]
    centre = inside[["x", "y"]].mean()
    reach = np.hypot(inside["x"] - centre["x"], inside["y"] - centre["y"]).max() + 1.0
    ax.add_patch(Circle(tuple(centre), reach, fill=False, color=style.UP, linewidth=2))
    bar = ax.figure.colorbar(dots, ax=ax, shrink=0.8, label="Cases over expected cases")
    bar.outline.set_visible(False)
    ax.set(xlabel="Degrees east", ylabel="Degrees from the equator", aspect="equal")
    ax.grid(visible=False)
    return ax


CELLS = {
    "presenting": (
        (0.12, 0.62),
        "Presenting cell\nHLA-DRB1 shows a peptide\nof virus or of myelin",
    ),
    "helper": ((0.40, 0.62), "T helper (CD4)\nrecognises it,\nmultiplies, calls others"),
    "regulatory": ((0.40, 0.20), "Regulatory T\nshould say stop;\nin MS it suppresses less"),
    "cytotoxic": ((0.68, 0.86), "Cytotoxic T (CD8)\nkills cells that\nshow the peptide"),
    "b": ((0.68, 0.40), "B cell\npresents, and makes\nantibodies; holds EBV"),
    "myelin": ((0.91, 0.64), "Brain and\nspinal cord\nmyelin is lost"),
}
WAKES = (
    *(("presenting", "helper"), ("helper", "cytotoxic"), ("helper", "b")),
    *(("cytotoxic", "myelin"), ("b", "myelin")),
)
HOLDS_BACK = (("regulatory", "helper"), ("regulatory", "b"))
HEIGHT, GAP = 0.22, 0.012
PALE = {"regulatory": style.REGION, "myelin": style.CREAM}


def draw_tolerance(*, ax: Axes) -> Axes:
    """Draw the cells of an attack on myelin, with arrows for activation, bars for inhibition."""
    for one, other in WAKES:
        _connect(ax, one, other, "-|>", style.UP, "-")
    for one, other in HOLDS_BACK:
        _connect(ax, one, other, "|-|,widthA=0,widthB=0.45", style.DOWN, "--")
    for name, ((x, y), text) in CELLS.items():
        width = _width(name)
        corner, size = (x - width / 2, y - HEIGHT / 2), (width, HEIGHT)
        look = {"boxstyle": "round,pad=0.008,rounding_size=0.03", "ec": style.INK, "zorder": 3}
        ax.add_patch(FancyBboxPatch(corner, *size, fc=PALE.get(name, style.PAPER), **look))
        ax.text(x, y, text, ha="center", va="center", fontsize=8, color=style.INK, zorder=4)
    ax.text(0.12, 0.42, "arrows: wakes", color=style.UP, ha="center", fontsize=9)
    ax.text(0.12, 0.35, "dashed bars: should hold back", color=style.DOWN, ha="center", fontsize=9)
    ax.set(xlim=(0, 1), ylim=(0.05, 1))
    ax.axis("off")
    return ax


def _connect(ax: Axes, one: str, other: str, look: str, colour: str, line: str) -> None:
    shape = {"arrowstyle": look, "linestyle": line, "linewidth": 1.8, "mutation_scale": 16}
    ends = _edge(one, other), _edge(other, one)
    ax.add_patch(FancyArrowPatch(*ends, color=colour, zorder=5, **shape))


def _edge(name: str, towards: str) -> tuple[float, float]:
    """Return the point on a cell's box that faces another cell."""
    (x, y), _ = CELLS[name]
    (to_x, to_y), _ = CELLS[towards]
    across, up = to_x - x, to_y - y
    if abs(across) > 0.1:
        return x + np.sign(across) * (_width(name) / 2 + GAP), y + np.sign(up) * 0.05
    return x, y + np.sign(up) * (HEIGHT / 2 + GAP)


def _width(name: str) -> float:
    return 0.15 if name == "myelin" else 0.205
