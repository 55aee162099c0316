"""The command line: run, simulate, import, plan, lab, report.

Nothing heavy is imported before every name and value was found to be right.
"""

import argparse
import ast
import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from cohabit import __version__
from cohabit.data.schema import nearest
from cohabit.experiments.planner import command
from cohabit.files import paths
from cohabit.run.plan import Plan, Request, make_plan
from cohabit.run.stopping import stopped_by_sigterm

WRONG_USE = 2
USUAL_PRESET = "study"
WORDS = {"true": "True", "false": "False", "yes": "True", "no": "False"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = make_parser().parse_args(arguments)
    try:
        return options.command(options)
    except (ValueError, FileNotFoundError) as error:
        print(f"cohabit: {error}", file=sys.stderr)
        return WRONG_USE
    except OSError as error:
        from cohabit.run.folder import explain

        print(f"cohabit: {explain(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("cohabit: stopped; what is finished is kept, start again to go on", file=sys.stderr)
        return 130


def make_parser() -> argparse.ArgumentParser:
    """Return the one parser behind `cohabit` and `run_all.py`."""
    parser = argparse.ArgumentParser(prog="cohabit", description=__doc__.splitlines()[0])
    parser.add_argument("--version", action="version", version=f"cohabit {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_run(commands)
    _add_simulate(commands)
    _add_import(commands)
    command.add_command(commands)
    lab = commands.add_parser("lab", help="open JupyterLab on copies of the notebooks in lab/")
    lab.add_argument("options", nargs="*", help="handed to JupyterLab, after a --")
    lab.set_defaults(command=open_lab)
    report = commands.add_parser("report", help="build the report of a run again")
    report.add_argument("run", metavar="RUN", help="a folder in results/; sweeps/NAME for a sweep")
    report.set_defaults(command=rebuild_report)
    return parser


def _add_run(commands) -> None:
    run = commands.add_parser(
        "run",
        help="run the notebooks and write a report",
        description="Run the notebooks in parallel, reuse what is unchanged, write a report.",
    )
    add = run.add_argument
    add("--profile", default="study", metavar="NAME", help="config/NAME.toml (default: study)")
    add("--cohort", metavar="PATH", help="your own cohort folder, in place of a simulated one")
    add("--run", metavar="NAME", help="writes results/NAME (default: profile or cohort folder)")
    add("--seed", type=int, metavar="N", help="seed of every notebook")
    add("--only", action="append", default=[], metavar="NB", help="this notebook and its inputs")
    add(
        "--from",
        dest="start",
        action="append",
        default=[],
        metavar="NB",
        help="this notebook, its inputs, and all that depend on it",
    )
    add("--set", action="append", default=[], metavar="NB.NAME=VALUE", help="one parameter")
    add("--jobs", type=int, metavar="N", help="notebooks at once (default: cores)")
    add("--scheduler", metavar="ADDRESS", help="run on a Dask scheduler, such as tcp://node1:8786")
    add(
        "--timeout",
        action="append",
        default=[],
        metavar="[NB=]SECONDS",
        help="stop a notebook that takes longer",
    )
    add("--force", action="store_true", help="run again what is unchanged")
    add("--sweep", metavar="FILE", help="many sets of parameters and one report: sweeps/NAME.toml")
    add("--list", action="store_true", help="show notebooks and their parameters, run nothing")
    add("--check", action="store_true", help="check names and values, run nothing")
    run.set_defaults(command=run_notebooks)


def _add_simulate(commands) -> None:
    simulate = commands.add_parser("simulate", help="write a simulated cohort folder")
    add = simulate.add_argument
    add("--out", required=True, metavar="DIR", help="the folder; replaced when it is there")
    add("--preset", default=USUAL_PRESET, metavar="NAME", help="a world by name (default: study)")
    add("--seed", type=int, default=1, metavar="N", help="default: 1")
    add("--pairs", type=int, metavar="N", help="pairs in all (default: the preset's)")
    add("--set", action="append", default=[], metavar="DIAL=VALUE", help="one dial of the world")
    add("--without", default="", metavar="PARTS", help="leave out, for example 16s,tree,truth")
    simulate.set_defaults(command=simulate_to_disk)


def _add_import(commands) -> None:
    importing = commands.add_parser("import", help="make a cohort folder of your own tables")
    add = importing.add_argument
    add("--metadata", required=True, metavar="FILE", help="tab-separated, one row a sample")
    add(
        "--table",
        action="append",
        default=[],
        metavar="[ASSAY=]FILE",
        help="counts: BIOM, TSV or .qza; 16s=FILE or shotgun=FILE",
    )
    add("--taxonomy", metavar="FILE", help="lineages, TSV or .qza; where the table has none")
    add("--tree", metavar="FILE", help="Newick or .qza, of the 16s table")
    add("--diet", metavar="FILE", help="food questionnaires, TSV, one row a person")
    add("--pathways", metavar="FILE", help="abundances of MetaCyc pathways: TSV, BIOM or .qza")
    words = "TSV; stool=FILE or serum=FILE, or one file whose columns say which"
    add("--metabolites", action="append", default=[], metavar="[MATRIX=]FILE", help=words)
    add("--blood", metavar="FILE", help="blood panel, TSV, one row a person")
    add("--visits", metavar="FILE", help="follow-up, TSV, one row a visit")
    add("--mapping", metavar="FILE", help="TOML: what your columns and levels are called")
    add("--preset", metavar="NAME", help="a mapping that comes with cohabit, for example imsms")
    add("--guess", action="store_true", help="propose a mapping, import nothing")
    add("--out", metavar="DIR", help="the cohort folder; replaced when it is there")
    add("--max-mb", type=int, default=1024, metavar="N", help="largest file, unpacked (1024)")
    importing.set_defaults(command=import_to_disk)


@stopped_by_sigterm()
def run_notebooks(options: argparse.Namespace) -> int:
    """Run the collection; 0 when every notebook is done or skipped for want of input."""
    if options.sweep:
        from cohabit.run.sweep_command import run_sweep

        return run_sweep(options)
    request = Request(
        profile=options.profile,
        cohort=options.cohort,
        run=options.run,
        seed=options.seed,
        only=_split_names(options.only),
        start=_split_names(options.start),
        settings=tuple(options.set),
        jobs=options.jobs,
        force=options.force,
        scheduler=options.scheduler,
        timeouts=tuple(options.timeout),
    )
    plan = make_plan(request)
    if options.list:
        print(_describe(plan))
        return 0
    _check_preset(plan)
    from cohabit.run.collection import Collection

    collection = Collection(plan)
    if options.check:
        for number, why in collection.check().items():
            print(f"{plan.notebooks[number].name}: {why}")
        return 0
    with collection.folder.locked():
        return _run_and_report(plan, collection)


def _check_preset(plan: Plan) -> None:
    """Refuse an unknown world; the usual one is not worth the seconds of looking it up."""
    if plan.preset not in (None, USUAL_PRESET):
        from cohabit.simulate.design import StudyDesign

        StudyDesign.preset(plan.preset)


def _run_and_report(plan: Plan, collection) -> int:
    from cohabit.run.progress import choose_progress, describe_failure

    started = time.monotonic()
    names = {n: plan.notebooks[n].name for n in sorted(plan.selected)}
    with choose_progress(names) as progress:
        outcomes = collection.run(progress)
    summary = collection.write_summary(outcomes, time.monotonic() - started)
    failed = [number for number in sorted(outcomes) if outcomes[number].status == "failed"]
    for number in failed:
        print(f"\n{describe_failure(names[number], outcomes[number])}", file=sys.stderr)
    bad = [number for number in sorted(outcomes) if not outcomes[number].good]
    if bad:
        print(f"cohabit: {len(bad)} notebook(s) did not finish: {', '.join(bad)}", file=sys.stderr)
    return 1 if not write_report(collection.folder, summary) or bad else 0


def write_report(folder, summary: Mapping[str, object]) -> bool:
    """Write the report of a run and say where it is, or why there is none."""
    from cohabit.run.reporting import bring_report_up_to_date

    try:
        path = bring_report_up_to_date(folder, summary)
        here = Path.cwd()
        print(f"report: {path.relative_to(here) if path.is_relative_to(here) else path}")
    except Exception as error:  # whatever went wrong, the results are there
        words = f"{type(error).__name__}: {error}"
        print(f"cohabit: the report could not be built: {words}", file=sys.stderr)
        return False
    return True


def rebuild_report(options: argparse.Namespace) -> int:
    """Build the report of a finished run or sweep again."""
    folder = paths.run(options.run)
    if (folder / "sweep.json").is_file():
        from cohabit.run.sweep_command import write_sweep_report

        return 0 if write_sweep_report(folder) else 1
    if not (folder / "run.json").is_file():
        runs = sorted(path.parent.name for path in folder.parent.glob("*/run.json"))
        raise ValueError(f"no run {options.run!r}: {nearest(options.run, runs)}")
    from cohabit.run.folder import RunFolder

    summary = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    run = RunFolder(folder)
    with run.locked():
        run.forget("report")
        return 0 if write_report(run, summary) else 1


def simulate_to_disk(options: argparse.Namespace) -> int:
    """Write a simulated cohort as a folder."""
    from cohabit.simulate.design import StudyDesign

    dials = dict(_read_dial(setting) for setting in options.set)
    design = StudyDesign.preset(options.preset).replace(**dials)
    if options.pairs is not None:
        design = design.with_pairs(options.pairs)
    without = _split_names([options.without])
    write_simulated(design, options.seed, Path(options.out), without=without)
    return 0


def import_to_disk(options: argparse.Namespace) -> int:
    """Make a cohort folder of somebody's own tables."""
    from cohabit.files.importers import command

    return command.run(options)


def write_simulated(design, seed: int, folder: Path, *, without: Sequence[str] = ()) -> None:
    """Simulate a cohort, write it, less the parts not wanted, and say so."""
    from cohabit.files.storage import write_cohort
    from cohabit.simulate import simulate_cohort

    print(f"simulating {design.n_pairs} pairs, seed {seed}", flush=True)
    cohort = simulate_cohort(design, seed=seed).without(*without)
    print(f"cohort: {write_cohort(cohort, folder)}")


def open_lab(options: argparse.Namespace) -> int:
    """Copy the notebooks to lab/ and open JupyterLab there."""
    from cohabit.run.lab import become_jupyter, copy_notebooks

    data = paths.from_root("data/synthetic/study")
    if not (data / "cohort.json").exists():
        from cohabit.simulate.design import StudyDesign

        write_simulated(StudyDesign.preset(USUAL_PRESET), 1, data)
    for line in copy_notebooks(paths.notebooks(), paths.from_root("lab")):
        print(line)
    become_jupyter(paths.from_root("lab"), options.options)
    return 0


def _read_dial(setting: str) -> tuple[str, object]:
    name, equals, text = setting.partition("=")
    if not equals:
        raise ValueError(f"--set: expected DIAL=VALUE, for example disease=0.5; got {setting!r}")
    try:
        return name.strip(), ast.literal_eval(WORDS.get(text.strip().lower(), text.strip()))
    except (ValueError, SyntaxError):
        raise ValueError(f"--set {name}: expected a number, true or false; got {text!r}") from None


def _split_names(names: Sequence[str]) -> tuple[str, ...]:
    """Allow several names after one option, joined by commas."""
    return tuple(part.strip() for name in names for part in name.split(",") if part.strip())


def _describe(plan: Plan) -> str:
    """Describe each notebook: its inputs and parameters, with value and range."""
    lines = []
    for number in sorted(plan.notebooks):
        notebook = plan.notebooks[number]
        needs = "all others" if notebook.after == "all" else ", ".join(sorted(plan.needs[number]))
        lines.append(f"{notebook.name}: {notebook.title}" + (f" (after {needs})" if needs else ""))
        for name, value in plan.parameters[number].items():
            parameter = notebook.parameters[name]
            lines.append(f"    {name} = {value!r}  # {parameter.meaning}; {parameter.expected}")
    return "\n".join(lines)
