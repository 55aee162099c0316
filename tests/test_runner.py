"""The runner: what is reused, what is rebuilt, and that nothing half-written is believed."""

import json
import os
import platform
import signal
import subprocess
import sys
import time
from functools import partial

import pytest
from tiny_tree import MAKE, SUMS, FakeWorkers

from cohabit import cli
from cohabit.run import execution, folder, setting

WHOLE = {
    "cohort/participants.tsv": "person 1\n",
    "tables/05_sums.tsv": "person 1\n" * 3,
    "tables/07_fails.tsv": "7",
    "claims.tsv": "05_sums.tsv " + "person 1\n" * 3 + "\n07_fails.tsv 7",
}


@pytest.fixture
def run(tree, monkeypatch):
    """Run the tree without kernels; returns the exit code and which notebooks ran."""
    monkeypatch.setattr("cohabit.cli.run.write_report", lambda *_: True)
    monkeypatch.setenv("COHABIT_OUTPUT_DIR", "")

    def run(*arguments):
        fake = FakeWorkers()
        monkeypatch.setattr(execution, "Workers", lambda *_, **__: fake)
        code = cli.main(["run", "--jobs", "1", *arguments])
        return code, sorted(fake.ran)

    return run


def test_run__leaves_every_result_and_a_summary(tree, run):
    assert run() == (0, ["02", "05", "07", "13"])
    assert tree.results() == WHOLE
    summary = tree.summary()
    assert set(tree.statuses().values()) == {"done"}
    assert summary["profile"] == summary["preset"] == "study"
    assert summary["notebooks"][1]["parameters"] == {"seed": 1, "n": 3}
    assert summary["notebooks"][1]["seconds"] == 1.5
    assert summary["versions"]["numpy"]
    assert not (tree.run_folder() / ".owner.json").exists()


def test_run__runs_nothing_twice(tree, run):
    run()
    assert run() == (0, [])
    assert tree.results() == WHOLE
    assert [row["reused"] for row in tree.summary()["notebooks"]] == [True] * 4
    assert run("--force") == (0, ["02", "05", "07", "13"])
    assert run("--force", "--only", "05") == (0, ["05"])


def test_run__reruns_a_changed_notebook_and_what_depends_on_it(tree, run):
    run()
    tree.write("05_sums", SUMS + "# the same\n", parameters="n: int = 3  # how many; 1 to 10")
    assert run() == (0, ["05"]), "13 reads the same tables as before"
    assert run("--set", "05.n=1") == (0, ["05", "13"])
    assert tree.results()["claims.tsv"].startswith("05_sums.tsv person 1\n\n")
    assert run("--seed", "2", "--set", "05.n=1") == (0, ["02", "05", "07", "13"])


def test_run__reruns_when_the_library_changed(tree, run, monkeypatch):
    run()
    monkeypatch.setattr(setting, "hash_library", lambda code: "other" if "* n" in code else "")
    run()
    monkeypatch.setattr(setting, "hash_library", lambda code: "")
    assert run() == (0, ["05"])


def test_run__only_and_from_choose(tree, run):
    assert run("--only", "05") == (0, ["02", "05"])
    assert tree.statuses() == {"02": "done", "05": "done", "07": "missing", "13": "missing"}
    assert run("--from", "07") == (0, ["07", "13"])
    assert tree.results() == WHOLE


def test_run__says_which_cell_failed_and_goes_on(tree, run, capsys):
    run()
    tree.write("09_later", "", after=["07"])
    assert run("--set", "07.wrong=yes") == (1, ["07", "13"])
    assert tree.statuses()["07"] == "failed"
    assert tree.statuses()["09"] == "blocked"
    assert "tables/07_fails.tsv" not in tree.results(), "an outdated table is not left to be read"
    assert "07" not in tree.results()["claims.tsv"]
    assert (tree.run_folder() / "failed" / "07_fails.ipynb").is_file()
    told = capsys.readouterr().err
    assert 'assert not wrong, "as asked"' in told
    assert "AssertionError: as asked" in told
    assert "2 notebook(s) did not finish: 07, 09" in told


def test_run__marks_a_notebook_without_input_as_skipped(tree, run):
    lacks = "from cohabit.data.schema import MissingInput\nraise MissingInput('no diet.tsv')"
    tree.write("05_sums", lacks)
    assert run() == (0, ["02", "05", "07", "13"])
    row = tree.summary()["notebooks"][1]
    assert (row["status"], row["reason"]) == ("skipped", "no diet.tsv")
    assert run() == (0, [])


def test_run__is_stopped_by_sigterm_as_by_ctrl_c_and_goes_on_later(tree, run, capsys):
    before = signal.getsignal(signal.SIGTERM)
    told = "import signal, time\nos.kill(os.getpid(), signal.SIGTERM)\ntime.sleep(0.2)\n"
    tree.write("05_sums", told + SUMS, parameters="n: int = 3  # how many; 1 to 10")
    assert run()[0] == 130
    assert "stopped; finished work is kept" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGTERM) is before
    tree.write("05_sums", SUMS, parameters="n: int = 3  # how many; 1 to 10")
    assert run()[0] == 0
    assert tree.results() == WHOLE


@pytest.mark.parametrize("damage", ["truncate", "remove"])
def test_run__notices_a_damaged_file_and_rebuilds_it(tree, run, damage):
    run()
    path = tree.run_folder() / "tables" / "05_sums.tsv"
    path.write_text("per") if damage == "truncate" else path.unlink()
    assert run() == (0, ["05"])
    assert tree.results() == WHOLE


def test_run__notices_a_damaged_record(tree, run):
    run()
    (tree.run_folder() / ".records" / "05.json").write_text('{"status": "do')
    assert run() == (0, ["05"])
    assert tree.results() == WHOLE


@pytest.mark.parametrize("moment", range(1, 16))
def test_run__interrupted_at_any_rename_is_finished_by_the_next(tree, run, monkeypatch, moment):
    calls = []

    def replace(source, target):
        calls.append(target)
        if len(calls) == moment:
            raise KeyboardInterrupt
        rename(source, target)

    rename = os.replace
    monkeypatch.setattr(folder.os, "replace", replace)
    assert run("--seed", "1")[0] == 130
    monkeypatch.setattr(folder.os, "replace", rename)
    assert run()[0] == 0
    assert tree.results() == WHOLE
    assert run() == (0, [])


def test_run__forgets_what_a_notebook_left_that_is_gone(tree, run):
    tree.write("09_later", '(out / "tables" / "09_later.tsv").write_text("9")')
    run()
    assert "09_later.tsv" in tree.results()["claims.tsv"]
    (tree.root / "notebooks" / "09_later.ipynb").unlink()
    assert run() == (0, ["13"])
    assert tree.results() == WHOLE


def test_run__takes_a_cohort_of_ones_own(tree, run, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "participants.tsv").write_text("me\n")
    assert run("--cohort", str(mine)) == (0, ["05", "07", "13"])
    assert tree.results("mine")["tables/05_sums.tsv"] == "me\n" * 3
    assert tree.summary("mine")["preset"] is None
    assert "cohort/participants.tsv" not in tree.results("mine")
    assert run("--cohort", str(mine)) == (0, [])
    (mine / "participants.tsv").write_text("you\n")
    assert run("--cohort", str(mine)) == (0, ["05", "07", "13"])


def test_run__refuses_a_folder_that_another_process_writes(tree, run, capsys):
    with folder.RunFolder(tree.run_folder()).locked():
        assert run() == (1, [])
    assert f"process {os.getpid()} on {platform.node()}, since" in capsys.readouterr().err
    assert run()[0] == 0


# with kernels


def test_task__runs_through_papermill_in_this_python_with_its_own_limits(tree, monkeypatch):
    monkeypatch.setattr("cohabit.cli.run.write_report", lambda *_: True)
    code = """import json, sys
names = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OMP_WAIT_POLICY"]
found = {name: os.environ[name] for name in names}
found |= {"cwd": os.getcwd(), "python": sys.executable, "n": n}
(out / "tables" / "05_sums.tsv").write_text(json.dumps(found))
"""
    tree.write("05_sums", code, parameters="n: int = 3  # how many; 1 to 10")
    tree.write("07_fails", "left = 6\n1 / (left - 6)")
    assert cli.main(["run", "--set", "05.n=4"]) == 1
    assert tree.statuses() == {"02": "done", "05": "done", "07": "failed", "13": "done"}
    found = json.loads(tree.results()["tables/05_sums.tsv"])
    assert found["python"] == sys.executable
    assert found["cwd"] == str(tree.root)
    assert found["n"] == 4
    assert found["OMP_NUM_THREADS"] == found["OPENBLAS_NUM_THREADS"] == "1"
    assert found["OMP_WAIT_POLICY"] == "passive"
    rows = {row["number"]: row for row in tree.summary()["notebooks"]}
    assert rows["05"]["memory_mb"] > 20
    assert rows["05"]["seconds"] > 0
    assert rows["07"]["error"]["message"] == "ZeroDivisionError: division by zero"
    assert rows["07"]["error"]["source"].endswith("1 / (left - 6)")
    executed = (tree.run_folder() / "notebooks" / "05_sums.ipynb").read_text(encoding="utf-8")
    assert "injected-parameters" in executed


KILLED_KERNEL = "os.kill(os.getpid(), 9)"


def test_task__whose_kernel_dies_has_failed(tree, monkeypatch, capsys):
    monkeypatch.setattr("cohabit.cli.run.write_report", lambda *_: True)
    tree.write("02_make", KILLED_KERNEL, after=[])
    assert cli.main(["run", "--only", "02"]) == 1
    assert tree.statuses()["02"] == "failed"
    assert "Kernel died" in capsys.readouterr().err


def test_task__that_lacks_an_input_is_skipped_with_the_reason(tree, monkeypatch):
    monkeypatch.setattr("cohabit.cli.run.write_report", lambda *_: True)
    lacks = "from cohabit.data.schema import MissingInput\nraise MissingInput('no diet.tsv')"
    tree.write("02_make", lacks, after=[])
    assert cli.main(["run", "--only", "02"]) == 0
    row = tree.summary()["notebooks"][0]
    assert (row["status"], row["reason"]) == ("skipped", "no diet.tsv")


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT], ids=["kill", "ctrl-c"])
def test_run__stopped_in_a_cell_takes_its_kernel_along_and_goes_on_later(tree, run, sent):
    """A real run is stopped while its notebook sleeps; the next one finishes the work."""
    sleeps = '(out / "pid").write_text(str(os.getpid()))\nimport time\ntime.sleep(60)\n'
    tree.write("02_make", sleeps, after=[])
    command = [sys.executable, "-m", "cohabit", "run", "--only", "02"]
    hears = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # also from a background job
    quiet = {"stderr": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "preexec_fn": hears}
    with subprocess.Popen(command, **quiet) as process:
        pid = int(wait_for(lambda: "".join(path.read_text() for path in tree.root.rglob("pid"))))
        process.send_signal(sent)
        assert process.wait(10) == (130 if sent is signal.SIGINT else -sent)
    wait_for(lambda: not is_alive(pid))
    assert tree.results() == {}
    tree.write("02_make", MAKE, after=[])
    assert run()[0] == 0
    assert tree.results() == WHOLE
    assert list((tree.run_folder() / ".attempts").iterdir()) == []


def wait_for(answer, seconds=120):
    end = time.monotonic() + seconds
    while not (found := answer()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
    return found


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits to be collected does not."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stream:
            return stream.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
