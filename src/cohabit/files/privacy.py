"""Cells about very few people: marked in tables and on a page, for real cohorts.

A mean or a count over three people can tell who they are to somebody who knows them. Nothing is
hidden or changed here: what is small is marked, so that a person decides before passing it on.
"""

import os
import re
from pathlib import Path

import pandas as pd

from cohabit.data.schema import GROUPS, MIN_CELL

COUNTS_OF_PEOPLE = (
    *(
        "n",
        "n_people",
        "n_samples",
        "n_pairs",
        "n_nonzero",
        "n_cases",
        "n_controls",
        "n_households",
    ),
    *("people", "pairs", "patients", "kept", "count", "size", "answered", *GROUPS),
)
"""Columns that count people, pairs of them, or who carries a feature."""

MARK = f"fewer than {MIN_CELL}"
FEW_COLUMN = "few_people"
"""Column of a table about real people: which of its counts are below `MIN_CELL` in that row."""

_real_people: set[str] = set()
"""Folders of real cohorts that this process has read: what it writes is about people from then on,
whoever runs the notebook and however."""

_FEW = "[1-9]" if MIN_CELL > 9 else f"[1-{MIN_CELL - 1}]"
_TABLE = re.compile(r"<table.*?</table>", re.DOTALL)
_ROW = re.compile(r"<tr.*?</tr>", re.DOTALL)
_CELL = re.compile(r"<(t[hd])([^>]*)>(.*?)</\1>", re.DOTALL)
_LISTED = re.compile(rf"^(.*\S\s+{_FEW})$", re.MULTILINE)


def find_small_cells(table: pd.DataFrame) -> pd.DataFrame:
    """Return the cells that count fewer than `MIN_CELL` people, but somebody.

    Parameters
    ----------
    table : DataFrame
        Columns of `COUNTS_OF_PEOPLE` that hold whole numbers are looked at.

    Returns
    -------
    DataFrame
        row, column, n; row is the label in the first column.
    """
    found = []
    for column in [name for name in COUNTS_OF_PEOPLE if name in table]:
        small = _is_small(table[column])
        labels = table.loc[small, table.columns[0]].astype(str)
        counts = pd.to_numeric(table.loc[small, column])
        found += [(row, column, int(n)) for row, n in zip(labels, counts, strict=True)]
    return pd.DataFrame(found, columns=["row", "column", "n"])


def remember_real(folder: str | os.PathLike) -> None:
    """Note that this process has read a cohort of real people."""
    _real_people.add(str(folder))


def mark_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with the column `FEW_COLUMN` where it counts people and they are real.

    The column names the counts of each row that are below `MIN_CELL`; it is empty where none is.
    A table that counts nobody, or a process that read simulated people only, gets none.
    """
    counting = [name for name in COUNTS_OF_PEOPLE if name in table]
    if not _real_people or not counting:
        return table
    small = pd.DataFrame({name: _is_small(table[name]) for name in counting}, index=table.index)
    words = [", ".join(small.columns[row]) for row in small.to_numpy()]
    return table.assign(**{FEW_COLUMN: [f"{MARK}: {names}" if names else "" for names in words]})


def _is_small(column: pd.Series) -> pd.Series:
    """Mark whole numbers from 1 to below `MIN_CELL`; shares and means are no counts."""
    numbers = pd.to_numeric(column, errors="coerce")
    if (numbers.dropna() % 1).any():
        return pd.Series(False, column.index)
    return numbers.gt(0) & numbers.lt(MIN_CELL)


def survey_tables(folder: Path) -> pd.DataFrame:
    """Return every small cell of the tables of a run: table, row, column, n."""
    parts = [
        find_small_cells(pd.read_csv(path, sep="\t")).assign(table=path.name)
        for path in sorted((folder / "tables").glob("*.tsv"))
    ]
    columns = ["table", "row", "column", "n"]
    return pd.concat(parts)[columns] if parts else pd.DataFrame(columns=columns)


def mark_small_cells(html: str) -> str:
    """Mark, in the tables and printed counts of a page, cells about fewer than `MIN_CELL` people.

    Parameters
    ----------
    html : str
        Sanitised: tables and text only.
    """
    marked = _TABLE.sub(lambda table: _mark_table(table.group()), html)
    return re.sub(
        r'(<pre class="text"[^>]*>)(.*?dtype: u?int\d*)', _mark_listing, marked, flags=re.DOTALL
    )


def _mark_table(html: str) -> str:
    names: list[str] = []

    def mark_row(row: re.Match) -> str:
        nonlocal names
        cells = _CELL.findall(row.group())
        if all(kind == "th" for kind, _, _ in cells):
            heads = [text.strip() for _, _, text in cells]
            names = heads if any(heads[1:]) else names
            return row.group()
        place = iter(range(len(cells)))
        return _CELL.sub(lambda cell: _mark_cell(cell, names, next(place)), row.group())

    return _ROW.sub(mark_row, html)


def _mark_cell(cell: re.Match, names: list[str], place: int) -> str:
    kind, attributes, text = cell.groups()
    counts = place < len(names) and names[place] in COUNTS_OF_PEOPLE
    if kind == "th" or not counts or not re.fullmatch(_FEW, text.strip()):
        return cell.group()
    return f'<td{attributes} class="few">{text} <small>{MARK}</small></td>'


def _mark_listing(listing: re.Match) -> str:
    return listing[1] + _LISTED.sub(rf"\1  ({MARK})", listing[2])
