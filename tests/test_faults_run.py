"""Faults of a run, one kind a section: each ends in words and an exit code, and is a row here."""

import pytest
from tiny_tree import FakeWorkers

from cohabit import cli
from cohabit.compute import pool
from cohabit.run import execution, process, workers
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
    ours = pool.describe_code()
    assert pool._call_alike(ours, abs, -2) == 2
    monkeypatch.setattr("distributed.get_worker", Other)
    told = f"the worker tcp://node7:1 has another {name}; start workers from the same environment"
    with pytest.raises(pool.OtherCode, match=told):
        pool._call_alike({**ours, name: "other"}, abs, -2)


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
        raise pool.OtherCode("the worker tcp://node7:1 has another code of cohabit; start")

    monkeypatch.setattr(execution, "Workers", workers.Workers)
    monkeypatch.setattr(workers.Workers, "_watch", submit)
    assert cli.main(["run", "--only", "02"]) == 1
    assert "tcp://node7:1 has another code" in tree.summary()["notebooks"][0]["reason"]


# workers that die


@pytest.fixture
def dask(tmp_path):
    two = Dask(tmp_path / "dask" / "root")
    (tmp_path / "dask").mkdir()
    scheduler = two.start()
    yield two
    for each in [*two.processes, scheduler]:
        each.kill()
        each.wait()


def test_run__whose_only_workers_die_fails_and_says_so(tree, dask, monkeypatch, capsys):
    monkeypatch.setattr("cohabit.cli.run.write_report", lambda *_: True)
    monkeypatch.setattr(workers, "ALONE_SECONDS", 2)
    pids = [each.pid for each in dask.processes]
    kills = f"import signal, time\nfor pid in {pids}:\n    os.kill(pid, signal.SIGKILL)\n"
    tree.write("02_make", kills + "time.sleep(60)", after=[])
    assert cli.main(["run", "--only", "02", *dask.options]) == 1
    assert "Dask worker" in capsys.readouterr().err
    assert "died" in tree.summary()["notebooks"][0]["reason"]


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
