"""Tasks forked from a warm process: the same results as from a new Python, and no loose ends."""

import os
import signal
import sys

import pytest

from cohabit import cli
from cohabit.run import process, warm

pytestmark = pytest.mark.skipif(not warm.AVAILABLE, reason="tasks are forked on Linux alone")

LOOKS = """import matplotlib.pyplot as plt, sys
axes = plt.figure(figsize=(1, 1)).add_subplot()
found = sorted(name for name in os.environ if name != "JPY_PARENT_PID")
found += [os.getcwd(), sys.executable, __name__]
(out / "cohort").mkdir()
(out / "cohort" / "participants.tsv").write_text(repr(found))
"""


@pytest.fixture
def only_02(tree, monkeypatch):
    """Run notebook 02 of the tree, forked or in a new Python, into a run of that name."""
    monkeypatch.setattr("cohabit.cli.run.write_report", lambda *_: True)

    def only_02(name, forked=True):
        monkeypatch.setattr(warm, "AVAILABLE", forked)
        code = cli.main(["run", "--only", "02", "--run", name])
        page = tree.run_folder(name) / "notebooks" / "02_make.ipynb"
        return code, page.read_text(encoding="utf-8") if page.exists() else ""

    return only_02


def test_start_task__is_a_new_python_to_its_notebook(tree, only_02):
    tree.write("02_make", LOOKS, after=[])
    pages = [only_02(name, forked)[1] for name, forked in (("forked", True), ("fresh", False))]
    assert tree.results("forked") == tree.results("fresh")
    assert sys.executable in tree.results("forked")["cohort/participants.tsv"]
    for page in pages:
        assert '"image/png"' in page


def test_start_task__two_tasks_draw_different_numbers_nobody_seeded(tree, only_02):
    draws = "import random\n(out / 'cohort').mkdir()\n"
    draws += "(out / 'cohort' / 'participants.tsv').write_text(str(random.random()))"
    tree.write("02_make", draws, after=[])
    assert [only_02(name)[0] for name in "ab"] == [0, 0]
    assert tree.results("a") != tree.results("b")


def test_start_task__starts_another_warm_process_when_one_was_killed(only_02):
    assert only_02("first")[0] == 0
    before = warm._find_warm(1)
    before._process.send_signal(signal.SIGKILL)
    before._process.wait()
    assert only_02("second")[0] == 0
    assert only_02("third")[0] == 0
    assert warm._find_warm(1) is not before


def test_start_task__a_task_whose_warm_process_is_killed_has_failed(tree, only_02, capsys):
    tree.write("02_make", "import psutil\npsutil.Process().parent().parent().kill()", after=[])
    assert only_02("killed")[0] == 1
    assert "was killed by signal 9 and left no result" in capsys.readouterr().err


def test_forked_task__waits_and_tells_that_it_still_runs(tmp_path):
    """Its input open, its task file empty: it fails at once, and says so with a code."""
    (tmp_path / "task.json").write_text("{}")
    with (tmp_path / "log.txt").open("w") as log:
        task = warm.start_task(1, str(tmp_path / "task.json"), os.environ, str(tmp_path), log)
        with task:
            assert task.wait(120) == task.poll() == 1
            task.kill()
    assert "KeyError" in (tmp_path / "log.txt").read_text()


def test_start__falls_back_on_a_new_python(tmp_path, monkeypatch):
    def gone(*_):
        raise BrokenPipeError

    monkeypatch.setattr(warm, "start_task", gone)
    (tmp_path / "task.json").write_text("{}")
    task = {"root": str(tmp_path), "cache": "", "threads": 1}
    with (
        (tmp_path / "log.txt").open("w") as log,
        process._start(task, tmp_path, log) as started,
    ):
        assert started.wait(120) == 1
    assert "KeyError" in (tmp_path / "log.txt").read_text()
