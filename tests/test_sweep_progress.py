"""What is shown while a sweep runs."""

import io

from rich.console import Console

from cohabit.run.folder import Outcome
from cohabit.run.progress import LiveSweepProgress, PlainSweepProgress

NAMES = {("a", "02"): "a 02_make", ("a", "07"): "a 07_fails", ("b", "02"): "b 02_make"}
CELL = {"cell": 3, "cells": 17, "source": "fit(1)\nfit(2)", "memory_mb": 212}


def play(shown):
    shown.ended(("b", "02"), Outcome("done", seconds=4, reused=True))
    shown.started(("a", "02"), "not run yet")
    shown.ended(("a", "02"), Outcome("done", seconds=12.34, memory_mb=1410))
    shown.started(("a", "07"), "not run yet")
    shown.reached(("a", "07"), CELL)


def test_sweep_progress__says_a_line_for_each_that_ran():
    stream = io.StringIO()
    shown = PlainSweepProgress(NAMES, stream)
    play(shown)
    shown.ended(("a", "07"), Outcome("failed", seconds=1, memory_mb=60, reason="ValueError: odd"))
    made, fails = stream.getvalue().splitlines()
    assert made.split() == [
        *["a", "02_make", "done", "12.3", "s", "1,410", "MB"],
        *["[2", "of", "3:", "1", "done,", "1", "unchanged]"],
    ]
    assert "failed" in fails
    assert fails.endswith("ValueError: odd  [3 of 3: 1 done, 1 failed, 1 unchanged]")


def test_live_sweep_progress__shows_the_whole_what_runs_and_what_failed():
    shown = LiveSweepProgress(NAMES)
    play(shown)
    console = Console(file=io.StringIO(), width=100)
    console.print(shown.draw())
    text = console.file.getvalue()
    assert "[2 of 3: 1 done, 1 unchanged]" in text
    assert "min left" in text
    (running,) = [line for line in text.splitlines() if "a 07" in line]
    assert running.split()[:3] == ["a", "07_fails", "running"]
    assert "212 MB" in running
    assert "cell 3 of 17: fit(1)" in running
    shown.ended(("a", "07"), Outcome("failed", reason="ValueError: odd"))
    console = Console(file=io.StringIO(), width=100)
    console.print(shown.draw())
    assert "a 07_fails: ValueError: odd" in console.file.getvalue()
