"""One look: the style sheet, and colours that mean the same thing in every figure.

The colours are told apart with any of the common kinds of colour blindness (Okabe and Ito
2008; Tol 2021); where more than three meet, a marker shape says the same thing again.
"""

import itertools
import re
from importlib.resources import files

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

GROUP_COLOURS = {"control": "#0072B2", "MS": "#D55E00"}
SITE_COLOURS = {
    "San Francisco": "#332288",
    "Boston": "#88CCEE",
    "New York": "#44AA99",
    "Pittsburgh": "#117733",
    "Buenos Aires": "#DDCC77",
    "Edinburgh": "#CC6677",
    "San Sebastian": "#AA4499",
}
SITE_MARKERS = dict(zip(SITE_COLOURS, ("o", "s", "^", "D", "v", "P", "X"), strict=True))
COUNTRY_COLOURS = {"US": "#332288", "Argentina": "#DDCC77", "UK": "#CC6677", "Spain": "#AA4499"}
VERDICT_COLOURS = {"agrees": "#117733", "disagrees": "#AA4499", "cannot tell": "#6B7280"}
VERDICT_MARKERS = {"agrees": "o", "disagrees": "X", "cannot tell": "s"}
UP, DOWN, QUIET = "#D55E00", "#0072B2", "#9CA3AF"
"""Higher in MS, lower in MS, and neither, whatever is compared."""

INK, REFERENCE = "#1F2937", "#374151"
"""Text, and the line or mark of a published value or of no effect."""

OTHERS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#6B7280")


def use_style() -> None:
    """Set matplotlib to the house style; a notebook calls it once, in its set-up cell."""
    plt.style.use(str(files("cohabit.figures").joinpath("cohabit.mplstyle")))


def colours_for(levels: list[str]) -> dict[str, str]:
    """Return a colour for each level: its own where it has one, else the next free one."""
    known = {**GROUP_COLOURS, **SITE_COLOURS, **COUNTRY_COLOURS, **VERDICT_COLOURS}
    taken = {known[level] for level in levels if level in known}
    free = itertools.cycle(colour for colour in OTHERS if colour not in taken)
    return {level: known[level] if level in known else next(free) for level in levels}


SPELLED = {
    **{name: name.upper() for name in ("bmi", "edss", "msss", "hei", "ocd", "16s")},
    "nsaids": "NSAIDs",
    "anti cd20": "anti-CD20",
}
"""Words of our own names that are written otherwise in a label."""


def readable(name: str) -> str:
    """Return a level or column name as words, for a label.

    Examples
    --------
    >>> readable("vitamin_c"), readable("anti_cd20 - untreated"), readable("Shannon, 16s")
    ('vitamin C', 'anti-CD20 - untreated', 'Shannon, 16S')
    """
    words = str(name).replace("_", " ")
    for ours, label in SPELLED.items():
        words = re.sub(rf"\b{ours}\b", label, words)
    return re.sub(r"(?<=\bvitamin )[a-z]\b", lambda letter: letter[0].upper(), words)


ABSENT = "Nothing to draw: this cohort does not hold these data."


def say_absent(ax: Axes) -> Axes:
    """Say in place of a figure that the cohort lacks the data."""
    ax.text(0.5, 0.5, ABSENT, ha="center", va="center", color=INK, transform=ax.transAxes)
    ax.set_axis_off()
    return ax
