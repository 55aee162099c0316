"""The process of one task: `python -m cohabit.run.task TASK.json`, or forked by `warm`.

It sets its own thread limits, runs one notebook through papermill, and says on its standard
output which cell it has reached and, last, the result (one JSON object a line): words get
through where the disk is full. It holds its standard input open: when that closes, the runner is
gone or wants no more, and the kernel dies with it. The kernel is a new Python, or one forked from
this process before it has threads, which sleeps until Jupyter's client asks for it.
"""

import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager

from cohabit.compute.pool import limits
from cohabit.data.schema import MissingInput
from cohabit.run.folder import explain, fail
from cohabit.run.warm import name_process

KERNEL_START_SECONDS = 180
FEWEST_FILES = 256

COMMAND = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
FILE = "kernel.json"


def be_task(task_file: str, *, warm: bool = False) -> None:
    """Run the task described in a file and send its result; a warm process forks the kernel."""
    task = json.loads(Path(task_file).read_text(encoding="utf-8"))
    os.environ.update(limits(task["threads"]))
    kernels: list = []
    say = _open_channel()
    try:
        runtime = Path(tempfile.mkdtemp(prefix="cohabit-"))
    except OSError as error:
        say({"result": fail(f"no temporary folder: {explain(error)}; TMPDIR names another")})
        return
    os.environ["IPYTHONDIR"] = str(runtime / "ipython")  # empty: no start-up file of the reader
    forked = ForkedKernel(runtime) if warm else None  # before this process has a thread
    threading.Thread(target=_die_with_the_runner, args=(kernels, runtime), daemon=True).start()
    started = time.monotonic()
    try:
        result = execute(task, runtime, kernels, say, forked)
    finally:
        shutil.rmtree(runtime, ignore_errors=True)
    result |= {"seconds": time.monotonic() - started, "memory_mb": _peak_memory()}
    say({"result": result})


def execute(
    task: dict,
    runtime: Path,
    kernels: list,
    say: Callable[[dict], None],
    forked: "ForkedKernel | None" = None,
) -> dict:
    """Run the notebook and return its status, its cells, and why it was skipped or failed."""
    if find_spec("ipykernel_launcher") is None:
        message = f"no kernel for {sys.executable}: ipykernel is not installed; `make` installs it"
        return fail(message)
    import papermill

    cells = Cells(task["source"], kernels, say)
    try:
        papermill.execute_notebook(
            task["source"],
            task["executed"],
            task["parameters"],
            kernel_name="python3",
            kernel_manager_class=make_manager(runtime, kernels, forked),
            progress_bar=False,
            cwd=task["root"],
            start_timeout=KERNEL_START_SECONDS,
            on_cell_execute=cells.begin,
            on_cell_executed=cells.end,
        )
    except papermill.PapermillExecutionError as error:
        if error.ename == MissingInput.__name__:
            return {"status": "skipped", "reason": error.evalue, "cells": cells.cost}
        return {"status": "failed", "error": _describe_cell(error), "cells": cells.cost}
    except Exception as error:
        words = explain(error) if isinstance(error, OSError) else str(error)
        message = f"{type(error).__name__}: {words}".strip() + _describe_limit()
        return {"status": "failed", "error": {"message": message} | cells.last}
    return {"status": "done", "cells": cells.cost}


class Cells:
    """Observer of a notebook's code cells that reports progress and records costs."""

    def __init__(self, source: str, kernels: list, say: Callable[[dict], None]):
        found = json.loads(Path(source).read_text(encoding="utf-8"))["cells"]
        code = [cell for cell in found if cell["cell_type"] == "code" and "".join(cell["source"])]
        self._count = len(code) + 1  # the injected values
        self._kernels = kernels
        self._say = say
        self.cost: list[tuple[float, float]] = []
        """Seconds and peak memory (MB, of the kernel so far) of each cell."""

        self.last: dict = {}
        """Number and source of the last cell that started."""

    def begin(self, cell, cell_index: int) -> None:
        """Report that a cell starts."""
        self._began = time.monotonic()
        self.last = {"cell": len(self.cost) + 1, "source": cell.source}
        self._say({**self.last, "cells": self._count, "memory_mb": self._peak()})

    def end(self, cell, cell_index: int, execute_reply) -> None:
        """Record the cost of a cell."""
        self.cost.append((round(time.monotonic() - self._began, 3), self._peak()))

    def _peak(self) -> float:
        """Return the peak memory of the running kernel in MB, or 0 if unknown."""
        pid = getattr(self._kernels[-1].provisioner, "pid", None) if self._kernels else None
        try:
            status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
        except OSError:
            return 0.0
        found = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
        return round(int(found[0]) / 2**10) if found else 0.0


def _describe_cell(error) -> dict:
    return {
        "cell": error.exec_count,
        "source": error.source,
        "message": f"{error.ename}: {error.evalue}",
        "traceback": "\n".join(error.traceback),
    }


def _open_channel() -> Callable[[dict], None]:
    """Reserve standard output for messages and send other output to standard error."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    return lambda message: channel.write(json.dumps(message) + "\n")


def _die_with_the_runner(kernels: list, runtime: Path) -> None:
    """Wait until standard input closes, then end the kernel and this process."""
    while os.read(0, 4096):
        pass
    for manager in kernels:
        pid = getattr(manager.provisioner, "pid", None)
        if pid:
            os.kill(pid, signal.SIGKILL)
    shutil.rmtree(runtime, ignore_errors=True)
    os._exit(1)


def _describe_limit() -> str:
    """Say when so few files may be open that a kernel dies of it; it has no words of its own."""
    try:
        import resource
    except ImportError:
        return ""
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if allowed >= FEWEST_FILES:
        return ""
    return f"; only {allowed} files may be open at once: raise the limit, such as `ulimit -n 4096`"


def _peak_memory() -> float:
    """Return the peak memory of the kernel in MB, or 0 if unknown."""
    try:
        import resource
    except ImportError:
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


class ForkedKernel:
    """A forked kernel with the interface of `subprocess.Popen` that Jupyter expects.

    Parameters
    ----------
    runtime : Path
        Folder of its connection file.
    """

    stdin = stdout = stderr = None

    def __init__(self, runtime: Path):
        context = multiprocessing.get_context("fork")
        asked, self._ask = context.Pipe(duplex=False)
        target, arguments = _be_kernel, (asked, self._ask, str(runtime / FILE))
        self._process = context.Process(target=target, args=arguments)
        self._process.start()
        asked.close()
        self.pid = self._process.pid

    def start(self) -> None:
        """Wake the kernel after the connection file has been written."""
        self._ask.send_bytes(b"start")

    def poll(self) -> int | None:
        """Return the exit code, or None while the kernel runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code once the kernel has ended."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("a forked kernel", timeout)
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        """Send the kernel a signal."""
        if self._process.exitcode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill the kernel."""
        self._process.kill()

    def terminate(self) -> None:
        """Ask the kernel to terminate."""
        self._process.terminate()


def _be_kernel(asked, ask, connection_file: str) -> None:
    """Wait for a request and then run as a kernel that ends with its parent."""
    ask.close()
    try:
        asked.recv_bytes()
    except EOFError:  # the task ended before it needed a kernel
        return
    from ipykernel.kernelapp import IPKernelApp

    name_process("cohabit-kernel")
    os.dup2(2, 1)
    os.setsid()
    parent = f"--IPKernelApp.parent_handle={os.getppid()}"
    IPKernelApp.launch_instance(argv=["-f", connection_file, parent])


def make_manager(runtime: Path, started: list, forked: ForkedKernel | None) -> type:
    """Return a class of kernel managers that uses this Python and opens no port.

    `runtime` is the folder of the connection file; `started` gets each manager that is made. With
    a forked kernel that one is woken, without one a new Python is started.
    """

    class ThisPython(KernelSpecManager):
        def get_kernel_spec(self, kernel_name):
            return KernelSpec(argv=COMMAND, display_name=kernel_name, language="python")

    class Manager(AsyncKernelManager):
        def __init__(self, **settings):
            file = str(runtime / FILE)
            settings |= {"connection_file": file, "kernel_spec_manager": ThisPython()}
            super().__init__(transport="ipc", **settings)
            started.append(self)

        async def _async_launch_kernel(self, kernel_cmd, **options):
            if forked is None:
                return await super()._async_launch_kernel(kernel_cmd, **options)
            self.provisioner.process, self.provisioner.pid = forked, forked.pid
            forked.start()

        _launch_kernel = _async_launch_kernel

    return Manager


if __name__ == "__main__":
    be_task(sys.argv[1])
