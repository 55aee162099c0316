"""The world is put together once: people, their dice and their communities meet in one module."""

import ast
from pathlib import Path

import pytest

from cohabit.simulate import StudyDesign, draw_world

ROOT = Path(__file__).resolve().parents[1]
ASSEMBLY = {"draw_community", "draw_people", "follow_species", "sequence", "split_genera"}
"""Functions that a second assembly of the world would have to call."""

ALSO = {
    "follow_species": {
        "src/cohabit/experiments/two_worlds/progress.py",
        "calibration/solve.py",
        "calibration/solve_effects.py",
    }
}
"""Modules beside `simulate/world.py` that may call one: to relabel people who are drawn."""


def calls(path: Path) -> set[str]:
    """Return the names of the functions that a module calls."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    called = [node.func for node in nodes if isinstance(node, ast.Call)]
    return {getattr(func, "id", getattr(func, "attr", "")) for func in called}


def find_assemblies(paths) -> dict[str, set[str]]:
    """Return which modules call each function of the assembly."""
    found = {name: set() for name in ASSEMBLY}
    for path in paths:
        for name in ASSEMBLY & calls(path):
            found[name].add(path.relative_to(ROOT).as_posix())
    return found


def test_world__is_assembled_in_one_module():
    paths = [*ROOT.glob("src/**/*.py"), *ROOT.glob("calibration/*.py")]
    for name, modules in find_assemblies(paths).items():
        assert modules - ALSO.get(name, set()) == {"src/cohabit/simulate/world.py"}, name


def test_world__is_drawn_when_asked_for_and_once():
    world = draw_world(StudyDesign().with_pairs(12), 1)
    assert "species" not in vars(world)
    assert world.expose(world.species.exposures).origin.species is world.species
    assert "asvs" not in vars(world)


@pytest.mark.parametrize("dial", ["treated_share", "missing_partners"])
def test_dials__that_decide_who_is_there_need_another_world(dial):
    world = draw_world(StudyDesign().with_pairs(12), 1)
    for change in (world.with_dials, world.redraw):
        with pytest.raises(ValueError, match=dial):
            change(**{dial: {} if dial == "treated_share" else 0.5})
