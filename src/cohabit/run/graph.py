"""The dependency graph of the notebooks, read from their files without running them.

A notebook's metadata list the notebooks that it needs: ``"cohabit": {"after": ["02", "05"]}``. By
default it follows the one that makes the cohort; ``"all"`` waits for all others and runs even if
some of them fail; an empty list needs nothing.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from cohabit.data.schema import nearest
from cohabit.data.shapes import check_shape
from cohabit.run.parameters import Parameter, read_parameters

COHORT_MAKER = "02"
FILE_NAME = re.compile(r"(\d\d[a-z]?)_([a-z0-9_]+)\.ipynb")
NOTEBOOK_SHAPE = {"cells": [dict], "metadata": {"kernelspec": dict, "cohabit": dict}}
DIRECTORIES = ("cohort_dir", "run_dir")
COMMON = (*DIRECTORIES, "seed")
"""Parameters of every notebook; the runner sets the directories."""


@dataclass(frozen=True)
class Notebook:
    """A source notebook."""

    path: Path
    number: str
    content: Mapping

    @property
    def name(self) -> str:
        """File name without extension, for example ``07_untreated_and_treated``."""
        return self.path.stem

    @property
    def after(self) -> tuple[str, ...] | str:
        """Numbers of the notebooks it needs, or ``"all"``."""
        settings = self.content.get("metadata", {}).get("cohabit", {})
        after = settings.get("after", [COHORT_MAKER])
        return after if after == "all" else tuple(after)

    @property
    def title(self) -> str:
        """The first heading."""
        text = "\n".join(_source(cell) for cell in self._cells("markdown"))
        found = re.search(r"^#+ +(.+)$", text, re.MULTILINE)
        return found[1].strip() if found else self.name

    @property
    def stated_seconds(self) -> float | None:
        """Run time given in the heading, ``| Run time |`` ... ``| 8 s |``, or None."""
        text = "\n".join(_source(cell) for cell in self._cells("markdown"))
        found = re.search(r"\| Run time \|.*?\| (\d+) s \|", text, re.DOTALL)
        return float(found[1]) if found else None

    @property
    def code(self) -> str:
        """All code, with blank lines between cells."""
        return "\n\n".join(_source(cell) for cell in self._cells("code"))

    @cached_property
    def parameters(self) -> dict[str, Parameter]:
        """Its parameters by name.

        Raises
        ------
        ValueError
            When there is not exactly one parameters cell, or it is not well formed.
        """
        tagged = [
            cell
            for cell in self._cells("code")
            if "parameters" in cell.get("metadata", {}).get("tags", ())
        ]
        if len(tagged) != 1:
            raise ValueError(
                f"notebook {self.name}: expected one cell tagged `parameters`; got {len(tagged)}"
            )
        try:
            found = read_parameters(_source(tagged[0]))
        except ValueError as error:
            raise ValueError(f"notebook {self.name}, parameters cell, {error}") from None
        missing = [name for name in COMMON if name not in found]
        if missing:
            raise ValueError(f"notebook {self.name}: expected the parameters {', '.join(missing)}")
        return found

    def _cells(self, kind: str) -> list[Mapping]:
        return [cell for cell in self.content.get("cells", []) if cell["cell_type"] == kind]


def _source(cell: Mapping) -> str:
    return "".join(cell["source"])


def discover(folder: Path) -> dict[str, Notebook]:
    """Read the notebooks ``NN_name.ipynb`` of a folder, keyed by number.

    Raises
    ------
    ValueError
        When there is none, one cannot be read, or two share a number.
    """
    notebooks = {}
    for path in sorted(folder.glob("*.ipynb")):
        if not (found := FILE_NAME.fullmatch(path.name)):
            continue
        if found[1] in notebooks:
            raise ValueError(f"{path.name} and {notebooks[found[1]].path.name} share a number")
        notebooks[found[1]] = read_notebook(path)
    if not notebooks:
        raise ValueError(f"{folder}: expected notebooks NN_name.ipynb; found none")
    return notebooks


def read_notebook(path: Path) -> Notebook:
    """Read the notebook ``NN_name.ipynb``.

    Raises
    ------
    ValueError
        When it cannot be read, or is for another kernel: each runs in this very Python.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        check_shape(content, NOTEBOOK_SHAPE, path.name)
    except ValueError as error:
        raise ValueError(f"{path}: not a notebook: {error}") from None
    notebook = Notebook(path, path.name.partition("_")[0], content)
    _check_language(notebook)
    return notebook


def _check_language(notebook: Notebook) -> None:
    kernel = notebook.content.get("metadata", {}).get("kernelspec", {})
    if kernel.get("language", "python") != "python":
        raise ValueError(
            f"notebook {notebook.name}: no kernel {kernel.get('name')!r} here; expected a Python "
            f"notebook, got language {kernel['language']!r}"
        )


def find(reference: str, notebooks: Mapping[str, Notebook]) -> str:
    """Return the number of a notebook given by number, file name or name.

    Raises
    ------
    ValueError
        When there is none; names the nearest.
    """
    wanted = reference.removesuffix(".ipynb")
    names = {}
    for number, notebook in notebooks.items():
        names |= dict.fromkeys((number, number.lstrip("0"), notebook.name), number)
        names[notebook.name.split("_", 1)[1]] = number
    if wanted in names:
        return names[wanted]
    known = [notebook.name for notebook in notebooks.values()]
    raise ValueError(f"no notebook {reference!r}: {nearest(wanted, known)}")


def find_needs(notebooks: Mapping[str, Notebook]) -> dict[str, frozenset[str]]:
    """Return the notebooks that must precede each notebook, in a valid order.

    Raises
    ------
    ValueError
        When a notebook names one that is not there, or they wait for one another.
    """
    needs = {number: _needs_of(notebook, notebooks) for number, notebook in notebooks.items()}
    try:
        order = TopologicalSorter({number: sorted(needs[number]) for number in sorted(needs)})
        return {number: needs[number] for number in order.static_order()}
    except CycleError as error:
        raise ValueError(f"notebooks depend on each other: {' -> '.join(error.args[1])}") from None


def _needs_of(notebook: Notebook, notebooks: Mapping[str, Notebook]) -> frozenset[str]:
    if notebook.after == "all":
        return frozenset(notebooks) - {notebook.number}
    named = set(notebook.after) - {COHORT_MAKER}
    for number in sorted(named - set(notebooks)):
        raise ValueError(
            f"notebook {notebook.name} comes after {number!r}, which does not exist: "
            f"{nearest(number, notebooks)}"
        )
    return frozenset(set(notebook.after) & set(notebooks) - {notebook.number})


def with_needs(chosen: Iterable[str], needs: Mapping[str, frozenset[str]]) -> set[str]:
    """Return the chosen notebooks and everything they need, directly or indirectly."""
    found, waiting = set(), list(chosen)
    while waiting:
        number = waiting.pop()
        if number not in found:
            found.add(number)
            waiting.extend(needs[number])
    return found


def with_dependents(chosen: Iterable[str], needs: Mapping[str, frozenset[str]]) -> set[str]:
    """Return the chosen notebooks and everything that depends on them, directly or not."""
    found = set(chosen)
    for number in needs:
        if needs[number] & found:
            found.add(number)
    return found
