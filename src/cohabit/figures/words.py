"""Alternative texts of figures, read from the drawing: values and directions."""

import re
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.collections import LineCollection, PathCollection, QuadMesh
from matplotlib.container import BarContainer, ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text

LISTED, FIRST, LAST = 8, 4, 3
"""Largest number of rows that are all listed, and how many first and last ones otherwise."""

MOST_PANELS = 6
"""Number of panels above which values are not listed."""

COLOUR_BAR = "<colorbar>"
_CASES = re.compile(r"\bMS\b")
_NUMBER = re.compile(r"[-−+]?[\d.,\s]*(e[-−+]?\d+)?[%k]?|\$.*\$", re.IGNORECASE)


def rename_cases(figure: Figure, case: str) -> None:
    """Write another disease wherever a figure says MS: labels, titles, ticks and legends."""
    for text in figure.findobj(Text):
        text.set_text(_CASES.sub(case, text.get_text()))
    for axis in (axis for ax in figure.axes for axis in (ax.xaxis, ax.yaxis)):
        names = [label.get_text() for label in axis.get_ticklabels()]
        if any(_CASES.search(name) for name in names):
            axis.set_ticks(axis.get_ticklocs(), [_CASES.sub(case, name) for name in names])


def describe_figure(figure: Figure) -> str:
    """Return a description of each panel: titles, axes, values, directions and legend."""
    panels = [ax for ax in figure.axes if ax.get_visible() and ax.get_label() != COLOUR_BAR]
    told = [words for ax in panels if (words := _describe_axes(ax, len(panels) > MOST_PANELS))]
    if len(told) > 1:
        told = [f"Panel {number}: {words}" for number, words in enumerate(told, start=1)]
    bars = [ax.get_ylabel() for ax in figure.axes if ax.get_label() == COLOUR_BAR]
    told += [f"colour: {', '.join(dict.fromkeys(bars))}"] if bars else []
    told += [f"key: {'; '.join(_texts(key.get_texts()))}" for key in figure.legends]
    told = told or ["a figure without words"]
    return ". ".join(words[:1].upper() + words[1:] for words in told) + "."


def _describe_axes(ax: Axes, brief: bool) -> str:
    """Return a description of one pair of axes, or an empty string without any text."""
    titles = [ax.get_title(place) for place in ("left", "center", "right")]
    labels = {"across": ax.xaxis, "up": ax.yaxis}
    labels = {way: _plain(axis.get_label_text()) for way, axis in labels.items()}
    key = _texts(ax.get_legend().get_texts()) if ax.get_legend() else []
    drawn = [] if brief else list(_tell(ax))
    key = [name for name in key if not any(name in words for words in drawn)]
    parts = [
        *(_plain(title) for title in titles if title),
        *(f"{way}: {label}" for way, label in labels.items() if label),
        *([f"key: {'; '.join(key)}"] if key else []),
        *drawn,
    ]
    return "; ".join(parts) or " / ".join(_texts(ax.texts))


def _tell(ax: Axes) -> Iterator[str]:
    """Return the values of named rows or columns, or of each series of numbers."""
    rows, columns = _name_ticks(ax.yaxis), _name_ticks(ax.xaxis)
    if not ax.yaxis_inverted():
        rows = dict(reversed(rows.items()))
    tables = [*(each for each in ax.collections if isinstance(each, QuadMesh)), *ax.images]
    if tables:
        yield from _tell_table(tables[0], [*rows.values()], [*columns.values()], _texts(ax.texts))
    elif rows or columns:
        along = 0 if rows else 1
        yield from _tell_rows(_find_series(ax), rows or columns, along)
        yield from _count_intervals(ax, along)
    else:
        for name, points in _find_series(ax):
            yield f"{name} {_tell_points(points)}".strip()


def _tell_table(table, rows: list[str], columns: list[str], numbers: list[str]) -> Iterator[str]:
    """Return rows, columns and the text in the cells, or else the range of the colours."""
    if columns:
        yield f"columns: {'; '.join(columns)}"
    if numbers and len(numbers) == len(rows) * len(columns):
        lines = np.array(numbers).reshape(len(rows), -1)
        rows = [f"{name} {', '.join(line)}" for name, line in zip(rows, lines, strict=True)]
    if rows:
        yield f"rows from the top: {_list(rows)}"
    values = np.ma.masked_invalid(table.get_array()).compressed()
    if len(values):
        yield f"colours from {_write(values.min())} to {_write(values.max())}"


def _tell_rows(
    series: Iterable[tuple[str, np.ndarray]], names: Mapping[float, str], along: int
) -> Iterator[str]:
    """Return for each row (values across) or column (values up) its values in every series."""
    rows: dict[float, dict[str, list[float]]] = {place: {} for place in names}
    places = np.array([*names])
    for name, points in series:
        nearest = places[np.abs(points[:, [1 - along]] - places).argmin(axis=1)]
        near = np.abs(points[:, 1 - along] - nearest) <= 0.5
        for place in dict.fromkeys(nearest[near]):
            values = points[near & (nearest == place), along]
            rows[place].setdefault(name, []).extend(values)
    shared = len({tuple(row) for row in rows.values()}) == 1 and len(rows[places[0]]) > 1
    each = f", each with {'; '.join(rows[places[0]])}" if shared else ""
    told = []
    for name, row in zip(names.values(), rows.values(), strict=True):
        words = [
            f"{'' if shared else series} {_tell_values(v)}".strip() for series, v in row.items()
        ]
        told.append(f"{name} {', '.join(words)}".strip())
    yield f"{'columns' if along else 'rows from the top'}{each}: {_list(told)}"


def _tell_values(values: list[float]) -> str:
    if len(values) <= 3:
        return " and ".join(map(_write, values))
    low, middle, high = np.quantile(values, [0.05, 0.5, 0.95])
    return f"around {_write(middle)}, most from {_write(low)} to {_write(high)}"


def _count_intervals(ax: Axes, along: int) -> Iterator[str]:
    """Return the number of intervals on each side of the line of no effect, if there is one."""
    lines = [line.get_xydata() for line in ax.lines]
    lines = [line for line in lines if np.array_equal(line[:, 1 - along], [0, 1])]
    spans = [lines for lines in ax.collections if isinstance(lines, LineCollection)]
    segments = [segment for each in spans if not _label(each) for segment in each.get_segments()]
    ends = [segment[:, along] for segment in segments if len(segment) == 2]
    ends = np.array([pair for pair in ends if np.isfinite(pair).all()])
    if lines and len(ends) >= 3:
        at = lines[0][0, along]
        above, below = (ends.min(axis=1) > at).sum(), (ends.max(axis=1) < at).sum()
        yield f"intervals above {_write(at)}: {above} of {len(ends)}; below: {below}"


def _find_series(ax: Axes) -> Iterator[tuple[str, np.ndarray]]:
    """Return names and points of lines, bars and marks; unnamed marks are combined."""
    known: set = set()
    unnamed = []
    for artist in [*ax.containers, *ax.lines, *ax.collections]:
        points = _find_points(artist, known)
        points = points[np.isfinite(points).all(axis=1)]
        if len(points) and (_label(artist) or not isinstance(artist, PathCollection)):
            yield _label(artist), points
        elif len(points):
            unnamed.append(points)
    if unnamed:
        yield "", np.vstack(unnamed)


def _find_points(artist, known: set) -> np.ndarray:
    """Return the points of an artist that shows data and is not among the `known` lines."""
    if isinstance(artist, BarContainer):
        bars = [(bar.get_bbox(), artist.orientation == "vertical") for bar in artist]
        ends = [((b.x0 + b.x1) / 2, b.y1) if up else (b.x1, (b.y0 + b.y1) / 2) for b, up in bars]
        return np.array(ends, float).reshape(-1, 2)
    if isinstance(artist, ErrorbarContainer):
        line, caps, _ = artist.lines
        known |= {line, *caps}
        return np.empty((0, 2)) if line is None else line.get_xydata()
    if isinstance(artist, PathCollection):
        return np.ma.filled(artist.get_offsets().astype(float), np.nan)
    across = isinstance(artist, Line2D) and artist.get_transform() != artist.axes.transData
    if not isinstance(artist, Line2D) or artist in known or across:
        return np.empty((0, 2))
    points = artist.get_xydata()
    if _label(artist) or len(points) > 2:
        return points
    upright = len(points) == 2 and points[0, 0] == points[1, 0]  # a quartile of a violin
    return points.mean(axis=0, keepdims=True) if upright else np.empty((0, 2))


def _tell_points(points: np.ndarray) -> str:
    """Return the course of a line, or the position and trend of a cloud of points."""
    x, y = points.T
    if len(points) == 1:
        return f"at {_write(x[0])} across, {_write(y[0])} up"
    if len(points) < 400 and (np.diff(x) >= 0).all():
        verb = "rises" if y[-1] > y[0] else "falls" if y[-1] < y[0] else "goes"
        start, end = (f"{_write(y[at])} at {_write(x[at])}" for at in (0, -1))
        words = f"{verb} from {start} to {end}"
        top = y.argmax()
        beyond = y[top] - y[[0, -1]].max() > 0.1 * np.ptp(y)
        return words + (f", highest {_write(y[top])} at {_write(x[top])}" if beyond else "")
    (left, low), (right, high) = np.quantile(points, [0.05, 0.95], axis=0)
    words = f"{len(points)} points, most from {_write(left)} to {_write(right)} across"
    words += f" and from {_write(low)} to {_write(high)} up"
    related = np.ptp(points, axis=0).all()
    return words + (f", correlation {np.corrcoef(x, y)[0, 1]:.2f}" if related else "")


def _name_ticks(axis: Axis) -> dict[float, str]:
    """Return the ticks whose labels are words, not numbers."""
    places = axis.get_majorticklocs()
    named = sorted(zip(places, axis.get_major_formatter().format_ticks(places), strict=True))
    return {float(at): _plain(name) for at, name in named if not _NUMBER.fullmatch(name.strip())}


def _texts(artists: Iterable) -> list[str]:
    return [words for artist in artists if (words := _plain(artist.get_text()))]


def _label(artist) -> str:
    """Return an artist's name, also if it starts with an underscore and is not in the legend."""
    label = _plain(str(artist.get_label() or ""))
    return "" if label.startswith(("_child", "_container", "_nolegend")) else label.lstrip("_")


def _list(told: list[str]) -> str:
    if len(told) > LISTED:
        told = [*told[:FIRST], f"{len(told) - FIRST - LAST} more", *told[-LAST:]]
    return "; ".join(told)


def _write(value: float) -> str:
    """Return a number as spoken: two digits, or three from 100 on."""
    if abs(value) >= 1000 or abs(value) < 1e-9:
        return f"{value:,.0f}".replace("-0", "0")
    return f"{float(f'{value:.2g}' if abs(value) < 100 else f'{value:.3g}'):g}"


def _plain(text: str) -> str:
    """Return text on one line, with formulas as plain text."""
    text = re.sub(r"\$(.*?)\$", lambda formula: re.sub(r"[\\{}_]", "", formula[1]), text)
    return " ".join(text.split())
