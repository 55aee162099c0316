"""`kill -9` of a kernel, a task, the warm process, a Dask worker or the runner, at random moments.

After each kill the same command is given once more. In the end it must finish, and cohort, tables,
figures, claims.tsv and recovery.tsv must be the bytes of a run that nobody disturbed. A chain is
five kills in a row, each at a moment drawn from the time that the work still left would take (a
run that has ended is wiped): ten chains of four small notebooks, then chains of the whole
collection in its classroom profile.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import psutil

from cohabit.compute.fingerprint import hash_file, hash_folder
from cohabit.files import paths
from validation import four_tasks

TITLE = "Kills"
KINDS = ("kernel", "task", "warm", "worker", "runner")
NAMES = {"kernel": "cohabit-kernel", "task": "cohabit-task", "warm": "cohabit-warm"}
COMPARED = ("cohort", "tables", "figures", "claims.tsv", "recovery.tsv")
RUN = (
    "import sys; from cohabit import cli; cli.run.write_report = lambda *_: True; "
    "sys.exit(cli.main(['run', '--profile', 'classroom', *sys.argv[1:]]))"
)
"""The command without its report, which reads results and changes none."""

CHAIN = 5
N_SMALL, SMALL_CHAINS = 5, 2
N_COLLECTION = 5
TOO_LATE = "after its end"

END_SECONDS = 3600


def parts() -> list[str]:
    """Return the parts with the small notebooks, then chains of kills of the whole collection."""
    small = [f"small-{number}" for number in range(1, N_SMALL + 1)]
    return [*small, *(f"collection-{number}" for number in range(1, N_COLLECTION + 1))]


def state() -> dict[str, str]:
    """Return what a trial depends on besides the library: the notebooks."""
    return {name: str(hash_folder(paths.root() / name)) for name in ("notebooks", "config")}


def measure(part: str) -> pd.DataFrame:
    """Return one row a trial: who was killed and when, how it ended, whether bytes agree."""
    with tempfile.TemporaryDirectory(prefix="cohabit-kills-") as folder:
        root = Path(folder) / "root"
        small = part.startswith("small")
        four_tasks.plant(root) if small else copy_collection(root)
        kinds = random.Random(part)
        chains = [kinds.choices(KINDS, k=CHAIN) for _ in range(SMALL_CHAINS if small else 1)]
        return pd.DataFrame(try_kills(root, chains, random.Random(f"{part} moments")))


def copy_collection(root: Path) -> None:
    """Copy notebooks, profiles and published figures to a root of their own."""
    root.mkdir()
    shutil.copy(paths.root() / "run_all.py", root)
    for name in ("notebooks", "config", "data/reference"):
        shutil.copytree(paths.root() / name, root / name)


def try_kills(root: Path, trials: list[list[str]], moments: random.Random) -> Iterator[dict]:
    """Run undisturbed once; then, for each trial, kill as it says, run again and compare."""
    began = time.monotonic()
    code = start(root).wait(END_SECONDS)
    seconds = time.monotonic() - began
    expected = read_results(root)
    if code or not expected:
        raise RuntimeError(f"the undisturbed run ended with code {code}")
    for number, kinds in enumerate(trials, 1):
        shutil.rmtree(root / "results")
        told, whole = [], True
        with workers_for(root, kinds) as workers:
            for kind in kinds:
                if left_to_do(root) == 0:
                    whole &= read_results(root) == expected
                    shutil.rmtree(root / "results")
                moment = moments.uniform(0, 0.8 * seconds * left_to_do(root))
                told.append(kill_once(root, kind, moment, workers))
            code = start(root, *workers.options).wait(END_SECONDS)
        found = read_results(root)
        yield {
            "trial": number,
            "kills": "; ".join(told),
            "landed": sum(TOO_LATE not in words for words in told),
            "code": code,
            "same": whole and found == expected,
            "differing": ", ".join(sorted(_differing(found, expected))[:3]),
        }


def left_to_do(root: Path) -> float:
    """Return the share of the notebooks that have no record yet."""
    records = root / "results" / "classroom" / ".records"
    done = sum(1 for _ in records.glob("[0-9]*.json"))
    return 1 - done / sum(1 for _ in (root / "notebooks").glob("[0-9]*.ipynb"))


def _differing(found: dict, expected: dict) -> set[str]:
    return {name for name in found | expected if found.get(name) != expected.get(name)}


def start(root: Path, *options: str) -> subprocess.Popen:
    """Start the runner below a root."""
    return subprocess.Popen(
        [sys.executable, "-c", RUN, *options],
        env={**os.environ, "COHABIT_ROOT": str(root)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def kill_once(root: Path, kind: str, moment: float, workers: "Workers") -> str:
    """Start the runner, kill one process after so many seconds, wait for the runner's end."""
    runner = start(root, *workers.options)
    try:
        runner.wait(moment)
        return f"{kind} {TOO_LATE}"
    except subprocess.TimeoutExpired:
        pass
    while (victim := find_victim(kind, runner.pid, workers)) is None and runner.poll() is None:
        time.sleep(0.02)
    if victim is None:
        return f"{kind} {TOO_LATE}"
    os.kill(victim, signal.SIGKILL)
    workers.mend(victim)
    runner.wait(END_SECONDS)
    return f"{kind} after {moment:.1f} s"


def find_victim(kind: str, runner: int, workers: "Workers") -> int | None:
    """Return a process of a kind; None where there is none just now."""
    if kind == "worker":
        return workers.processes[0].pid
    if kind == "runner":
        return runner
    homes = [runner, *(process.pid for process in workers.processes)]
    try:
        below = [child for pid in homes for child in psutil.Process(pid).children(recursive=True)]
        found = [child.pid for child in below if child.name() == NAMES[kind]]
    except psutil.Error:  # one ended while we looked
        return None
    return found[0] if found else None


def read_results(root: Path) -> dict[str, str]:
    """Return the hash of each result that is compared, by its path in the run."""
    run = root / "results" / "classroom"
    files = {name: run / name for name in COMPARED if (run / name).is_file()}
    found = {name: hash_file(path) for name, path in files.items()}
    for name in COMPARED:
        found |= {f"{name}/{path}": hashed for path, hashed in hash_folder(run / name).items()}
    return found


class Workers:
    """A Dask scheduler and two workers on this machine; none where nobody asks for them."""

    def __init__(self, root: Path):
        self.processes: list[subprocess.Popen] = []
        self.options: tuple[str, ...] = ()
        self._root = root

    def start(self) -> subprocess.Popen:
        """Start the scheduler, then the workers; return the scheduler."""
        told = self._root.parent / "scheduler.json"
        told.unlink(missing_ok=True)
        place = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-show")
        scheduler = self._dask("dask_scheduler", *place, "--scheduler-file", str(told))
        while not told.is_file() or not told.read_text(encoding="utf-8").strip():
            time.sleep(0.05)
        self._address = pd.read_json(told, typ="series")["address"]
        self.options = ("--scheduler", self._address)
        self.processes = [self.start_worker(), self.start_worker()]
        self.wait_for(2)
        return scheduler

    def wait_for(self, number: int) -> None:
        """Wait until so many workers have joined."""
        from distributed import Client

        with Client(self._address, set_as_default=False) as client:
            client.wait_for_workers(number, timeout=300)

    def mend(self, victim: int) -> None:
        """Start a new worker in place of one that was killed."""
        for number, process in enumerate(self.processes):
            if process.pid == victim:
                process.wait()
                self.processes[number] = self.start_worker()

    def start_worker(self, **environment: str) -> subprocess.Popen:
        """Start one more worker, with other environment variables if given."""
        place = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1")
        place += ("--local-directory", str(self._root.parent / "workers"))
        return self._dask("dask_worker", self._address, *place, **environment)

    def _dask(self, program: str, *options: str, **environment: str) -> subprocess.Popen:
        failures = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0"}
        return subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.{program}", *options],
            env={**failures, **os.environ, **environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


@contextmanager
def workers_for(root: Path, kinds: list[str]) -> Iterator[Workers]:
    """Give two Dask workers where one is to be killed."""
    workers = Workers(root)
    scheduler = workers.start() if "worker" in kinds else None
    try:
        yield workers
    finally:
        for process in [*workers.processes, *([scheduler] if scheduler else [])]:
            process.kill()
            process.wait()


def summarise(measured: pd.DataFrame) -> pd.DataFrame:
    """Return the trials."""
    return measured


def conclude(summary: pd.DataFrame) -> str:
    """Say how many trials ended well, and how many kills fell into a run."""
    good = (summary["code"] == 0) & summary["same"].astype(bool)
    landed, tried = summary["landed"].sum(), CHAIN * len(summary)
    return (
        f"{good.sum()} of {len(summary)} chains finished with the same bytes; "
        f"{landed} of {tried} kills fell into a run."
    )
