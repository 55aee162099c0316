"""What was measured of people beside their counts: diet, pathways, metabolites, blood."""

import re
from collections.abc import Mapping as MappingType
from dataclasses import replace

import numpy as np
import pandas as pd

from cohabit.files.importers.inputs import Source, read_source
from cohabit.files.importers.log import ImportLog, clean_text
from cohabit.files.importers.mapping import Mapping, TableMapping
from cohabit.files.importers.metadata import kept_name
from cohabit.files.importers.names import inert
from cohabit.files.importers.qza import open_artifact
from cohabit.files.importers.scales import FINISH
from cohabit.files.importers.tables import PathLike, find_id_rule, read_counts
from cohabit.files.importers.tsv import explain_non_number, read_grid

HUMANN_ENDINGS = re.compile(r"_(Abundance|Coverage)(-RPKs|-CPM|-RELAB)?$")
"""What HUMAnN writes behind the name of a sample."""


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
        Its section of this name says what the columns are called.
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
    source = read_source(path, max_bytes=max_bytes)
    if kind == "pathways" and source.kind == "zip":
        source = open_artifact(source, "FeatureTable", max_bytes=max_bytes)
    own = _of_matrix(mapping.tables.get(kind, TableMapping()), matrix)
    if kind == "pathways" and source.kind in ("hdf5", "json"):
        values = _read_biom(path, mapping, owners, log, max_bytes)
    else:
        text = _read_text(source, own, mapping, owners, log)
        values = _read_numbers(_refuse_doubles(text, source.name, log), mapping, kind, log)
    values = _give_to_people(values, owners, source.name, log)
    return FINISH[kind](_name_columns(values, own, kind, log), own, log)


def _of_matrix(own: TableMapping, matrix: str | None) -> TableMapping:
    """Return what concerns the file of one matrix: names that begin with it lose it again."""
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
    if len(twice):
        log.error(name, f"{len(twice)} measurement(s) have two rows or columns", twice, "keep one")
    return table.loc[:, ~table.columns.duplicated()]


def _read_biom(
    path: PathLike, mapping: Mapping, owners: MappingType, log: ImportLog, max_bytes: int
) -> pd.DataFrame:
    counts = read_counts(path, log, max_bytes=max_bytes)
    table = pd.DataFrame(counts.matrix.T.toarray(), counts.samples, counts.features)
    renamed = pd.Index(mapping.rename_ids([*map(str, counts.samples)]), dtype=object)
    return _refuse_doubles(table.set_axis(renamed), counts.name, log)


def _read_text(
    source: Source, own: TableMapping, mapping: Mapping, owners: MappingType, log: ImportLog
) -> pd.DataFrame:
    """Return a table's cells as text, one row a person, found by the ids."""
    if source.kind != "text":
        raise ValueError(f"{source.name}: expected tab-separated text; got {source.kind}")
    grid = read_grid(source, log, first="id")
    if own.id_column and own.id_column not in grid:
        log.error(source.name, f"no column {own.id_column!r}", (), "mend participant_id there")
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
    """Return numbers; columns without any are left out, a stray word in a column is a problem."""
    text = text.where(~text.isin(mapping.missing))
    numbers = text.apply(pd.to_numeric, errors="coerce").astype(float)
    wordy = [name for name in text if numbers[name].isna().all() and text[name].notna().any()]
    if wordy:
        log.change(kind, f"{len(wordy)} column(s) that hold no numbers were left out", wordy)
    numbers, text = numbers.drop(columns=wordy), text.drop(columns=wordy)
    strange = (numbers.isna() & text.notna()) | np.isinf(numbers)
    for column in numbers.columns[strange.any()]:
        rows = text.index[strange[column]]
        first = str(text.loc[strange[column], column].iloc[0])
        log.error(
            f"{kind}, {clean_text(column)}",
            f"{len(rows)} value(s) are no numbers, first {first!r}",
            rows,
            explain_non_number(first),
        )
    return numbers


def _give_to_people(
    values: pd.DataFrame, owners: MappingType, name: str, log: ImportLog
) -> pd.DataFrame:
    """Return rows under the ids of participants; say whose are missing, strange or double."""
    known = values.index.isin(list(owners))
    if len(values) and not known.any():
        rule, joined = find_id_rule(set(values.index), set(owners))
        log.error(
            name,
            "no row or column is a participant or a sample of the metadata",
            values.index[:5],
            f"add {rule} to the mapping" if joined else "name the column under participant_id",
        )
        return values.iloc[:0]
    if not known.all():
        strangers = values.index[~known]
        log.change(name, f"{len(strangers)} row(s) of nobody in the metadata left out", strangers)
    values = values[known]
    people = pd.Index([owners[i] for i in values.index], name="participant_id", dtype=object)
    twice = people[people.duplicated()].unique()
    if len(twice):
        log.error(
            name, f"{len(twice)} participant(s) have two rows", twice, "give one row a person"
        )
    log.note(name, f"{people.nunique()} participant(s), {values.shape[1]} column(s)")
    return values.set_axis(people)


def _name_columns(
    values: pd.DataFrame, own: TableMapping, kind: str, log: ImportLog
) -> pd.DataFrame:
    """Return columns under our names where the mapping gives one, else under inert ones."""
    for ours, theirs in own.columns.items():
        if theirs not in values:
            log.error(kind, f"no column {theirs!r} for {ours}", (), f"mend [{kind}] columns")
    ours = {theirs: ours for ours, theirs in own.columns.items()}
    taken = set(ours.values())
    names = [ours.get(name) or _other_name(str(name), kind, taken, log) for name in values]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        log.error(kind, f"{len(repeated)} column(s) have one name", repeated, "rename them")
        return values.iloc[:0]
    return values.set_axis(pd.Index(names, dtype=object), axis=1)


def _other_name(name: str, kind: str, taken: set[str], log: ImportLog) -> str:
    return kept_name(name, taken, log) if kind in ("diet", "blood") else inert(name)
