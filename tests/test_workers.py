"""Runs on a Dask scheduler elsewhere: two worker processes on this machine stand in for it."""

import os
import signal
import subprocess
import sys
from functools import partial

import pandas as pd
import pytest
from test_power_plan import ask, few_taxa
from test_runner import WHOLE, is_alive, wait_for

from cohabit import cli
from cohabit.compute import pool
from cohabit.experiments.planner import Scenario, Stop, estimate_power
from cohabit.run import workers
from validation.kills import Workers as TwoWorkers

SLEEPS = '(out / "pid").write_text(str(os.getpid()))\nimport time\ntime.sleep(60)\n'


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory):
    two = TwoWorkers(tmp_path_factory.mktemp("dask") / "root")
    process = two.start()
    yield two.options[1]
    for each in [*two.processes, process]:
        each.kill()
        each.wait()


def test_run__on_two_workers_leaves_the_same_results(tree, scheduler, monkeypatch):
    monkeypatch.setattr("cohabit.cli.run.write_report", lambda *_: True)
    grandparent = "Path(f'/proc/{os.getppid()}/stat').read_text().split()[3]"
    for name in ("05_sums", "07_fails"):
        code = f'(out / "tables" / "{name}.tsv").write_text({grandparent})\n'
        tree.write(name, f"{code}import time\ntime.sleep(2)")
    assert cli.main(["run", "--scheduler", scheduler]) == 0
    found = tree.results()
    assert found["cohort/participants.tsv"] == WHOLE["cohort/participants.tsv"]
    of_workers = {found["tables/05_sums.tsv"], found["tables/07_fails.tsv"]}
    assert len(of_workers) == 2
    assert str(os.getpid()) not in of_workers
    assert tree.summary()["scheduler"] == scheduler


def test_power__on_two_workers_is_that_of_this_process(scheduler):
    scenarios = [Scenario(n=8, sequenced=False), Scenario(n=16, sequenced=False)]
    given = {"stop": Stop(half_width=0.5), "template": few_taxa()}
    there = estimate_power(scenarios, ask(), scheduler=scheduler, **given)
    pd.testing.assert_frame_equal(there, estimate_power(scenarios, ask(), jobs=1, **given))


def test_run__with_nothing_to_do_needs_no_scheduler_and_no_dask(tree):
    code = "import sys; from cohabit import cli; cli.run.write_report = lambda *_: True; "
    code += "code = cli.main(['run', '--only', '02', *sys.argv[1:]]); "
    code += "print(code, [name for name in ('dask', 'distributed') if name in sys.modules])"
    for arguments, answer in (
        ([], "0 ['dask', 'distributed']"),
        ([], "0 []"),
        (["--scheduler", "tcp://127.0.0.1:9"], "0 []"),
    ):
        command = [sys.executable, "-c", code, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[-1] == answer


def test_run__says_that_no_scheduler_answers(tree, monkeypatch, capsys):
    monkeypatch.setattr(pool, "ANSWER_SECONDS", 0.5)
    assert cli.main(["run", "--scheduler", "tcp://127.0.0.1:9"]) == 1
    assert "no Dask scheduler answered at tcp://127.0.0.1:9" in capsys.readouterr().err


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT], ids=["kill", "ctrl-c"])
def test_run__stopped_ends_its_kernel_on_the_worker(tree, scheduler, sent):
    tree.write("02_make", SLEEPS, after=[])
    command = [sys.executable, "-m", "cohabit", "run", "--only", "02", "--scheduler", scheduler]
    hears = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # also from a background job
    quiet = {"stderr": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
    with subprocess.Popen(command, preexec_fn=hears, **quiet) as process:
        pid = int(wait_for(lambda: "".join(path.read_text() for path in tree.root.rglob("pid"))))
        process.send_signal(sent)
        assert process.wait(20) == (130 if sent is signal.SIGINT else -sent)
    wait_for(lambda: not is_alive(pid), 20)


def test_run__ends_with_its_kernel_when_the_scheduler_dies(tree, tmp_path):
    two = TwoWorkers(tmp_path)
    scheduler = two.start()
    tree.write("02_make", SLEEPS, after=[])
    command = [sys.executable, "-m", "cohabit", "run", "--only", "02", *two.options]
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process:
        pid = int(wait_for(lambda: "".join(path.read_text() for path in tree.root.rglob("pid"))))
        scheduler.kill()
        told = process.communicate(timeout=60)[1]
        assert process.returncode == 1
    assert told == "cohabit: the run was stopped, or the Dask scheduler ended\n"
    wait_for(lambda: not is_alive(pid), 20)
    for each in [*two.processes, scheduler]:
        each.kill()
        each.wait()


class Client:
    """Stands in for a client whose workers answer as told."""

    def __init__(self, answer):
        self.answer = answer

    def run(self, *_, **__):
        return {"tcp://node7:1": self.answer}


def test_check_workers__refuses_another_file_system_or_other_versions(tmp_path):
    marker = tmp_path / ".owner.json"
    marker.write_text("mine")
    content, versions = workers._describe_worker(str(marker))
    workers._check_workers(Client((content, versions)), marker)
    with pytest.raises(ValueError, match="tcp://node7:1 does not see .*same file system"):
        workers._check_workers(Client(("", versions)), marker)
    with pytest.raises(ValueError, match="tcp://node7:1 has another numpy; start workers from"):
        workers._check_workers(Client((content, {**versions, "numpy": "1.0"})), marker)
