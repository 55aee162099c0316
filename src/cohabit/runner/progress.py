"""What the reader sees while notebooks run: a live table, or plain lines where nobody watches."""

import re
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager

from cohabit.runner.outcome import Outcome

ANSI = re.compile(r"\x1b\[[0-9;]*m")
TRACE_LINES = 30
COLOURS = {"done": "green", "unchanged": "green", "failed": "red", "running": "cyan"}


class PlainProgress(AbstractContextManager):
    """One line when a notebook starts and one when it ends."""

    def __init__(self, names: Mapping[str, str], stream=None):
        self._names = names
        self._width = max(map(len, names.values()), default=0)
        self._stream = stream or sys.stdout
        self._guard = threading.Lock()

    def __exit__(self, *error):
        return None

    def started(self, number: str, why: str) -> None:
        """Say that a notebook starts, and why it is not taken as it was."""
        self._say(number, f"running    ({why})")

    def reached(self, number: str, cell: int, cells: int) -> None:
        """Say nothing: a line for every cell would drown the rest."""

    def ended(self, number: str, outcome: Outcome) -> None:
        """Say how a notebook ended."""
        cost = "" if outcome.label == "unchanged" else describe_cost(outcome)
        self._say(number, f"{outcome.label:10} {cost}{outcome.reason}".rstrip())

    def _say(self, number: str, words: str) -> None:
        with self._guard:
            print(f"{self._names[number]:{self._width}}  {words}", file=self._stream, flush=True)


class LiveProgress(PlainProgress):
    """A table that is redrawn in place: cell, time and memory of every notebook."""

    def __init__(self, names: Mapping[str, str]):
        from rich.live import Live

        super().__init__(names)
        self._rows = dict.fromkeys(names, ("waiting", "", "", ""))
        self._since: dict[str, float] = {}
        self._live = Live(get_renderable=self._draw, refresh_per_second=4)

    def __enter__(self):
        self._live.start()
        return self

    def __exit__(self, *error):
        self._live.stop()
        return None

    def started(self, number: str, why: str) -> None:
        """Show a notebook as running."""
        self._since[number] = time.monotonic()
        self._rows[number] = ("running", "", "", why)

    def reached(self, number: str, cell: int, cells: int) -> None:
        """Show the cell that a notebook has reached."""
        self._rows[number] = ("running", f"{cell} of {cells}", "", self._rows[number][3])

    def ended(self, number: str, outcome: Outcome) -> None:
        """Show how a notebook ended."""
        self._since.pop(number, None)
        cell = self._rows[number][1]
        fresh = outcome.label in ("done", "skipped", "failed")
        memory = f"{outcome.memory_mb:,.0f} MB" if fresh else ""
        self._rows[number] = (outcome.label, cell, memory, outcome.reason)
        if fresh:
            self._since[number] = -outcome.seconds

    def _draw(self):
        from rich.table import Table
        from rich.text import Text

        table = Table("notebook", "status", "cell", "time", "memory", "", box=None)
        for number, (status, cell, memory, note) in self._rows.items():
            since = self._since.get(number)
            elapsed = "" if since is None else -since if since <= 0 else time.monotonic() - since
            shown = f"{elapsed:.1f} s" if elapsed != "" else ""
            colour = COLOURS.get(status, "yellow")
            texts = (self._names[number], Text(status, colour), cell, shown, memory, Text(note))
            table.add_row(*texts)
        return table


def choose_progress(names: Mapping[str, str]) -> PlainProgress:
    """Return a live table on a terminal, plain lines otherwise."""
    return LiveProgress(names) if sys.stdout.isatty() else PlainProgress(names)


def describe_cost(outcome: Outcome) -> str:
    """Return seconds and peak memory in words; empty when the notebook never ran."""
    if not outcome.seconds:
        return ""
    return f"{outcome.seconds:6.1f} s {outcome.memory_mb:7,.0f} MB  "


def describe_failure(name: str, outcome: Outcome) -> str:
    """Return the failing cell, its error and where to read on."""
    error = outcome.error
    place = f", cell [{error['cell']}]" if error.get("cell") else ""
    parts = [f"{name} failed{place}: {error['message']}"]
    if error.get("source"):
        parts.append(_indent(error["source"]))
    if error.get("traceback"):
        trace = error["traceback"] if sys.stderr.isatty() else ANSI.sub("", error["traceback"])
        parts.append(_indent(_shorten(trace)))
    if outcome.kept:
        parts.append(f"the notebook as it stopped: {outcome.kept}")
    return "\n\n".join(parts)


def _shorten(trace: str) -> str:
    lines = trace.splitlines()
    return "\n".join(lines if len(lines) <= TRACE_LINES else ["...", *lines[-TRACE_LINES:]])


def _indent(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
