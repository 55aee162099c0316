"""Real Dask workers whose cohabit is another one: named, given nothing, and no end of the run."""

import re
import shutil
from pathlib import Path

import pytest

import cohabit
from cohabit import cli
from cohabit.compute import tasks
from cohabit.compute.pool import open_cluster
from cohabit.run import workers
from validation.kills import Workers as Dask

STRANGERS = {
    "edited": ("simulate/dice.py", "\n", "\n# another line\n", "code of cohabit"),
    "too old": ("compute/fingerprint.py", "describe_code", "describe_versions", "cohabit"),
}
"""Which file differs, what in it, and what is said to differ."""


def copy_package(folder: Path, case: str) -> str:
    """Copy cohabit with a difference; return the PYTHONPATH of a worker that has it."""
    name, old, new, _ = STRANGERS[case]
    ignored = shutil.ignore_patterns("__pycache__")
    there = shutil.copytree(Path(cohabit.__file__).parent, folder / "cohabit", ignore=ignored)
    path = there / name
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    if case == "too old":
        (there / "compute" / "tasks.py").unlink()
    return str(folder)


@pytest.fixture
def dask(tmp_path):
    (tmp_path / "dask").mkdir()
    two = Dask(tmp_path / "dask" / "root")
    scheduler = two.start()
    yield two
    for each in [*two.processes, scheduler]:
        each.kill()
        each.wait()


def join(dask: Dask, folder: Path, case: str) -> None:
    """Let a worker join whose package differs."""
    source = copy_package(folder / case.replace(" ", "_"), case)
    dask.processes.append(dask.start_worker(PYTHONPATH=source))
    dask.wait_for(len(dask.processes))


def test_gather__gives_strangers_nothing_and_names_them(dask, tmp_path, capsys):
    for case in STRANGERS:
        join(dask, tmp_path, case)
    with open_cluster(dask.options[1]) as client:
        assert sorted(tasks.gather(client, abs, [*range(-40, 0)])) == [
            (n, -n) for n in range(-40, 0)
        ]
        told = capsys.readouterr().err
        for *_, differing in STRANGERS.values():
            assert re.search(f"^cohabit: the worker tcp:\\S+ has another {differing};", told, re.M)
        assert len(told.splitlines()) == 2
        with pytest.raises(ZeroDivisionError):
            list(tasks.gather(client, (1).__floordiv__, [0]))
        for process in dask.processes[:2]:
            process.kill()
            process.wait()
        with pytest.raises(tasks.OtherCode, match="the worker tcp:.* has another"):
            list(tasks.gather(client, abs, [-1, -2]))


@pytest.mark.parametrize("case", STRANGERS)
def test_run__goes_on_when_a_worker_of_other_code_joins(
    case, tree, dask, tmp_path, monkeypatch, capsys
):
    check = workers._check_workers

    def check_and_join(client, marker):
        check(client, marker)
        join(dask, tmp_path, case)

    monkeypatch.setattr("cohabit.cli.run.write_report", lambda *_: True)
    monkeypatch.setattr(workers, "_check_workers", check_and_join)
    gone = dask.processes.pop()
    gone.kill()
    gone.wait()
    assert cli.main(["run", "--jobs", "2", *dask.options]) == 0
    assert set(tree.statuses().values()) == {"done"}
    *_, differing = STRANGERS[case]
    assert f" has another {differing}; start workers from the same" in capsys.readouterr().err
    assert cli.main(["run", "--force", *dask.options]) == 2
    assert f" has another {differing}; start workers from the same" in capsys.readouterr().err
