"""Lines of text tables: separators, quotes, comments before the header, and bounds."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, islice

from cohabit.files.importers.log import ImportLog, clean_text
from cohabit.files.importers.sources import Source

MAX_COLUMNS = 1_000_000
MAX_CELL = 100_000
"""Largest number of columns of a table, and of characters in a cell."""

NAMELESS = "the header lacks a name for the first column, as R writes it"
_SEPARATORS = {"\t": "tabs", ",": "commas", ";": "semicolons"}
_PEEKED = 200
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+(?:[eE][+-]?\d+)?")


@dataclass
class TextTable:
    """The header of a text table and its further lines, which are read once."""

    name: str
    """Name of the file."""

    mark: str
    """What separates its columns: a tab, a comma or a semicolon."""

    header: list[str]
    """Cells without surrounding spaces."""

    before: list[list[str]]
    """Cells of the comments before the header."""

    lines: Iterator[tuple[int, str]] = field(repr=False)
    decimals: int = 0
    """Number of cells so far whose decimal comma became a point."""

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield number and cells of each line below the header; a cell never spans two lines."""
        for number, line in self.lines:
            cells = _split(line, self.mark, f"{self.name}: line {number}")
            yield number, self._with_points(cells) if self.mark == ";" else cells

    def _with_points(self, cells: list[str]) -> list[str]:
        given = [bool(_DECIMAL_COMMA.fullmatch(cell.strip())) for cell in cells]
        self.decimals += sum(given)
        return [c.replace(",", ".") if comma else c for c, comma in zip(cells, given, strict=True)]

    def tell(self, log: ImportLog) -> None:
        """Log how the file was read; call it when all rows are read."""
        if self.mark != "\t":
            log.note(self.name, f"columns separated by {_SEPARATORS[self.mark]}")
        if self.decimals:
            log.change(self.name, f"{self.decimals} decimal comma(s) became points")
        comments = [" ".join(cells) for cells in self.before]
        log.change(self.name, "{n} comment line(s) before the header left out", comments)


def open_table(source: Source) -> TextTable:
    """Find the separator and the header of a text table.

    Raises
    ------
    ValueError
        When it is not UTF-8, holds no table, or a line has an unclosed quote.
    """
    source.text()  # refuses what is no UTF-8, and says where
    stream = io.TextIOWrapper(source.stream(), encoding="utf-8-sig", newline=None)
    lines = ((n, line.removesuffix("\n")) for n, line in enumerate(stream, 1) if line.strip())
    first = list(islice(lines, _PEEKED))
    if not first:
        raise ValueError(f"{source.name}: no line holds data; export it again")
    mark = max(_SEPARATORS, key=lambda mark: _agree(first, mark))  # the first of equals
    place, header = _find_header(first, mark, source.name)
    before = [_split_loosely(line, mark) for _, line in first[:place]]
    return TextTable(source.name, mark, header, before, chain(first[place + 1 :], lines))


def _split(line: str, mark: str, where: str) -> list[str]:
    if line.count(mark) >= MAX_COLUMNS:
        raise ValueError(f"{where}: more than {MAX_COLUMNS:,} columns; check the file")
    cells = line.split(mark)
    if '"' in line:
        try:
            (cells,) = csv.reader([line], delimiter=mark, strict=True)
        except csv.Error as error:
            raise ValueError(
                f'{where}: an unclosed quote ("), or a line break or a quote inside a quoted cell '
                f"({error}); write each line and each cell whole, or without quotes"
            ) from None
        if any("\t" in cell for cell in cells):
            raise ValueError(f"{where}: a quoted cell holds a tab; write a space for it")
    if len(line) > MAX_CELL and max(map(len, cells)) > MAX_CELL:
        raise ValueError(f"{where}: a cell of more than {MAX_CELL:,} characters; check the file")
    return cells


def _split_loosely(line: str, mark: str) -> list[str]:
    """Return cells of a line that may not be part of the table."""
    try:
        return [cell.strip() for cell in _split(line, mark, "")]
    except ValueError:
        return [line]


def _count(line: str, mark: str) -> int:
    return line.count(mark) + 1 if '"' not in line else len(_split_loosely(line, mark))


def _agree(lines: list[tuple[int, str]], mark: str) -> tuple[float, bool, int]:
    """Return the share of lines with as many cells as the header, and what decides a tie.

    That is a tab, which is seldom in a cell, then the header of fewer comments before it.
    """
    place, header = _choose_header(lines, mark)
    below = [line for _, line in lines[place + 1 :] if not line.startswith("#")]
    sizes = [_count(line, mark) for line in below] or [len(header)]
    fits = sum(size in (len(header), len(header) + 1) for size in sizes)
    return (fits / len(sizes) if len(header) > 1 else 0.0, mark == "\t", -place)


def _choose_header(lines: list[tuple[int, str]], mark: str) -> tuple[int, list[str]]:
    """Return place and cells of the header.

    It is the first line that is no comment, or a line that begins with ``#`` before it and
    has as many cells as most others.
    """
    plain = next((i for i, (_, line) in enumerate(lines) if line[0] != "#"), len(lines) - 1)
    sizes = Counter(_count(line, mark) for _, line in lines[plain:] if line[0] != "#")
    usual = max(sizes, key=sizes.get, default=0)
    for place, (_, line) in enumerate(lines[:plain]):
        cells = _split_loosely(line, mark)
        named = any(cells[1:]) and not cells[0].lower().startswith("#q2:")
        if named and len(cells) in (usual, usual - 1):
            return place, cells
    return plain, _split_loosely(lines[plain][1], mark)


def _find_header(lines: list[tuple[int, str]], mark: str, name: str) -> tuple[int, list[str]]:
    place, _ = _choose_header(lines, mark)
    number, line = lines[place]
    return place, [cell.strip() for cell in _split(line, mark, f"{name}: line {number}")]


def check_header(names: list[str], file: str) -> list[str]:
    """Return the names of columns, each of which must be there once."""
    empty = [str(i + 1) for i, name in enumerate(names) if not name]
    if empty:
        raise ValueError(
            f"{file}: column(s) {', '.join(empty[:5])} have no name; give each a name in line 1"
        )
    repeated = [clean_text(name) for name, times in Counter(names).items() if times > 1]
    if repeated:
        raise ValueError(
            f"{file}: {len(repeated)} column name(s) repeat ({', '.join(repeated[:5])}); "
            "rename or delete all but one"
        )
    return names
