"""Parallel work on Dask workers started here or on a running Dask scheduler."""

import importlib.util
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, TypeVar

from cohabit.compute.tasks import gather

if TYPE_CHECKING:
    from distributed import Client, LocalCluster

Item = TypeVar("Item")
Result = TypeVar("Result")


THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
BOKEH = importlib.util.find_spec("bokeh") is not None
"""True if bokeh is installed, which Dask's dashboard needs."""

ANSWER_SECONDS = 10
"""Seconds to wait for a scheduler, and then for its workers."""

SPAWN = "distributed.nanny.pre-spawn-environ"
SPAWNED = {
    *(*THREAD_VARIABLES, "OMP_WAIT_POLICY", "PYTHONHASHSEED"),
    *("MALLOC_TRIM_THRESHOLD_", "__DASK_PARENT_PID"),
}


def count_cores() -> int:
    """Return the number of cores that this process can use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def limits(threads: int = 1) -> dict[str, str]:
    """Return environment variables that limit the threads of BLAS and OpenMP."""
    return {**dict.fromkeys(THREAD_VARIABLES, str(threads)), "OMP_WAIT_POLICY": "passive"}


@contextmanager
def open_cluster(
    scheduler: str | None = None, jobs: int | None = None, *, processes: bool = True
) -> Iterator["Client"]:
    """Yield a client of Dask workers; workers started here end with the block.

    A task whose worker dies fails; it is not run again automatically. Without `scheduler`, the
    address of a running one (``tcp://node1:8786``), `jobs` workers start here, by default one per
    core: processes with one thread for BLAS and OpenMP, or, with ``processes=False``, threads of
    this process, for tasks that only wait.

    Raises
    ------
    ValueError
        When `jobs` or the address is not one.
    ConnectionError
        When no scheduler answers at the address within 10 seconds, or it has no worker.
    """
    if jobs is not None and jobs < 1:
        raise ValueError(f"jobs: expected a whole number from 1; got {jobs}")
    if scheduler is not None:
        with _connect(scheduler) as client:
            yield client
    else:
        with _start(jobs or count_cores(), processes) as client:
            yield client


@contextmanager
def _connect(address: str) -> Iterator["Client"]:
    from distributed import Client

    _check_address(address)
    try:
        client = Client(address, timeout=ANSWER_SECONDS, set_as_default=False)
    except OSError:
        raise ConnectionError(
            f"no Dask scheduler answered at {address} within {ANSWER_SECONDS} s; "
            "start one with `dask scheduler`, which prints its address"
        ) from None
    with _quiet("distributed.client"), client:
        try:
            client.wait_for_workers(1, timeout=ANSWER_SECONDS)
        except TimeoutError:
            raise ConnectionError(
                f"the Dask scheduler at {address} has no worker; "
                f"start some with `dask worker {address} --nthreads 1`"
            ) from None
        yield client


def _check_address(address: str) -> None:
    from distributed.comm import parse_host_port
    from distributed.comm.addressing import parse_address

    try:
        _, place = parse_address(address)
        parse_host_port(place)
    except ValueError:
        raise ValueError(
            f"scheduler: expected an address such as tcp://node1:8786; got {address!r}"
        ) from None


@contextmanager
def _start(workers: int, processes: bool) -> Iterator["Client"]:
    import dask
    from distributed import Client

    spawned = {**dask.config.get(SPAWN, {}), **limits()}
    settings = {"distributed.scheduler.allowed-failures": 0, SPAWN: spawned}
    settings |= {"distributed.worker.profile.enabled": False}
    with (
        tempfile.TemporaryDirectory(prefix="cohabit-", ignore_cleanup_errors=True) as scratch,
        dask.config.set(settings | {"temporary-directory": scratch}),
        _same_environment(),
        _quiet("asyncio"),
        _start_workers(workers, processes) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        if BOKEH:
            print(f"dashboard: {client.dashboard_link}", flush=True)
        yield client


def _start_workers(workers: int, processes: bool) -> "LocalCluster":
    """Start workers without running the main script again in each."""
    from distributed import LocalCluster

    main, sys.modules["__main__"] = sys.modules["__main__"], ModuleType("__main__")
    try:
        return LocalCluster(
            n_workers=workers if processes else 1,
            threads_per_worker=1 if processes else workers,
            processes=processes,
            memory_limit=0,
            dashboard_address="127.0.0.1:0",
            worker_dashboard_address="127.0.0.1:0",
            scheduler_kwargs={"dashboard": BOKEH},
            silence_logs=logging.CRITICAL,
        )
    finally:
        sys.modules["__main__"] = main


@contextmanager
def _quiet(name: str) -> Iterator[None]:
    """Silence a logger, because workers that close under load log irrelevant messages."""
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


@contextmanager
def _same_environment() -> Iterator[None]:
    """Restore the environment variables that Dask changes in this process."""
    before = os.environ.copy()
    try:
        yield
    finally:
        for name in SPAWNED - before.keys():
            os.environ.pop(name, None)
        os.environ.update({name: before[name] for name in SPAWNED & before.keys()})


def map_tasks(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    scheduler: str | None = None,
    jobs: int | None = None,
) -> Iterator[tuple[Item, Result]]:
    """Call a function on each item in parallel and yield (item, result) as they finish.

    With one job and no scheduler all items are processed here in order, without a cluster.
    Otherwise the order is open: what `function` draws must depend on the item alone. An error of
    `function` is raised here, and what is left is not started.
    """
    items = list(items)
    if items:
        with open_workers(scheduler, min(jobs or count_cores(), len(items))) as work:
            yield from work(function, items)


@contextmanager
def open_workers(scheduler: str | None = None, jobs: int | None = None) -> Iterator[Callable]:
    """Yield a function that does what `map_tasks` does, for repeated use of the same workers.

    Parameters
    ----------
    scheduler, jobs
        As in `open_cluster`; one job and no scheduler: everything happens in this process.
    """
    if scheduler is None and (jobs or count_cores()) == 1:
        yield lambda function, items: ((item, function(item)) for item in items)
        return
    with open_cluster(scheduler, jobs) as client:
        yield partial(gather, client)
