"""Visits of a follow-up: one row a person and month."""

from collections.abc import Collection

import pandas as pd

from cohabit.data import schema
from cohabit.data.schema import nearest
from cohabit.files.importers.inputs import read_source
from cohabit.files.importers.log import ImportLog
from cohabit.files.importers.mapping import VISIT_COLUMNS, VISIT_MONTHS, Mapping, TableMapping
from cohabit.files.importers.metadata import leave_out, read_number_columns, translate_column
from cohabit.files.importers.tables import PathLike, find_id_rule
from cohabit.files.importers.tsv import read_grid

LEVELS = ("treatment", "smoking")
BOUNDS = {"edss": (0, 10), "bmi": (8, 120), "hei_total": (0, 100)}
COUNTS = ("relapses", "new_lesions")


def read_visits(
    path: PathLike, people: Collection[str], mapping: Mapping, log: ImportLog, *, max_bytes: int
) -> pd.DataFrame:
    """Read a follow-up.

    Parameters
    ----------
    path : path
        TSV, one row a visit, gzip'd or not.
    people : collection of str
        Participant ids.
    mapping : Mapping
        ``[visits]`` says what the columns are called and in which unit time is written.
    log : ImportLog
        Receives problems and changes.
    max_bytes : int
        Bound on the file once unpacked.

    Returns
    -------
    DataFrame, index visit_id
        participant_id, visit (months) and those of `VISIT_COLUMNS` that are there.
    """
    source = read_source(path, max_bytes=max_bytes)
    if source.kind != "text":
        raise ValueError(f"{source.name}: expected visits as tab-separated text")
    table = _pick_columns(read_grid(source, log), mapping, source.name, log)
    if not {"participant_id", "visit"} <= set(table):
        return table.iloc[:0]
    table["participant_id"] = mapping.rename_ids(table["participant_id"].tolist())
    table = _keep_known(table, people, source.name, log)
    for column in table.columns.drop("participant_id"):
        coded = table[column].isin(mapping.missing_in(column))
        table[column] = table[column].astype(object).where(~coded)
    for column in [name for name in LEVELS if name in table]:
        table[column] = translate_column(table[column], mapping, log)
    table = leave_out(table, "participant_id", log)
    read_number_columns(table, [name for name in table if name in (*BOUNDS, *COUNTS, "visit")], log)
    _check_values(table, log)
    return _name_visits(_count_months(table, mapping, log), log)


def _pick_columns(grid: pd.DataFrame, mapping: Mapping, name: str, log: ImportLog) -> pd.DataFrame:
    """Return the columns we know under our names; tell which are missing and which left out."""
    own = mapping.tables.get("visits", TableMapping())
    wanted = {"participant_id": own.id_column or grid.columns[0]}
    wanted |= {ours: ours for ours in VISIT_COLUMNS if ours in grid} | dict(own.columns)
    for ours, theirs in wanted.items():
        if theirs not in grid:
            log.error(name, f"no column {theirs!r} for {ours}", (), nearest(theirs, grid.columns))
    if "visit" not in wanted:
        log.error(name, "no column says when", (), 'write visit = "..." under [visits.columns]')
    found = {theirs: ours for ours, theirs in wanted.items() if theirs in grid}
    left_out = [column for column in grid if column not in found]
    if left_out:
        log.change(name, f"{len(left_out)} column(s) not in the mapping were left out", left_out)
    return grid[list(found)].rename(columns=found)


def _keep_known(
    table: pd.DataFrame, people: Collection[str], name: str, log: ImportLog
) -> pd.DataFrame:
    known = table["participant_id"].isin(list(people))
    strangers = table.loc[~known, "participant_id"].unique()
    if not known.any():
        rule, joined = find_id_rule(set(strangers), set(people))
        remedy = f"add {rule} to the mapping" if joined else "name it under participant_id"
        log.error(name, "no visit is of a participant of the metadata", strangers, remedy)
    elif len(strangers):
        log.change(name, f"visits of {len(strangers)} stranger(s) left out", strangers)
    return table[known].copy()


def _check_values(table: pd.DataFrame, log: ImportLog) -> None:
    for column, (low, high) in BOUNDS.items():
        if column in table:
            wrong = table[column].notna() & ~table[column].between(low, high)
            _tell(table, column, wrong, f"outside {low} to {high} {_unit(column)}", log)
    for column in [name for name in COUNTS if name in table]:
        wrong = table[column].notna() & ((table[column] < 0) | (table[column] % 1 != 0))
        _tell(table, column, wrong, "no whole number from 0", log)
    if "edss" in table:
        steps = table["edss"].notna() & (table["edss"] * 2 % 1 != 0)
        _tell(table, "edss", steps, "not in half steps", log)


def _unit(column: str) -> str:
    return schema.UNITS.get(column, "points")


def _tell(table: pd.DataFrame, column: str, wrong: pd.Series, rule: str, log: ImportLog) -> None:
    if wrong.any():
        lines = [f"line {line}" for line in table.index[wrong]]
        log.error(f"visits, {column}", rule, lines, "correct the values, or list a missing code")


def _count_months(table: pd.DataFrame, mapping: Mapping, log: ImportLog) -> pd.DataFrame:
    """Return whole months since baseline."""
    time = table["visit"]
    if time.isna().any():
        lines = [f"line {line}" for line in table.index[time.isna()]]
        log.error("visits, visit", f"{len(lines)} visit(s) without a time", lines, "fill it in")
    if mapping.visit_from == "first":
        time = time - time.groupby(table["participant_id"]).transform("min")
    months = (time * VISIT_MONTHS[mapping.visit_unit]).round().fillna(0).astype(int)
    if len(months) and not (months == 0).any():
        remedy = 'write from = "first" under [visits] to count from each person\'s first'
        log.error("visits, visit", "nobody has a visit 0, the baseline", (), remedy)
    return table.assign(visit=months)


def _name_visits(table: pd.DataFrame, log: ImportLog) -> pd.DataFrame:
    twice = table.duplicated(["participant_id", "visit"], keep=False)
    if twice.any():
        who = table.loc[twice, "participant_id"].unique()
        log.error("visits", f"{len(who)} participant(s) have two visits of one month", who,
                  "give one row a person and month")  # fmt: skip
    names = table["participant_id"] + "-m" + table["visit"].astype(str)
    return table.set_axis(pd.Index(names, name="visit_id", dtype=object))
