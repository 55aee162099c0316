"""Work on several processes: limits, errors, and that nothing is left behind."""

import os
import subprocess
import sys
import time

import psutil
import pytest

from cohabit.compute import pool, tasks
from cohabit.compute.pool import map_tasks, open_cluster


def describe(item):
    return os.getpid(), (os.environ["OMP_WAIT_POLICY"], os.environ["OPENBLAS_NUM_THREADS"])


def fail_on_two(item):
    if item == 2:
        raise ValueError(f"{item} is not allowed")
    return item


def die(item):
    os.kill(os.getpid(), 9)


def test_map_tasks__with_one_job_starts_no_cluster(monkeypatch):
    monkeypatch.setattr(pool, "open_cluster", None)
    assert list(map_tasks(abs, [-2, -1], jobs=1)) == [(-2, 2), (-1, 1)]
    assert list(map_tasks(abs, [], jobs=2)) == []


def test_open_cluster__runs_limited_processes_and_leaves_this_one_as_it_was():
    before = os.environ.copy()
    with open_cluster(jobs=2) as client:
        found = client.gather(client.map(describe, range(4), pure=False))
        assert {limits for _, limits in found} == {("passive", "1")}
        assert os.getpid() not in {pid for pid, _ in found}
        with pytest.raises(ValueError, match="2 is not allowed"):
            client.submit(fail_on_two, 2).result()
        started = time.monotonic()
        future = client.submit(die, 1)
        assert "KilledWorker" in repr(future.exception(timeout=30))
        assert time.monotonic() - started < 20
    assert os.environ == before


@pytest.mark.parametrize("processes", [True, False])
def test_open_cluster__listens_on_this_machine_alone(processes):
    with open_cluster(jobs=1, processes=processes):
        family = [psutil.Process(), *psutil.Process().children(recursive=True)]
        found = [each for process in family for each in process.net_connections()]
    assert {each.laddr.ip for each in found if each.status == "LISTEN"} == {"127.0.0.1"}


def test_map_tasks__gives_each_item_its_result_and_raises_the_first_error():
    with open_cluster(jobs=2, processes=False) as client:
        address = client.scheduler.address
        assert address.startswith("inproc://")
        gathered = dict(tasks.gather(client, abs, [-1, -2, -3]))
        assert gathered == {-1: 1, -2: 2, -3: 3}
        with pytest.raises(ValueError, match="2 is not allowed"):
            dict(tasks.gather(client, fail_on_two, [1, 2, 3]))


def test_open_cluster__works_in_a_script_without_a_main_guard(tmp_path):
    script = tmp_path / "script.py"
    lines = ["from cohabit.compute.pool import map_tasks", "def f(x):", "    return -x"]
    lines += ["print(sorted(map_tasks(f, [1, 2], jobs=2)))"]
    script.write_text("\n".join(lines), encoding="utf-8")
    command = [sys.executable, "-W", "error", script]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert (done.stdout, done.stderr) == ("[(1, -1), (2, -2)]\n", "")


@pytest.mark.parametrize("address", ["nonsense", "tcp://", "127.0.0.1"])
def test_open_cluster__refuses_what_is_no_address(address):
    expected = "expected an address such as tcp://node1:8786; got"
    with pytest.raises(ValueError, match=expected), open_cluster(address):
        pass


def test_open_cluster__says_that_nobody_answers(monkeypatch):
    monkeypatch.setattr(pool, "ANSWER_SECONDS", 0.5)
    expected = "no Dask scheduler answered at tcp://127.0.0.1:9 "
    with pytest.raises(ConnectionError, match=expected), open_cluster("tcp://127.0.0.1:9"):
        pass


def test_open_cluster__refuses_no_jobs():
    with pytest.raises(ValueError, match="jobs: expected .* from 1; got 0"), open_cluster(jobs=0):
        pass
