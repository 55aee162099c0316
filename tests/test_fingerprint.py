"""What a notebook depends on: the files of the library that its code can reach."""

import gc
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from cohabit.compute import fingerprint


def names(code: str) -> set[str]:
    """Files of the package that code can reach, and the rooms that they lie in."""
    found = [p.relative_to(fingerprint.PACKAGE) for p in fingerprint.library_files(code)]
    return {path.as_posix() for path in found} | {path.parts[0] for path in found}


def test_library_files__follows_imports_from_module_to_module():
    assert "data/schema.py" in names("from cohabit.data import cohort")
    assert "data/schema.py" in names("def f():\n    import cohabit.data.cohort")
    assert "simulate/dice.py" in names("from cohabit.simulate import simulate_cohort")
    assert any(name.startswith("simulate/template/") for name in names("import cohabit.simulate"))
    assert "simulate" not in names("from cohabit.data import schema")
    assert "simulate" in names("%time from cohabit.data import schema"), "not plain Python"
    assert "data/schema.py" not in names("import pandas")


@pytest.fixture
def door(tmp_path, monkeypatch):
    """A package of two rooms and a front door."""
    for room, code in (("one", "def first(): ..."), ("two", "def second(): ...")):
        (tmp_path / "cohabit" / room).mkdir(parents=True)
        (tmp_path / "cohabit" / room / "__init__.py").touch()
        (tmp_path / "cohabit" / room / "inner.py").write_text(code)
    (tmp_path / "cohabit" / "__init__.py").touch()
    stub = "from .one.inner import first as first\nfrom .two.inner import second as other\n"
    (tmp_path / "cohabit" / "__init__.pyi").write_text(stub)
    monkeypatch.setattr(fingerprint, "PACKAGE", tmp_path / "cohabit")
    forget()
    yield tmp_path / "cohabit"
    forget()


def forget():
    for name in ("_front_door", "_imports_of", "_data_files"):
        getattr(fingerprint, name).cache_clear()


@pytest.mark.parametrize(
    ("code", "reached"),
    [
        ("from cohabit import first", {"one"}),
        ("from cohabit import other as second", {"two"}),
        ("import cohabit\ncohabit.other(cohabit.__version__)", {"two"}),
        ("import cohabit as c\nc.first(); c.other", {"one", "two"}),
        ("import cohabit.two\ncohabit.first()", {"one", "two"}),
        ("import cohabit.two as two\ntwo.first()", {"two"}),
        ("import cohabit", set()),
        ("cohabit.first()", set()),
        ("import cohabit\ngetattr(cohabit, name)", {"one", "two"}),
        ("import cohabit\nuse = cohabit\ncohabit.first", {"one", "two"}),
        ("from cohabit import *", {"one", "two"}),
        ("from cohabit import third", set()),
    ],
)
def test_library_files__follows_names_of_the_front_door(door, code, reached):
    assert names(code) & {"one", "two"} == reached
    assert ("__init__.pyi" in names(code)) == bool(reached and "two as two" not in code)


def test_library_files__works_without_a_front_door(door):
    (door / "__init__.pyi").unlink()
    assert names("import cohabit\ncohabit.first") == {"__init__.py"}


def test_library_files__of_the_shipped_front_door():
    found = names("from cohabit import shannon")
    assert "stats/diversity.py" in found
    assert "simulate" not in found
    assert "files/storage.py" in names("import cohabit\ncohabit.read_cohort('x')")


def test_hash_library__may_be_asked_by_many_threads_at_once():
    """Two threads that parse at once raise SystemError in Python 3.11, when one lets go of it."""
    codes = [f"x = {number}\n" + "y = [1, (2, [3, (4 + 5)])]\n" * 100 for number in range(20)]
    thresholds, let_go = gc.get_threshold(), lambda *_: time.sleep(0)
    gc.callbacks.append(let_go)
    gc.set_threshold(100)
    try:
        with ThreadPoolExecutor(4) as threads:
            assert len(set(threads.map(fingerprint.hash_library, codes))) == 1
    finally:
        gc.callbacks.remove(let_go)
        gc.set_threshold(*thresholds)
