"""What `run_all.py --sweep` does: check, run, say what failed, write one report."""

import sys
import time
from argparse import Namespace
from pathlib import Path

from cohabit.run.settings import Sweep, read_sweep

MOST_SHOWN = 20
ELSEWHERE = ("cohort", "run", "seed", "only", "start", "set")
"""Options of a single run; a sweep says these things in its file."""


def run_sweep(options: Namespace) -> int:
    """Run a sweep and return the exit code; 0 when every notebook is done or skipped."""
    if given := [name for name in ELSEWHERE if getattr(options, name)]:
        option = "--from" if given[0] == "start" else f"--{given[0]}"
        raise ValueError(f"--sweep: {option} goes with a single run; say it in the sweep's file")
    sweep = read_sweep(
        options.sweep,
        jobs=options.jobs,
        scheduler=options.scheduler,
        timeouts=tuple(options.timeout),
        force=options.force,
    )
    if options.list:
        print(_describe(sweep))
        return 0
    from cohabit.run.sweep import SweepRun

    run = SweepRun(sweep)
    if options.check:
        for task, why in run.check().items():
            print(f"{run.name(task)}: {why}")
        return 0
    with run.folder.locked():
        return _run_and_report(run)


def _run_and_report(run) -> int:
    from cohabit.run.progress import describe_failure
    from cohabit.run.sweep_progress import LiveSweepProgress, SweepProgress

    names = {task: run.name(task) for task in run.tasks}
    started = time.monotonic()
    with (LiveSweepProgress if sys.stdout.isatty() else SweepProgress)(names) as progress:
        outcomes = run.run(progress)
    print(progress.tally)
    run.write_summary(outcomes, time.monotonic() - started)
    failed = [task for task, outcome in outcomes.items() if outcome.status == "failed"]
    for task in failed[:MOST_SHOWN]:
        print(f"\n{describe_failure(names[task], outcomes[task])}", file=sys.stderr)
    if len(failed) > MOST_SHOWN:
        print(f"\n... and {len(failed) - MOST_SHOWN} more; see the report", file=sys.stderr)
    bad = {setting for (setting, _), outcome in outcomes.items() if not outcome.good}
    if bad:
        words = "start again to run only these"
        print(f"cohabit: {len(bad)} setting(s) did not finish; {words}", file=sys.stderr)
    return 1 if not write_sweep_report(run.folder.path) or bad else 0


def write_sweep_report(folder: Path) -> bool:
    """Write the report of a sweep and say where it is, or why there is none."""
    from cohabit.run.report.sweep import build_sweep_report

    try:
        path, here = build_sweep_report(folder), Path.cwd()
        print(f"report: {path.relative_to(here) if path.is_relative_to(here) else path}")
    except Exception as error:  # whatever went wrong, the results are there
        words = f"{type(error).__name__}: {error}"
        print(f"cohabit: the report could not be built: {words}", file=sys.stderr)
        return False
    return True


def _describe(sweep: Sweep) -> str:
    """Describe a sweep: its question, its notebooks and every setting."""
    first = sweep.settings[0].plan
    names = ", ".join(notebook.name for notebook in first.notebooks.values())
    lines = [f"{sweep.name}: {sweep.question}", f"notebooks: {names}"]
    lines += [f"{len(sweep.settings)} settings in results/sweeps/{sweep.name}:"]
    return "\n".join(lines + [f"    {setting.name}" for setting in sweep.settings])
