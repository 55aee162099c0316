"""What is shown while notebooks run."""

import io

import pytest
from rich.console import Console

from cohabit.run import progress
from cohabit.run.folder import Outcome
from cohabit.run.progress import LiveProgress, PlainProgress, choose_progress, describe_failure

NAMES = {"02": "02_make", "05": "05_sums", "07": "07_fails"}
DONE = Outcome("done", seconds=12.34, memory_mb=1410)
FAILED = Outcome(
    "failed",
    seconds=1,
    memory_mb=60,
    reason="ValueError: odd",
    error={"cell": 4, "source": "f(1)", "message": "ValueError: odd", "traceback": "\x1b[31mat f"},
    kept="results/study/failed/07_fails.ipynb",
)


def cell(number, cells):
    return {"cell": number, "cells": cells, "source": "\nfit(1)\nfit(2)", "memory_mb": 212}


def play(shown):
    shown.started("02", "not run yet")
    shown.reached("02", cell(3, 17))
    shown.ended("02", DONE)
    shown.ended("05", Outcome("done", seconds=9, memory_mb=99, reused=True))
    shown.started("07", "library changed")
    shown.reached("07", cell(2, 9))


def test_plain_progress__says_a_line_at_start_and_end():
    stream = io.StringIO()
    play(PlainProgress(NAMES, stream))
    assert stream.getvalue().splitlines() == [
        "02_make   running    (not run yet)",
        "02_make   done         12.3 s   1,410 MB",
        "05_sums   unchanged",
        "07_fails  running    (library changed)",
    ]


def test_plain_progress__says_now_and_then_which_cell_begins(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(progress, "PLAIN_SECONDS", 0.0)
    plain = PlainProgress(NAMES, stream)
    plain.started("02", "not run yet")
    plain.reached("02", cell(3, 17))
    assert stream.getvalue().splitlines()[1] == "02_make   running    cell 3 of 17: fit(1)"


def test_live_progress__shows_cell_time_and_memory():
    live = LiveProgress(NAMES)
    play(live)
    console = Console(file=io.StringIO(), width=100)
    console.print(live.draw())
    made, sums, fails = console.file.getvalue().splitlines()[1:]
    assert made.split() == ["02_make", "done", "3", "of", "17", "12.3", "s", "1,410", "MB"]
    assert sums.split() == ["05_sums", "unchanged"]
    assert fails.split()[:5] == ["07_fails", "running", "2", "of", "9"]
    assert fails.split()[-3:] == ["212", "MB", "fit(1)"]


def test_choose_progress__is_plain_where_nobody_watches(monkeypatch):
    assert type(choose_progress(NAMES)) is PlainProgress
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert type(choose_progress(NAMES)) is LiveProgress


def test_describe_failure__shows_cell_error_and_where_to_read_on():
    assert describe_failure("07_fails", FAILED) == (
        "07_fails failed, cell [4]: ValueError: odd\n\n    f(1)\n\n    at f\n\n"
        "the notebook as it stopped: results/study/failed/07_fails.ipynb"
    )


@pytest.mark.parametrize(("lines", "shown"), [(30, 30), (31, 31), (200, 31)])
def test_describe_failure__keeps_the_end_of_a_long_traceback(lines, shown):
    trace = "\n".join(f"line {number}" for number in range(lines))
    told = describe_failure("x", Outcome("failed", error={"message": "m", "traceback": trace}))
    body = [line.strip() for line in told.splitlines()[2:]]
    assert len(body) == shown
    assert body[-1] == f"line {lines - 1}"
    assert (body[0] == "...") == (lines > 30)
