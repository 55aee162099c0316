"""What `import cohabit` gives: thirty names, loaded on first use."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import cohabit

STUB = Path(cohabit.__file__).with_name("__init__.pyi")
NAMES = [
    (node.module, alias.name)
    for node in ast.parse(STUB.read_text(encoding="utf-8")).body
    if isinstance(node, ast.ImportFrom)
    for alias in node.names
]


@pytest.mark.parametrize(("module", "name"), NAMES, ids=[name for _, name in NAMES])
def test_name__is_the_object_of_its_module_and_documented(module, name):
    found = getattr(cohabit, name)
    assert found is getattr(import_module(f"cohabit.{module}"), name)
    assert found.__doc__


def test_names__are_listed_once():
    assert sorted(cohabit.__all__) == sorted(name for _, name in NAMES)
    assert set(cohabit.__all__) <= set(dir(cohabit))


def test_import__loads_nothing_heavy():
    code = "import sys, cohabit; print(*{name.split('.')[0] for name in sys.modules})"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    heavy = {"numpy", "pandas", "scipy", "matplotlib", "skbio", "biom", "papermill"}
    assert not heavy & set(loaded.stdout.split())


def test_unknown_name__is_an_attribute_error():
    with pytest.raises(AttributeError, match="nothing"):
        cohabit.nothing  # noqa: B018
