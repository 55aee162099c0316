"""What an import found, changed and left out: told in full, never done in silence."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import pandas as pd

ERROR, WARNING, CHANGE, NOTE = "error", "warning", "change", "note"
LOG_COLUMNS = ("kind", "where", "what", "n", "first", "remedy")
SHOWN = 5


class ImportRefused(ValueError):
    """What was given cannot be a cohort; the message holds every problem, rows and remedies."""


@dataclass(frozen=True)
class Finding:
    """One thing that was found in what was given."""

    kind: str
    """`error` stops the import; `warning` asks to be read; `change` was done; `note` informs."""

    where: str
    """A file's name or a column."""

    what: str
    rows: tuple[str, ...] = ()
    """Ids, or line numbers, that it concerns; the first ones where there are very many."""

    remedy: str = ""
    n: int = 0
    """How many it concerns."""

    def describe(self) -> str:
        """Return one line: where, what, the first rows, what to do."""
        more = f", and {self.n - SHOWN} more" if self.n > SHOWN else ""
        rows = f" ({', '.join(self.rows[:SHOWN])}{more})" if self.rows else ""
        remedy = f"; {self.remedy}" if self.remedy else ""
        return f"{self.where}: {self.what}{rows}{remedy}"


@dataclass
class ImportLog:
    """Findings in the order in which they were met."""

    findings: list[Finding] = field(default_factory=list)

    def add(
        self,
        kind: str,
        where: str,
        what: str,
        rows: Iterable = (),
        remedy: str = "",
        n: int | None = None,
    ) -> None:
        """Write down one finding; `n` when `rows` are only the first of so many."""
        rows = tuple(clean_text(row) for row in rows)
        n = len(rows) if n is None else n
        self.findings.append(Finding(kind, clean_text(where), clean_text(what), rows, remedy, n))

    def error(
        self, where: str, what: str, rows: Iterable = (), remedy: str = "", n: int | None = None
    ) -> None:
        """Write down what makes the import impossible."""
        self.add(ERROR, where, what, rows, remedy, n)

    def warn(self, where: str, what: str, rows: Iterable = (), remedy: str = "") -> None:
        """Write down what is legal and should be known."""
        self.add(WARNING, where, what, rows, remedy)

    def change(self, where: str, what: str, rows: Iterable = (), remedy: str = "") -> None:
        """Write down what differs between the files given and the cohort written."""
        self.add(CHANGE, where, what, rows, remedy)

    def note(self, where: str, what: str) -> None:
        """Write down how something was read."""
        self.add(NOTE, where, what)

    def where_errors(self) -> set[str]:
        """Return the files and columns that have an error already."""
        return {finding.where for finding in self.findings if finding.kind == ERROR}

    def stop_on_errors(self) -> None:
        """Raise `ImportRefused` with every error met so far, if there is one."""
        errors = [finding for finding in self.findings if finding.kind == ERROR]
        if errors:
            lines = "\n".join(f"  {i}. {f.describe()}" for i, f in enumerate(errors, start=1))
            raise ImportRefused(f"{len(errors)} problem(s), nothing was written:\n{lines}")

    def table(self) -> pd.DataFrame:
        """Return one row a finding; columns `LOG_COLUMNS`."""
        rows = [
            (f.kind, f.where, f.what, f.n, ", ".join(f.rows[:SHOWN]), f.remedy)
            for f in self.findings
        ]
        return pd.DataFrame(rows, columns=list(LOG_COLUMNS))

    def describe(self) -> str:
        """Return the whole log as lines of text."""
        return "\n".join(f"{f.kind}: {f.describe()}" for f in self.findings)


def clean_text(value: object, longest: int = 300) -> str:
    """Return text on one line, without control characters, cut to a length that can be read."""
    text = "".join(c if c.isprintable() else "?" for c in str(value).replace("\n", " "))
    return text if len(text) <= longest else text[:longest] + "..."
