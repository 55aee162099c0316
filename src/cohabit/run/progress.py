"""What the reader sees while notebooks run: a live table, or plain lines where nobody watches."""

import re
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

from cohabit.run.outcome import Outcome

ANSI = re.compile(r"\x1b\[[0-9;]*m")
TRACE_LINES = 30
COLOURS = {"done": "green", "unchanged": "green", "failed": "red", "running": "cyan"}


PLAIN_SECONDS = 30.0
"""How often a plain line says which cell a notebook has reached."""


class PlainProgress(AbstractContextManager):
    """A line when a notebook starts, now and then while it runs, and when it ends."""

    def __init__(self, names: Mapping[str, str], stream=None):
        self._names = names
        self._width = max(map(len, names.values()), default=0)
        self._stream = stream or sys.stdout
        self._guard = threading.Lock()
        self._told: dict[str, float] = {}

    def __exit__(self, *error):
        return None

    def started(self, number: str, why: str) -> None:
        """Say that a notebook starts, and why it is not taken as it was."""
        self._told[number] = time.monotonic()
        self._say(number, f"running    ({why})")

    def reached(self, number: str, cell: Mapping[str, object]) -> None:
        """Say which cell begins; not each, since that would drown the rest."""
        now = time.monotonic()
        if now - self._told.get(number, now) >= PLAIN_SECONDS:
            self._told[number] = now
            self._say(number, f"running    {describe_cell(cell)}")

    def ended(self, number: str, outcome: Outcome) -> None:
        """Say how a notebook ended."""
        cost = "" if outcome.label == "unchanged" else describe_cost(outcome)
        self._say(number, f"{outcome.label:10} {cost}{outcome.reason}".rstrip())

    def _say(self, number: str, words: str) -> None:
        with self._guard:
            print(f"{self._names[number]:{self._width}}  {words}", file=self._stream, flush=True)


@dataclass
class Row:
    """One notebook in the live table."""

    status: str = "waiting"
    cell: str = ""
    since: float | None = None
    """When it started, while it runs."""

    seconds: float = 0.0
    memory_mb: float = 0.0
    note: str = ""

    def cells(self) -> tuple[str, str, str, str]:
        """Return cell, time, memory and note as they are shown."""
        seconds = self.seconds if self.since is None else time.monotonic() - self.since
        shown = f"{seconds:.1f} s" if seconds else ""
        memory = f"{self.memory_mb:,.0f} MB" if self.memory_mb else ""
        return self.cell, shown, memory, self.note


class LiveProgress(PlainProgress):
    """A table that is redrawn in place: cell, time and memory of every notebook."""

    def __init__(self, names: Mapping[str, str]):
        from rich.live import Live

        super().__init__(names)
        self._rows = {number: Row() for number in names}
        self._live = Live(get_renderable=self.draw, refresh_per_second=4)

    def __enter__(self):
        self._live.start()
        return self

    def __exit__(self, *error):
        self._live.stop()
        return None

    def started(self, number: str, why: str) -> None:
        """Show a notebook as running."""
        self._rows[number] = Row("running", since=time.monotonic(), note=why)

    def reached(self, number: str, cell: Mapping[str, object]) -> None:
        """Show the cell that a notebook has reached, its first line and the memory so far."""
        row = self._rows[number]
        row.cell = f"{cell['cell']} of {cell['cells']}"
        row.memory_mb = cell["memory_mb"]
        row.note = first_line(cell["source"])

    def ended(self, number: str, outcome: Outcome) -> None:
        """Show how a notebook ended; what was not run has no time of its own."""
        cell = self._rows[number].cell
        cost = () if outcome.reused else (None, outcome.seconds, outcome.memory_mb)
        self._rows[number] = Row(outcome.label, cell, *cost, note=outcome.reason)

    def draw(self):
        """Return the table as it stands."""
        from rich.table import Table
        from rich.text import Text

        table = Table("notebook", "status", "cell", "time", "memory", box=None)
        table.add_column(no_wrap=True, overflow="ellipsis")
        for number, row in self._rows.items():
            status = Text(row.status, COLOURS.get(row.status, "yellow"))
            table.add_row(self._names[number], status, *map(Text, row.cells()))
        return table


def choose_progress(names: Mapping[str, str]) -> PlainProgress:
    """Return a live table on a terminal, plain lines otherwise."""
    return LiveProgress(names) if sys.stdout.isatty() else PlainProgress(names)


def describe_cell(cell: Mapping[str, object]) -> str:
    """Return a cell that begins in words."""
    return f"cell {cell['cell']} of {cell['cells']}: {first_line(cell['source'])}"


def first_line(source: str) -> str:
    """Return the first line of code."""
    return next(iter(source.strip().splitlines()), "")


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
