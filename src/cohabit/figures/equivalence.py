"""Figures of sameness: intervals against a margin, halves of one shape beside each other."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cohabit.figures.style import (
    GROUP_COLOURS,
    REFERENCE,
    SITE_COLOURS,
    VERDICT_COLOURS,
    VERDICT_MARKERS,
)


def draw_equivalence(
    effects: pd.DataFrame,
    region: tuple[float, float],
    *,
    ax: Axes,
    label: str,
    band: str = "counts as no difference",
) -> Axes:
    """Draw effects with 95% intervals over the band in which a claim is true.

    Parameters
    ----------
    effects : DataFrame, one row a comparison
        `label`, `estimate`, `low`, `high` and `verdict`.
    region : tuple of float
        Ends of the band.
    label : str
        What the effect is, with its unit.
    band : str
        What the band means.
    """
    places = np.arange(len(effects))[::-1]
    ax.axvspan(*region, color="#DBEAFE", zorder=0, label=band)
    for verdict, colour in VERDICT_COLOURS.items():
        chosen = (effects["verdict"] == verdict).to_numpy()
        rows = effects[chosen]
        if rows.empty:
            continue
        ax.hlines(places[chosen], rows["low"], rows["high"], color=colour, linewidth=1.8)
        style = {"color": colour, "marker": VERDICT_MARKERS[verdict], "label": verdict}
        ax.scatter(rows["estimate"], places[chosen], s=38, zorder=3, **style)
    ax.axvline(0, color=REFERENCE, linewidth=1)
    ax.set_yticks(places, effects["label"])
    ax.set(xlabel=label, ylim=(-0.7, len(effects) - 0.3))
    ax.grid(axis="y", visible=False)
    ax.legend(loc="lower center", bbox_to_anchor=(0.35, 1.0), ncols=4)
    return ax


def draw_by_site(values: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw a measure by site: upper half of each shape controls, lower half patients.

    Parameters
    ----------
    values : DataFrame, one row a person
        `site`, `group` and `value`; people without a value are left out.
    """
    import seaborn as sns

    known = values.dropna()
    order = [site for site in SITE_COLOURS if site in set(known["site"])]
    order += sorted(set(known["site"]) - set(order))
    sns.violinplot(
        data=known.astype({"group": str}),
        x="value",
        y="site",
        order=order,
        hue="group",
        hue_order=list(GROUP_COLOURS),
        palette=GROUP_COLOURS,
        split=True,
        gap=0.1,
        inner="quart",
        cut=0,
        density_norm="width",
        linewidth=0.8,
        ax=ax,
    )
    ax.set_ylabel("")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    return ax
