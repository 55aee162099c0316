"""Rows of samples or visits grouped into people, and people into households."""

from collections.abc import Collection

import numpy as np
import pandas as pd

from cohabit.data import schema
from cohabit.data.schema import nearest
from cohabit.files.importers.log import ImportLog
from cohabit.files.importers.mapping import (
    SAMPLES,
    VISIT_FIELDS,
    VISIT_MONTHS,
    Mapping,
    TableMapping,
)
from cohabit.files.importers.matching import find_id_rule
from cohabit.files.importers.metadata import drop_left_out, read_number_columns, translate_column
from cohabit.files.importers.sources import PathLike, read_source
from cohabit.files.importers.tsv import read_grid

FIRM = ("household_id", "group", "site", "country", "sex", "diagnosis")
"""Columns constant over time; two values for one person are an error."""

_VISIT_LEVELS = ("treatment", "smoking")
_VISIT_BOUNDS = {"edss": (0, 10), "bmi": (8, 120), "hei_total": (0, 100)}
_VISIT_COUNTS = ("relapses", "new_lesions")


def split_people(table: pd.DataFrame, mapping: Mapping, log: ImportLog) -> tuple:
    """Return participants and samples.

    Parameters
    ----------
    table : DataFrame, one row per sample
        As from `translate`.
    mapping : Mapping
    log : ImportLog

    Returns
    -------
    participants : DataFrame
        Index participant_id.
    samples : DataFrame
        Index sample_id; participant_id, visit, kit, replicate and batch where it is known.
    """
    _check_sample_ids(table, mapping, log)
    table = table.dropna(subset=["participant_id"])
    samples = _make_samples(table, mapping, log)
    table = table.assign(_visit=samples["visit"].to_numpy()).sort_values("_visit", kind="stable")
    columns = [name for name in table if name not in {*SAMPLES, "_visit"}]
    for column in columns:
        _check_agreement(table, column, log)
    first = table.groupby("participant_id", sort=False)[columns].first()
    order = pd.unique(samples["participant_id"])
    return _arrange(first.loc[order]), samples


def _check_sample_ids(table: pd.DataFrame, mapping: Mapping, log: ImportLog) -> None:
    ids = table["sample_id"]
    lines = pd.Series([f"line {line}: {name}" for line, name in ids.items()], ids.index)
    empty, twice = ids.eq(""), ids.duplicated(keep=False) & ids.ne("")
    remedy = "one row per sample; a person's several samples need `participant_id`"
    log.error("sample_id", "{n} empty sample id(s)", lines[empty], "name them or delete the line")
    nameless = mapping.is_missing(ids) & ~empty
    log.error("sample_id", "{n} sample id(s) are words for a missing value", lines[nameless],
              "name them or delete the line")  # fmt: skip
    log.error("sample_id", "{n} sample id(s) repeat", lines[twice], remedy)
    nobody, remedy = ids[table["participant_id"].isna()], "fill it in or leave the samples out"
    log.error("participant_id", "{n} sample(s) have no participant", nobody, remedy)


def _make_samples(table: pd.DataFrame, mapping: Mapping, log: ImportLog) -> pd.DataFrame:
    samples = table[["participant_id"]].set_axis(pd.Index(table["sample_id"], name="sample_id"))
    samples["visit"] = _months(table, mapping, log)
    samples["kit"] = _given(table, "kit", "unknown")
    again = samples.groupby(["participant_id", "visit"]).cumcount() + 1
    if "replicate" in table:
        replicate = table["replicate"].fillna(1).to_numpy()
    else:
        replicate = again.to_numpy()
    samples["replicate"] = replicate.astype(int)
    if "batch" in table:
        samples["batch"] = _given(table, "batch", "unknown")
    several = samples.loc[(again > 1).to_numpy(), "participant_id"].unique()
    named = "" if "visit" in table else "; name a column as visit if they are visits"
    words = "{n} participant(s) gave several samples at one visit"
    log.warn("sample_id", words, several, f"they are summed{named}")
    return samples


def _given(table: pd.DataFrame, column: str, otherwise: str) -> np.ndarray:
    if column not in table:
        return np.full(len(table), otherwise, dtype=object)
    return table[column].fillna(otherwise).to_numpy()


def _months(table: pd.DataFrame, mapping: Mapping, log: ImportLog) -> np.ndarray:
    """Return the month of each visit, 0 for baseline."""
    if "visit" not in table:
        return np.zeros(len(table), dtype=int)
    without = table.loc[table["visit"].isna(), "sample_id"]
    remedy = "fill it in or leave them out"
    log.error("visit", "{n} sample(s) have no visit", without, remedy)
    months = _keep_apart(_measure_months(table, mapping), table["participant_id"], log)
    if not (months == 0).any():
        log.error("visit", "no sample has visit 0, the baseline", None, _FROM_FIRST)
    later = table.loc[months != 0, "sample_id"]
    words = f"visits other than 0 are kept; the notebooks use the {(months == 0).sum()} of visit 0"
    log.warn("visit", f"{{n}} sample(s) of {words}", later, "`Cohort.table` takes any visit")
    at_baseline = table.loc[months == 0, "participant_id"]
    without = table.loc[~table["participant_id"].isin(at_baseline), "participant_id"].unique()
    log.warn("visit", "{n} participant(s) have no sample of visit 0", without,
             "they stay, without counts at baseline")  # fmt: skip
    return months.to_numpy()


def _measure_months(table: pd.DataFrame, mapping: Mapping) -> pd.Series:
    """Return months since baseline, or since each person's first visit."""
    time = table["visit"]
    if mapping.visit_from == "first":
        time = time - time.groupby(table["participant_id"]).transform("min")
    return time.fillna(0) * VISIT_MONTHS[mapping.visit_unit]


def _count_months(table: pd.DataFrame, mapping: Mapping) -> pd.Series:
    """Return whole months."""
    return _measure_months(table, mapping).round().astype(int)


def _keep_apart(months: pd.Series, people: pd.Series, log: ImportLog) -> pd.Series:
    """Return whole months, or hundredths where whole ones would merge a person's visits."""
    whole, fine = months.round().astype(int), months.round(2)
    times = pd.DataFrame({"person": people, "whole": whole, "fine": fine}).drop_duplicates()
    if times.duplicated(["person", "whole"]).any():
        log.note("visit", "visits less than a month apart: kept in hundredths of a month")
        return fine
    if rounded := int(((whole == 0) & (fine != 0)).sum()):
        log.change("visit", f"{rounded} sample(s) within half a month of 0 became visit 0")
    return whole


_FROM_FIRST = 'write from = "first" under [visits] to count from each person\'s first'


def _check_agreement(table: pd.DataFrame, column: str, log: ImportLog) -> None:
    """Compare a person's rows: constants must agree, otherwise the earliest value is used."""
    different = table.groupby("participant_id")[column].nunique()
    people = different.index[different > 1]
    if column in FIRM:
        words, remedy = (
            "{n} participant(s) have two values",
            "correct the metadata: one value per person",
        )
        log.error(column, words, people, remedy)
    else:
        taken = "the first visit's, or the first row's, was taken"
        log.change(column, f"{{n}} participant(s) have several values; {taken}", people)


def _arrange(participants: pd.DataFrame) -> pd.DataFrame:
    """Order columns with those of every cohort first."""
    first = [name for name in schema.PARTICIPANT_COLUMNS if name in participants]
    rest = [name for name in participants if name not in first]
    return participants[first + rest]


def check_households(participants: pd.DataFrame, log: ImportLog) -> None:
    """Log valid features of the households that determine which methods can be used."""
    sizes = participants.groupby("household_id").size()
    cases = participants["group"].eq("MS").groupby(participants["household_id"]).sum()
    unmatched = (sizes > 1) & ((cases == 0) | (cases == sizes))
    for words, which, what in (
        ("have one member", sizes == 1, "paired methods leave them out, mixed models keep them"),
        ("have two or more cases", cases > 1, "paired methods leave them out and say so"),
        (
            "have no case beside a control",
            unmatched & bool(cases.sum()),
            "they do not contribute to comparisons of case with control",
        ),
    ):
        homes = sizes.index[which]
        log.warn("household_id", f"{{n}} household(s) {words}", homes, f"valid: {what}")
    if not cases.sum():
        log.warn("group", "there are no cases: comparisons of cases with controls will be skipped")
    large = (sizes > 2).sum()
    if large:
        words = f"{large} household(s) have more than two members, {sizes.max()} at most"
        log.note("household_id", words)
    words = f"{len(participants)} people in {len(sizes)} households, {int(cases.sum())} cases"
    log.note("participants", words)


def read_visits(
    path: PathLike, people: Collection[str], mapping: Mapping, log: ImportLog, *, max_bytes: int
) -> pd.DataFrame:
    """Read a table of follow-up visits.

    Parameters
    ----------
    path : path
        TSV, one row per visit, gzip'd or not.
    people : collection of str
        Participant ids.
    mapping : Mapping
        ``[visits]`` gives the names of the columns and the unit of time.
    log : ImportLog
        Receives problems and changes.
    max_bytes : int
        Bound on the file once unpacked.

    Returns
    -------
    DataFrame, index visit_id
        participant_id, visit (months) and those of `VISIT_FIELDS` that are there.
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
        coded = mapping.is_missing(table[column], column)
        table[column] = table[column].astype(object).where(~coded)
    for column in [name for name in _VISIT_LEVELS if name in table]:
        table[column] = translate_column(table[column], mapping, log)
    table = drop_left_out(table, "participant_id", log)
    numbers = {*_VISIT_BOUNDS, *_VISIT_COUNTS, "visit"}
    read_number_columns(table, [name for name in table if name in numbers], log)
    _check_visits(table, log)
    months = _count_months(table, mapping)
    if len(months) and not (months == 0).any():
        log.error("visits, visit", "no visit is the baseline, visit 0", None, _FROM_FIRST)
    return _name_visits(table.assign(visit=months), log)


def _pick_columns(grid: pd.DataFrame, mapping: Mapping, name: str, log: ImportLog) -> pd.DataFrame:
    """Return known columns under our names and log the missing and ignored ones."""
    own = mapping.tables.get("visits", TableMapping())
    wanted = {"participant_id": own.id_column or grid.columns[0]}
    wanted |= {ours: ours for ours in VISIT_FIELDS if ours in grid} | dict(own.columns)
    for ours, theirs in wanted.items():
        if theirs not in grid:
            log.error(name, f"no column {theirs!r} for {ours}", None, nearest(theirs, grid))
    if "visit" not in wanted:
        log.error(
            name,
            "no column gives the time of a visit",
            None,
            'write visit = "..." under [visits.columns]',
        )
    found = {theirs: ours for ours, theirs in wanted.items() if theirs in grid}
    left_out = [column for column in grid if column not in found]
    log.change(name, "{n} column(s) not in the mapping were left out", left_out)
    return grid[list(found)].rename(columns=found)


def _keep_known(
    table: pd.DataFrame, people: Collection[str], name: str, log: ImportLog
) -> pd.DataFrame:
    known = table["participant_id"].isin(list(people))
    strangers = table.loc[~known, "participant_id"].unique()
    rule, _ = find_id_rule(table["participant_id"], people)
    if known.any() and not rule:
        log.change(name, "visits of {n} people not in the metadata left out", strangers)
    else:
        remedy = f"add {rule} to the mapping" if rule else "name it under participant_id"
        log.error(
            name, "visits of {n} participant(s) who are not in the metadata", strangers, remedy
        )
    return table[known].copy()


def _check_visits(table: pd.DataFrame, log: ImportLog) -> None:
    """Log impossible values of visits with their lines."""
    rules = [("visit", table["visit"].isna(), "{n} visit(s) without a time")]
    for column, (low, high) in _VISIT_BOUNDS.items():
        if column in table:
            rule = f"outside {low} to {high} {schema.UNITS.get(column, 'points')}"
            wrong = table[column].notna() & ~table[column].between(low, high)
            rules.append((column, wrong, rule))
    for column in [name for name in _VISIT_COUNTS if name in table]:
        wrong = (table[column] < 0) | (table[column] % 1 > 0)
        rules.append((column, wrong, "no whole number from 0"))
    if "edss" in table:
        rules.append(("edss", table["edss"] * 2 % 1 > 0, "not in half steps"))
    for column, wrong, rule in rules:
        lines = [f"line {line}" for line in table.index[wrong]]
        remedy = "correct the values, or list a missing code"
        log.error(f"visits, {column}", rule, lines, "fill it in" if column == "visit" else remedy)


def _name_visits(table: pd.DataFrame, log: ImportLog) -> pd.DataFrame:
    twice = table.duplicated(["participant_id", "visit"], keep=False)
    who, remedy = table.loc[twice, "participant_id"].unique(), "give one row per person and month"
    log.error("visits", "{n} participant(s) have two visits of one month", who, remedy)
    names = table["participant_id"] + "-m" + table["visit"].astype(str)
    return table.set_axis(pd.Index(names, name="visit_id", dtype=object))
