"""Tab-separated tables: metadata, feature tables in either orientation, taxonomies."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from itertools import chain

import numpy as np
import pandas as pd
from scipy import sparse

from cohabit.files.importers.counts import MAX_VALUES, RUIN, Counts
from cohabit.files.importers.log import ImportLog, clean_text
from cohabit.files.importers.sources import Source

LINEAGE_COLUMNS = ("taxonomy", "consensus lineage", "taxon", "lineage")
NAMELESS = "the header lacks a name for the first column, as R writes it"
MAX_ROWS = MAX_COLUMNS = 1_000_000
MAX_CELL = 100_000
"""Largest number of features or samples of a table, and of characters in a cell."""

MAX_GRID_COLUMNS, MAX_CELLS, MAX_COMMENTS = 20_000, 20_000_000, 10_000
"""Bounds on the columns, cells and comments of other tables, whose cells are kept as text."""

_BIOM_COMMENT = re.compile(r"#\s*constructed from biom file", re.IGNORECASE)


def read_grid(source: Source, log: ImportLog, *, first: str = "row_name") -> pd.DataFrame:
    """Read a small table cell by cell as text.

    Parameters
    ----------
    source : Source
    log : ImportLog
    first : str
        Name of a first column that has none, as pandas and R write row names.

    Returns
    -------
    DataFrame of str
        Columns as in the header; index: line numbers in the file. Empty lines, comments and
        QIIME 2's ``#q2:types`` line are left out.

    Raises
    ------
    ValueError
        When it has no tabs, or lines of different length; names the lines.
    """
    if source.data.startswith(b"\xef\xbb\xbf"):
        log.change(source.name, "a byte order mark before the first column's name was left out")
    (_, header), *lines = _read_rows(source, log)
    _refuse_other_separators(header, source.name)
    rows = [cells for _, cells in lines]
    if _lacks_first_name(header, rows):
        header = ["", *header]
        log.note(source.name, NAMELESS)
    _refuse_ragged(lines, header, source.name)
    names = _check_header([header[0] or first, *header[1:]], source.name)
    if not rows:
        raise ValueError(f"{source.name}: a header and no rows; export it again")
    return pd.DataFrame(rows, [number for number, _ in lines], names, dtype=str)


def _refuse_ragged(lines: list[tuple[int, list[str]]], header: list[str], name: str) -> None:
    ragged = [(number, cells) for number, cells in lines if len(cells) != len(header)]
    if ragged:
        number, cells = ragged[0]
        raise ValueError(
            f"{name}: the header has {len(header)} columns; {len(ragged)} line(s) have "
            f"another number, first line {number} with {len(cells)}; look there for a tab or a "
            "line break inside a cell"
        )


def _read_rows(source: Source, log: ImportLog) -> list[tuple[int, list[str]]]:
    """Return header and numbered rows; tables too large for metadata raise an error."""
    lines, padded, comments, size = [], [], [], 0
    for number, cells in _read_lines(source):
        size += len(cells)
        if size > MAX_CELLS or len(cells) > MAX_GRID_COLUMNS or len(comments) > MAX_COMMENTS:
            raise ValueError(
                f"{source.name}: more than {MAX_GRID_COLUMNS:,} columns, {MAX_CELLS:,} cells or "
                f"{MAX_COMMENTS:,} comments by line {number}, more than a table of people can need"
            )
        stripped = [cell.strip() for cell in cells]
        if not lines or not cells[0].startswith("#"):
            lines.append((number, stripped))
            padded += [f"line {number}"] if stripped != cells and len(lines) > 1 else []
        elif not cells[0].lower().startswith("#q2:"):
            comments.append(f"line {number}")
    if not lines:
        raise ValueError(f"{source.name}: no line holds data; export it again")
    log.change(source.name, "a comment line was left out", comments)
    log.change(source.name, "spaces around values were left out", padded)
    return lines


def _read_lines(source: Source) -> Iterator[tuple[int, list[str]]]:
    """Yield number and cells of each line with data; a cell never spans two lines."""
    source.text()  # refuses what is no UTF-8, and says where
    stream = io.TextIOWrapper(source.stream(), encoding="utf-8-sig", newline=None)
    for number, line in enumerate(stream, start=1):
        if line.strip():
            yield number, _split_cells(line.removesuffix("\n"), f"{source.name}: line {number}")


def _split_cells(line: str, where: str) -> list[str]:
    if line.count("\t") >= MAX_COLUMNS:
        raise ValueError(f"{where}: more than {MAX_COLUMNS:,} columns; check the file")
    cells = line.split("\t")
    if '"' in line:
        try:
            (cells,) = csv.reader([line], delimiter="\t", strict=True)
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


def _lacks_first_name(header: list[str], rows: list[list[str]]) -> bool:
    """Return True when the row names have no header, as in R's tables."""
    longer = bool(rows) and all(len(row) == len(header) + 1 for row in rows)
    return longer and any(row[-1].strip() for row in rows)


def _refuse_other_separators(header: list[str], name: str) -> None:
    for mark, word in ((",", "commas"), (";", "semicolons")):
        if len(header) == 1 and header[0].count(mark) >= 1:
            raise ValueError(
                f"{name}: expected columns separated by tabs; the first line has {word}; "
                "save it as tab-separated text (.tsv)"
            )


def _check_header(names: list[str], file: str) -> list[str]:
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


def read_counts_tsv(source: Source, log: ImportLog) -> Counts:
    """Read a feature table from text; rows are taken as features.

    A first line ``# Constructed from biom file``, R's header that lacks the first cell, and a
    last column `taxonomy` (or `Consensus Lineage`) are understood.

    Raises
    ------
    ValueError
        When cells are not numbers, lines have different lengths or columns repeat.
    """
    lines = _read_lines(source)
    header = _find_header(lines, source.name)
    first = next(lines, None)
    if first is None:
        raise ValueError(f"{source.name}: a header and no rows; export it again")
    if len(first[1]) == len(header) + 1:  # as R's write.table writes row names
        header = ["feature", *header]
        log.note(source.name, NAMELESS)
    header = [cell.strip() for cell in header]
    _check_header([header[0] or "feature", *header[1:]], source.name)
    has_lineage = len(header) > 2 and header[-1].lower() in LINEAGE_COLUMNS
    columns = header[1:-1] if has_lineage else header[1:]
    rows = _CountRows(source.name, columns)
    lineages = {}
    for number, cells in chain([first], lines):
        _check_length(cells, header, f"{source.name}: line {number}")
        feature = cells[0].strip()
        rows.add(feature, cells[1 : len(columns) + 1])
        if has_lineage:
            lineages[feature] = cells[-1]
    matrix, features = rows.finish()
    return Counts(source.name, matrix, features, pd.Index(columns), lineages)


def _find_header(lines: Iterator[tuple[int, list[str]]], name: str) -> list[str]:
    """Return the cells of the first line that is not a comment of the BIOM program."""
    for number, header in lines:
        if not _BIOM_COMMENT.match(header[0]):
            _refuse_other_separators(header, name)
            if len(header) < 2:
                raise ValueError(
                    f"{name}: expected a table with tabs; line {number} has one column"
                )
            return header
    raise ValueError(f"{name}: no header; export the table again")


def _check_length(cells: list[str], header: list[str], where: str) -> None:
    if len(cells) != len(header):
        raise ValueError(
            f"{where}: expected as many columns as the header has ({len(header)}), saw "
            f"{len(cells)}; look there for a tab or a line break inside a cell"
        )


class _CountRows:
    """Rows of counts while they are read: non-zero counts are kept, other text is reported."""

    def __init__(self, name: str, columns: list[str]):
        self.name, self.columns = name, columns
        self.features: list[str] = []
        self.values: list[np.ndarray] = []
        self.places: list[np.ndarray] = []
        self.wrong: dict[str, tuple[int, str]] = {}
        self.size = 0

    def add(self, feature: str, cells: list[str]) -> None:
        """Add a row."""
        words = set(cells)  # few are different, so that each is read once
        wrong = {word for word in words if not _is_number(word)}
        if wrong:
            self._note(feature, cells, wrong)
            return
        numbers = {word: float(word) for word in words}
        values = np.fromiter(map(numbers.__getitem__, cells), float, len(cells))
        place = np.flatnonzero(values)
        self.size += len(place)
        if self.size > MAX_VALUES or len(self.features) >= MAX_ROWS:
            raise ValueError(
                f"{self.name}: more than {MAX_VALUES:,} counts above zero, or {MAX_ROWS:,} features"
            )
        self.features.append(feature)
        self.values.append(values[place])
        self.places.append(place.astype(np.int32))

    def _note(self, feature: str, cells: list[str], wrong: set[str]) -> None:
        """Count the non-numeric cells of a row and keep the first."""
        for kind, empty in (("are not numbers", False), ("are empty", True)):
            of = {word for word in wrong if (not word.strip()) is empty}
            places = [place for place, cell in enumerate(cells) if cell in of] if of else []
            if places:
                n, first = self.wrong.get(kind, (0, ""))
                first = first or self._locate(feature, self.columns[places[0]], cells[places[0]])
                self.wrong[kind] = (n + len(places), first)

    def _locate(self, feature: str, column: str, cell: str) -> str:
        row, column = clean_text(feature), clean_text(column)
        if not cell.strip():
            return f"{row!r} in {column!r}; write 0 where nothing was seen"
        shown, advice = clean_text(cell, 40), explain_non_number(cell)
        return f"{shown!r} in row {row!r}, column {column!r}; {advice}"

    def finish(self) -> tuple[sparse.csr_matrix, pd.Index]:
        """Return counts and features, or raise an error that locates non-numeric cells."""
        for kind, (n, first) in sorted(self.wrong.items(), reverse=True):
            raise ValueError(f"{self.name}: {n} cell(s) {kind}, first {first}")
        ends = np.cumsum([0, *map(len, self.values)])
        parts = (np.concatenate(self.values), np.concatenate(self.places), ends)
        matrix = sparse.csr_matrix(parts, (len(self.features), len(self.columns)))
        return matrix, pd.Index(self.features, dtype=object, name="feature")


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell


def explain_non_number(text: str) -> str:
    """Return what a non-numeric cell looks like and how to correct it."""
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
    return "if it means missing, list it under [missing] codes; else correct it"
