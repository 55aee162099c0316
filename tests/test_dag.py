from graphlib import TopologicalSorter

import pandas as pd
import pytest

from cohabit.simulate import blood, diet, followup
from cohabit.simulate.dag import parents, run_draws
from cohabit.simulate.design import StudyDesign
from cohabit.simulate.dice import Dice
from cohabit.simulate.households import DRAWS, draw_people
from cohabit.simulate.template import read_template

DESIGN = StudyDesign(pairs_per_site={"Boston": 20, "Edinburgh": 20})
EVERY_DRAW = [
    *DRAWS,
    *followup.YEAR,
    ("new_lesions", followup.draw_lesions_before),
    ("diet", lambda people, dice, _: diet.eat(people, dice)),
    ("blood", lambda people, dice, _: blood.count_cells(people, dice)),
]


@pytest.fixture(scope="module")
def everything() -> tuple[pd.DataFrame, Dice]:
    people = draw_people(DESIGN, 1, complete=True)
    dice = Dice.of(people, DESIGN, 1)
    state = followup._begin(people, dice, DESIGN).assign(butyrate=0.0, hei_total=66.0)
    state = run_draws(state, followup.YEAR, dice, DESIGN)
    return people.join(state[state.columns.difference(people.columns)]), dice


def test_graph__has_no_cycle():
    order = list(TopologicalSorter(dict(parents())).static_order())
    assert order.index("course_and_treatment") < order.index("next_edss")


def test_graph__names_every_variable_that_is_drawn():
    drawn = {name for name, _ in EVERY_DRAW}
    stages = read_template("dag").groupby("stage")["child"].agg(set)
    ours = stages["people"] | stages["followup"] | stages["diet"] | stages["blood"]
    assert ours - drawn == {"country"}
    assert drawn <= ours


@pytest.mark.parametrize(("name", "draw"), EVERY_DRAW, ids=[name for name, _ in EVERY_DRAW])
def test_draw__reads_each_of_its_parents_and_nothing_else(name, draw, everything):
    people, dice = everything
    listed = list(parents()[name])
    draw(people[listed], dice, DESIGN)
    for parent in listed:
        with pytest.raises(KeyError):
            draw(people[listed].drop(columns=parent), dice, DESIGN)


def test_run_draws__hides_what_is_no_parent(everything):
    people, dice = everything

    def peek(table, *_):
        return table["treatment"]

    with pytest.raises(KeyError, match="treatment"):
        run_draws(people, [("onset_age", peek)], dice, DESIGN)
