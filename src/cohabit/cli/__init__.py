"""The command line: run, simulate, import, export, plan, lab, report, paper.

Heavy imports are delayed until all names and values have been checked.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from cohabit import __version__
from cohabit.cli import cohorts, export, lab, plan, run

WRONG_USE, NOBODY_READS = 2, 141
DESCRIPTION = "The command line: run, simulate, import, export, plan, lab, report, paper."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    _open_what_is_closed()
    try:
        options = make_parser().parse_args(arguments)
        code = options.command(options)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # as in `cohabit run --list | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return NOBODY_READS
    except (ValueError, FileNotFoundError) as error:
        print(f"cohabit: {error}", file=sys.stderr)
        return WRONG_USE
    except OSError as error:
        from cohabit.run.folder import explain

        print(f"cohabit: {explain(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("cohabit: stopped; finished work is kept, start again to continue", file=sys.stderr)
        return 130
    except Exception as error:
        if os.environ.get("COHABIT_TRACEBACK"):
            raise
        words = f"{type(error).__name__}: {error}".splitlines()[0]
        more = "COHABIT_TRACEBACK=1 shows where"
        print(f"cohabit: an error of its own: {words}; {more}", file=sys.stderr)
        return 1


def _open_what_is_closed() -> None:
    """Discard messages if standard output or error is closed."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of `cohabit` and `run_all.py`."""
    parser = argparse.ArgumentParser(prog="cohabit", description=DESCRIPTION)
    parser.add_argument("--version", action="version", version=f"cohabit {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run.add_run(commands)
    cohorts.add_simulate(commands)
    cohorts.add_import(commands)
    export.add_export(commands)
    plan.add_plan(commands)
    lab.add_lab(commands)
    run.add_report(commands)
    export.add_paper(commands)
    return parser
