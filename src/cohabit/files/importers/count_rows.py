"""Feature tables as text, read row by row."""

from collections import Counter
from itertools import chain

import numpy as np
import pandas as pd
from scipy import sparse

from cohabit.data.schema import UNCLASSIFIED
from cohabit.files.importers.counts import MAX_VALUES, Counts
from cohabit.files.importers.kraken import REPORT_LINE, KrakenPath
from cohabit.files.importers.layouts import Layout, find_layout, join_ranks
from cohabit.files.importers.lines import NAMELESS, TextTable, check_header, open_table
from cohabit.files.importers.log import ImportLog, clean_text
from cohabit.files.importers.sources import Source
from cohabit.files.importers.tsv import explain_non_number

MAX_ROWS = 1_000_000
"""Largest number of features of a table."""


def read_counts_tsv(source: Source, log: ImportLog) -> Counts:
    """Read a feature table from text; rows are taken as features.

    Comments before the header, R's header that lacks the first cell, columns with a lineage or
    with ranks, and the tables of mothur, MetaPhlAn, Bracken, Kraken and emu are understood.

    Raises
    ------
    ValueError
        When cells are not numbers, lines have different lengths or columns repeat.
    """
    if REPORT_LINE.match(source.data[:1000].decode("utf-8", errors="replace")):
        raise ValueError(
            f"{source.name}: a report by Kraken of one sample; give the folder with the reports "
            "of all samples in its place"
        )
    table = open_table(source)
    first = next(rows := table.rows(), None)
    if first is None:
        raise ValueError(f"{source.name}: a header and no rows; export it again")
    header = _complete_header(table, first[1], log)
    layout = find_layout(header, table.before)
    reader = _CountRows(source.name, layout)
    lineages = _Lineages(layout)
    for number, cells in chain([first], rows):
        cells = _fit(cells, header, f"{source.name}: line {number}")
        feature = lineages.add(cells)
        reader.add(feature, [cells[place] for place in layout.counts])
    matrix, features = reader.finish()
    table.tell(log)
    _tell_layout(source.name, layout, reader, log)
    columns = pd.Index(layout.columns, dtype=object)
    return Counts(source.name, matrix, features, columns, lineages.found)


def _complete_header(table: TextTable, first: list[str], log: ImportLog) -> list[str]:
    """Return the header with a name for the first column, or raise an error."""
    header = list(table.header)
    if len(header) < 2:
        raise ValueError(
            f"{table.name}: expected columns separated by tabs, commas or semicolons; the header "
            f"has one column, {clean_text(header[0], 40)!r}"
        )
    while not header[-1] and not any(cell.strip() for cell in first[len(header) - 1 :]):
        header.pop()
    if len(first) == len(header) + 1 and first[-1].strip():  # as R's write.table writes row names
        header = ["feature", *header]
        log.note(table.name, NAMELESS)
    check_header([header[0] or "feature", *header[1:]], table.name)
    return header


def _fit(cells: list[str], header: list[str], where: str) -> list[str]:
    """Return as many cells as the header has, without empty ones beyond it."""
    width = len(header)
    if len(cells) < width or any(cell.strip() for cell in cells[width:]):
        raise ValueError(
            f"{where}: expected as many columns as the header has ({width}), saw {len(cells)}; "
            "look there for a separator or a line break inside a cell"
        )
    return cells[:width]


def _tell_layout(name: str, layout: Layout, reader: "_CountRows", log: ImportLog) -> None:
    if layout.program:
        log.note(name, f"read as a table of {layout.program}")
    log.change(name, "{n} column(s) beside the counts left out", layout.left_out)
    if reader.blanks:
        log.change(name, f"{reader.blanks} empty cell(s) read as 0")


class _Lineages:
    """Names and lineages of rows while they are read."""

    def __init__(self, layout: Layout):
        self.layout, self.path = layout, KrakenPath()
        self.found: dict[str, str] = {}
        self.constant: set[str] = set()

    def add(self, cells: list[str]) -> str:
        """Return the name of a row and keep its lineage."""
        layout, feature = self.layout, cells[self.layout.feature].strip()
        if layout.constant is not None:
            self._check_constant(cells[layout.constant])
        if layout.program == "Kraken":
            return self.path.lineage(cells[layout.level].strip(), cells[layout.feature])
        if layout.level is not None:
            self.found[feature] = f"{cells[layout.level].strip()[:1].lower()}__{feature}"
        elif layout.lineage is not None:
            self.found[feature] = cells[layout.lineage]
        elif layout.ranks:
            feature = feature or UNCLASSIFIED  # emu's row for reads without a taxon
            self.found[feature] = join_ranks((r, cells[place].strip()) for r, place in layout.ranks)
        return feature

    def _check_constant(self, value: str) -> None:
        self.constant.add(value)
        if len(self.constant) > 1:
            raise ValueError(
                f"rows of several labels, {', '.join(sorted(map(clean_text, self.constant)))}: "
                "each holds every read; keep the rows of one label"
            )


class _CountRows:
    """Rows of counts while they are read: non-zero counts are kept, other text is reported."""

    def __init__(self, name: str, layout: Layout):
        self.name, self.columns = name, layout.columns
        self.blank_is_zero = bool(layout.ranks)
        self.blanks, self.n_rows = 0, 0
        self.wordy: Counter[str] = Counter()
        self.features: list[str] = []
        self.values: list[np.ndarray] = []
        self.places: list[np.ndarray] = []
        self.wrong: dict[str, tuple[int, str]] = {}
        self.size = 0

    def add(self, feature: str, cells: list[str]) -> None:
        """Add a row."""
        self.n_rows += 1
        if self.blank_is_zero and "" in cells:  # where tables of samples were joined
            self.blanks += cells.count("")
            cells = [cell or "0" for cell in cells]
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
                self.wordy.update(self.columns[place] for place in places)

    def _locate(self, feature: str, column: str, cell: str) -> str:
        row, column = clean_text(feature), clean_text(column)
        if not cell.strip():
            return f"{row!r} in {column!r}; write 0 where nothing was seen"
        advice = explain_non_number(cell, "write 0 where nothing was seen, else correct it")
        shown = clean_text(cell, 40)
        return f"{shown!r} in row {row!r}, column {column!r}; {advice}"

    def finish(self) -> tuple[sparse.csr_matrix, pd.Index]:
        """Return counts and features, or raise an error that locates non-numeric cells."""
        wordy = [clean_text(name) for name, n in self.wordy.items() if n == self.n_rows]
        if wordy:
            raise ValueError(
                f"{self.name}: {len(wordy)} column(s) hold no numbers ({', '.join(wordy[:5])}); "
                "leave them out of the table"
            )
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
