"""Faults of a run, one kind a section: each ends in words and an exit code, and is a row here."""

import errno
import json
import os
import re
import subprocess
import sys
from dataclasses import replace

import pytest
from tiny_tree import FakeWorkers

from cohabit import cli
from cohabit.compute import pool, tasks
from cohabit.files.storage import write_cohort
from cohabit.run import execution, process, task, workers
from cohabit.run.folder import explain
from validation.kills import Workers as Dask


@pytest.fixture
def run(tree, monkeypatch):
    """Run the tree without kernels; returns the exit code and which notebooks ran."""
    monkeypatch.setattr("cohabit.cli.run.write_report", lambda *_: True)
    monkeypatch.setenv("COHABIT_OUTPUT_DIR", "")
    fake = FakeWorkers()
    monkeypatch.setattr(execution, "Workers", lambda *_, **__: fake)

    def run(*arguments):
        fake.ran.clear()
        return cli.main(["run", *arguments]), sorted(fake.ran)

    run.workers = fake
    return run


# workers with other code


class Other:
    """Stands in for a Dask worker."""

    address = "tcp://node7:1"


@pytest.mark.parametrize("name", ["code of cohabit", "numpy"])
def test_worker__with_other_code_refuses_its_task_by_name(monkeypatch, name):
    ours = tasks.describe_code()
    assert tasks._call_alike(ours, abs, -2) == 2
    monkeypatch.setattr("distributed.get_worker", Other)
    told = f"the worker tcp://node7:1 has another {name}; start workers from the same environment"
    with pytest.raises(tasks.OtherCode, match=told):
        tasks._call_alike({**ours, name: "other"}, abs, -2)


def test_describe_code__sees_an_edit_that_keeps_the_version(tmp_path, monkeypatch):
    from cohabit.compute import fingerprint

    found = []
    for text in ("x = 1", "x = 2"):
        (tmp_path / "one.py").write_text(text)
        monkeypatch.setattr(fingerprint, "PACKAGE", tmp_path)
        for name in ("describe_code", "_hash_once", "_data_files"):
            getattr(fingerprint, name).cache_clear()
        found.append(dict(fingerprint.describe_code()))
    for name in ("describe_code", "_hash_once", "_data_files"):
        getattr(fingerprint, name).cache_clear()
    assert [name for name in found[0] if found[0][name] != found[1][name]] == ["code of cohabit"]


def test_task__of_a_worker_that_joined_later_with_other_code_has_failed(tree, run, monkeypatch):
    def submit(*_, **__):
        raise tasks.OtherCode("the worker tcp://node7:1 has another code of cohabit; start")

    monkeypatch.setattr(execution, "Workers", workers.Workers)
    monkeypatch.setattr(workers.Workers, "_wait_for", submit)
    assert cli.main(["run", "--only", "02"]) == 1
    assert "tcp://node7:1 has another code" in tree.summary()["notebooks"][0]["reason"]


# workers that die


@pytest.fixture
def dask(tmp_path, monkeypatch):
    monkeypatch.setenv("DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES", "3")  # Dask's default
    two = Dask(tmp_path / "dask" / "root")
    (tmp_path / "dask").mkdir()
    scheduler = two.start()
    yield two
    for each in [*two.processes, scheduler]:
        each.kill()
        each.wait()


def test_run__whose_only_workers_die_fails_and_says_so(tree, dask, monkeypatch, capsys):
    monkeypatch.setattr("cohabit.cli.run.write_report", lambda *_: True)
    monkeypatch.setattr(tasks, "LOOK_SECONDS", 0.2)
    monkeypatch.setattr(tasks, "SAY_SECONDS", 0.1)
    monkeypatch.setattr(tasks, "ALONE_SECONDS", 5)
    monkeypatch.setattr(pool, "ANSWER_SECONDS", 60)
    pids = [each.pid for each in dask.processes]
    kills = f"import signal, time\nfor pid in {pids}:\n    os.kill(pid, signal.SIGKILL)\n"
    tree.write("02_make", kills + "time.sleep(60)", after=[])
    assert cli.main(["run", "--only", "02", *dask.options]) == 1
    told = capsys.readouterr().err
    assert re.search(r"no Dask worker for \d s; what waits for one fails in \d s", told)
    assert (
        "for 5 s there was no Dask worker; start again" in tree.summary()["notebooks"][0]["reason"]
    )


def test_run__tries_again_as_often_as_allowed(tree, run, monkeypatch):
    lost, given = process.lose("its worker died"), run.workers.run
    ends = [lost, lost]
    monkeypatch.setattr(
        FakeWorkers, "run", lambda self, *a, **k: ends.pop() if ends else given(*a, **k)
    )
    assert run("--only", "02", "--retries", "1")[0] == 1
    assert tree.summary()["notebooks"][0]["reason"].startswith("its worker died; start again")
    ends = [lost, lost]
    assert run("--only", "02", "--retries", "2") == (0, ["02"])


def test_run_on_worker__runs_no_attempt_twice(tmp_path):
    (tmp_path / "taken").touch()
    told = process.run_on_worker({"attempt": str(tmp_path)}, "topic")
    assert told["lost"]
    assert told["error"]["message"].startswith("the Dask worker that ran it died; start again")


# records and names that leave their run


RECORDS = {
    "leaves the run": {"outputs": {"../../precious.txt": "0"}},
    "absolute": {"outputs": {"/precious.txt": "0"}},
    "outputs as a list": {"outputs": ["tables/05_sums.tsv"]},
    "outputs as a number": {"outputs": 3},
    "depends as text": {"depends": "all"},
    "seconds as text": {"seconds": "long"},
    "another key": {"colour": "red"},
}


@pytest.mark.parametrize("case", RECORDS)
def test_record__of_another_shape_is_none_and_deletes_nothing(tree, run, case):
    assert run()[0] == 0
    precious = tree.root / "precious.txt"
    precious.write_text("mine")
    path = tree.run_folder() / ".records" / "05.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **RECORDS[case]}))
    assert run() == (0, ["05"])
    assert precious.read_text() == "mine"
    assert run() == (0, [])


SUMMARIES = {
    "list": "[]",
    "half": '{"notebooks": [',
    "notebooks as text": '{"notebooks": "05"}',
    "rows as text": '{"notebooks": ["05"]}',
    "setting elsewhere": '{"settings": [{"name": "../study", "notebooks": []}]}',
}


@pytest.mark.parametrize("case", SUMMARIES)
def test_report__of_a_damaged_summary_says_so(tree, case, capsys):
    tree.run_folder().mkdir(parents=True)
    (tree.run_folder() / "run.json").write_text(SUMMARIES[case])
    assert cli.main(["report", "study"]) == 2
    told = capsys.readouterr().err
    assert "run.json: damaged (" in told
    assert len(told.splitlines()) == 1


def test_report__leaves_out_a_notebook_that_was_half_written(tree, run):
    from cohabit.run.report import build_report

    run("--only", "05")
    (tree.run_folder() / "failed").mkdir()
    (tree.run_folder() / "failed" / "07_fails.ipynb").write_text('{"cells": [')
    assert "About 05_sums" in build_report(tree.run_folder()).read_text(encoding="utf-8")


def test_run__sweeps_the_crumbs_of_a_report_that_was_killed(tree, run):
    crumb = tree.run_folder() / ".report.html.x7" / "report.html"
    crumb.parent.mkdir(parents=True)
    crumb.write_text("half a")
    assert run()[0] == 0
    assert not crumb.exists()


# files of a wrong shape, and values of none

FILES = {
    "profile: preset": ("config/study.toml", "preset = 3", "study.toml: preset: expected text"),
    "profile: notebooks": ("config/study.toml", "notebooks = []", "notebooks: expected a table"),
    "profile: timeout": ("config/study.toml", "timeout = true", "timeout: expected a number"),
    "profile: timeouts": ("config/study.toml", "timeouts = 5", "timeouts: expected a table"),
    "profile: no text": ("config/study.toml", b"\xff\xfe", "study.toml: "),
    "cohort": ("mine/cohort.json", "[]", "cohort.json: not the record of a cohort"),
    "cohort: half": ("mine/cohort.json", "{", "cohort.json: not the record of a cohort"),
    "notebook: list": ("notebooks/09_odd.ipynb", "[]", "09_odd.ipynb: not a notebook"),
    "notebook: cells": ("notebooks/09_odd.ipynb", '{"cells": [3]}', "expected a table; got 3"),
    "sweep: grid": ("sweeps/try.toml", "grid = 3", "grid: expected a table"),
    "sweep: settings": ("sweeps/try.toml", "settings = [1]", "settings: expected a table; got 1"),
    "sweep: notebooks": ("sweeps/try.toml", "notebooks = 5\n[grid]\nseed=[1]", "expected a list"),
    "sweep: none": ("sweeps/try.toml", "notebooks = []\n[grid]\nseed=[1]", "at least one"),
    "sweep: question": ("sweeps/try.toml", "question = 5\n[grid]\nseed=[1]", "expected text"),
}


@pytest.mark.parametrize("case", FILES)
def test_file__of_a_wrong_shape_is_refused_in_one_line(tree, run, case, capsys):
    name, content, words = FILES[case]
    path = tree.root / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    (path.parent / "participants.tsv").touch()
    of_sweep = ["--sweep", "try"] if "sweeps" in name else []
    of_cohort = ["--cohort", str(path.parent)] if "mine" in name else []
    assert run(*of_sweep, *of_cohort) == (2, [])
    told = capsys.readouterr().err
    assert words in told
    assert len(told.splitlines()) == 1


OPTIONS = {
    "--scheduler": ["--scheduler", ""],
    "--only": ["--only", " "],
    "--run": ["--run", ""],
    "--cohort": ["--cohort", ""],
    "--sweep": ["--sweep", ""],
    "--run: expected": ["--run", "a b"],
    "--run: results/sweeps is kept": ["--run", "sweeps"],
    "--retries: expected a whole number": ["--retries", "-1"],
    "05.n: expected": ["--set", "05.n="],
}


@pytest.mark.parametrize("words", OPTIONS)
def test_option__that_says_nothing_is_refused(run, words, capsys):
    assert run(*OPTIONS[words]) == (2, [])
    assert words in capsys.readouterr().err


def test_parameter__that_is_a_list_needs_an_item(tree, run, capsys):
    tree.write("05_sums", "", parameters="sizes: list[int] = [25]  # patients; 8 to 2000")
    assert run("--set", "05.sizes=[]") == (2, [])
    assert (
        "05.sizes: expected list of int, 8 to 2,000 (patients); got []" in capsys.readouterr().err
    )


def test_cohort__in_a_folder_with_a_space_names_the_remedy(tree, run, capsys):
    (tree.root / "my people").mkdir()
    (tree.root / "my people" / "participants.tsv").touch()
    assert run("--cohort", str(tree.root / "my people")) == (2, [])
    assert "got 'my people'; choose one with --run NAME" in capsys.readouterr().err


# one door for every error


def test_main__turns_an_error_of_its_own_into_one_line(tree, run, monkeypatch, capsys):
    def fail(*_):
        raise KeyError("odd")

    monkeypatch.setattr("cohabit.cli.run.make_plan", fail)
    assert run() == (1, [])
    assert capsys.readouterr().err.startswith("cohabit: an error of its own: KeyError: 'odd'; ")
    monkeypatch.setenv("COHABIT_TRACEBACK", "1")
    with pytest.raises(KeyError):
        run()


LIMITS = {"nobody reads": ("| head -c 1", 0), "closed": (">&-", 0), "optimised": ("", 0)}


@pytest.mark.parametrize("case", LIMITS)
def test_main__needs_no_reader_and_no_docstrings(tree, case):
    flags = "-OO" if case == "optimised" else ""
    command = f"'{sys.executable}' {flags} -m cohabit run --list {LIMITS[case][0]}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_main__ends_with_141_when_nobody_reads(tree):
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([sys.executable, "-m", "cohabit", "run", "--list"], stdout=write)
    os.close(write)
    assert done.returncode == 141


# a kernel of our own


def test_kernel__has_an_empty_profile_and_our_own_matplotlibrc(tree, tmp_path):
    """The reader's start-up files and figure settings change nothing, forked or not."""
    startup = tmp_path / "home" / ".ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    touch = "import pandas\npandas.set_option('display.precision', 1)\n"
    (startup / "00.py").write_text(touch)
    (tmp_path / "home" / "own.py").write_text(touch)
    (tmp_path / "home" / "matplotlibrc").write_text("text.usetex: True\nfont.size: 3\n")
    code = "import matplotlib, pandas\n(out / 'cohort').mkdir()\n"
    code += "found = [pandas.get_option('display.precision'), matplotlib.rcParams['font.size']]\n"
    code += "(out / 'cohort' / 'participants.tsv').write_text(str(found))"
    tree.write("02_make", code, after=[])
    home = str(tmp_path / "home")
    own = {"HOME": home, "MPLCONFIGDIR": home, "MATPLOTLIBRC": home, "IPYTHONDIR": ""}
    own |= {"PYTHONSTARTUP": f"{home}/own.py", "IPYTHONDIR": f"{home}/.ipython"}
    for forked in (True, False):
        script = "import sys; from cohabit import cli; from cohabit.run import warm; "
        script += f"warm.AVAILABLE = warm.AVAILABLE and {forked}; "
        script += "cli.run.write_report = lambda *_: True; "
        script += f"sys.exit(cli.main(['run', '--only', '02', '--run', 'r{forked}']))"
        command = [sys.executable, "-c", script]
        done = subprocess.run(command, env={**os.environ, **own}, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert tree.results(f"r{forked}") == {"cohort/participants.tsv": "[6, 10.0]"}


# one check at every door


DOORS = {
    "name": ({"m": 5}, "notebook 05_sums has no parameter 'm'"),
    "range": ({"n": 11}, "05.n: expected int, 1 to 10 (how many); got 11"),
    "type": ({"n": "2"}, "05.n: expected int, 1 to 10 (how many); got '2'"),
    "right": ({"n": 2}, ""),
}


@pytest.mark.parametrize("case", DOORS)
def test_open_run__refuses_what_the_runner_refuses(tree, case):
    given, words = DOORS[case]
    lines = [f"{name} = {value!r}" for name, value in given.items()]
    injected = "\n".join(["# Parameters", *lines])
    namespace = {"In": ["", "cohort_dir: str = 'x'", injected], "seed": 1, "n": 3, **given}
    code = "from cohabit import open_run\nopen_run('results/lab', notebook='05', seed=seed)"
    if words:
        with pytest.raises(ValueError, match=re.escape(words)):
            exec(code, namespace)
    else:
        exec(code, namespace)


def test_sweep__checks_every_preset_before_any_kernel(tree, run, capsys):
    tree.write("02_make", "", parameters='preset: str = "study"  # the world', after=[])
    (tree.root / "sweeps").mkdir()
    text = 'profile = "study"\n[grid]\n02.preset = ["study", "nul"]\n'
    (tree.root / "sweeps" / "try.toml").write_text(text)
    assert run("--sweep", "try") == (2, [])
    assert "no preset 'nul': did you mean 'null'?" in capsys.readouterr().err


# what a run could do without


def test_cohort__is_written_although_the_cache_cannot_be(tmp_path, monkeypatch, small_cohort):
    (tmp_path / "file").touch()
    monkeypatch.setenv("COHABIT_CACHE_DIR", str(tmp_path / "file" / "cache"))
    provenance = {**small_cohort.provenance, "design": {"pairs": 3}}
    folder = write_cohort(replace(small_cohort, provenance=provenance), tmp_path / "made")
    assert (folder / "truth" / "estimands.tsv").is_file()


def test_explain__says_what_cannot_be_read_and_that_too_many_files_are_open(tmp_path, monkeypatch):
    path = tmp_path / "diet.tsv"
    path.touch()
    denied = OSError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    assert f"{path} cannot be written" in explain(denied)
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert f"{path} cannot be read" in explain(denied)
    assert "too many open files; raise the limit" in explain(OSError(errno.EMFILE, "files"))


def test_task__names_the_limit_of_open_files_that_a_kernel_dies_of(monkeypatch):
    assert task._describe_limit() == ""
    monkeypatch.setattr("resource.getrlimit", lambda _: (64, 64))
    assert task._describe_limit().startswith("; only 64 files may be open at once: raise")
