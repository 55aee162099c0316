"""Measurements besides counts: diet, pathways, metabolites and blood."""

import re
from collections.abc import Mapping as MappingType
from dataclasses import replace

import numpy as np
import pandas as pd

from cohabit.data.schema import ACIDS, BRANCHED_ACIDS
from cohabit.files.importers.log import ImportLog, clean_text, inert
from cohabit.files.importers.mapping import Mapping, TableMapping
from cohabit.files.importers.matching import find_id_rule
from cohabit.files.importers.metadata import kept_name
from cohabit.files.importers.sources import PathLike, Source, read_source
from cohabit.files.importers.tables import read_counts
from cohabit.files.importers.tsv import CODE, explain_non_number, read_grid

HUMANN_ENDINGS = re.compile(r"_(Abundance|Coverage)(-RPKs|-CPM|-RELAB)?$")
"""Suffixes that HUMAnN adds to sample names."""

REST = ("UNMAPPED", "UNINTEGRATED", "READS_UNMAPPED", "UNGROUPED")
"""HUMAnN rows that are not pathways but count towards the total."""

NEEDED_OF_DIET = ("hei_total", "vitamin_c")
LARGEST_LOG = 50.0
"""Largest natural log accepted: exp(50) is more than 10^21 of any unit."""


def read_measured(
    kind: str,
    path: PathLike,
    owners: MappingType[str, str],
    mapping: Mapping,
    log: ImportLog,
    *,
    max_bytes: int,
    matrix: str | None = None,
) -> pd.DataFrame:
    """Read one table of measurements.

    Parameters
    ----------
    kind : str
        ``"diet"``, ``"pathways"``, ``"metabolites"`` or ``"blood"``.
    path : path
        TSV, either way round; pathways also BIOM or ``.qza``. gzip'd or not.
    owners : mapping
        Sample id or participant id -> participant id.
    mapping : Mapping
        Its section of this name gives the names of the columns.
    log : ImportLog
        Receives problems and changes.
    max_bytes : int
        Bound on the file once unpacked.
    matrix : str, optional
        Of metabolites: ``"stool"`` or ``"serum"``.

    Returns
    -------
    DataFrame, people x measurements
        As a cohort keeps it, missing where nothing was measured; without a row when `log` has
        received an error.
    """
    source = read_source(path, "FeatureTable" if kind == "pathways" else "", max_bytes=max_bytes)
    own = _of_matrix(mapping.tables.get(kind, TableMapping()), matrix)
    if kind == "pathways" and source.kind in ("hdf5", "json"):
        values = _read_biom(path, mapping, log, max_bytes)
    else:
        text = _read_text(source, own, mapping, owners, log)
        values = _read_numbers(_refuse_doubles(text, source.name, log), mapping, kind, log)
    values = _give_to_people(values, owners, source.name, log)
    return _FINISH[kind](_name_columns(values, own, kind, log), own, log)


def _of_matrix(own: TableMapping, matrix: str | None) -> TableMapping:
    """Return the mapping for the file of one matrix, without the matrix as a name prefix."""
    if matrix is None:
        return own
    columns = {
        ours.removeprefix(f"{matrix}:"): theirs
        for ours, theirs in own.columns.items()
        if ours.startswith(f"{matrix}:") or ":" not in ours
    }
    return replace(own, matrix=matrix, columns=columns)


def _refuse_doubles(table: pd.DataFrame, name: str, log: ImportLog) -> pd.DataFrame:
    twice = table.columns[table.columns.duplicated()].unique()
    log.error(name, "{n} measurement(s) have two rows or columns", twice, "keep one")
    return table.loc[:, ~table.columns.duplicated()]


def _read_biom(path: PathLike, mapping: Mapping, log: ImportLog, max_bytes: int) -> pd.DataFrame:
    counts = read_counts(path, log, max_bytes=max_bytes)
    table = pd.DataFrame(counts.matrix.T.toarray(), counts.samples, counts.features)
    renamed = pd.Index(mapping.rename_ids([*map(str, counts.samples)]), dtype=object)
    return _refuse_doubles(table.set_axis(renamed), counts.name, log)


def _read_text(
    source: Source, own: TableMapping, mapping: Mapping, owners: MappingType, log: ImportLog
) -> pd.DataFrame:
    """Return a table's cells as text, one row per person, oriented by the ids."""
    if source.kind != "text":
        raise ValueError(f"{source.name}: expected tab-separated text; got {source.kind}")
    grid = read_grid(source, log, first="id")
    if own.id_column and own.id_column not in grid:
        log.error(source.name, f"no column {own.id_column!r}", None, "correct participant_id there")
        return grid.iloc[:0]
    grid = grid.set_index(own.id_column or grid.columns[0])
    down, across = (_rename(axis, mapping) for axis in (grid.index, grid.columns))
    if len(set(across) & set(owners)) > len(set(down) & set(owners)):
        log.note(source.name, "read with people as columns")
        return grid.set_axis(across, axis=1).T
    return grid.set_axis(down)


def _rename(ids: pd.Index, mapping: Mapping) -> pd.Index:
    plain = [HUMANN_ENDINGS.sub("", str(name).strip()) for name in ids]
    return pd.Index(mapping.rename_ids(plain), dtype=object)


def _read_numbers(text: pd.DataFrame, mapping: Mapping, kind: str, log: ImportLog) -> pd.DataFrame:
    """Return numbers, without columns that have none; other text is logged as an error."""
    text = text.where(~text.apply(mapping.is_missing))
    numbers = text.apply(pd.to_numeric, errors="coerce").astype(float)
    wordy = [name for name in text if numbers[name].isna().all() and text[name].notna().any()]
    log.change(kind, "{n} column(s) without numbers were left out", wordy)
    numbers, text = numbers.drop(columns=wordy), text.drop(columns=wordy)
    strange = (numbers.isna() & text.notna()) | np.isinf(numbers)
    for column in numbers.columns[strange.any()]:
        rows = text.index[strange[column]]
        first = str(text.loc[strange[column], column].iloc[0])
        words = f"{{n}} value(s) are not numbers, first {first!r}"
        log.error(f"{kind}, {clean_text(column)}", words, rows, explain_non_number(first, CODE))
    return numbers


def _give_to_people(
    values: pd.DataFrame, owners: MappingType, name: str, log: ImportLog
) -> pd.DataFrame:
    """Return rows by participant id; log people that are missing, unknown or repeated."""
    known = values.index.isin(list(owners))
    rule, _ = find_id_rule(values.index, owners)
    if len(values) and (rule or not known.any()):
        remedy = f"add {rule} to the mapping" if rule else "name the column under participant_id"
        words = "{n} row(s) or column(s) are no participant and no sample of the metadata"
        log.error(name, words, values.index[~known], remedy)
        return values.iloc[:0]
    log.change(name, "{n} row(s) of people not in the metadata left out", values.index[~known])
    values = values[known]
    people = pd.Index([owners[i] for i in values.index], name="participant_id", dtype=object)
    twice = people[people.duplicated()].unique()
    log.error(name, "{n} participant(s) have two rows", twice, "give one row per person")
    log.note(name, f"{people.nunique()} participant(s), {values.shape[1]} column(s)")
    return values.set_axis(people)


def _name_columns(
    values: pd.DataFrame, own: TableMapping, kind: str, log: ImportLog
) -> pd.DataFrame:
    """Rename columns by the mapping and make all other names inert."""
    for ours, theirs in own.columns.items():
        if theirs not in values:
            log.error(kind, f"no column {theirs!r} for {ours}", None, f"correct [{kind}] columns")
    ours = {theirs: ours for ours, theirs in own.columns.items()}
    taken = set(ours.values())
    names = [ours.get(name) or _other_name(str(name), kind, taken, log) for name in values]
    repeated = sorted({name for name in names if names.count(name) > 1})
    log.error(kind, "{n} column(s) have one name", repeated, "rename them")
    if repeated:
        return values.iloc[:0]
    return values.set_axis(pd.Index(names, dtype=object), axis=1)


def _other_name(name: str, kind: str, taken: set[str], log: ImportLog) -> str:
    return kept_name(name, taken, log) if kind in ("diet", "blood") else inert(name)


def _finish_diet(table: pd.DataFrame, own: TableMapping, log: ImportLog) -> pd.DataFrame:
    """Check that intakes are not negative and that the index is between 0 and 100."""
    _refuse_negative(table, "diet", "an intake cannot be: give it before any transformation", log)
    absent = [name for name in NEEDED_OF_DIET if name not in table]
    if absent:
        remedy = "name the column under [diet.columns]"
        log.warn("diet", f"no {' and no '.join(absent)}: notebook 10 is skipped", None, remedy)
    if "hei_total" in table:
        who = table.index[table["hei_total"] > 100]
        log.error("diet, hei_total", "outside 0 to 100 points", who, "give HEI-2015 points")
    return _drop_empty(table, "diet", log)


def _finish_blood(table: pd.DataFrame, own: TableMapping, log: ImportLog) -> pd.DataFrame:
    """Check that cell counts are not negative."""
    _refuse_negative(table, "blood", "give counts or shares of cells", log)
    return _drop_empty(table, "blood", log)


def _finish_pathways(table: pd.DataFrame, own: TableMapping, log: ImportLog) -> pd.DataFrame:
    """Return each pathway's share of a person's total output, 0 to 1."""
    _refuse_negative(table, "pathways", "give abundances, before any transformation", log)
    by_species = [name for name in table if "|" in name]
    table = table.drop(columns=by_species)
    log.change("pathways", "{n} row(s) of single species left out", by_species)
    empty, remedy = ~np.isfinite(table).all(axis=1), "write 0 where nothing was seen"
    log.error("pathways", "empty or infinite cells", table.index[empty], remedy)
    if (table > 1).any(axis=None):
        table = table.div(table.sum(axis=1), axis=0)
        log.change("pathways", "divided by each person's sum, so that values are shares")
        if not set(REST) & set(table):
            words = "shares are of pathways only: the published ones count what is unmapped too"
            log.warn("pathways", words, None, f"give the table with its row {REST[0]}")
    rest = [name for name in REST if name in table]
    if rest:
        log.change("pathways", f"{' and '.join(rest)} left out: not pathways")
    return _cut_names(table.drop(columns=rest), log)


def _cut_names(table: pd.DataFrame, log: ImportLog) -> pd.DataFrame:
    """Reduce pathway names to MetaCyc ids, without HUMAnN's colon and description."""
    ids = [name.partition(":")[0].strip() for name in table]
    if ids != list(table):
        log.change("pathways", "names behind the ids left out")
    names = pd.Index(ids, dtype=object)
    log.error("pathways", "ids repeat", names[names.duplicated(keep=False)], "keep one each")
    return table.set_axis(names, axis=1)


def _finish_metabolites(table: pd.DataFrame, own: TableMapping, log: ImportLog) -> pd.DataFrame:
    """Return fatty acids as concentrations and others as natural logs, named matrix:name."""
    names = [name if ":" in name else f"{own.matrix}:{name}" for name in table]
    if own.matrix is None and any(":" not in name for name in table):
        remedy = "write --metabolites stool=FILE, or name the columns stool:..., serum:..."
        log.error(
            "metabolites", "the kind of sample they were measured in is not given", None, remedy
        )
        return table.iloc[:0]
    table = table.set_axis(pd.Index(names, dtype=object), axis=1)
    acids = [name for name in table if name.partition(":")[2] in ACIDS + BRANCHED_ACIDS]
    others = table.columns.difference(acids, sort=False)
    if own.scale == "log":
        if _refuse_too_large(table, log):
            return table.iloc[:0]
        log.change("metabolites", f"{len(acids)} fatty acid(s) became concentrations")
        return table.assign(**{name: np.exp(table[name]) for name in acids})
    remedy = 'if they are natural logs, write scale = "log" under [metabolites]'
    if _refuse_negative(table, "metabolites", remedy, log):
        return table.iloc[:0]
    zeros = int((table == 0).to_numpy().sum())
    if zeros:
        log.change("metabolites", f"{zeros} value(s) of 0 became missing: below detection")
    log.change("metabolites", f"natural logs of {len(others)} metabolite(s) were taken")
    table = table.where(table != 0)
    return table.assign(**{name: np.log(table[name]) for name in others})


def _refuse_too_large(table: pd.DataFrame, log: ImportLog) -> bool:
    """Log values too large for the natural log of a concentration; return True if any."""
    words = f"{{n}} value(s) over {LARGEST_LOG:g}, too large for natural logs"
    remedy = 'give one scale throughout: if these are concentrations, write scale = "concentration"'
    return _refuse(table > LARGEST_LOG, "metabolites", words, remedy, log)


def _refuse_negative(table: pd.DataFrame, kind: str, remedy: str, log: ImportLog) -> bool:
    return _refuse(table < 0, kind, "{n} negative value(s)", remedy, log)


def _refuse(wrong: pd.DataFrame, kind: str, words: str, remedy: str, log: ImportLog) -> bool:
    """Log wrong cells by column; return True if there are any."""
    for column in wrong.columns[wrong.any()]:
        log.error(f"{kind}, {column}", words, wrong.index[wrong[column]], remedy)
    return bool(wrong.any(axis=None))


def _drop_empty(table: pd.DataFrame, kind: str, log: ImportLog) -> pd.DataFrame:
    """Remove people without any measurement."""
    empty = table.isna().all(axis=1)
    log.change(kind, "{n} row(s) without a value left out", table.index[empty])
    return table[~empty]


_FINISH = {
    "diet": _finish_diet,
    "pathways": _finish_pathways,
    "metabolites": _finish_metabolites,
    "blood": _finish_blood,
}
