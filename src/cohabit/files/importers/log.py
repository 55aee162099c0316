"""What an import found, changed and left out; and text of others made safe to show."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

import pandas as pd

ERROR, WARNING, CHANGE, NOTE = "error", "warning", "change", "note"
LOG_COLUMNS = ("kind", "where", "what", "n", "first", "remedy")
SHOWN = 5
DANGEROUS_STARTS = ("=", "+", "-", "@")
"""What makes a spreadsheet take text for a formula."""

_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")


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
        rows: Iterable | None = None,
        remedy: str = "",
        n: int | None = None,
    ) -> None:
        """Write down one finding.

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
        """Write down what makes the import impossible; arguments as of `add`."""
        self.add(ERROR, where, what, rows, remedy, n)

    def warn(self, where: str, what: str, rows=None, remedy: str = "") -> None:
        """Write down what is legal and should be known."""
        self.add(WARNING, where, what, rows, remedy)

    def change(self, where: str, what: str, rows=None) -> None:
        """Write down what differs between the files given and the cohort written."""
        self.add(CHANGE, where, what, rows)

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


def inert(text: str) -> str:
    """Return text that no spreadsheet, terminal or figure takes for more than text.

    Control characters are left out; ``$``, between which figures and pages look for formulas,
    becomes ``_``; a leading ``=``, ``+``, ``-`` or ``@`` gets an apostrophe before it, unless
    the text is a number. HTML is left as it is: every page escapes it.
    """
    text = "".join(c for c in str(text) if c.isprintable()).replace("$", "_")
    formula = text.startswith(DANGEROUS_STARTS) and not _NUMBER.fullmatch(text)
    return "'" + text if formula else text
