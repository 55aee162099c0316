"""The command line: run, simulate, import, plan, lab, report.

Nothing heavy is imported before every name and value was found to be right.
"""

import argparse
import sys
from collections.abc import Sequence

from cohabit import __version__
from cohabit.cli import cohorts, lab, plan, run

WRONG_USE = 2


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
    run.add_run(commands)
    cohorts.add_simulate(commands)
    cohorts.add_import(commands)
    plan.add_plan(commands)
    lab.add_lab(commands)
    run.add_report(commands)
    return parser
