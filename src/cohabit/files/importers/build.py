"""The command `cohabit import`: read files, check them and write a cohort."""

import argparse
import shlex
from collections.abc import Iterable
from collections.abc import Mapping as MappingType
from pathlib import Path

import pandas as pd

import cohabit
from cohabit.data import schema
from cohabit.data.audit import audit_design
from cohabit.data.cohort import Cohort
from cohabit.files.importers.features import (
    finish_tables,
    read_taxonomy,
    read_tree,
)
from cohabit.files.importers.guess import guess_mapping
from cohabit.files.importers.log import ImportLog
from cohabit.files.importers.mapping import MATRICES, Mapping, read_mapping, read_preset
from cohabit.files.importers.matching import match_samples
from cohabit.files.importers.measured import read_measured
from cohabit.files.importers.metadata import translate
from cohabit.files.importers.people import check_households, read_visits, split_people
from cohabit.files.importers.sources import MAX_BYTES, PathLike, read_source
from cohabit.files.importers.tables import read_counts, read_people
from cohabit.files.storage import (
    LOG_FILE,
    check_replaceable,
    write_atomically,
    write_cohort,
    write_table,
)


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
    """Import a cohort from your files.

    Parameters
    ----------
    metadata : path
        Tab-separated; one row per sample, or a person.
    tables : mapping
        Assay (``"16s"`` or ``"shotgun"``) -> counts: BIOM, TSV or QIIME 2 artifact, gzip'd or not.
    mapping : Mapping
        What their columns and levels are called.
    taxonomy, tree : path, optional
        TSV or artifact with lineages; Newick or artifact with a tree of the 16S features.
    measured : mapping, optional
        Other data on these people: ``"diet"``, ``"pathways"``, ``"stool"`` and
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
        When a file cannot be read, with the reason.
    """
    measured = measured or {}
    _check_there([metadata, *tables.values(), taxonomy, tree, *measured.values()])
    log = ImportLog()
    table = _read_metadata(metadata, mapping, max_bytes, log)
    reads = table.set_index("sample_id")["reads"] if "reads" in table else None
    counts = {}
    for assay, path in tables.items():
        found = read_counts(path, log, max_bytes=max_bytes)
        counts[assay] = match_samples(found, table["sample_id"], mapping, log, reads=reads)
    lineages = {}
    if taxonomy is not None:
        source = read_source(taxonomy, "FeatureData", max_bytes=max_bytes)
        lineages = read_taxonomy(source, log)
    participants, samples = split_people(table, mapping, log)
    _check_people(participants, log)
    newick = _read_tree(tree, counts, max_bytes, log)
    others = _read_others(measured, participants, samples, mapping, max_bytes, log)
    log.stop_on_errors()
    for doubt in audit_design(participants, samples, mapping.model):
        log.add(
            "error" if doubt.refused else "warning", doubt.where, doubt.what, None, doubt.remedy
        )
    log.stop_on_errors()
    check_households(participants, log)
    features, samples = finish_tables(counts, samples, lineages, log)
    files = [metadata, *tables.values(), *measured.values()]
    provenance = _describe_source(mapping, files)
    cohort = Cohort(participants, samples, features, provenance, tree=newick, **others)
    return cohort, log


def _describe_source(mapping: Mapping, files: Iterable[PathLike]) -> dict:
    return {
        "simulated": False,
        "name": mapping.name,
        "case": mapping.case or ", ".join(mapping.levels.get("group", {}).get("MS", ())) or "MS",
        **({"model": dict(mapping.model)} if mapping.model else {}),
        "files": sorted(Path(path).name for path in files),
        "versions": {"cohabit": cohabit.__version__},
    }


def _check_there(paths: Iterable[PathLike | None]) -> None:
    missing = [str(path) for path in paths if path is not None and not Path(path).exists()]
    if missing:
        raise FileNotFoundError(f"{', '.join(missing)}: expected a file; it does not exist")


def _read_metadata(path: PathLike, mapping: Mapping, max_bytes: int, log: ImportLog):
    grid, name = read_people(path, log, max_bytes=max_bytes)
    return translate(grid, mapping, name, log)


def _read_tree(path: PathLike | None, counts: dict, max_bytes: int, log: ImportLog) -> str | None:
    if path is None:
        return None
    if "16s" not in counts:
        raise ValueError("--tree: a tree belongs to a 16s table; there is none among the tables")
    source = read_source(path, "Phylogeny", max_bytes=max_bytes)
    return read_tree(source, counts["16s"].features, log)


def _read_others(
    files: MappingType[str, PathLike],
    participants: pd.DataFrame,
    samples: pd.DataFrame,
    mapping: Mapping,
    max_bytes: int,
    log: ImportLog,
) -> dict[str, pd.DataFrame]:
    """Read the measurements besides counts, with people in the order of `participants`."""
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


def run_import(options: argparse.Namespace) -> int:
    """Import a cohort or propose a mapping, and print the findings."""
    max_bytes = options.max_mb * 2**20
    named = [_split(text) for text in options.table]
    measured = _find_measured(options)
    if options.guess:
        paths = [path for _, path in named]
        text = guess_mapping(options.metadata, paths, measured=measured, max_bytes=max_bytes)
        print(text, end="")
        return 0
    mapping = _choose_mapping(options)
    if not named or options.out is None:
        raise ValueError("import: expected --table [ASSAY=]FILE and --out DIR")
    folder = Path(options.out)
    check_replaceable(folder, force=options.force)
    tables = _name_tables(named, mapping)
    further = {"taxonomy": options.taxonomy, "tree": options.tree, "measured": measured}
    cohort, log = import_cohort(options.metadata, tables, mapping, max_bytes=max_bytes, **further)
    print(log.describe())
    write_with_log(cohort, log, folder)
    print(f"cohort: {folder}\nnext: python -m cohabit run --cohort {shlex.quote(str(folder))}")
    return 0


def write_with_log(cohort, log: ImportLog, folder: Path) -> None:
    """Write the cohort folder and the log of the import inside it."""
    with write_atomically(folder) as scratch:
        write_cohort(cohort, scratch)
        write_table(log.table(), scratch / LOG_FILE, index=False)


def _choose_mapping(options: argparse.Namespace) -> Mapping:
    if (options.mapping is None) == (options.preset is None):
        raise ValueError(
            "import: expected one of --mapping FILE and --preset NAME; "
            "`cohabit import --guess` proposes a mapping"
        )
    return read_preset(options.preset) if options.preset else read_mapping(options.mapping)


def _find_measured(options: argparse.Namespace) -> dict[str, str]:
    """Return the additional tables given; metabolites are keyed by their matrix."""
    single = ("diet", "pathways", "blood", "visits")
    found = {name: path for name in single if (path := getattr(options, name))}
    for text in options.metabolites:
        matrix, equals, path = text.partition("=")
        name, path = (matrix, path) if equals and matrix in MATRICES else ("metabolites", text)
        if name in found:
            raise ValueError(f"--metabolites: two tables for {name}; expected one each")
        found[name] = path
    return found


def _split(text: str) -> tuple[str | None, str]:
    """Split ``16s=counts.biom`` into assay and path; the assay is None if not given."""
    assay, equals, path = text.partition("=")
    return (assay, path) if equals and assay in schema.ASSAYS else (None, text)


def _name_tables(named: list, mapping: Mapping) -> dict[str, str]:
    tables: dict[str, str] = {}
    for assay, path in named:
        assay = assay or mapping.assay
        if assay is None:
            raise ValueError(
                f"--table {path}: say which assay it is, 16s or shotgun: "
                f"--table {shlex.quote(f'16s={path}')}"
            )
        if assay in tables:
            raise ValueError(f"--table: two tables for {assay}; expected one per assay")
        tables[assay] = path
    return tables
