"""The data dictionary knows every column that a simulated person has."""

import re
from pathlib import Path

import pytest

from cohabit.data import schema
from cohabit.simulate.blood import draw_blood
from cohabit.simulate.design import StudyDesign
from cohabit.simulate.dice import Dice
from cohabit.simulate.diet import describe_diet, draw_diet
from cohabit.simulate.followup import draw_visits
from cohabit.simulate.households import draw_people

DICTIONARY = Path(__file__).resolve().parents[1] / "data" / "synthetic" / "README.md"
DESIGN = StudyDesign(pairs_per_site={"Boston": 8}, stool_visits=4)


def read_section(title: str) -> dict[str, str]:
    """Return the rows of a section's table: column name -> the rest of its row."""
    text = DICTIONARY.read_text(encoding="utf-8")
    section = re.search(rf"^## {re.escape(title)}$(.*?)(?=^## |\Z)", text, re.M | re.S).group(1)
    rows = [line.strip("| ").split(" | ", 1) for line in section.splitlines() if line[:1] == "|"]
    names = [(name, rest) for names, *rest in rows[2:] for name in names.split(", ")]
    return {name: " ".join(rest) for name, rest in names}


@pytest.fixture(scope="module")
def tables() -> dict:
    people = draw_people(DESIGN, 1)
    return {
        "participants.tsv": people,
        "diet.tsv": draw_diet(people, Dice.of(people, DESIGN, 1)),
        "blood.tsv": draw_blood(people, Dice.of(people, DESIGN, 1)),
        "visits.tsv": draw_visits(people, Dice.of(people, DESIGN, 1), DESIGN),
    }


@pytest.mark.parametrize("file", ["participants.tsv", "diet.tsv", "blood.tsv", "visits.tsv"])
def test_dictionary__names_each_column_and_no_other(file, tables):
    table = tables[file]
    named = set(read_section(file)) - {table.index.name}
    assert named == set(table.columns)


def test_dictionary__names_the_columns_of_samples():
    assert set(schema.SAMPLE_COLUMNS) <= set(read_section("samples.tsv"))


@pytest.mark.parametrize("column", ["group", "sex", "course", "treatment", "smoking", "education"])
def test_dictionary__lists_levels_in_order(column):
    assert ", ".join(schema.LEVELS[column]) in read_section("participants.tsv")[column]


def test_dictionary__gives_the_unit_of_each_food():
    rows = read_section("diet.tsv")
    for item, unit in describe_diet()["unit"].items():
        assert unit in rows[item]
