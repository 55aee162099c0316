"""Figures of the same effects, seen twice."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cohabit.figures.style import QUIET, REFERENCE, UP


def draw_replication(batches: pd.DataFrame, *, ax: Axes) -> Axes:
    """Draw effects in a second batch against those in the first, one point a feature.

    Parameters
    ----------
    batches : DataFrame
        `first`, `second` (same unit) and `called` (bool: chosen in the first batch). The solid
        line through zero has the slope of the chosen features' mean effects.
    """
    called = batches["called"].to_numpy(dtype=bool)
    styles = (("not called", ~called, QUIET, "o"), ("called in the first batch", called, UP, "D"))
    for label, chosen, colour, marker in styles:
        rows = batches[chosen]
        style = {"color": colour, "marker": marker, "label": f"{label} ({len(rows)})"}
        ax.scatter(rows["first"], rows["second"], s=24, alpha=0.75, linewidth=0, **style)
    reach = 1.08 * float(batches[["first", "second"]].abs().max().max())
    ends = np.array([-reach, reach])
    ax.plot(ends, ends, color=REFERENCE, linewidth=1, linestyle="--", label="equal")
    if called.any():
        first, second = (batches.loc[called, name] for name in ("first", "second"))
        slope = (np.sign(first) * second).sum() / first.abs().sum()
        ax.plot(ends, slope * ends, color=UP, linewidth=1.6, label=f"{slope:.2f} of it left")
    ax.axhline(0, color=REFERENCE, linewidth=0.6)
    ax.axvline(0, color=REFERENCE, linewidth=0.6)
    ax.set(xlim=tuple(ends), ylim=tuple(ends), aspect="equal")
    ax.set(xlabel="Effect in the first batch", ylabel="Effect in the second batch")
    ax.legend(loc="upper left")
    return ax
