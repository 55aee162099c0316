"""House style of figures: the style sheet and consistent, colour-blind safe colours.

The colours can be distinguished with all common types of colour blindness (Okabe and Ito 2008; Tol
2021); where more than three meet, marker shapes repeat the information.
"""

import itertools
import re
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, PINK, AMBER, SKY, GREY = OTHERS = (
    *("#0072B2", "#D55E00", "#009E73", "#CC79A7"),
    *("#E69F00", "#56B4E9", "#6B7280"),
)
"""Colours without a fixed meaning, in order of use."""

FOREST, PURPLE = "#117733", "#AA4499"
"""Colours of true and untrue claims, given the planted truth."""

UP, DOWN, QUIET = ORANGE, BLUE, "#9CA3AF"
"""Colours of higher in MS, lower in MS, and neither."""

INK, REFERENCE, EXACT = "#1F2937", "#374151", "#111827"
"""Colours of text, of reference lines and published values, and of exact values."""

REGION, BAR, WINDOW, CREAM, PAPER = "#DBEAFE", "#D1D5DB", "#F3F4F6", "#FEF3C7", "#FFFFFF"
"""Background colours: region of a claim, wide bars, a range of an axis, and diagram boxes."""

GROUP_COLOURS = {"control": BLUE, "MS": ORANGE}
SITE_COLOURS = {
    "San Francisco": "#332288",
    "Boston": "#88CCEE",
    "New York": "#44AA99",
    "Pittsburgh": FOREST,
    "Buenos Aires": "#DDCC77",
    "Edinburgh": "#CC6677",
    "San Sebastian": PURPLE,
}
SITE_MARKERS = dict(zip(SITE_COLOURS, "os^DvPX", strict=True))
COUNTRY_COLOURS = {
    "US": SITE_COLOURS["San Francisco"],
    "Argentina": SITE_COLOURS["Buenos Aires"],
    "UK": SITE_COLOURS["Edinburgh"],
    "Spain": SITE_COLOURS["San Sebastian"],
}
VERDICT_COLOURS = {"agrees": FOREST, "disagrees": PURPLE, "cannot tell": GREY}
VERDICT_MARKERS = {"agrees": "o", "disagrees": "X", "cannot tell": "s"}
MARKERS, LINES = "osD^vPX*", ("-", "--", "-.", ":")
"""Markers and line styles of series, in order of use."""


def use_style() -> None:
    """Set matplotlib to the house style; called once in a notebook's set-up cell."""
    plt.style.use(str(files("cohabit.figures").joinpath("cohabit.mplstyle")))


def markers_for(levels: Iterable) -> dict[Any, str]:
    """Return a marker for each level, so that levels of one colour differ in shape."""
    places = enumerate(levels)
    return {
        level: SITE_MARKERS.get(level) or MARKERS[place // len(OTHERS) % len(MARKERS)]
        for place, level in places
    }


def colours_for(levels: Iterable) -> dict[Any, str]:
    """Return a colour for each level: its fixed colour or the next free one."""
    known = {**GROUP_COLOURS, **SITE_COLOURS, **COUNTRY_COLOURS, **VERDICT_COLOURS}
    taken = {known[level] for level in levels if level in known}
    free = itertools.cycle(colour for colour in OTHERS if colour not in taken)
    return {level: known[level] if level in known else next(free) for level in levels}


SPELLED = {
    **{name: name.upper() for name in ("bmi", "edss", "msss", "hei", "ocd", "16s")},
    "nsaids": "NSAIDs",
    "anti cd20": "anti-CD20",
}
"""Words that labels spell differently from column names."""


def readable(name: str) -> str:
    """Return a level or column name as words for a label.

    Examples
    --------
    >>> readable("vitamin_c"), readable("anti_cd20 - untreated"), readable("Shannon, 16s")
    ('vitamin C', 'anti-CD20 - untreated', 'Shannon, 16S')
    """
    words = str(name).replace("_", " ")
    for ours, label in SPELLED.items():
        words = re.sub(rf"\b{ours}\b", label, words)
    return re.sub(r"(?<=\bvitamin )[a-z]\b", lambda letter: letter[0].upper(), words)


VECTOR = {"svg.fonttype": "path", "svg.hashsalt": "cohabit", "pdf.fonttype": 42}
"""Settings of SVG and PDF: letters are outlines or embedded TrueType; bytes are reproducible."""

ABSENT = "Nothing to draw: this cohort does not hold these data."


def say_absent(ax: Axes) -> Axes:
    """Write on the axes that the cohort lacks the data."""
    ax.text(0.5, 0.5, ABSENT, ha="center", va="center", color=INK, transform=ax.transAxes)
    ax.set_axis_off()
    return ax


def save_vector(figure: Figure, path: Path) -> None:
    """Save a figure as SVG or PDF, by the suffix of the path, with its letters in the file."""
    undated = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
    with matplotlib.rc_context(VECTOR):
        figure.savefig(path, metadata=undated[path.suffix])
