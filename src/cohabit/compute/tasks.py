"""Tasks on Dask workers, given only to workers that have the caller's code."""

import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Any

from cohabit.compute.fingerprint import describe_code

if TYPE_CHECKING:
    from distributed import Client, Future

LOOK_SECONDS = 2
SAY_SECONDS = 10
"""Seconds without a worker after which this is said."""

ALONE_SECONDS = 30
"""Seconds without a worker after which a task is given up."""

IN_ADVANCE = 3
"""Tasks submitted per thread of the workers: one runs and the others wait."""


class OtherCode(ConnectionError):
    """Workers have another version of cohabit or of its requirements than the caller."""


class NoWorker(ConnectionError):
    """There has been no worker for `ALONE_SECONDS`."""


class Tasks:
    """Tasks that a client submits.

    Every worker, also one that joins later, is asked for its code before it is given a task: one
    with other code is named on standard error and gets none.
    """

    def __init__(self, client: "Client"):
        self._client = client
        self._asked: dict[str, list[str]] = {}
        self._given: dict[Future, set[str]] = {}
        self._guard = threading.Lock()
        self._stopped = threading.Event()
        self._alone_since: float | None = None
        self._said = False

    def stop(self) -> None:
        """Cancel what was submitted and submit nothing more."""
        self._stopped.set()
        self._client.cancel(list(self._given), force=True)

    def submit(self, function: Callable, *arguments: object, **options) -> "Future":
        """Submit a call to the workers with the caller's code, waiting for one if necessary.

        Raises
        ------
        OtherCode
            When there are only workers with other code.
        NoWorker
            When there has been no worker for `ALONE_SECONDS`.
        InterruptedError
            When `stop` was called.
        """
        while not (alike := self.find_alike()) and not self._stopped.wait(LOOK_SECONDS):
            self._endure()
        if self._stopped.is_set():
            raise InterruptedError("the run was stopped")
        call = (_call_alike, describe_code(), function, *arguments)
        future = self._client.submit(*call, workers=sorted(alike), **options)
        self._given[future] = set(alike)
        if self._stopped.is_set():  # meanwhile
            self.stop()
        return future

    def wait(self, futures: Collection["Future"]) -> list["Future"]:
        """Wait a while for one of a few tasks, and return those that cannot go on.

        They have ended, or the workers that may run them are gone: submit these again.

        Raises
        ------
        concurrent.futures.CancelledError
            When a task was cancelled or the scheduler has ended.
        """
        from distributed import wait

        with suppress(TimeoutError), self._client.as_current():
            wait(list(futures), timeout=LOOK_SECONDS, return_when="FIRST_COMPLETED")
        alike = self.find_alike().keys()
        ended = [each for each in futures if each.done() or self._given[each].isdisjoint(alike)]
        for future in ended:
            del self._given[future]
        return ended

    def find_alike(self) -> dict[str, int]:
        """Return the number of threads of each worker with the caller's code, by address."""
        threads = self._find_all()
        with self._guard:
            self._ask([address for address in threads if address not in self._asked])
            alike = {a: n for a, n in threads.items() if not self._asked[a]}
            if alike:
                self._alone_since, self._said = None, False
        return alike

    def _find_all(self) -> Mapping[str, int]:
        try:
            return self._client.nthreads()
        except OSError:  # the scheduler is gone
            return {}

    def _ask(self, addresses: list[str]) -> None:
        if not addresses:
            return
        ours = describe_code()
        answers = self._client.run(describe_code, workers=addresses, on_error="return")
        for address in addresses:
            self._asked[address] = find_differing(ours, answers.get(address))
            if differing := self._asked[address]:
                print(f"cohabit: {describe_differing(address, differing)}", file=sys.stderr)

    def _endure(self) -> None:
        """Accept that there is no worker, say so after a while and give up after another."""
        strangers = [each for each in self._find_all() if self._asked.get(each)]
        with self._guard:
            if strangers:
                raise OtherCode(describe_differing(strangers[0], self._asked[strangers[0]]))
            now = time.monotonic()
            self._alone_since = self._alone_since or now
            alone = now - self._alone_since
            if alone >= ALONE_SECONDS:
                raise NoWorker(f"for {ALONE_SECONDS} s there was no Dask worker")
            if alone >= SAY_SECONDS and not self._said:
                self._said = True
                more = f"what waits for one fails in {ALONE_SECONDS - alone:.0f} s"
                print(f"cohabit: no Dask worker for {alone:.0f} s; {more}", file=sys.stderr)


def _call_alike(ours: Mapping[str, str], function: Callable, *arguments: object) -> object:
    """Call a function on a worker after comparing its versions with the caller's.

    Raises
    ------
    OtherCode
        Names the worker and what differs.
    """
    if differing := find_differing(ours, describe_code()):
        from distributed import get_worker

        raise OtherCode(describe_differing(get_worker().address, differing))
    return function(*arguments)


def find_differing(ours: Mapping[str, str], theirs: object) -> list[str]:
    """Return the names of components whose versions differ on a worker.

    A worker that could not say what it has is too old to know the question.
    """
    theirs = theirs if isinstance(theirs, Mapping) else {}
    return [name for name in ours if theirs.get(name) != ours[name]] if theirs else ["cohabit"]


def describe_differing(address: str, differing: list[str]) -> str:
    """Return a description of which worker differs in what, with a remedy."""
    names = ", ".join(differing)
    return f"the worker {address} has another {names}; start workers from the same environment"


def gather(client: "Client", function: Callable, items: list) -> Iterator[tuple[Any, Any]]:
    """Do what `map_tasks` does on the workers of a client."""
    tasks, left = Tasks(client), iter(items)
    running: dict[Future, Any] = {}
    try:
        while True:
            room = max(1, IN_ADVANCE * sum(tasks.find_alike().values())) - len(running)
            for item in islice(left, max(0, room)):
                running[tasks.submit(function, item, pure=False)] = item
            if not running:
                return
            for future in tasks.wait(running):
                item = running.pop(future)
                if future.done():
                    yield item, future.result()
                else:
                    running[tasks.submit(function, item, pure=False)] = item
    finally:
        tasks.stop()
