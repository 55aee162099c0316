"""The house form of the notebooks; nbval runs them (``testpaths`` in pyproject.toml)."""

import ast
import builtins
import json
import re
from pathlib import Path

import pytest

from cohabit.course import EXERCISES
from cohabit.run import graph
from cohabit.run.parameters import read_parameters

ROOT = Path(__file__).resolve().parents[1]
PATHS = sorted((ROOT / "notebooks").glob("*.ipynb"))
FRONT = (
    "**Question.**",
    "| Reads | Writes | Study step | Run time |",
    "**You will learn**",
)
SIMULATED = (
    "The data are simulated: a finding here is a statement about the method, not about people."
)
ANY_COHORT = (
    "The words were written for the simulated study: there a finding is a statement about the "
    "method, not about people. On a cohort of your own or in another world, believe the tables "
    "and figures, not the words and captions."
)
FLAGSHIPS = ("05", "07", "08", "13")
TRUTH_WORDS = ("recovery", "read_truth", "estimands", "effects.tsv", "truth/")
KEPT = {"keep_output", "nbval-check-output"}

every_notebook = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


class Notebook:
    """One source notebook, as the rules see it."""

    def __init__(self, path: Path):
        self.path, self.number = path, path.name.split("_")[0]
        self.content = json.loads(path.read_text(encoding="utf-8"))
        self.cells = self.content["cells"]
        self.code = [cell for cell in self.cells if cell["cell_type"] == "code"]
        self.prose = [source(cell) for cell in self.cells if cell["cell_type"] == "markdown"]

    @property
    def tree(self) -> ast.Module:
        return ast.parse("\n".join(source(cell) for cell in self.code))

    def tagged(self, tag: str) -> list[dict]:
        return [cell for cell in self.code if tag in tags(cell)]


def source(cell: dict) -> str:
    return "".join(cell["source"])


def tags(cell: dict) -> set[str]:
    return set(cell["metadata"].get("tags", []))


def lines(cell: dict) -> int:
    return len([line for line in source(cell).splitlines() if line.strip()])


def test_notebooks__are_all_numbered():
    assert PATHS
    name = re.compile(r"\d\d[a-z]?_[a-z_]+\.ipynb")
    assert not [path.name for path in PATHS if not name.fullmatch(path.name)]
    assert not [p.name for p in (ROOT / "notebooks").rglob("*.py")], "code lives in src/cohabit"


@every_notebook
def test_notebook__opens_with_its_question_and_says_that_data_are_simulated(path):
    first = Notebook(path).prose[0]
    assert first.startswith(f"# {Notebook(path).number} · ")
    assert not [words for words in FRONT if words not in first]
    reads_cohort = any("read_cohort(" in source(cell) for cell in Notebook(path).code)
    assert (ANY_COHORT if reads_cohort else SIMULATED) in first
    assert Notebook(path).cells[0]["cell_type"] == "markdown"


@every_notebook
def test_notebook__has_one_parameters_cell_that_can_be_read(path):
    (cell,) = Notebook(path).tagged("parameters")
    parameters = read_parameters(source(cell))
    assert {"cohort_dir", "run_dir", "seed"} <= set(parameters)
    assert not [name for name, parameter in parameters.items() if not parameter.meaning]
    assert Notebook(path).cells[1] == cell


@every_notebook
def test_notebook__states_a_run_time_that_the_runner_reads(path):
    content = json.loads(path.read_text(encoding="utf-8"))
    assert 1 <= graph.Notebook(path, "", content).stated_seconds <= 60


@every_notebook
def test_notebook__is_small(path):
    notebook = Notebook(path)
    assert path.stat().st_size < 100_000
    assert len(notebook.cells) <= 30
    assert not [source(c) for c in notebook.code if lines(c) > 10 and "parameters" not in tags(c)]
    assert sum(map(lines, notebook.code)) <= 120


@every_notebook
def test_notebook__explains_more_than_it_calls(path):
    notebook = Notebook(path)
    words = sum(len(text.split()) for text in notebook.prose)
    assert words >= 5 * sum(map(lines, notebook.code))


@every_notebook
def test_notebook__defines_nothing_and_touches_no_path(path):
    notebook = Notebook(path)
    defined = (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)
    assert not [node.name for node in ast.walk(notebook.tree) if isinstance(node, defined)]
    text = "\n".join(source(cell) for cell in notebook.code)
    forbidden = ("sys.path", "/home/", "/Users/", "filterwarnings")
    assert not [word for word in forbidden if word in text]


@every_notebook
def test_notebook__keeps_only_small_tables_and_every_kept_table(path):
    notebook = Notebook(path)
    kept = notebook.tagged("nbval-check-output")
    assert kept, "at least one table is held to its numbers"
    for place, cell in enumerate(notebook.code, start=1):
        if tags(cell) & KEPT:
            assert tags(cell) >= KEPT, source(cell)
            assert cell["outputs"], f"tagged cell without stored output: {source(cell)}"
            assert {output["output_type"] for output in cell["outputs"]} == {"execute_result"}
            assert cell["execution_count"] == place
            assert len(json.dumps(cell["outputs"])) < 12_000
        else:
            assert not cell["outputs"], source(cell)
            assert cell["execution_count"] is None


@every_notebook
def test_notebook__keeps_the_kernel_that_papermill_needs(path):
    metadata = Notebook(path).content["metadata"]
    assert metadata["kernelspec"] == {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    }
    assert "after" in metadata["cohabit"]


@every_notebook
def test_notebook__predicts_reads_figures_and_ends_with_limits(path):
    prose = Notebook(path).prose
    headings = [line for text in prose for line in text.splitlines() if line.startswith("## ")]
    assert headings[0] == "## Predict before you run"
    assert headings[-1].startswith("## Findings")
    assert "**Limits.**" in prose[-1]
    figures = sum(source(cell).count("run.write_figure(") for cell in Notebook(path).code)
    captions = re.findall(r"\*\*Figure (\d)\.\*\*", "\n".join(prose))
    assert captions == [str(number) for number in range(1, figures + 1)]


@every_notebook
def test_notebook__asks_exercises_that_exist_and_folds_the_solution(path):
    notebook = Notebook(path)
    code = "\n".join(map(source, notebook.code))
    asked = re.findall(r"check\(\"(\d\d[a-z]?\.\d)\", \.\.\.", code)
    assert asked == [name for name in sorted(EXERCISES) if name.split(".")[0] == notebook.number]
    assert len(asked) >= (4 if notebook.number in FLAGSHIPS else 1)
    solutions = "\n".join(t for t in notebook.prose if "<details><summary>Solution" in t)
    for name in asked:
        assert f'check("{name}", ' in solutions, f"no solution of {name}"
        assert f"**{name}**" in "\n".join(notebook.prose)
    if notebook.number in FLAGSHIPS:
        assert "*Two worlds" in "\n".join(notebook.prose)


@every_notebook
def test_solutions__use_only_names_that_the_notebook_or_they_define(path):
    notebook = Notebook(path)
    folded = [
        text.split("<summary>Solution", 1)[-1] for text in notebook.prose if "<summary>" in text
    ]
    blocks = [block for text in folded for block in re.findall(r"```python\n(.*?)```", text, re.S)]
    solutions = ast.parse("\n".join(blocks))
    known = bound_names(notebook.tree) | bound_names(solutions) | set(dir(builtins))
    used = {node.id for node in ast.walk(solutions) if isinstance(node, ast.Name)}
    assert blocks
    assert used <= known, f"never defined: {used - known}"


def bound_names(tree: ast.Module) -> set[str]:
    """Return the names that a module assigns or imports."""
    nodes = list(ast.walk(tree))
    stored = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    imported = {(n.asname or n.name).split(".")[0] for n in nodes if isinstance(n, ast.alias)}
    return stored | imported | {n.arg for n in nodes if isinstance(n, ast.arg)}


@every_notebook
def test_truth__is_opened_in_notebook_13_alone(path):
    text = "\n".join(source(cell) for cell in Notebook(path).code)
    if Notebook(path).number != "13":
        assert not [word for word in TRUTH_WORDS if word in text]


@every_notebook
def test_worlds__are_recalled_after_notebook_13_alone(path):
    text = "\n".join(source(cell) for cell in Notebook(path).code)
    if Notebook(path).number < "14" and "read_cohort(" in text:
        assert not [word for word in ("recall_world", "draw_world", "traps") if word in text]


@every_notebook
def test_figures__are_written_in_the_cell_that_draws_them(path):
    """Elsewhere the cell's end shows them unfinished, and again when they are written."""
    for cell in Notebook(path).code:
        drawn = re.findall(r"plt\.subplots\(|plt\.figure\(|explorers\.explore_", source(cell))
        assert len(drawn) == source(cell).count("run.write_figure("), source(cell)


@every_notebook
def test_figures__are_told_by_what_is_drawn(path):
    """A text by hand says what kind of picture it is; findings are read from the figure."""
    for cell in Notebook(path).code:
        for text in re.findall(r"\balt ?= ?\(?\s*\"([^\"]+)\"", source(cell)):
            assert text.startswith(("A diagram", "A map")), text
