"""Small text tables, cell by cell: metadata, taxonomies, measurements."""

import re
from itertools import chain

import pandas as pd

from cohabit.files.importers.counts import RUIN
from cohabit.files.importers.lines import NAMELESS, TextTable, check_header, open_table
from cohabit.files.importers.log import ImportLog
from cohabit.files.importers.sources import Source

MAX_GRID_COLUMNS, MAX_CELLS, MAX_COMMENTS = 20_000, 20_000_000, 10_000
"""Bounds on the columns, cells and comments of a table whose cells are kept as text."""

_QIIME2_IDS = {"sampleid", "sample id", "sample-id", "featureid", "feature id", "feature-id"}
_QIIME2_IDS |= {"#sampleid", "#sample id", "#otuid", "#otu id", "sample_name"}


def read_grid(source: Source, log: ImportLog, *, first: str = "row_name") -> pd.DataFrame:
    """Read a small table cell by cell as text.

    Parameters
    ----------
    source : Source
        Columns separated by tabs, commas or semicolons.
    log : ImportLog
    first : str
        Name of a first column that has none, as pandas and R write row names.

    Returns
    -------
    DataFrame of str
        Columns as in the header; index: line numbers in the file. Empty lines, comments,
        QIIME 2's directives and trailing empty cells are left out; by QIIME 2's rules short
        lines of its metadata are filled with empty cells.

    Raises
    ------
    ValueError
        When it has no columns, or lines of different length; names the lines.
    """
    if source.data.startswith(b"\xef\xbb\xbf"):
        log.change(source.name, "a byte order mark before the first column's name was left out")
    table = open_table(source)
    lines, qiime2 = _read_rows(table, log)
    header = _end_header(table.header, lines)
    if _lacks_first_name(header, lines):
        header = ["", *header]
        log.note(source.name, NAMELESS)
    qiime2 = qiime2 or header[0].lower() in _QIIME2_IDS
    fitted = [(n, _fit(cells, len(header), fill=qiime2)) for n, cells in lines]
    changed = [f"line {n}" for n, cells in lines if len(cells) < len(header) and qiime2]
    log.change(source.name, "{n} short line(s) filled with empty cells", changed)
    changed = [f"line {n}" for n, cells in lines if len(cells) > len(header)]
    lines = fitted
    _refuse_ragged(lines, header, source.name)
    log.change(
        source.name, "{n} line(s) cut behind the last column, where they were empty", changed
    )
    names = check_header([header[0] or first, *header[1:]], source.name)
    if not lines:
        raise ValueError(f"{source.name}: a header and no rows; export it again")
    return pd.DataFrame([row for _, row in lines], [n for n, _ in lines], names, dtype=str)


def _end_header(header: list[str], lines: list[tuple[int, list[str]]]) -> list[str]:
    """Return the header without trailing empty cells above nothing."""
    width = len(header)
    while width > 1 and not header[width - 1] and not any(any(c[width - 1 :]) for _, c in lines):
        width -= 1
    return header[:width]


def _fit(cells: list[str], width: int, *, fill: bool) -> list[str]:
    """Return a row without empty cells beyond the header and, if asked for, filled up to it."""
    if len(cells) > width and not any(cells[width:]):
        return cells[:width]
    return cells + [""] * (width - len(cells)) if fill else cells


def _lacks_first_name(header: list[str], lines: list[tuple[int, list[str]]]) -> bool:
    """Return True when the row names have no header, as in R's tables."""
    longer = bool(lines) and all(len(cells) == len(header) + 1 for _, cells in lines)
    return longer and any(cells[-1] for _, cells in lines)


def _refuse_ragged(lines: list[tuple[int, list[str]]], header: list[str], name: str) -> None:
    ragged = [(number, cells) for number, cells in lines if len(cells) != len(header)]
    if ragged:
        number, cells = ragged[0]
        raise ValueError(
            f"{name}: the header has {len(header)} columns; {len(ragged)} line(s) have "
            f"another number, first line {number} with {len(cells)}; look there for a separator "
            "or a line break inside a cell"
        )


def _read_rows(table: TextTable, log: ImportLog) -> tuple[list[tuple[int, list[str]]], bool]:
    """Return numbered rows, and whether a line is a directive of QIIME 2."""
    lines, padded, comments, size, qiime2 = [], [], [], 0, False
    for number, cells in chain([(1, table.header)], table.rows()):
        size += len(cells)
        if size > MAX_CELLS or len(cells) > MAX_GRID_COLUMNS or len(comments) > MAX_COMMENTS:
            raise ValueError(
                f"{table.name}: more than {MAX_GRID_COLUMNS:,} columns, {MAX_CELLS:,} cells or "
                f"{MAX_COMMENTS:,} comments by line {number}, more than a table of people can need"
            )
        if cells is table.header:
            continue
        if cells[0].lower().startswith("#q2:"):
            qiime2 = True
        elif cells[0].startswith("#"):
            comments.append(f"line {number}")
        elif any(stripped := [cell.strip() for cell in cells]):
            lines.append((number, stripped))
            padded += [f"line {number}"] if stripped != cells else []
    table.tell(log)
    log.change(table.name, "a comment line was left out", comments)
    log.change(table.name, "spaces around values were left out", padded)
    return lines, qiime2


def explain_non_number(text: str, otherwise: str) -> str:
    """Return what a non-numeric cell looks like and how to correct it, or `otherwise`."""
    text = text.strip()
    if re.fullmatch(r"-?\d{1,3}(,\d{3})+(\.\d+)?", text):
        return "a comma between thousands: write it without"
    if re.fullmatch(r"-?\d+,\d+", text):
        return "a decimal comma: write a point"
    if re.fullmatch(r"\d{1,2}[-/ ]\w{3,9}|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}.*|\w{3}-\d{2}", text):
        return "a date, perhaps made by a spreadsheet: restore the number"
    if re.fullmatch(RUIN, text):
        return "an error of a spreadsheet: restore the number"
    if re.fullmatch(r"[<>≤≥~]\s*[\d.]+", text):
        return "a bound, not a number: leave it empty or decide on a value"
    return otherwise


CODE = "if it means missing, list it under [missing] codes; else correct it"
"""Advice on a word among the numbers of metadata."""
