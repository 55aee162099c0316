"""Progress of notebooks: a live display on a terminal, otherwise plain lines.

A single run shows each of its notebooks; a sweep counts them, and shows what runs and what failed.
"""

import re
import sys
import threading
import time
from collections import Counter
from collections.abc import Hashable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

from cohabit.run.folder import Outcome

ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
TRACE_LINES = 30
SHOWN_FAILURES = 8
COLOURS = {"done": "green", "unchanged": "green", "failed": "red", "running": "cyan"}
PLAIN_SECONDS = 30.0
"""Interval in seconds between plain lines about the current cell."""


class PlainProgress(AbstractContextManager):
    """Plain lines at the start, at intervals and at the end of a notebook."""

    def __init__(self, names: Mapping[Hashable, str], stream=None):
        self._names = names
        self._width = max(map(len, names.values()), default=0)
        self._stream = stream or sys.stdout
        self._guard = threading.Lock()
        self._told: dict[Hashable, float] = {}
        self._counts: Counter[str] = Counter()

    def __exit__(self, *error):
        return None

    def started(self, task: Hashable, why: str) -> None:
        """Print that a notebook starts and why it is not reused."""
        self._told[task] = time.monotonic()
        self._say(task, f"running    ({why})")

    def reached(self, task: Hashable, cell: Mapping[str, object]) -> None:
        """Print the current cell at most every `PLAIN_SECONDS`."""
        now = time.monotonic()
        if now - self._told.get(task, now) >= PLAIN_SECONDS:
            self._told[task] = now
            self._say(task, f"running    {describe_cell(cell)}")

    def ended(self, task: Hashable, outcome: Outcome) -> None:
        """Print the outcome of a notebook."""
        cost = "" if outcome.label == "unchanged" else describe_cost(outcome)
        self._say(task, f"{outcome.label:10} {cost}{outcome.reason}".rstrip())

    @property
    def tally(self) -> str:
        """How many notebooks of a sweep have ended, by status."""
        counts = ", ".join(f"{n} {label}" for label, n in sorted(self._counts.items()))
        return f"[{self._counts.total()} of {len(self._names)}: {counts}]"

    def _count(self, outcome: Outcome) -> None:
        with self._guard:
            self._counts[outcome.label] += 1

    def _say(self, task: Hashable, words: str) -> None:
        with self._guard:
            print(f"{self._names[task]:{self._width}}  {words}", file=self._stream, flush=True)


class PlainSweepProgress(PlainProgress):
    """A line for each notebook that ends, with the count so far; none if unchanged."""

    def started(self, task: Hashable, why: str) -> None:
        """Print nothing, because the line at the end is enough."""
        self._told[task] = time.monotonic()

    def ended(self, task: Hashable, outcome: Outcome) -> None:
        """Print the outcome of a notebook."""
        self._count(outcome)
        if not outcome.reused:
            words = f"{outcome.label:8} {describe_cost(outcome)}{outcome.reason}"
            self._say(task, f"{words.rstrip():40}  {self.tally}".rstrip())


@dataclass
class Row:
    """A row of the live table."""

    status: str = "waiting"
    cell: str = ""
    since: float | None = None
    """Start time while it runs."""

    seconds: float = 0.0
    memory_mb: float = 0.0
    note: str = ""

    def cells(self) -> tuple[str, str, str, str]:
        """Return the displayed cell, time, memory and note."""
        seconds = self.seconds if self.since is None else time.monotonic() - self.since
        shown = f"{seconds:.1f} s" if seconds else ""
        memory = f"{self.memory_mb:,.0f} MB" if self.memory_mb else ""
        return self.cell, shown, memory, self.note


class LiveProgress(PlainProgress):
    """A live table with the cell, time and memory of every notebook."""

    def __init__(self, names: Mapping[Hashable, str]):
        from rich.live import Live

        super().__init__(names)
        self._rows = self._first_rows()
        self._live = Live(get_renderable=self.draw, refresh_per_second=4)

    def __enter__(self):
        self._live.start()
        return self

    def __exit__(self, *error):
        self._live.stop()
        return None

    def _first_rows(self) -> dict[Hashable, Row]:
        return {task: Row() for task in self._names}

    def started(self, task: Hashable, why: str) -> None:
        """Show that a notebook is running."""
        self._rows[task] = Row("running", since=time.monotonic(), note=why)

    def reached(self, task: Hashable, cell: Mapping[str, object]) -> None:
        """Show the current cell, its first line and the memory so far."""
        if row := self._rows.get(task):
            row.cell = f"{cell['cell']} of {cell['cells']}"
            row.memory_mb, row.note = cell["memory_mb"], first_line(cell["source"])

    def ended(self, task: Hashable, outcome: Outcome) -> None:
        """Show the outcome of a notebook, without a time if it did not run."""
        cell = self._rows[task].cell
        cost = () if outcome.reused else (None, outcome.seconds, outcome.memory_mb)
        self._rows[task] = Row(outcome.label, cell, *cost, note=outcome.reason)

    def draw(self):
        """Return the current table."""
        from rich.table import Table
        from rich.text import Text

        table = Table("notebook", "status", "cell", "time", "memory", box=None)
        table.add_column(no_wrap=True, overflow="ellipsis")
        for task, row in self._rows.items():
            status = Text(row.status, COLOURS.get(row.status, "yellow"))
            table.add_row(self._names[task], status, *map(Text, row.cells()))
        return table


class LiveSweepProgress(LiveProgress):
    """A line for the whole sweep, one for each running notebook, and the last failures."""

    def __init__(self, names: Mapping[Hashable, str]):
        self._failures: list[str] = []
        self._began = time.monotonic()
        super().__init__(names)

    def _first_rows(self) -> dict[Hashable, Row]:
        return {}

    def ended(self, task: Hashable, outcome: Outcome) -> None:
        """Count a notebook and keep the line of a failure."""
        self._count(outcome)
        self._rows.pop(task, None)
        if outcome.status == "failed":
            self._failures.append(f"{self._names[task]}: {outcome.reason}")

    def draw(self):
        """Return the current lines."""
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        bar = Table.grid()
        bar.add_row(ProgressBar(len(self._names), self._counts.total(), width=40))
        table = Table(box=None, show_header=False)
        for task, row in list(self._rows.items()):
            cell, *cost, note = row.cells()
            note = f"cell {cell}: {note}" if cell else note
            status = Text(row.status, COLOURS["running"])
            table.add_row(Text(self._names[task]), status, *map(Text, (*cost, note)))
        failures = [Text(line, COLOURS["failed"]) for line in self._failures[-SHOWN_FAILURES:]]
        return Group(Text(f"{self.tally} {self._expect()}"), bar, table, *failures)

    def _expect(self) -> str:
        """Return the expected time for the rest, from the time taken so far."""
        worked = self._counts.total() - self._counts["unchanged"]
        left = len(self._names) - self._counts.total()
        if not worked or not left:
            return ""
        minutes = left * (time.monotonic() - self._began) / worked / 60
        return f"about {minutes:.0f} min left"


def choose_progress(names: Mapping[Hashable, str], *, sweep: bool = False) -> PlainProgress:
    """Return a live display on a terminal, otherwise plain lines."""
    if sys.stdout.isatty():
        return LiveSweepProgress(names) if sweep else LiveProgress(names)
    return PlainSweepProgress(names) if sweep else PlainProgress(names)


def describe_cell(cell: Mapping[str, object]) -> str:
    """Return a description of the current cell."""
    return f"cell {cell['cell']} of {cell['cells']}: {first_line(cell['source'])}"


def first_line(source: str) -> str:
    """Return the first line of code."""
    return next(iter(source.strip().splitlines()), "")


def describe_cost(outcome: Outcome) -> str:
    """Return seconds and peak memory as text, or an empty string if it never ran."""
    if not outcome.seconds:
        return ""
    return f"{outcome.seconds:6.1f} s {outcome.memory_mb:7,.0f} MB  "


def describe_failure(name: str, outcome: Outcome) -> str:
    """Return the failing cell, its error and the path of the notebook."""
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
