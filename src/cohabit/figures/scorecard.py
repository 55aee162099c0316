"""One figure of realism: how far a cohort is from the released study."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cohabit.figures.style import REFERENCE, VERDICT_COLOURS

FARTHEST = 3.0
"""Deviations beyond are drawn here."""


def draw_scorecard(card: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw each figure's distance from the real value, one row a block.

    Parameters
    ----------
    card : DataFrame, one row a figure
        `block`, `value`, `real_value`, `tolerance`, `origin` ("fed" or "emergent"), `passes`.
    """
    blocks = list(pd.unique(card["block"]))
    off = ((card["value"] - card["real_value"]) / card["tolerance"]).clip(-FARTHEST, FARTHEST)
    rows = card.assign(off=off.fillna(0), passes=card["passes"].astype(bool))
    ax.axvspan(-1, 1, color="#DBEAFE", zorder=0)
    for origin, marker, lift in (("fed", "o", 0.16), ("emergent", "D", -0.16)):
        for passes, colour in ((True, "#117733"), (False, VERDICT_COLOURS["disagrees"])):
            chosen = rows[(rows["origin"] == origin) & (rows["passes"] == passes)]
            places = len(blocks) - 1 - chosen["block"].map(blocks.index) + lift
            face = "white" if origin == "fed" else colour
            label = f"{origin}, {'within' if passes else 'outside'} ({len(chosen)})"
            style = {"marker": marker, "facecolor": face, "edgecolor": colour, "label": label}
            ax.scatter(chosen["off"], places, s=30, linewidth=1.3, **style)
    ax.axvline(0, color=REFERENCE, linewidth=1)
    ax.set_yticks(np.arange(len(blocks))[::-1], blocks)
    ax.set(xlim=(-FARTHEST - 0.2, FARTHEST + 0.2), ylim=(-0.7, len(blocks) - 0.3))
    ax.set(xlabel="This cohort minus the released study, in tolerances")
    ax.legend(loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=4, columnspacing=1)
    return ax
