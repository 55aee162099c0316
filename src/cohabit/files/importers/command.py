"""The work behind `cohabit import`: import, tell, write."""

import argparse
from pathlib import Path

from cohabit.data import schema
from cohabit.files.importers.build import import_cohort
from cohabit.files.importers.guess import guess_mapping
from cohabit.files.importers.log import ImportLog
from cohabit.files.importers.mapping import MATRICES, Mapping, read_mapping, read_preset
from cohabit.files.storage import write_atomically, write_cohort, write_table

LOG_FILE = "import_log.tsv"


def run(options: argparse.Namespace) -> int:
    """Import a cohort, or propose a mapping; print what was found."""
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
    tables = _name_tables(named, mapping)
    cohort, log = import_cohort(
        options.metadata,
        tables,
        mapping,
        taxonomy=options.taxonomy,
        tree=options.tree,
        measured=measured,
        max_bytes=max_bytes,
    )
    print(log.describe())
    folder = Path(options.out)
    write_with_log(cohort, log, folder)
    print(f"cohort: {folder}\nnext: python run_all.py --cohort {folder}")
    return 0


def write_with_log(cohort, log: ImportLog, folder: Path) -> None:
    """Write the cohort folder and, beside its tables, the log of the import."""
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
    """Return the further tables that were named; of metabolites, by the sample they are of."""
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
    """Part ``16s=counts.biom``; a path with no such name in front is taken whole."""
    assay, equals, path = text.partition("=")
    return (assay, path) if equals and assay in schema.ASSAYS else (None, text)


def _name_tables(named: list, mapping: Mapping) -> dict[str, str]:
    tables: dict[str, str] = {}
    for assay, path in named:
        assay = assay or mapping.assay
        if assay is None:
            raise ValueError(
                f"--table {path}: say which assay it is, 16s or shotgun: --table 16s={path}"
            )
        if assay in tables:
            raise ValueError(f"--table: two tables for {assay}; expected one an assay")
        tables[assay] = path
    return tables
