"""Dask workers, here or elsewhere, that start the processes of tasks.

Only the runner reads and writes a run's folder. A worker gets a notebook and an empty attempt
folder, whose content counts only after the runner has moved it into the run.
"""

import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from functools import cache
from itertools import count
from pathlib import Path

from cohabit.compute.fingerprint import describe_code, hash_environment, hash_library, hash_value
from cohabit.compute.pool import count_cores, open_cluster
from cohabit.compute.tasks import NoWorker, OtherCode, Tasks, describe_differing, find_differing
from cohabit.run.folder import fail, lose, write_json
from cohabit.run.process import run_on_worker

OnCell = Callable[[Mapping[str, object]], None]


class Workers(AbstractContextManager):
    """The Dask workers of one run, started with the first task.

    Parameters
    ----------
    root : Path
        The collection.
    marker : Path
        A file that is there while the run lasts; workers elsewhere have to see it too.
    scheduler : str, optional
        Address of a running scheduler; otherwise threads of this process wait for the tasks'
        processes.
    jobs : int, optional
        How many tasks at once; by default one per core or thread of the scheduler's workers.
    """

    def __init__(
        self, root: Path, marker: Path, *, scheduler: str | None = None, jobs: int | None = None
    ):
        self._root = root
        self._marker = marker
        self._scheduler = scheduler
        self._jobs = jobs
        self._client = None
        self._guard = threading.Lock()
        self._stack = ExitStack()

    def __exit__(self, *error):
        self._stack.close()
        return None

    def count(self) -> int:
        """Return the number of tasks that can run at once, from the scheduler if there is one."""
        if self._scheduler is None or self._jobs is not None:
            return self._jobs or count_cores()
        return sum(self._open().nthreads().values())

    @property
    def threads(self) -> int:
        """Threads for BLAS and OpenMP in each task: cores divided among tasks."""
        return 1 if self._scheduler else max(1, count_cores() // self.count())

    def run(
        self,
        source: Path,
        attempt: Path,
        parameters: Mapping[str, object],
        *,
        timeout: float | None,
        on_cell: OnCell,
    ) -> dict:
        """Run one notebook on a worker and return its result, as described in `run_task`.

        The executed notebook, `output/` and the log are written into the folder `attempt`;
        `on_cell` is called with each cell that starts.

        Raises
        ------
        InterruptedError
            When the run was stopped.
        """
        from distributed import CancelledError, KilledWorker

        task = {
            "source": str(source),
            "attempt": str(attempt),
            "executed": str(attempt / "notebook.ipynb"),
            "root": str(self._root),
            "cache": str(self._root / ".cache" / _name_state()),
            "parameters": dict(parameters),
            "threads": self.threads,
            "timeout": timeout,
        }
        write_json(attempt / "task.json", task)
        name = f"{source.stem} in {attempt}"
        self._listen(name, on_cell)
        try:
            return self._wait_for(task, name)
        except (KilledWorker, NoWorker) as error:
            told = isinstance(error, NoWorker)
            return lose(str(error) if told else "the Dask worker that ran it died")
        except OtherCode as error:
            return fail(str(error))
        except CancelledError:
            raise InterruptedError("the run was stopped, or the Dask scheduler ended") from None
        finally:
            self._client.unsubscribe_topic(name)

    def _listen(self, topic: str, on_cell: OnCell) -> None:
        with self._guard:
            self._open().subscribe_topic(topic, lambda event: on_cell(event[1]))

    def _wait_for(self, task: Mapping, name: str) -> dict:
        for number in count():
            future = self._tasks.submit(run_on_worker, task, name, key=f"{name} {number}")
            while not self._tasks.wait([future]):
                pass
            if future.done():
                return future.result()

    def stop(self) -> None:
        """End every task at once and discard its output."""
        with self._guard:
            if self._client is not None:
                self._tasks.stop()

    def _open(self):
        if self._client is None:
            jobs = None if self._scheduler else self.count()
            cluster = open_cluster(self._scheduler, jobs, processes=False)
            client = self._stack.enter_context(cluster)
            if self._scheduler:
                _check_workers(client, self._marker)
            self._client, self._tasks = client, Tasks(client)
        return self._client


@cache
def _name_state() -> str:
    """Return the state of the simulator, which names the cache between runs."""
    return hash_value([hash_library("import cohabit.simulate"), hash_environment()])[:16]


def _check_workers(client, marker: Path) -> None:
    """Raise an error for workers without access to the run's folder or with other versions.

    Raises
    ------
    ValueError
        Names a worker and what it lacks.
    """
    content, ours = _describe_worker(str(marker))
    for address, answer in client.run(_describe_worker, str(marker), on_error="return").items():
        seen, theirs = answer if isinstance(answer, tuple) else (content, None)
        if seen != content:
            raise ValueError(
                f"--scheduler: the worker {address} does not see {marker.parent}; "
                "workers need the same file system under the same path"
            )
        if differing := find_differing(ours, theirs):
            raise ValueError(f"--scheduler: {describe_differing(address, differing)}")


def _describe_worker(marker: str) -> tuple[str, dict[str, str]]:
    path = Path(marker)
    return path.read_text(encoding="utf-8") if path.is_file() else "", dict(describe_code())
