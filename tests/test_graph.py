"""The graph of notebooks and the order in which it is run."""

import threading

import pytest

from cohabit.run.execution import longest_ways, run_graph
from cohabit.run.graph import discover, find, find_needs, with_dependents, with_needs


def test_discover__reads_numbers_titles_and_parameters(tree):
    notebooks = tree.notebooks
    assert list(notebooks) == ["02", "05", "07", "13"]
    assert notebooks["05"].title == "About 05_sums"
    assert list(notebooks["05"].parameters) == ["cohort_dir", "run_dir", "seed", "n"]


def test_discover__refuses_a_shared_number(tree):
    tree.write("05_again", "")
    with pytest.raises(ValueError, match=r"05_sums.ipynb and 05_again.ipynb share a number"):
        assert discover(tree.root / "notebooks")


def test_discover__refuses_what_is_no_notebook(tree):
    (tree.root / "notebooks" / "08_broken.ipynb").write_text("{", encoding="utf-8")
    with pytest.raises(ValueError, match=r"08_broken.ipynb: not a notebook"):
        assert tree.notebooks


def test_notebook__needs_one_parameters_cell_with_the_common_names(tree):
    path = tree.root / "notebooks" / "05_sums.ipynb"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"parameters"', '"params"'), encoding="utf-8")
    with pytest.raises(ValueError, match="05_sums: expected one cell tagged `parameters`; got 0"):
        assert tree.notebooks["05"].parameters
    path.write_text(text.replace("seed: int", "sead: int"), encoding="utf-8")
    with pytest.raises(ValueError, match="expected the parameters seed"):
        assert tree.notebooks["05"].parameters


@pytest.mark.parametrize("name", ["05", "5", "05_sums", "sums", "05_sums.ipynb"])
def test_find__takes_number_or_name(tree, name):
    assert find(name, tree.notebooks) == "05"


def test_find_needs__follows_the_metadata(tree):
    tree.write("09_later", "", after=["05"])
    needs = find_needs(tree.notebooks)
    assert needs["02"] == frozenset()
    assert needs["05"] == needs["07"] == {"02"}
    assert needs["09"] == {"05"}
    assert needs["13"] == {"02", "05", "07", "09"}
    assert list(needs)[0] == "02"
    assert list(needs)[-1] == "13"
    assert with_needs(["09"], needs) == {"02", "05", "09"}
    assert with_dependents(["05"], needs) == {"05", "09", "13"}


def test_find_needs__refuses_strangers_and_circles(tree):
    tree.write("09_later", "", after=["06"])
    with pytest.raises(ValueError, match="09_later comes after '06', which does not exist"):
        find_needs(tree.notebooks)
    tree.write("09_later", "", after=["07"])
    tree.write("07_fails", "", after=["09"])
    with pytest.raises(ValueError, match="depend on each other: 0"):
        find_needs(tree.notebooks)


NEEDS = {"a": [], "b": ["a"], "c": ["a"], "d": ["c"], "e": ["b", "d"]}


def run(needs, execute, jobs=1, seconds=()):
    ways = longest_ways(needs, dict(seconds))
    ordered = {task: needs[task] for task in sorted(needs, key=lambda task: -ways[task])}
    return run_graph(ordered, execute, jobs=jobs, stop=lambda: None)


def test_run_graph__hands_each_task_the_outcomes_it_needs():
    seen = {}

    def execute(task, inputs):
        seen[task] = dict(inputs)
        return task

    outcomes = run(NEEDS, execute)
    assert outcomes == {task: task for task in NEEDS}
    assert seen["e"] == {"b": "b", "d": "d"}
    assert list(seen).index("d") > list(seen).index("c")


def test_run_graph__starts_the_longest_way_first():
    order = []
    run(NEEDS, lambda task, _: order.append(task), seconds={"b": 1, "c": 5, "d": 5, "e": 1})
    assert order == ["a", "c", "d", "b", "e"]
    assert longest_ways(NEEDS, {"b": 1, "c": 5, "d": 5, "e": 1})["a"] == 11


def test_run_graph__runs_as_many_at_once_as_asked():
    both = threading.Barrier(2, timeout=5)
    outcomes = run({"a": [], "b": []}, lambda *_: both.wait(), jobs=2)
    assert sorted(outcomes.values()) == [0, 1]


def test_run_graph__stops_the_others_when_one_call_breaks():
    stopped = threading.Event()

    def execute(task, _):
        if task == "a":
            raise OSError("disk full")
        assert stopped.wait(5)

    with pytest.raises(OSError, match="disk full"):
        run_graph({"a": [], "b": []}, execute, jobs=2, stop=stopped.set)
