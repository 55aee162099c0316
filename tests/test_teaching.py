"""The teacher's page names exercises, worlds and parameters that are there."""

import json
import re
from pathlib import Path

import pytest

from cohabit import cli
from cohabit.course import EXERCISES
from cohabit.simulate.design import STUDY_PRESETS

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "teaching.md").read_text(encoding="utf-8")
EXERCISE = re.compile(r"\b\d\d[a-c]?\.\d\b")
RUNS = re.findall(r"^python run_all\.py (.*)$", PAGE, re.M)


def rows() -> dict[str, str]:
    cells = re.findall(r"^\| ([^|]+) \| (.+) \|$", PAGE, re.M)
    return {first.strip("`"): rest for first, rest in cells}


def test_exercises__are_each_sorted_once():
    section = PAGE.split("## Exercises")[1].split("## Another world")[0]
    named = EXERCISE.findall("\n".join(line for line in section.splitlines() if line[:1] == "|"))
    assert len(named) == len(set(named))
    assert set(named) == set(EXERCISES)


def test_exercises__in_two_worlds_are_those_that_say_so():
    said = set()
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            said |= set(re.findall(r"\*\*([\w.]+)\*\*[^\n]*\*Two worlds", "".join(cell["source"])))
    assert set(EXERCISE.findall(rows()["differs between two worlds in which it is asked"])) == said


def test_worlds__are_the_presets():
    assert set(STUDY_PRESETS) - {"classroom"} <= set(rows())


@pytest.mark.parametrize("arguments", RUNS)
def test_commands__are_accepted(arguments, capsys):
    assert cli.main(["run", "--list", *arguments.split()]) == 0
    assert "02_simulate_cohort" in capsys.readouterr().out
