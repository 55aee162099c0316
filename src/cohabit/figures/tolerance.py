"""One figure of tolerance failing: who wakes whom, who should hold them back."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from cohabit.figures.style import DOWN, INK, UP

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
    ("presenting", "helper"),
    ("helper", "cytotoxic"),
    ("helper", "b"),
    ("cytotoxic", "myelin"),
    ("b", "myelin"),
)
HOLDS_BACK = (("regulatory", "helper"), ("regulatory", "b"))
HEIGHT, GAP = 0.22, 0.012
PALE = {"regulatory": "#DBEAFE", "myelin": "#FEF3C7"}


def draw_tolerance(*, ax: Axes) -> Axes:
    """Draw the cells of an attack on myelin, arrows for what wakes and bars for what restrains."""
    for one, other in WAKES:
        _connect(ax, one, other, "-|>", UP, "-")
    for one, other in HOLDS_BACK:
        _connect(ax, one, other, "|-|,widthA=0,widthB=0.45", DOWN, "--")
    for name, ((x, y), text) in CELLS.items():
        width = _width(name)
        corner, size = (x - width / 2, y - HEIGHT / 2), (width, HEIGHT)
        style = "round,pad=0.008,rounding_size=0.03"
        colour = PALE.get(name, "#FFFFFF")
        ax.add_patch(FancyBboxPatch(corner, *size, boxstyle=style, fc=colour, ec=INK, zorder=3))
        ax.text(x, y, text, ha="center", va="center", fontsize=8, color=INK, zorder=4)
    ax.text(0.12, 0.42, "arrows: wakes", color=UP, ha="center", fontsize=9)
    ax.text(0.12, 0.35, "dashed bars: should hold back", color=DOWN, ha="center", fontsize=9)
    ax.set(xlim=(0, 1), ylim=(0.05, 1))
    ax.axis("off")
    return ax


def _connect(ax: Axes, one: str, other: str, style: str, colour: str, line: str) -> None:
    arrow = FancyArrowPatch(
        _edge(one, other),
        _edge(other, one),
        arrowstyle=style,
        color=colour,
        linestyle=line,
        linewidth=1.8,
        mutation_scale=16,
        zorder=5,
    )
    ax.add_patch(arrow)


def _edge(name: str, towards: str) -> tuple[float, float]:
    """Return the point of a cell's box that faces another cell."""
    (x, y), _ = CELLS[name]
    (to_x, to_y), _ = CELLS[towards]
    across, up = to_x - x, to_y - y
    if abs(across) > 0.1:
        return x + np.sign(across) * (_width(name) / 2 + GAP), y + np.sign(up) * 0.05
    return x, y + np.sign(up) * (HEIGHT / 2 + GAP)


def _width(name: str) -> float:
    return 0.15 if name == "myelin" else 0.205
