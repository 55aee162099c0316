"""The commands `cohabit run` and `cohabit report`."""

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from cohabit.cli.values import split_names
from cohabit.data.schema import check_choice, nearest
from cohabit.files import paths
from cohabit.run.plan import Plan, Request, Setting, make_plan
from cohabit.run.profiles import FIGURES_VARIABLE

MOST_SHOWN = 20


def add_run(commands) -> None:
    """Add `run` to the command line."""
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
    add("--set", action="append", default=[], metavar="NB.NAME=VALUE", help="set one parameter")
    add("--jobs", type=int, metavar="N", help="notebooks run at once (default: number of cores)")
    add("--scheduler", metavar="ADDRESS", help="run on a Dask scheduler, such as tcp://node1:8786")
    add(
        "--timeout",
        action="append",
        default=[],
        metavar="[NB=]SECONDS",
        help="stop a notebook that takes longer",
    )
    again = "how often a notebook is run again whose worker or process was killed (default: 0)"
    add("--retries", type=int, default=0, metavar="N", help=again)
    add("--force", action="store_true", help="also run unchanged notebooks")
    add("--figures", metavar="svg,pdf", help="write each figure in these formats too")
    add("--sweep", metavar="FILE", help="run many sets of parameters: sweeps/NAME.toml")
    add("--list", action="store_true", help="show notebooks and their parameters, run nothing")
    add("--check", action="store_true", help="check all names and values and run nothing")
    run.set_defaults(command=run_notebooks)


def add_report(commands) -> None:
    """Add `report` to the command line."""
    report = commands.add_parser("report", help="rebuild the report of a run")
    report.add_argument("run", metavar="RUN", help="a folder in results/; sweeps/NAME for a sweep")
    report.set_defaults(command=rebuild_report)


@contextmanager
def stopped_by_sigterm() -> Iterator[None]:
    """Make SIGTERM interrupt the code inside as Ctrl-C does.

    A non-interactive shell starts background jobs that ignore Ctrl-C (SIGINT); `kill` and cluster
    queues send SIGTERM. Outside the main thread signals are not changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@stopped_by_sigterm()
def run_notebooks(options: argparse.Namespace) -> int:
    """Run the requested notebooks; return 0 when each is done or skipped for missing input."""
    plan = make_plan(_read_request(options))
    _set_figures(options)
    if options.list:
        print(_describe_sweep(plan) if plan.is_sweep else _describe_run(plan.settings[0]))
        return 0
    _check_presets(plan)
    from cohabit.run.execution import Execution

    execution = Execution(plan)
    if options.check:
        for task, why in execution.check().items():
            print(f"{execution.names[task]}: {why}")
        return 0
    with execution.folder.locked():
        return _run_and_report(execution)


def _read_request(options: argparse.Namespace) -> Request:
    for name, value in vars(options).items():
        given = [value] if isinstance(value, str) else value if isinstance(value, list) else []
        if any(not text.strip() for text in given):
            option = {"start": "from"}.get(name, name)
            raise ValueError(f"--{option}: expected a value; got an empty text")
    return Request(
        profile=options.profile,
        cohort=options.cohort,
        run=options.run,
        seed=options.seed,
        only=split_names(options.only),
        start=split_names(options.start),
        settings=tuple(options.set),
        jobs=options.jobs,
        retries=options.retries,
        force=options.force,
        scheduler=options.scheduler,
        timeouts=tuple(options.timeout),
        sweep=options.sweep,
    )


def _set_figures(options: argparse.Namespace) -> None:
    """Tell the notebooks of this process's runs which formats of figures to write beside PNG."""
    kinds = sorted(set(split_names([options.figures or ""])))
    for kind in kinds:
        check_choice("--figures: no format", kind, ("svg", "pdf"))
    if kinds and options.scheduler:
        raise ValueError("--figures: not with --scheduler, whose workers cannot be told")
    if kinds:
        os.environ[FIGURES_VARIABLE] = ",".join(kinds)


def _check_presets(plan: Plan) -> None:
    """Raise an error for an unknown preset; the default one is not looked up, to save time."""
    presets = {setting.preset for setting in plan.settings} - {None}
    if presets:
        from cohabit.simulate.design import StudyDesign

        for preset in sorted(presets):
            StudyDesign.preset(preset)


def _run_and_report(execution) -> int:
    from cohabit.run.progress import choose_progress

    started = time.monotonic()
    with choose_progress(execution.names, sweep=execution.plan.is_sweep) as progress:
        outcomes = execution.run(progress)
    if execution.plan.is_sweep:
        print(progress.tally)
    summary = execution.write_summary(outcomes, time.monotonic() - started)
    all_good = _tell_failures(execution, outcomes)
    return 0 if write_report(execution.folder, summary) and all_good else 1


def _tell_failures(execution, outcomes: Mapping) -> bool:
    """Print failed and unfinished notebooks; return True when there are none."""
    from cohabit.run.progress import describe_failure

    failed = sorted(task for task, outcome in outcomes.items() if outcome.status == "failed")
    for task in failed[:MOST_SHOWN]:
        print(f"\n{describe_failure(execution.names[task], outcomes[task])}", file=sys.stderr)
    if len(failed) > MOST_SHOWN:
        print(f"\n... and {len(failed) - MOST_SHOWN} more; see the report", file=sys.stderr)
    bad = sorted(task for task, outcome in outcomes.items() if not outcome.good)
    numbers = ", ".join(number for _, number in bad)
    told = f"{len(bad)} notebook(s) did not finish: {numbers}"
    if execution.plan.is_sweep:
        settings = {setting for setting, _ in bad}
        told = f"{len(settings)} setting(s) did not finish; start again to run only these"
    if bad:
        print(f"cohabit: {told}", file=sys.stderr)
    return not bad


def write_report(folder, summary: Mapping[str, object]) -> bool:
    """Write the report of a run or sweep and print where it is or why it is missing."""
    from cohabit.run.report import bring_report_up_to_date

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
    """Rebuild the report of a finished run or sweep."""
    from cohabit.run.folder import RunFolder

    folder = paths.run(options.run)
    summaries = [folder / name for name in ("sweep.json", "run.json") if (folder / name).is_file()]
    if not summaries:
        runs = sorted(path.parent.name for path in folder.parent.glob("*/run.json"))
        raise ValueError(f"no run {options.run!r}: {nearest(options.run, runs)}")
    from cohabit.run.report import read_summary

    summary = read_summary(summaries[0])
    run = RunFolder(folder)
    with run.locked():
        run.forget("report")
        return 0 if write_report(run, summary) else 1


def _describe_run(setting: Setting) -> str:
    """Describe each notebook: its inputs, and its parameters with values and ranges."""
    lines = []
    for number in sorted(setting.notebooks):
        notebook = setting.notebooks[number]
        needs = ", ".join(sorted(setting.needs[number]))
        needs = "all others" if notebook.after == "all" else needs
        lines.append(f"{notebook.name}: {notebook.title}" + (f" (after {needs})" if needs else ""))
        for name, value in setting.parameters[number].items():
            parameter = notebook.parameters[name]
            lines.append(f"    {name} = {value!r}  # {parameter.meaning}; {parameter.expected}")
    return "\n".join(lines)


def _describe_sweep(plan: Plan) -> str:
    """Describe a sweep: its question, its notebooks and every setting."""
    names = ", ".join(notebook.name for notebook in plan.settings[0].notebooks.values())
    lines = [f"{plan.name}: {plan.question}", f"notebooks: {names}"]
    lines += [f"{len(plan.settings)} settings in results/sweeps/{plan.name}:"]
    return "\n".join(lines + [f"    {setting.name}" for setting in plan.settings])
