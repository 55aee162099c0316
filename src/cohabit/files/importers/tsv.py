"""Tab-separated tables: metadata, feature tables either way round, taxonomies."""

import csv
import io
import re
import warnings
from collections import Counter

import numpy as np
import pandas as pd
from scipy import sparse

from cohabit.files.importers.counts import RUIN, Counts
from cohabit.files.importers.log import ImportLog, clean_text
from cohabit.files.importers.sources import Source

LINEAGE_COLUMNS = ("taxonomy", "consensus lineage", "taxon", "lineage")
NAMELESS = "the header lacks a name for the first column, as R writes it"
_BIOM_COMMENT = re.compile(r"#\s*constructed from biom file", re.IGNORECASE)


def read_grid(source: Source, log: ImportLog, *, first: str = "row_name") -> pd.DataFrame:
    """Read a small table as text, cell by cell.

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
    (_, header), *lines = _split_lines(source, log)
    rows = [cells for _, cells in lines]
    if _lacks_first_name(header, rows):
        header = ["", *header]
        log.note(source.name, NAMELESS)
    ragged = [(number, cells) for number, cells in lines if len(cells) != len(header)]
    if ragged:
        number, cells = ragged[0]
        raise ValueError(
            f"{source.name}: the header has {len(header)} columns; {len(ragged)} line(s) have "
            f"another number, first line {number} with {len(cells)}; look there for a tab or a "
            'line break inside a cell, or an unclosed quote (")'
        )
    names = [name.strip() for name in header]
    names = _check_header([names[0] or first, *names[1:]], source.name)
    if not rows:
        raise ValueError(f"{source.name}: a header and no rows; export it again")
    table = pd.DataFrame(rows, columns=names, index=[number for number, _ in lines], dtype=str)
    return _strip(table, source.name, log)


def _lacks_first_name(header: list[str], rows: list[list[str]]) -> bool:
    """Whether the row names have no name, as R writes them; a tab at each line's end is another."""
    longer = bool(rows) and all(len(row) == len(header) + 1 for row in rows)
    return longer and any(row[-1].strip() for row in rows)


def _split_lines(source: Source, log: ImportLog) -> list[tuple[int, list[str]]]:
    """Return line number and cells of each line that holds data."""
    if source.data.startswith(b"\xef\xbb\xbf"):
        log.change(source.name, "a byte order mark before the first column's name was left out")
    reader = csv.reader(io.StringIO(source.text(), newline=None), delimiter="\t")
    lines = []
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if lines and cells[0].startswith("#"):
                if not cells[0].lower().startswith("#q2:"):
                    line = f"line {reader.line_num}"
                    log.change(source.name, "a comment line was left out", [line])
                continue
            lines.append((reader.line_num, cells))
    except csv.Error as error:
        raise ValueError(f"{source.name}: line {reader.line_num}: {error}") from None
    if not lines:
        raise ValueError(f"{source.name}: no line holds data; export it again")
    _refuse_other_separators(lines[0][1], source.name)
    return lines


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


def _strip(table: pd.DataFrame, name: str, log: ImportLog) -> pd.DataFrame:
    stripped = table.apply(lambda column: column.str.strip())
    padded = (stripped != table).any(axis=1)
    lines = [f"line {number}" for number in table.index[padded]]
    log.change(name, "spaces around values were left out", lines)
    return stripped


def read_counts_tsv(source: Source, log: ImportLog) -> Counts:
    """Read a feature table written as text, its rows taken for features.

    A first line ``# Constructed from biom file``, R's header that lacks the first cell, and a
    last column `taxonomy` (or `Consensus Lineage`) are understood.

    Raises
    ------
    ValueError
        When cells are no numbers, lines have different lengths or columns repeat.
    """
    text = source.text().replace("\r\n", "\n").replace("\r", "\n")
    try:
        skipped, header = _find_header(text, source.name)
        first_row = text.split("\n", skipped + 2)[skipped + 1 : skipped + 2]
        n_cells = len(next(csv.reader(first_row, delimiter="\t"), []))
    except csv.Error as error:
        raise ValueError(f"{source.name}: header or first row: {error}; look for a quote") from None
    if n_cells == len(header) + 1:  # as R's write.table writes row names
        header = ["feature", *header]
        log.note(source.name, NAMELESS)
    _check_header([header[0] or "feature", *header[1:]], source.name)
    table = _read_cells(text, skipped + 1, header, source.name)
    lineages = {}
    if len(header) > 2 and header[-1].strip().lower() in LINEAGE_COLUMNS:
        lineages = dict(zip(table.index, table.pop(table.columns[-1]), strict=True))
    matrix = sparse.csr_matrix(_numbers(table, source.name))
    samples = pd.Index([name.strip() for name in table.columns])
    return Counts(source.name, matrix, pd.Index(table.index), samples, lineages)


def _find_header(text: str, name: str) -> tuple[int, list[str]]:
    """Return how many lines stand before the header, and its cells."""
    for number, line in enumerate(io.StringIO(text)):
        if line.strip() and not _BIOM_COMMENT.match(line):
            header = next(csv.reader([line.rstrip("\r\n")], delimiter="\t"))
            _refuse_other_separators(header, name)
            if len(header) < 2:
                raise ValueError(
                    f"{name}: expected a table with tabs; line {number + 1} has one column"
                )
            return number, header
    raise ValueError(f"{name}: no header; export the table again")


def _read_cells(text: str, skip: int, header: list[str], name: str) -> pd.DataFrame:
    kinds = {0: str}
    if header[-1].strip().lower() in LINEAGE_COLUMNS:
        kinds[len(header) - 1] = str
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            table = pd.read_csv(
                io.StringIO(text),
                sep="\t",
                header=None,
                skiprows=skip,
                dtype=kinds,
                names=range(len(header)),
                keep_default_na=False,
                na_values=[""],
                low_memory=False,
                index_col=False,
                skip_blank_lines=True,
            )
    except (pd.errors.ParserError, pd.errors.ParserWarning, pd.errors.EmptyDataError) as error:
        words = str(error).replace("Error tokenizing data. C error: ", "").strip()
        raise ValueError(
            f"{name}: {words}; every line must have as many columns as the header ({len(header)})"
        ) from None
    table.columns = [cell.strip() for cell in header]
    ids = table.pop(table.columns[0]).fillna("").str.strip()
    return table.set_axis(pd.Index(ids, dtype=object, name="feature"))


def _numbers(table: pd.DataFrame, name: str) -> np.ndarray:
    """Return the cells as numbers; refuse text with where it stands and what it looks like."""
    plain = [kind.kind in "iuf" for kind in table.dtypes]
    if not all(plain):
        _refuse_text(table.loc[:, [not ok for ok in plain]].astype(object), name)
    numbers = table.to_numpy(float)
    missing = np.argwhere(np.isnan(numbers))
    if len(missing):
        row, column = missing[0]
        raise ValueError(
            f"{name}: {len(missing)} cell(s) are empty, first {clean_text(table.index[row])!r} in "
            f"{clean_text(table.columns[column])!r}; write 0 where nothing was seen"
        )
    return numbers


def _refuse_text(table: pd.DataFrame, name: str) -> None:
    cells = table.stack(future_stack=True)
    bad = cells[cells.notna() & ~cells.map(_is_number)]
    (row, column), value = next(iter(bad.items())) if len(bad) else (("", ""), "")
    if len(bad):
        raise ValueError(
            f"{name}: {len(bad)} cell(s) are no numbers, first {clean_text(value, 40)!r} in row "
            f"{clean_text(row)!r}, column {clean_text(column)!r}; {explain_non_number(str(value))}"
        )


def _is_number(value: object) -> bool:
    if isinstance(value, bool):
        return False
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return "_" not in str(value)


def explain_non_number(text: str) -> str:
    """Say what a cell that is no number looks like, and what to do about it."""
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
