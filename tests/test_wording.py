"""Words of an executed notebook that are true of its people."""

import json

import pytest

from cohabit.run.graph import Notebook
from cohabit.run.wording import OWN, SIMULATED, reword, write_source

CELLS = [
    f"# 05 · Map\n\n{SIMULATED} Read on.",
    "cohort = read_cohort(x)",
    "**Figure 1.** 576 pairs.",
]
LABELLED = "**Figure 1** *(the words are the simulated study's)*. 576 pairs."


@pytest.fixture
def notebook(tmp_path):
    def write(*sources):
        kinds = ("markdown", "code", "markdown")
        pairs = zip(kinds, sources, strict=True)
        content = {"cells": [{"cell_type": kind, "source": text} for kind, text in pairs]}
        path = tmp_path / "05_map.ipynb"
        path.write_text(json.dumps(content), encoding="utf-8")
        return Notebook(path, "05", content)

    return write


@pytest.mark.parametrize(
    ("simulated", "expected"),
    [(False, CELLS[0].replace(SIMULATED, OWN)), (True, CELLS[0])],
    ids=["own", "another world"],
)
def test_write_source__copies_with_words_that_are_true(notebook, tmp_path, simulated, expected):
    before = notebook(*CELLS)
    folder = tmp_path / "attempt"
    folder.mkdir()
    copy = write_source(before, folder, simulated=simulated, of_study=False)
    assert copy == folder / "05_map.ipynb"
    cells = json.loads(copy.read_text(encoding="utf-8"))["cells"]
    assert [cell["source"] for cell in cells] == [expected, CELLS[1], LABELLED]
    assert [cell["source"] for cell in before.content["cells"]] == CELLS


def test_reword__says_what_ms_stands_for_and_lets_no_name_act():
    told = reword(SIMULATED, simulated=False, case="CD, <b>UC")
    assert told == f"{OWN} **MS stands for CD, &lt;b&gt;UC** in tables and figures."
    assert reword(SIMULATED, simulated=False, case="MS") == OWN


def test_write_source__leaves_the_study_and_who_reads_no_cohort_as_they_are(notebook, tmp_path):
    study = notebook(*CELLS)
    assert write_source(study, tmp_path, simulated=True, of_study=True) == study.path
    causes = notebook(CELLS[0], "population = 1", CELLS[2])
    assert write_source(causes, tmp_path, simulated=False, of_study=False) == causes.path
