"""From files to a cohort: read, check everything, tell everything, then write."""

import os
from collections.abc import Iterable
from collections.abc import Mapping as MappingType
from pathlib import Path

import biom
import numpy as np
import pandas as pd

import cohabit
from cohabit.data import schema
from cohabit.data.cohort import Cohort
from cohabit.data.lineage import lineage_of, looks_like_lineage
from cohabit.files.importers.counts import Counts
from cohabit.files.importers.inputs import MAX_BYTES, Source, read_source
from cohabit.files.importers.log import ImportLog
from cohabit.files.importers.mapping import MATRICES, Mapping
from cohabit.files.importers.measured import read_measured
from cohabit.files.importers.metadata import translate
from cohabit.files.importers.names import inert
from cohabit.files.importers.people import add_columns, check_households, split_people
from cohabit.files.importers.qza import open_artifact
from cohabit.files.importers.tables import read_table
from cohabit.files.importers.tree import check_tree
from cohabit.files.importers.tsv import read_grid, read_taxonomy_tsv
from cohabit.files.importers.visits import read_visits

PathLike = str | os.PathLike


def import_cohort(
    metadata: PathLike,
    tables: MappingType[str, PathLike],
    mapping: Mapping,
    *,
    taxonomy: PathLike | None = None,
    tree: PathLike | None = None,
    measured: MappingType[str, PathLike] | None = None,
    max_bytes: int = MAX_BYTES,
) -> tuple[Cohort, ImportLog]:
    """Make a cohort of somebody's files.

    Parameters
    ----------
    metadata : path
        Tab-separated; one row a sample, or a person.
    tables : mapping
        Assay (``"16s"`` or ``"shotgun"``) -> counts: BIOM, TSV or QIIME 2 artifact, gzip'd or not.
    mapping : Mapping
        What their columns and levels are called.
    taxonomy, tree : path, optional
        TSV or artifact with lineages; Newick or artifact with a tree of the 16S features.
    measured : mapping, optional
        What else is known of these people: ``"diet"``, ``"pathways"``, ``"stool"`` and
        ``"serum"`` (or ``"metabolites"``, whose columns say which), ``"blood"``, ``"visits"``
        -> file.
    max_bytes : int
        Bound on each file once unpacked.

    Returns
    -------
    cohort : Cohort
        Its provenance says ``simulated: False``.
    log : ImportLog
        What was found, changed and left out.

    Raises
    ------
    ImportRefused
        With every problem found at once, the rows it concerns and how to mend it.
    ValueError
        When a file cannot be read at all; says why.
    """
    measured = measured or {}
    _check_there([metadata, *tables.values(), taxonomy, tree, *measured.values()])
    log = ImportLog()
    table = _read_metadata(metadata, mapping, max_bytes, log)
    counts = {
        assay: read_table(path, table["sample_id"], mapping, max_bytes, log)
        for assay, path in tables.items()
    }
    lineages = _read_taxonomy(taxonomy, max_bytes, log)
    participants, samples = split_people(table, mapping, log)
    _check_people(participants, log)
    newick = _read_tree(tree, counts, max_bytes, log)
    others = _read_others(measured, participants, samples, mapping, max_bytes, log)
    log.stop_on_errors()
    check_households(participants, log)
    features = {
        assay: _finish_table(found, samples.index, assay, lineages, log)
        for assay, found in counts.items()
    }
    if len(features) > 1:
        features = {assay: _name_libraries(table, assay) for assay, table in features.items()}
    samples = _join_samples(samples, features)
    participants = add_columns(participants, log)
    files = [metadata, *tables.values(), *measured.values()]
    provenance = {
        "simulated": False,
        "name": mapping.name,
        "case": ", ".join(mapping.levels.get("group", {}).get("MS", ())) or "MS",
        "files": sorted(Path(path).name for path in files),
        "versions": {"cohabit": cohabit.__version__},
    }
    cohort = Cohort(participants, samples, features, provenance, tree=newick, **others)
    return cohort, log


def _check_there(paths: Iterable[PathLike | None]) -> None:
    missing = [str(path) for path in paths if path is not None and not Path(path).is_file()]
    if missing:
        raise FileNotFoundError(f"{', '.join(missing)}: expected a file; there is none")


def _read_metadata(path: PathLike, mapping: Mapping, max_bytes: int, log: ImportLog):
    source = read_source(path, max_bytes=max_bytes)
    if source.kind != "text":
        raise ValueError(f"{source.name}: expected metadata as tab-separated text")
    return translate(read_grid(source, log), mapping, source.name, log)


def _read_taxonomy(path: PathLike | None, max_bytes: int, log: ImportLog) -> dict[str, object]:
    if path is None:
        return {}
    source = read_source(path, max_bytes=max_bytes)
    if source.kind == "zip":
        source = open_artifact(source, "FeatureData", max_bytes=max_bytes)
    return read_taxonomy_tsv(source, log)


def _read_tree(path: PathLike | None, counts: dict, max_bytes: int, log: ImportLog) -> str | None:
    if path is None:
        return None
    if "16s" not in counts:
        raise ValueError("--tree: a tree belongs to a 16s table; there is none among the tables")
    source: Source = read_source(path, max_bytes=max_bytes)
    if source.kind == "zip":
        source = open_artifact(source, "Phylogeny", max_bytes=max_bytes)
    return check_tree(source, counts["16s"].features, log)


def _read_others(
    files: MappingType[str, PathLike],
    participants: pd.DataFrame,
    samples: pd.DataFrame,
    mapping: Mapping,
    max_bytes: int,
    log: ImportLog,
) -> dict[str, pd.DataFrame]:
    """Read what was measured beside the counts; people in the order of `participants`."""
    people = participants.index
    owners = samples["participant_id"].to_dict() | dict(zip(people, people, strict=True))
    parts: dict[str, list[pd.DataFrame]] = {}
    for name, path in files.items():
        if name == "visits":
            parts[name] = [read_visits(path, people, mapping, log, max_bytes=max_bytes)]
            continue
        matrix = name if name in MATRICES else None
        kind = "metabolites" if matrix else name
        table = read_measured(kind, path, owners, mapping, log, max_bytes=max_bytes, matrix=matrix)
        parts.setdefault(kind, []).append(table)
    log.stop_on_errors()
    joined = {kind: pd.concat(tables, axis=1) for kind, tables in parts.items()}
    return {
        kind: table if kind == "visits" else table.loc[people[people.isin(table.index)]]
        for kind, table in joined.items()
    }


def _check_people(participants: pd.DataFrame, log: ImportLog) -> None:
    told = log.where_errors()
    for problem in schema.find_participant_problems(participants):
        if problem.column not in told:
            log.error(problem.column, problem.rule, problem.rows, problem.remedy)


def _finish_table(
    counts: Counts, known: pd.Index, assay: str, lineages: dict, log: ImportLog
) -> biom.Table:
    """Leave out strangers and what was never seen, add lineages, return a table."""
    matrix = counts.matrix[:, counts.samples.isin(known)]
    samples = counts.samples[counts.samples.isin(known)]
    seen = np.asarray(matrix.sum(axis=0)).ravel() > 0
    if not seen.all():
        log.change(
            counts.name, f"{(~seen).sum()} sample(s) without a single read left out", samples[~seen]
        )
    found = np.asarray(matrix.sum(axis=1)).ravel() > 0
    if not found.all():
        log.change(
            counts.name, f"{(~found).sum()} feature(s) never seen left out", counts.features[~found]
        )
    features = counts.features[found]
    as_names = {name: name for name in features if looks_like_lineage(name)}
    written = {**as_names, **counts.lineages, **lineages}
    _count_lineages(features, written, counts.name, log)
    names = _make_names_inert(features, counts.name, log)
    both = zip(names, features, strict=True)
    lineages = [lineage_of(name, written.get(given), assay) for name, given in both]
    metadata = [{"taxonomy": [inert(name) for name in lineage]} for lineage in lineages]
    return biom.Table(matrix[found][:, seen], names, samples[seen], metadata)


def _make_names_inert(features: pd.Index, table: str, log: ImportLog) -> list[str]:
    names = [inert(name) for name in features]
    changed = [old for old, new in zip(features, names, strict=True) if old != new]
    if changed:
        log.change(table, f"{len(changed)} feature name(s) made inert", changed)
    if len(set(names)) < len(names):
        log.error(table, "feature names are equal once they are inert", changed, "rename them")
        log.stop_on_errors()
    return names


def _count_lineages(features: pd.Index, written: dict, name: str, log: ImportLog) -> None:
    without = [feature for feature in features if feature not in written]
    if len(without) == len(features):
        log.warn(
            name,
            "no feature has a lineage: what needs genera or families will be skipped",
            [],
            "give --taxonomy",
        )
    elif without:
        log.warn(name, f"{len(without)} feature(s) have no lineage", without)


def _name_libraries(table: biom.Table, assay: str) -> biom.Table:
    """Return a table whose samples carry the assay's name: one sample gave two libraries."""
    names = {name: f"{name}.{assay}" for name in table.ids("sample")}
    return table.update_ids(names, axis="sample", inplace=False)


def _join_samples(samples: pd.DataFrame, features: dict[str, biom.Table]) -> pd.DataFrame:
    """Return one row a library: assay and depth beside each sample's facts."""
    parts = []
    for assay, table in features.items():
        names = table.ids("sample")
        own = names if len(features) == 1 else [name.removesuffix(f".{assay}") for name in names]
        part = samples.loc[own].assign(assay=assay).set_axis(pd.Index(names, name="sample_id"))
        parts.append(part.assign(depth=table.sum("sample").astype(int)))
    joined = pd.concat(parts)
    order = list(schema.SAMPLE_COLUMNS)
    return joined[order + [name for name in joined if name not in order]]
