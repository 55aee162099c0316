"""The report's claims as plain values, with a small drawing of each interval."""

import math
from collections.abc import Callable

import pandas as pd

from cohabit.files import privacy
from cohabit.run.report.page import (
    VERDICT_CLASSES,
    VERDICT_ORDER,
    is_number,
    number,
    plain_text,
)

SCALE_WORDS = {
    "latent": "log",
    "carried": "log, among carriers",
    "clr": "log-ratio",
    "asin": "asin-sqrt share",
    "prevalence": "share of carriers",
}
"""Label of each scale of the truth, used when the estimate has another unit."""

COPIED = (
    *("claim_id", "notebook", "statement", "quantity", "unit", "published", "source", "verdict"),
    "note",
)
TRUTH_WORDS = {"true": "true here", "false": "untrue here"}
SVG_WIDTH, SVG_HEIGHT, MARGIN = 168, 30, 6
FAR = 4
"""Distance, in widths of the interval, beyond which edges of the region are not drawn."""


def describe_claims(claims: pd.DataFrame) -> list[dict]:
    """Return each claim as shown in the table: text, class of its verdict, a drawing."""
    return [_describe_claim(row) for row in claims.to_dict("records")]


def _describe_claim(row: dict) -> dict:
    told = {name: plain_text(row.get(name)) for name in COPIED}
    found = interval = ""
    if is_number(row.get("estimate")):
        found = number(row["estimate"])
        interval = f"[{number(row.get('low'))}, {number(row.get('high'))}]"
    planted = number(row["planted"]) if is_number(row.get("planted")) else ""
    scale = "" if _same_unit(row) else SCALE_WORDS.get(plain_text(row.get("planted_scale")), "")
    return {
        **told,
        "notebook": told["notebook"] or told["claim_id"].split(".")[0],
        "planted": f"{planted} ({scale})" if planted and scale else planted,
        "found": found,
        "interval": interval,
        "n": _describe_n(row),
        "css": VERDICT_CLASSES.get(told["verdict"], "none"),
        "fit": {"true": "right", "false": "wrong"}.get(plain_text(row.get("right")).lower(), ""),
        "truth": TRUTH_WORDS.get(plain_text(row.get("true_here")).lower(), ""),
        "drawing": _draw(row),
    }


def _describe_n(row: dict) -> str:
    """Return the number of people, marked if they are real and few."""
    if not is_number(row.get("n")):
        return ""
    few = f" ({privacy.FEW_MARK})" if plain_text(row.get(privacy.FEW_COLUMN)) else ""
    return f"{number(row['n'])}{few}"


def _draw(row: dict) -> str:
    names = ("estimate", "low", "high", "region_low", "region_high")
    if not all(is_number(row.get(name)) for name in names):
        return ""
    planted = row["planted"] if is_number(row.get("planted")) and _same_unit(row) else None
    estimate, low, high, *region = (row[name] for name in names)
    return draw_interval(estimate, low, high, tuple(region), planted)


def _same_unit(row: dict) -> bool:
    """Return True when the planted and estimated value have the same unit."""
    unit, scale = plain_text(row.get("unit")).replace("-", ""), plain_text(row.get("planted_scale"))
    return bool(scale) and unit.startswith(scale)


def count_verdicts(rows: list[dict]) -> list[dict]:
    """Return the count of each verdict and how many are right or wrong."""
    cards = []
    for verdict in VERDICT_ORDER:
        of_it = [row for row in rows if row["verdict"] == verdict]
        fits = {fit: sum(row["fit"] == fit for row in of_it) for fit in ("right", "wrong")}
        cards.append(
            {"verdict": verdict, "css": VERDICT_CLASSES[verdict], "count": len(of_it), **fits}
        )
    return cards


def group_claims(rows: list[dict], titles: dict[str, str]) -> list[dict]:
    """Return the claims grouped by notebook, with its title."""
    numbers = dict.fromkeys(row["notebook"] for row in rows)
    return [
        {
            "notebook": number,
            "title": titles.get(number, ""),
            "rows": [row for row in rows if row["notebook"] == number],
        }
        for number in numbers
    ]


def draw_interval(
    estimate: float,
    low: float,
    high: float,
    region: tuple[float, float],
    planted: float | None = None,
) -> str:
    """Return an inline SVG, or an empty string without an interval.

    The shaded band is the region in which the claim is true, the bar the 95% interval, the dot the
    estimate and the diamond the planted value. The numbers appear beside it as text.
    """
    if any(value is None or math.isnan(value) for value in (estimate, low, high)):
        return ""
    planted = None if planted is None or math.isnan(planted) else planted
    seen = [low, high, *([planted] if planted is not None else [])]
    region = tuple(_near_or_open(edge, seen) for edge in region)
    place = _scale(seen, region)
    middle = SVG_HEIGHT / 2
    parts = [
        *_draw_region(region, place),
        f'<line class="bar" x1="{place(low):.1f}" x2="{place(high):.1f}" y1="{middle}" '
        f'y2="{middle}"/>',
        f'<circle class="dot" cx="{place(estimate):.1f}" cy="{middle}" r="4"/>',
    ]
    if planted is not None:
        parts.append(
            f'<path class="planted" d="M{place(planted):.1f} {middle - 6}l5 6l-5 6l-5 -6z"/>'
        )
    return (
        f'<svg class="interval" viewBox="0 0 {SVG_WIDTH} {SVG_HEIGHT}" '
        f'width="{SVG_WIDTH}" height="{SVG_HEIGHT}" '
        f'aria-hidden="true" focusable="false">{"".join(parts)}</svg>'
    )


def _draw_region(region: tuple[float, float], place: Callable[[float], float]) -> list[str]:
    """Return the shaded region in which the claim is true, with lines at closed ends."""
    start, end = (place(edge) for edge in region)
    shade = (
        f'<rect class="region" x="{start:.1f}" y="2" width="{end - start:.1f}" '
        f'height="{SVG_HEIGHT - 4}" rx="2"/>'
    )
    edges = [place(edge) for edge in region if math.isfinite(edge)]
    lines = [
        f'<line class="edge" x1="{x:.1f}" x2="{x:.1f}" y1="2" y2="{SVG_HEIGHT - 2}"/>'
        for x in edges
    ]
    return [shade, *lines]


def _near_or_open(edge: float, seen: list[float]) -> float:
    """Return an edge, or infinity if it is too far from the interval to be drawn."""
    low, high = min(seen), max(seen)
    far = FAR * (high - low)
    if far and edge < low - far:
        return -math.inf
    return math.inf if far and edge > high + far else edge


def _scale(values: list[float], region: tuple[float, float]):
    """Return a function from numbers to pixels; open ends lie at the drawing's edge."""
    seen = [*values, *(edge for edge in region if math.isfinite(edge))]
    low, high = min(seen), max(seen)
    pad = 0.08 * (high - low) or max(abs(high), 1e-9)
    low, high = low - pad, high + pad

    def place(value: float) -> float:
        if math.isinf(value):
            return 0.0 if value < 0 else float(SVG_WIDTH)
        return MARGIN + (SVG_WIDTH - 2 * MARGIN) * (value - low) / (high - low)

    return place
