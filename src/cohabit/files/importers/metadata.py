"""Translation of metadata: columns, levels, numbers and missing values."""

import re

import numpy as np
import pandas as pd

from cohabit.data import schema
from cohabit.data.schema import nearest
from cohabit.files.importers.log import ImportLog, clean_text, inert
from cohabit.files.importers.mapping import (
    AGE_UNITS,
    EVERYONE,
    LEAVE_OUT,
    MISSING,
    NUMBER_COLUMNS,
    PEOPLE,
    SAMPLES,
    Mapping,
    quote_all,
)
from cohabit.files.importers.tsv import CODE, explain_non_number


def translate(grid: pd.DataFrame, mapping: Mapping, file: str, log: ImportLog) -> pd.DataFrame:
    """Return metadata with our columns and levels.

    Parameters
    ----------
    grid : DataFrame of str, one row per sample
        As from `read_grid`.
    mapping : Mapping
    file : str
        Its name, for messages.
    log : ImportLog
        Receives problems and changes.

    Returns
    -------
    DataFrame
        Index: lines of the file; `sample_id`, `participant_id`, the columns mapped, and those
        kept. Numbers are float, missing values None or NaN.
    """
    columns = _find_columns(grid, mapping, file, log)
    log.stop_on_errors()
    table = grid[list(columns)].set_axis(list(columns.values()), axis=1).copy()
    left_out = sorted(set(grid.columns) - set(columns))
    log.change(file, "{n} column(s) not in the mapping were left out", left_out)
    table["sample_id"] = _rename_ids(table["sample_id"], mapping, file, log)
    if "participant_id" in table:
        table["participant_id"] = _rename_ids(table["participant_id"], mapping, file, log)
    else:
        table["participant_id"] = table["sample_id"]
    _blank_missing(table, mapping, log)
    table = drop_left_out(_translate_levels(table, mapping, log), "sample_id", log)
    _read_numbers(table, log)
    _age_in_years(table, mapping, log)
    _zero_in_controls(table, mapping, log)
    return _make_inert(_add_country(table, log), log)


def _find_columns(grid: pd.DataFrame, mapping: Mapping, file: str, log: ImportLog) -> dict:
    """Return their column -> ours, in the order of the mapping."""
    wanted = {"sample_id": grid.columns[0], **mapping.columns}
    columns: dict[str, str] = {}
    for ours, theirs in wanted.items():
        if theirs not in grid:
            hint = nearest(theirs, grid.columns)
            log.error(file, f"no column {theirs!r} for {ours}", remedy=f"{hint}; correct [columns]")
        elif theirs in columns:
            words = f"column {theirs!r} is given for {columns[theirs]} and {ours}"
            remedy = "give each of ours a column of its own, or leave one out"
            log.error(file, words, None, remedy)
        else:
            columns[theirs] = ours
    for theirs in mapping.keep:
        if theirs not in grid:
            log.error(file, f"no column {theirs!r} to keep", remedy=nearest(theirs, grid.columns))
        elif theirs not in columns:
            columns[theirs] = kept_name(theirs, {*PEOPLE, *SAMPLES, *columns.values()}, log)
    return columns


def kept_name(theirs: str, taken: set[str], log: ImportLog) -> str:
    """Return a valid column name that differs from all of ours."""
    name = re.sub(r"\W+", "_", theirs).strip("_").lower() or "column"
    while name in taken:
        name += "_given"
    if name != theirs:
        log.change(theirs, f"column kept as {name!r}")
    return name


def _rename_ids(ids: pd.Series, mapping: Mapping, file: str, log: ImportLog) -> pd.Series:
    renamed = pd.Series(mapping.rename_ids(ids.tolist()), ids.index, dtype=object)
    changed = ids[renamed != ids]
    if len(changed):
        example = f"{changed.iloc[0]!r} became {renamed[changed.index[0]]!r}"
        log.change(file, f"{len(changed)} {ids.name}(s) rewritten by [ids]: {example}")
    return renamed


def _blank_missing(table: pd.DataFrame, mapping: Mapping, log: ImportLog) -> None:
    for column in table.columns.difference(["sample_id"]):
        coded = mapping.is_missing(table[column], column)
        words = sorted(set(table.loc[coded, column]) - {""})
        if words:
            log.note(column, f"{coded.sum()} value(s) read as missing: {', '.join(words)}")
        if words and column in schema.REQUIRED_PARTICIPANT_COLUMNS:
            lines = [f"line {line}" for line in table.index[coded]]
            way = f"fill it in, or write leave_out = {quote_all(words)} under [levels.{column}]"
            log.error(column, "{n} row(s) empty, or with a word for a missing value", lines, way)
        table[column] = table[column].astype(object).where(~coded, None)


def _translate_levels(table: pd.DataFrame, mapping: Mapping, log: ImportLog) -> pd.DataFrame:
    everyone = mapping.levels.get("group", {}).get(EVERYONE)
    if "group" not in table and everyone:
        table["group"] = "MS" if everyone[0] in ("case", "MS") else "control"
        log.change("group", f"everyone is a {table['group'].iloc[0]}, as the mapping says")
    elif "group" in table:
        table = _keep_diagnosis(table, mapping, log)
    else:
        way = 'write group = "..." under [columns], with the name of the column, or '
        way += 'everyone = ["case"] or everyone = ["control"] under [levels.group]'
        log.error("group", "no column says who is a case", remedy=way)
    for column in dict.fromkeys([*schema.LEVELS, *mapping.levels]):
        if column in table:
            table[column] = translate_column(table[column], mapping, log)
    return table


def _keep_diagnosis(table: pd.DataFrame, mapping: Mapping, log: ImportLog) -> pd.DataFrame:
    """Keep the diagnosis of cases that is not MS, since `group` has only two levels."""
    words = mapping.levels.get("group", {}).get("MS", ())
    if set(words) - {"MS", "ms"} and "diagnosis" not in table:
        log.note("group", f"MS stands for {', '.join(words)}; the column diagnosis keeps them")
        return table.assign(diagnosis=table["group"])
    return table


def translate_column(values: pd.Series, mapping: Mapping, log: ImportLog) -> pd.Series:
    """Return a column with our levels; words without a level are logged."""
    column = str(values.name)
    ours = schema.LEVELS.get(column, ())
    words = {word: level for level in ours for word in (level,)}
    for level, written in mapping.levels.get(column, {}).items():
        if level == EVERYONE:
            continue
        words |= dict.fromkeys(written, level)
    lowered = {level.lower(): level for level in ours}
    given = values.dropna()
    known = given.map(lambda word: words.get(word) or lowered.get(word.lower(), ""))
    if not ours or column in schema.OPEN:
        other = sorted(set(given[known == ""])) if ours else []
        if other:
            log.note(column, f"{len(other)} level(s) kept as they are: {', '.join(other[:8])}")
        known = known.where(known != "", given)
    strange = given[known == ""]
    remedy = f"say what it is under [levels.{column}]; known: {', '.join(ours)}"
    for word, rows in strange.groupby(strange):
        lines = [f"line {line}" for line in rows.index]
        log.error(column, f"unknown level {word!r} in {{n}} row(s)", lines, remedy)
    changed = known[(known != given) & (known != "")]
    for word, rows in changed.groupby(given[changed.index]):
        log.change(column, f"{word!r} became {rows.iloc[0]!r} in {len(rows)} row(s)")
    known = known.where(known != MISSING, None)
    return known.reindex(values.index).astype(object).where(lambda column: column.notna(), None)


def drop_left_out(table: pd.DataFrame, who: str, log: ImportLog) -> pd.DataFrame:
    """Remove rows with a level to leave out; `who` describes them in the log."""
    out = (table == LEAVE_OUT).any(axis=1)
    log.change("levels", "{n} row(s) left out, as the mapping says", table.loc[out, who])
    return table[~out].copy()


def _read_numbers(table: pd.DataFrame, log: ImportLog) -> None:
    read_number_columns(
        table, [n for n in (*NUMBER_COLUMNS, "visit", "replicate", "reads") if n in table], log
    )
    for column in [name for name in table if name not in {*PEOPLE, *SAMPLES, "diagnosis"}]:
        numbers = pd.to_numeric(table[column], errors="coerce")
        if numbers.notna().sum() == table[column].notna().sum() and np.isfinite(numbers).any():
            table[column] = numbers


def read_number_columns(table: pd.DataFrame, columns: list[str], log: ImportLog) -> None:
    """Convert columns of text to numbers in place and log cells that are not numbers."""
    for column in columns:
        text = table[column]
        numbers = pd.to_numeric(text, errors="coerce")
        wrong = text[(numbers.isna() & text.notna()) | np.isinf(numbers)]
        first = str(next(iter(wrong), ""))
        lines = [f"line {line}" for line in wrong.index]
        words = f"{{n}} value(s) are not numbers, first {first!r}"
        log.error(column, words, lines, explain_non_number(first, CODE))
        table[column] = numbers.astype(float)


def _age_in_years(table: pd.DataFrame, mapping: Mapping, log: ImportLog) -> None:
    if "age" in table and mapping.age_unit != "years":
        table["age"] = table["age"] * AGE_UNITS[mapping.age_unit]
        log.change("age", f"{table['age'].notna().sum()} age(s) in {mapping.age_unit} became years")


def _zero_in_controls(table: pd.DataFrame, mapping: Mapping, log: ImportLog) -> None:
    for column in mapping.zero_in_controls:
        if column in table and "group" in table:
            nothing = "untreated" if column == "treatment" else 0
            filled = table["group"].eq("control") & table[column].eq(nothing)
            if filled.any():
                log.change(column, f"{nothing} of {filled.sum()} control(s) became missing")
            table.loc[filled, column] = None if column == "treatment" else np.nan


def _add_country(table: pd.DataFrame, log: ImportLog) -> pd.DataFrame:
    if "site" in table and "country" not in table:
        country = table["site"].map(schema.SITE_COUNTRY)
        if country.notna().all():
            log.change("country", "added: it follows from the sites, which are the study's own")
            return table.assign(country=country)
    return table


def _make_inert(table: pd.DataFrame, log: ImportLog) -> pd.DataFrame:
    for column in table.select_dtypes(object):
        safe = table[column].map(inert, na_action="ignore")
        changed = table[column].notna() & (safe != table[column])
        if changed.any():
            first = clean_text(table.loc[changed, column].iloc[0], 40)
            words = "could act as a formula or hold control characters and were made inert"
            log.change(column, f"{changed.sum()} text(s) {words}, first {first!r}")
        table[column] = safe
    return table
