"""What a figure shows, read from the figure itself: true of any cohort it was drawn from."""

import re
from collections.abc import Iterable

from matplotlib.axes import Axes
from matplotlib.figure import Figure

PLACES = ("left", "center", "right")
"""Of the titles that axes may have."""

LISTED = 8
"""Row names and entries of a key that are told one by one."""

_NUMBER = re.compile(r"[-−+]?[\d.,\s]*(e[-−+]?\d+)?[%k]?|\$.*\$", re.IGNORECASE)


def describe_figure(figure: Figure) -> str:
    """Return one line on what is drawn: titles, axes, rows and key; no finding.

    Parameters
    ----------
    figure : Figure
        Drawn already, so that its ticks have their labels.
    """
    panels = [words for ax in figure.axes if ax.get_visible() and (words := _describe_axes(ax))]
    panels += [_list("key: ", _texts(legend.get_texts())) for legend in figure.legends]
    if len(panels) > 1:
        panels = [f"Panel {number}: {words}" for number, words in enumerate(panels, start=1)]
    panels = panels or ["a figure without words"]
    return ". ".join(words[:1].upper() + words[1:] for words in panels) + "."


def _describe_axes(ax: Axes) -> str:
    """Return what one pair of axes holds; empty for axes without a word."""
    key = ax.get_legend()
    parts = [
        *(_plain(title) for place in PLACES if (title := ax.get_title(place))),
        *(f"{way}: {_plain(label)}" for way, label in _labels(ax) if label),
        _list("rows: ", _names(ax.get_yticklabels())),
        _list("columns: ", _names(ax.get_xticklabels())),
        _list("key: ", _texts(key.get_texts())) if key else "",
    ]
    return "; ".join(part for part in parts if part)


def _labels(ax: Axes) -> tuple[tuple[str, str], ...]:
    return ("across", ax.get_xlabel()), ("up", ax.get_ylabel())


def _texts(artists: Iterable) -> list[str]:
    return [words for artist in artists if (words := _plain(artist.get_text()))]


def _names(ticks: Iterable) -> list[str]:
    """Return the tick labels that are words, not numbers."""
    return [name for name in _texts(ticks) if not _NUMBER.fullmatch(name)]


def _list(before: str, names: list[str]) -> str:
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return before + ", ".join(names[:LISTED]) + more if names else ""


def _plain(text: str) -> str:
    return " ".join(text.split())
