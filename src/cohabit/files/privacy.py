"""Marks of small counts in tables and figures about real people.

A mean or a count of three people can identify them to somebody who knows them. Small counts are
marked, not hidden or changed, so that people can decide before passing a table on. The `Run`
through which a cohort was read knows whether its people are real.
"""

import re
from pathlib import Path

import pandas as pd

from cohabit.data.schema import GROUPS, MIN_CELL

SOMETIMES_COUNTS = ("kept", "count", "size", "answered", *GROUPS)
"""Columns that count people where they hold integers, and are means or shares otherwise."""

COUNTS_OF_PEOPLE = (
    *("n", "n_people", "n_samples", "n_pairs", "n_nonzero", "n_cases", "n_controls"),
    *("n_households", "people", "pairs", "patients", *SOMETIMES_COUNTS),
)
"""Columns that count people, pairs or carriers of a feature."""

FEW_MARK = f"fewer than {MIN_CELL}"
SMALL_COUNT = re.compile(rf"\(([1-{MIN_CELL - 1}])\)$")
SMALL_POINTS = re.compile(rf"\b([1-{MIN_CELL - 1}]) points")
FEW_COLUMN = "few_people"
"""Column that names each row's counts below `MIN_CELL` in tables about real people."""


def find_small_cells(table: pd.DataFrame) -> pd.DataFrame:
    """Return the cells that count at least one but fewer than `MIN_CELL` people.

    Parameters
    ----------
    table : DataFrame
        Columns of `COUNTS_OF_PEOPLE` that contain whole numbers are checked.

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


def survey_tables(folder: Path) -> pd.DataFrame:
    """Return every small cell in the tables of a run: table, row, column, n."""
    parts = [
        find_small_cells(pd.read_csv(path, sep="\t")).assign(table=path.name)
        for path in sorted((folder / "tables").glob("*.tsv"))
    ]
    columns = ["table", "row", "column", "n"]
    return pd.concat(parts)[columns] if parts else pd.DataFrame(columns=columns)


def mark_rows(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table to be written, with `FEW_COLUMN` if it counts people.

    The column lists the counts of each row that are below `MIN_CELL`, and is empty if there are
    none.
    """
    counting = [name for name in COUNTS_OF_PEOPLE if name in table]
    if not counting:
        return table
    small = pd.DataFrame({name: _is_small(table[name]) for name in counting}, index=table.index)
    words = [", ".join(small.columns[row]) for row in small.to_numpy()]
    return table.assign(
        **{FEW_COLUMN: [f"{FEW_MARK}: {names}" if names else "" for names in words]}
    )


def mark_cells(shown: pd.DataFrame | pd.Series) -> pd.DataFrame | pd.Series:
    """Return a table, or a column of whole numbers, for display with small counts marked."""
    if isinstance(shown, pd.Series):
        return _mark(shown) if pd.api.types.is_integer_dtype(shown) else shown
    marked = shown.copy()
    for place, column in enumerate(shown.columns):
        if set(column if isinstance(column, tuple) else [column]) & set(COUNTS_OF_PEOPLE):
            marked.isetitem(place, _mark(shown.iloc[:, place]))
    return marked


def mark_displays(formatter) -> None:
    """Mark small counts in all tables that a notebook displays from now on.

    Parameters
    ----------
    formatter : IPython.core.formatters.DisplayFormatter
        Of the notebook's kernel.
    """
    html, text = (formatter.formatters[kind] for kind in ("text/html", "text/plain"))
    html.for_type(pd.DataFrame, lambda table: mark_cells(table)._repr_html_())
    for kind in (pd.DataFrame, pd.Series):
        text.for_type(kind, lambda table, printer, _: printer.text(repr(mark_cells(table))))


def mark_figure(figure) -> None:
    """Mark small counts that a figure of real people tells: in its key and in drawn tables.

    Parameters
    ----------
    figure : matplotlib Figure
        Names of series that end with a count, as in ``Boston (3)``, and whole numbers in the cells
        of a table are taken for counts.
    """
    for ax in figure.axes:
        key = ax.get_legend()
        for text in key.get_texts() if key else ():
            text.set_text(_mark_name(text.get_text()))
        for artist in (*ax.containers, *ax.lines, *ax.collections):
            artist.set_label(_mark_name(str(artist.get_label())))
        if all(text.get_text().isdigit() for text in ax.texts):
            for text in ax.texts:
                few = 0 < int(text.get_text()) < MIN_CELL
                text.set_text(f"{text.get_text()}\n({FEW_MARK})" if few else text.get_text())


def mark_words(words: str) -> str:
    """Return the words about a figure of real people with small numbers of points marked."""
    return SMALL_POINTS.sub(rf"\1 points ({FEW_MARK})", words)


def _mark_name(name: str) -> str:
    return SMALL_COUNT.sub(rf"(\1, {FEW_MARK})", name)


def _mark(column: pd.Series) -> pd.Series:
    small = _is_small(column)
    if not small.any():
        return column
    words = pd.to_numeric(column[small]).map(lambda n: f"{n:.0f} ({FEW_MARK})")
    return column.astype(object).where(~small, words.reindex(column.index))


def _is_small(column: pd.Series) -> pd.Series:
    """Return True for whole numbers from 1 to `MIN_CELL` - 1, not for shares or means."""
    numbers = pd.to_numeric(column, errors="coerce")
    share = column.name in SOMETIMES_COUNTS and not pd.api.types.is_integer_dtype(numbers)
    if share or (numbers.dropna() % 1).any():
        return pd.Series(False, column.index)
    return numbers.gt(0) & numbers.lt(MIN_CELL)
