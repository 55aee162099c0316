"""What the reader sees while a sweep runs: how far it is, what runs now, what failed."""

import time
from collections import Counter
from collections.abc import Hashable, Mapping

from cohabit.run.outcome import Outcome
from cohabit.run.progress import COLOURS, PlainProgress, Row, describe_cell, describe_cost

SHOWN_FAILURES = 8


class SweepProgress(PlainProgress):
    """A line for each notebook that ends, with how many have ended; none for unchanged ones."""

    def __init__(self, names: Mapping[Hashable, str], stream=None):
        super().__init__(names, stream)
        self._counts: Counter[str] = Counter()

    def started(self, task: Hashable, why: str) -> None:
        """Say nothing: the line at its end is enough."""
        self._told[task] = time.monotonic()

    def ended(self, task: Hashable, outcome: Outcome) -> None:
        """Say how a notebook ended."""
        with self._guard:
            self._counts[outcome.label] += 1
        if not outcome.reused:
            cost = describe_cost(outcome)
            words = f"{outcome.label:8} {cost}{outcome.reason}"
            self._say(task, f"{words.rstrip():40}  {self.tally}".rstrip())

    @property
    def tally(self) -> str:
        """How many notebooks have ended, and how."""
        counts = ", ".join(f"{n} {label}" for label, n in sorted(self._counts.items()))
        return f"[{self._counts.total()} of {len(self._names)}: {counts}]"


class LiveSweepProgress(SweepProgress):
    """One line for the whole, one for each notebook that runs, and the last failures."""

    def __init__(self, names: Mapping[Hashable, str]):
        from rich.live import Live

        super().__init__(names)
        self._rows: dict[Hashable, Row] = {}
        self._failures: list[str] = []
        self._began = time.monotonic()
        self._live = Live(get_renderable=self.draw, refresh_per_second=4)

    def __enter__(self):
        self._live.start()
        return self

    def __exit__(self, *error):
        self._live.stop()
        return None

    def started(self, task: Hashable, why: str) -> None:
        """Show a notebook as running."""
        self._rows[task] = Row("running", since=time.monotonic(), note=why)

    def reached(self, task: Hashable, cell: Mapping[str, object]) -> None:
        """Show the cell that a notebook has reached."""
        if row := self._rows.get(task):
            row.note, row.memory_mb = describe_cell(cell), cell["memory_mb"]

    def ended(self, task: Hashable, outcome: Outcome) -> None:
        """Count a notebook, and keep the line of a failure."""
        with self._guard:
            self._counts[outcome.label] += 1
        self._rows.pop(task, None)
        if outcome.status == "failed":
            self._failures.append(f"{self._names[task]}: {outcome.reason}")

    def draw(self):
        """Return the lines as they stand."""
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        bar = Table.grid()
        bar.add_row(ProgressBar(len(self._names), self._counts.total(), width=40))
        table = Table(box=None, show_header=False)
        for task, row in list(self._rows.items()):
            status = Text(row.status, COLOURS["running"])
            table.add_row(Text(self._names[task]), status, *map(Text, row.cells()[1:]))
        failures = [Text(line, COLOURS["failed"]) for line in self._failures[-SHOWN_FAILURES:]]
        return Group(Text(f"{self.tally} {self._expect()}"), bar, table, *failures)

    def _expect(self) -> str:
        """Return in words how long the rest may take, by what the work so far took."""
        worked = self._counts.total() - self._counts["unchanged"]
        left = len(self._names) - self._counts.total()
        if not worked or not left:
            return ""
        minutes = left * (time.monotonic() - self._began) / worked / 60
        return f"about {minutes:.0f} min left"
