"""A claim's interval beside its region and what was planted: one small drawing a row."""

import math
from collections.abc import Callable

WIDTH, HEIGHT, MARGIN = 168, 30, 6
FAR = 4
"""Widths of the interval beyond which an edge of the region is left out of the drawing."""


def draw_interval(
    estimate: float,
    low: float,
    high: float,
    region: tuple[float, float],
    planted: float | None = None,
) -> str:
    """Return an inline SVG; empty when there is no interval.

    The shaded band is where the claim is true, the bar the 95% interval, the dot the
    estimate, the diamond what was planted. The numbers stand beside it as text.
    """
    if any(value is None or math.isnan(value) for value in (estimate, low, high)):
        return ""
    planted = None if planted is None or math.isnan(planted) else planted
    seen = [low, high, *([planted] if planted is not None else [])]
    region = tuple(_near_or_open(edge, seen) for edge in region)
    place = _scale(seen, region)
    middle = HEIGHT / 2
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
        f'<svg class="interval" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'aria-hidden="true" focusable="false">{"".join(parts)}</svg>'
    )


def _draw_region(region: tuple[float, float], place: Callable[[float], float]) -> list[str]:
    """Shade where the claim is true, with a line at each end that is not open."""
    start, end = (place(edge) for edge in region)
    shade = (
        f'<rect class="region" x="{start:.1f}" y="2" width="{end - start:.1f}" '
        f'height="{HEIGHT - 4}" rx="2"/>'
    )
    edges = [place(edge) for edge in region if math.isfinite(edge)]
    lines = [
        f'<line class="edge" x1="{x:.1f}" x2="{x:.1f}" y1="2" y2="{HEIGHT - 2}"/>' for x in edges
    ]
    return [shade, *lines]


def _near_or_open(edge: float, seen: list[float]) -> float:
    """Return an edge; an open end where it lies too far off to be drawn with the interval."""
    low, high = min(seen), max(seen)
    far = FAR * (high - low)
    if far and edge < low - far:
        return -math.inf
    return math.inf if far and edge > high + far else edge


def _scale(values: list[float], region: tuple[float, float]):
    """Return the place of a number, in pixels; open ends lie at the drawing's edge."""
    seen = [*values, *(edge for edge in region if math.isfinite(edge))]
    low, high = min(seen), max(seen)
    pad = 0.08 * (high - low) or max(abs(high), 1e-9)
    low, high = low - pad, high + pad

    def place(value: float) -> float:
        if math.isinf(value):
            return 0.0 if value < 0 else float(WIDTH)
        return MARGIN + (WIDTH - 2 * MARGIN) * (value - low) / (high - low)

    return place
