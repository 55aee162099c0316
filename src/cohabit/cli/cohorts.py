"""The commands `cohabit simulate` and `cohabit import`, which write a cohort folder."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from cohabit.cli.values import read_setting, split_names
from cohabit.run.profiles import STUDY

STUDY_COHORT = "data/synthetic/study"


def add_simulate(commands) -> None:
    """Add `simulate` to the command line."""
    simulate = commands.add_parser("simulate", help="write a simulated cohort folder")
    add = simulate.add_argument
    add("--out", required=True, metavar="DIR", help="the folder; new, empty or with --force")
    add("--force", action="store_true", help="replace the cohort that is in the folder")
    add("--preset", default=STUDY, metavar="NAME", help="name of a preset (default: study)")
    add("--seed", type=int, default=1, metavar="N", help="default: 1")
    add("--pairs", type=int, metavar="N", help="number of pairs (default: the preset's)")
    add("--set", action="append", default=[], metavar="DIAL=VALUE", help="one dial of the world")
    add("--without", default="", metavar="PARTS", help="leave out, for example 16s,tree,truth")
    simulate.set_defaults(command=simulate_to_disk)


def add_import(commands) -> None:
    """Add `import` to the command line."""
    importing = commands.add_parser("import", help="make a cohort folder from your own tables")
    add = importing.add_argument
    add("--metadata", required=True, metavar="FILE", help="tab-separated, one row per sample")
    add(
        "--table",
        action="append",
        default=[],
        metavar="[ASSAY=]FILE",
        help="counts: BIOM, TSV or .qza; 16s=FILE or shotgun=FILE",
    )
    add("--taxonomy", metavar="FILE", help="lineages (TSV or .qza) if the table has none")
    add("--tree", metavar="FILE", help="tree of the 16s table, Newick or .qza")
    add("--diet", metavar="FILE", help="food questionnaires, TSV, one row per person")
    add("--pathways", metavar="FILE", help="abundances of MetaCyc pathways: TSV, BIOM or .qza")
    words = "TSV; stool=FILE or serum=FILE, or one file whose columns say which"
    add("--metabolites", action="append", default=[], metavar="[MATRIX=]FILE", help=words)
    add("--blood", metavar="FILE", help="blood panel, TSV, one row per person")
    add("--visits", metavar="FILE", help="follow-up, TSV, one row per visit")
    add("--mapping", metavar="FILE", help="TOML file with the names of your columns and levels")
    add("--preset", metavar="NAME", help="a mapping shipped with cohabit, for example imsms")
    add("--guess", action="store_true", help="propose a mapping and import nothing")
    add("--out", metavar="DIR", help="the cohort folder; new, empty or with --force")
    add("--force", action="store_true", help="replace the cohort that is in the folder")
    add("--max-mb", type=int, default=256, metavar="N", help="largest file, unpacked (256)")
    importing.set_defaults(command=import_to_disk)


def simulate_to_disk(options: argparse.Namespace) -> int:
    """Write a simulated cohort as a folder."""
    from cohabit.files.storage import check_replaceable
    from cohabit.simulate.design import StudyDesign

    check_replaceable(options.out, force=options.force)
    dials = dict(map(_read_dial, options.set))
    design = StudyDesign.preset(options.preset).replace(**dials)
    if options.pairs is not None:
        design = design.with_pairs(options.pairs)
    without = split_names([options.without])
    write_simulated(design, options.seed, Path(options.out), without=without)
    return 0


def import_to_disk(options: argparse.Namespace) -> int:
    """Import a user's tables as a cohort folder."""
    from cohabit.files.importers.build import run_import

    return run_import(options)


def write_simulated(design, seed: int, folder: Path, *, without: Sequence[str] = ()) -> None:
    """Simulate a cohort, write it without the unwanted parts and print where it is."""
    from cohabit.files.storage import write_cohort
    from cohabit.simulate import simulate_cohort

    print(f"simulating {design.n_pairs} pairs, seed {seed}", flush=True)
    cohort = simulate_cohort(design, seed=seed).without(*without)
    print(f"cohort: {write_cohort(cohort, folder)}")


def _read_dial(text: str) -> tuple[str, object]:
    example = "DIAL=VALUE, for example disease=0.5"
    name, value = read_setting(text, option="--set", example=example)
    if isinstance(value, str):
        raise ValueError(f"--set {name}: expected a number, true or false; got {value!r}")
    return name, value
