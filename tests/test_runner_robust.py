"""A run in a hostile place: full disk, read-only folder, damaged files, no kernel, no time."""

import errno
import json
import os
import sys
from pathlib import Path

import pytest
from tiny_tree import FakeWorkers

from cohabit import cli
from cohabit.run import execution, folder, process, task


@pytest.fixture
def run(tree, monkeypatch):
    """Run the tree without kernels; returns the exit code and which notebooks ran."""
    monkeypatch.setattr("cohabit.cli.run.write_report", lambda *_: True)
    monkeypatch.setenv("COHABIT_OUTPUT_DIR", "")

    def run(*arguments):
        fake = FakeWorkers()
        monkeypatch.setattr(execution, "Workers", lambda *_, **__: fake)
        return cli.main(["run", *arguments]), sorted(fake.ran)

    return run


def refuse(code, after=0):
    """Return a stand-in for a function of the disk that fails from some call on."""
    calls = []

    def failing(source, target, *_):
        calls.append(target)
        if len(calls) > after:
            raise OSError(code, os.strerror(code), str(source), None, str(target))
        return rename(source, target)

    rename = os.replace
    return failing


@pytest.mark.parametrize("after", [0, 3, 6])
def test_run__says_that_the_disk_is_full_and_goes_on_later(tree, run, monkeypatch, capsys, after):
    rename = os.replace
    monkeypatch.setattr(folder.os, "replace", refuse(errno.ENOSPC, after))
    assert run()[0] == 1
    told = capsys.readouterr().err
    assert "no space left for" in told
    assert "start again" in told
    assert "Traceback" not in told
    monkeypatch.setattr(folder.os, "replace", rename)
    assert run()[0] == 0
    assert set(tree.statuses().values()) == {"done"}


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS])
def test_run__says_that_the_folder_cannot_be_written(tree, run, monkeypatch, capsys, code):
    def refuse_folder(self, *_, **__):
        raise OSError(code, os.strerror(code), str(self))

    monkeypatch.setattr(Path, "mkdir", refuse_folder)
    assert run() == (1, [])
    told = capsys.readouterr().err.strip().splitlines()
    assert len(told) == 1
    assert f"{tree.run_folder()} cannot be written ({os.strerror(code)})" in told[0]
    assert "COHABIT_ROOT" in told[0]


def test_run__notices_one_changed_byte_in_any_file(tree, run):
    run()
    whole = tree.results()
    records = tree.run_folder() / ".records"
    for number in ("02", "05", "07", "13"):
        for name in json.loads((records / f"{number}.json").read_text())["outputs"]:
            path = tree.run_folder() / name
            content = path.read_bytes()
            path.write_bytes(bytes([content[0] ^ 1]) + content[1:])
            code, ran = run()
            assert (code, ran[0]) == (0, number), name
            assert tree.results() == whole, name


@pytest.mark.parametrize("content", ["", "{", "[]", '{"status": 3}', "\0" * 40])
def test_run__rebuilds_what_a_damaged_record_spoke_of(tree, run, content):
    run()
    whole = tree.results()
    (tree.run_folder() / ".records" / "05.json").write_text(content)
    assert run() == (0, ["05"])
    assert tree.results() == whole


def test_execute__says_that_there_is_no_kernel(monkeypatch):
    monkeypatch.setattr(task, "find_spec", lambda name: None)
    result = task.execute({}, Path(), [], print)
    assert result["status"] == "failed"
    assert result["error"]["message"].startswith(f"no kernel for {sys.executable}: ipykernel")


def test_run__refuses_a_notebook_of_another_language(tree, run, capsys):
    path = tree.root / "notebooks" / "05_sums.ipynb"
    content = json.loads(path.read_text())
    content["metadata"]["kernelspec"] = {"name": "ir", "language": "R", "display_name": "R"}
    path.write_text(json.dumps(content))
    assert run() == (2, [])
    assert "notebook 05_sums: no kernel 'ir' here" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("soon", "timeout: expected seconds above 0, or NB=SECONDS; got 'soon'"),
        ("05=-1", "expected seconds above 0"),
        ("06=5", "no notebook '06'"),
    ],
)
def test_run__refuses_a_timeout_that_is_none(run, capsys, given, words):
    assert run("--timeout", given) == (2, [])
    assert words in capsys.readouterr().err


def test_timeouts__of_the_command_line_win_over_the_profile(tree):
    from cohabit.run.plan import Request, make_plan

    text = 'preset = "study"\ntimeout = 60\n[timeouts]\n05 = 20\n07 = 30\n'
    (tree.root / "config" / "study.toml").write_text(text, encoding="utf-8")
    plan = make_plan(Request(timeouts=("7=5",)))
    assert plan.settings[0].timeouts == {"02": 60, "05": 20, "07": 5, "13": 60}


def test_describe_end__names_the_cell_that_had_begun():
    last = {"cell": 3, "source": "fit()", "cells": 9, "memory_mb": 212}
    found = process._describe_end(1, last, 7.2, timeout=7)
    assert found["error"]["cell"] == 3
    assert found["error"]["source"] == "fit()"
    assert (
        found["error"]["message"] == "not finished after 7 s and stopped; --timeout allows it more"
    )
    assert found["memory_mb"] == 212
    killed = process._describe_end(-9, {}, 1.0, timeout=None)
    assert "was killed by signal 9 and left no result" in killed["error"]["message"]
    assert "out of memory" in killed["error"]["message"]


# with a kernel


def test_run__stops_a_notebook_that_takes_too_long_and_goes_on(tree, monkeypatch, capsys):
    monkeypatch.setattr("cohabit.cli.run.write_report", lambda *_: True)
    tree.write("02_make", "import time\nwaits = True\ntime.sleep(600)", after=[])
    tree.write("07_fails", "", after=[])
    tree.write("13_all", "", after="all")
    assert cli.main(["run", "--timeout", "02=6"]) == 1
    assert tree.statuses() == {"02": "failed", "05": "blocked", "07": "done", "13": "done"}
    assert "not finished after 6 s and stopped; --timeout" in capsys.readouterr().err
    row = tree.summary()["notebooks"][2]
    assert len(row["cells"]) == 3
    assert all(memory > 10 for _, memory in row["cells"])
