"""A Python process with the notebooks' imports that forks tasks on request (Linux).

Imports take longer than the work of most notebooks. They are done once: `WarmPython` starts `python
-m cohabit.run.warm` and sends it one order per task, and it forks a process that starts with
everything imported. It runs one thread and does nothing else, so a fork copies no lock, no thread
pool and no random state. On other systems, or if it does not answer, tasks start in a new Python
(`cohabit.run.process`).
"""

import atexit
import gc
import json
import multiprocessing
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cache
from importlib import import_module
from multiprocessing.connection import wait as wait_for_any
from pathlib import Path
from typing import TextIO

from cohabit.compute.pool import limits

AVAILABLE = sys.platform == "linux"
"""True on Linux; elsewhere forking is unsafe with loaded system libraries or impossible."""

IMPORTED = (
    *("papermill", "ipykernel.kernelapp", "matplotlib.pyplot", "seaborn", "scipy.stats", "skbio"),
    *("biom", "sklearn.linear_model", "statsmodels.api", "cohabit.run.task"),
    *(
        "cohabit.stats.abundance",
        "cohabit.judge.claims",
        "cohabit.figures",
        "cohabit.stats.permanova",
    ),
    *("cohabit.judge.recovery", "cohabit.simulate", "cohabit.files.storage"),
)
"""Modules imported in advance, none of which looks for a running kernel on import."""

MATPLOTLIBRC = Path(__file__).with_name("matplotlibrc")
"""Settings of figures in every kernel, which replace the reader's own."""

BACKEND = {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}
LONGEST_ORDER = 2**18
SAID = struct.Struct("q")
GUARD = threading.Lock()


def start_task(
    threads: int, task_file: str, environment: Mapping[str, str], folder: str, log: TextIO
) -> "ForkedTask":
    """Fork the process of one task, which runs `cohabit.run.task.be_task` on its file.

    BLAS reads the number of threads when it is imported: each number has its warm process. The
    environment is all that the task gets; `log` gets its standard error.

    Raises
    ------
    OSError
        When no warm process can be had.
    """
    order = {"task_file": task_file, "environment": dict(environment), "folder": folder}
    with GUARD:
        try:
            return _find_warm(threads).start(order, log)
        except OSError:  # it was killed since
            _find_warm.cache_clear()
            return _find_warm(threads).start(order, log)


@cache
def _find_warm(threads: int) -> "WarmPython":
    return WarmPython(threads)


class WarmPython:
    """The runner's end of the process that imports and forks."""

    def __init__(self, threads: int):
        self._orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "cohabit.run.warm", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={**os.environ, **limits(threads), **BACKEND, "MATPLOTLIBRC": str(MATPLOTLIBRC)},
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # Ctrl-C reaches the runner alone, which stops the tasks
            )
        atexit.register(self.close)

    def start(self, order: Mapping[str, object], log: TextIO) -> "ForkedTask":
        """Send one order and return the task."""
        stdin, out, status = os.pipe(), os.pipe(), os.pipe()
        theirs = [stdin[0], out[1], status[1]]
        task = ForkedTask(stdin[1], out[0], status[0])
        try:
            socket.send_fds(self._orders, [json.dumps(order).encode()], [*theirs, log.fileno()])
        except OSError:
            task.close()
            raise
        finally:
            for end in theirs:
                os.close(end)
        return task

    def close(self) -> None:
        """End the process, which also ends if this one dies."""
        self._orders.close()
        self._process.wait()


class ForkedTask:
    """A forked task with the interface of `subprocess.Popen`."""

    def __init__(self, stdin: int, stdout: int, status: int):
        self.stdin = os.fdopen(stdin, "wb")
        self.stdout = os.fdopen(stdout, encoding="utf-8")
        self.returncode: int | None = None
        self._pid: int | None = None
        self._status = os.fdopen(status, "rb", buffering=0)
        os.set_blocking(status, False)
        self._guard = threading.Lock()

    def __enter__(self) -> "ForkedTask":
        return self

    def __exit__(self, *_) -> None:
        self.stdin.close()
        self.wait()
        self.close()

    def close(self) -> None:
        """Close this end of its pipes."""
        for end in (self.stdin, self.stdout, self._status):
            end.close()

    def poll(self) -> int | None:
        """Return the exit code, or None while it runs."""
        return self._look(0)

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code once it has ended.

        Raises
        ------
        subprocess.TimeoutExpired
        """
        if self._look(timeout) is None:
            raise subprocess.TimeoutExpired("a forked task", timeout)
        return self.returncode

    def kill(self) -> None:
        """Kill the task at once."""
        if self.returncode is None and self._pid:
            os.kill(self._pid, signal.SIGKILL)

    def _look(self, timeout: float | None) -> int | None:
        while self.returncode is None and wait_for_any([self._status], timeout):
            with self._guard:
                self._read()
        return self.returncode

    def _read(self) -> None:
        """Read the process id and then the exit code from the warm process."""
        said = self._status.read(SAID.size)
        if said == b"":  # the warm process was killed, and cannot say any more
            self.returncode = -signal.SIGKILL
        elif said and self._pid is None:
            (self._pid,) = SAID.unpack(said)
        elif said:
            (self.returncode,) = SAID.unpack(said)


def be_warm(descriptor: int) -> None:
    """Import the modules, then fork a task for each order until the socket closes."""
    name_process("cohabit-warm")
    for name in IMPORTED:
        with suppress(Exception):  # a task that needs it will say so
            import_module(name)
    with suppress(Exception):  # one in the current folder goes before any other
        import_module("matplotlib").rc_file(MATPLOTLIBRC)
    gc.collect()
    gc.freeze()
    _serve(socket.socket(fileno=descriptor))


def _serve(orders: socket.socket) -> None:
    running: dict[int, tuple[multiprocessing.Process, int]] = {}
    while True:
        for ready in wait_for_any([orders, *running]):
            if ready in running:
                process, status = running.pop(ready)
                process.join()
                _say(status, process.exitcode)
                os.close(status)
            elif not _fork_one(orders, running):
                os._exit(0)  # the tasks end by themselves: their input has closed too


def _fork_one(orders: socket.socket, running: dict) -> bool:
    """Carry out one order; return False when there will be no more."""
    message, ends, *_ = socket.recv_fds(orders, LONGEST_ORDER, 4)
    if not message:
        return False
    foreign = [orders.fileno(), ends[2], *(status for _, status in running.values())]
    context = multiprocessing.get_context("fork")
    process = context.Process(target=_begin, args=(json.loads(message), ends, foreign))
    process.start()
    stdin, out, status, log = ends
    for end in (stdin, out, log):
        os.close(end)
    _say(status, process.pid)
    running[process.sentinel] = process, status
    return True


def _say(status: int, number: int) -> None:
    with suppress(OSError):  # nobody listens any more
        os.write(status, SAID.pack(number))


def _begin(order: Mapping[str, object], ends: list[int], foreign: Iterable[int]) -> None:
    """Set up and run the task in the forked process."""
    from cohabit.run import task

    name_process("cohabit-task")
    stdin, out, _, log = ends
    for number, end in enumerate((stdin, out, log)):
        os.dup2(end, number)
    for end in {stdin, out, log, *foreign}:
        os.close(end)
    os.setsid()
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    task.be_task(order["task_file"], warm=True)


def name_process(name: str) -> None:
    """Set the name of this process in `ps` and `top`, at most 15 letters (Linux)."""
    Path("/proc/self/comm").write_text(name, encoding="utf-8")


if __name__ == "__main__":
    be_warm(int(sys.argv[1]))
