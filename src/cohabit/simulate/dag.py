"""The causal graph: the edge list, and draws that receive only the listed parents."""

from collections.abc import Callable, Iterable, Mapping
from functools import cache

import pandas as pd

from cohabit.simulate.design import StudyDesign
from cohabit.simulate.dice import Dice
from cohabit.simulate.template import read_template

Draw = Callable[[pd.DataFrame, Dice, StudyDesign], pd.DataFrame | pd.Series]


@cache
def parents() -> Mapping[str, tuple[str, ...]]:
    """Return the parents of every variable in `template/dag.tsv`, in file order."""
    edges = read_template("dag")
    return {
        child: tuple(parent for parent in rows["parent"] if parent)
        for child, rows in edges.groupby("child", sort=False)
    }


def run_draws(
    people: pd.DataFrame,
    draws: Iterable[tuple[str, Draw]],
    dice: Dice,
    design: StudyDesign,
) -> pd.DataFrame:
    """Add variables in order, each drawn from its listed parents only.

    `draws` are pairs of a variable's name in the graph and the function that draws it, which gets a
    table of the parents' columns and so cannot read another.
    """
    people = people.copy()
    for name, draw in draws:
        drawn = draw(people[list(parents()[name])], dice, design)
        for column, values in ({name: drawn} if drawn.ndim == 1 else dict(drawn)).items():
            people[column] = values
    return people
