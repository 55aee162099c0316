"""The commands `cohabit export` and `cohabit paper`: what leaves cohabit."""

import argparse
from pathlib import Path

from cohabit.data.schema import check_choice

CRATE = "rocrate"
FORMS = ("anndata", "phyloseq", "qiime2", "frictionless", CRATE)


def add_export(commands) -> None:
    """Add `export` to the command line."""
    export = commands.add_parser("export", help="write a cohort or a run for other programs")
    export.add_argument("source", metavar="COHORT", help="a cohort folder; a run for rocrate")
    export.add_argument("--to", required=True, metavar="FORM", help=", ".join(FORMS))
    export.add_argument("--out", required=True, metavar="DIR", help="a new or an empty folder")
    export.set_defaults(command=export_to_disk)


def add_paper(commands) -> None:
    """Add `paper` to the command line."""
    words = "write methods text, references, STORMS checklist and flow of samples of a run"
    paper = commands.add_parser("paper", help=words)
    paper.add_argument("run", metavar="RUN", help="a folder in results/, or its path")
    paper.set_defaults(command=write_to_disk)


def write_to_disk(options: argparse.Namespace) -> int:
    """Write the texts of a run for a paper and print where they are."""
    from cohabit.run.paper import write_paper

    print(f"paper: {write_paper(options.run)}")
    return 0


def export_to_disk(options: argparse.Namespace) -> int:
    """Write a cohort or a run for another program and print how to read it."""
    check_choice("--to: no form", options.to, FORMS)
    out = Path(options.out)
    if options.to == CRATE:
        from cohabit.run.crate import write_crate

        print(f"crate: {write_crate(options.source, out)}")
        return 0
    from cohabit.files.exporters.export import describe_return, export_cohort
    from cohabit.files.storage import read_cohort

    found = export_cohort(read_cohort(options.source), out, options.to)
    print(f"written: {out}\n{describe_return(out, found)}")
    return 0
