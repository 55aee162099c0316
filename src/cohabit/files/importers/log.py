"""The log of an import, and text from untrusted files made safe to display."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

import pandas as pd

ERROR, WARNING, CHANGE, NOTE = "error", "warning", "change", "note"
LOG_COLUMNS = ("kind", "where", "what", "n", "first", "remedy")
SHOWN = 5
DANGEROUS_STARTS = ("=", "+", "-", "@")
"""Characters that make a spreadsheet read text as a formula."""

_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")


class ImportRefused(ValueError):
    """Input that cannot form a cohort; the message lists every problem, row and remedy."""


@dataclass(frozen=True)
class Finding:
    """One finding of an import."""

    kind: str
    """`error` stops the import; `warning`, `change` and `note` are only reported."""

    where: str
    """Name of a file or column."""

    what: str
    rows: tuple[str, ...] = ()
    """Ids or line numbers concerned, or the first of many."""

    remedy: str = ""
    n: int = 0
    """Number of rows concerned."""

    def describe(self) -> str:
        """Return one line: where, what, the first rows and the remedy."""
        more = f", and {self.n - SHOWN} more" if self.n > SHOWN else ""
        rows = f" ({', '.join(self.rows[:SHOWN])}{more})" if self.rows else ""
        remedy = f"; {self.remedy}" if self.remedy else ""
        return f"{self.where}: {self.what}{rows}{remedy}"


@dataclass
class ImportLog:
    """Findings in the order in which they were made."""

    findings: list[Finding] = field(default_factory=list)

    def add(
        self,
        kind: str,
        where: str,
        what: str,
        rows: Iterable | None = None,
        remedy: str = "",
        n: int | None = None,
    ) -> None:
        """Add a finding.

        Parameters
        ----------
        kind, where, what, remedy : str
            As of a `Finding`; ``{n}`` in `what` is how many rows it concerns.
        rows : iterable, optional
            Whom it concerns; when nobody, nothing is written. None: no row in particular.
        n : int, optional
            How many it concerns, when `rows` are only the first of them.
        """
        if rows is not None:
            rows = tuple(clean_text(row) for row in rows)
            if not rows:
                return
            n = len(rows) if n is None else n
            what = what.replace("{n}", str(n))
        finding = Finding(kind, clean_text(where), clean_text(what), rows or (), remedy, n or 0)
        self.findings.append(finding)

    def error(self, where: str, what: str, rows=None, remedy: str = "", n=None) -> None:
        """Add an error, which makes the import impossible; arguments as in `add`."""
        self.add(ERROR, where, what, rows, remedy, n)

    def warn(self, where: str, what: str, rows=None, remedy: str = "") -> None:
        """Add a warning about something valid that the user should know."""
        self.add(WARNING, where, what, rows, remedy)

    def change(self, where: str, what: str, rows=None) -> None:
        """Add a difference between the given files and the cohort written."""
        self.add(CHANGE, where, what, rows)

    def note(self, where: str, what: str) -> None:
        """Add a note on how something was read."""
        self.add(NOTE, where, what)

    def where_errors(self) -> set[str]:
        """Return the files and columns that already have an error."""
        return {finding.where for finding in self.findings if finding.kind == ERROR}

    def stop_on_errors(self) -> None:
        """Raise `ImportRefused` with all errors so far, if there are any."""
        errors = [finding for finding in self.findings if finding.kind == ERROR]
        if errors:
            lines = "\n".join(f"  {i}. {f.describe()}" for i, f in enumerate(errors, start=1))
            raise ImportRefused(f"{len(errors)} problem(s), nothing was written:\n{lines}")

    def table(self) -> pd.DataFrame:
        """Return one row per finding, with columns `LOG_COLUMNS`."""
        rows = [
            (f.kind, f.where, f.what, f.n, ", ".join(f.rows[:SHOWN]), f.remedy)
            for f in self.findings
        ]
        return pd.DataFrame(rows, columns=list(LOG_COLUMNS))

    def describe(self) -> str:
        """Return the whole log as lines of text."""
        return "\n".join(f"{f.kind}: {f.describe()}" for f in self.findings)


def clean_text(value: object, longest: int = 300) -> str:
    """Return text on one line, without control characters and cut to `longest`."""
    text = "".join(c if c.isprintable() else "?" for c in str(value).replace("\n", " "))
    return text if len(text) <= longest else text[:longest] + "..."


def inert(text: str) -> str:
    """Return text without special meaning to spreadsheets, terminals or figures.

    Control characters are removed; ``$``, which figures and pages read as a delimiter of formulas,
    becomes ``_``; a leading ``=``, ``+``, ``-`` or ``@`` is preceded by an apostrophe unless the
    text is a number. HTML is unchanged, because every page escapes it.
    """
    text = "".join(c for c in str(text) if c.isprintable()).replace("$", "_")
    formula = text.startswith(DANGEROUS_STARTS) and not _NUMBER.fullmatch(text)
    return "'" + text if formula else text
