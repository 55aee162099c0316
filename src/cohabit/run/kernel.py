"""The kernel of a task: a new Python, or one forked from the task's process before it has threads.

A forked kernel sleeps until Jupyter's client asks for it, then starts as any other.
"""

import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager

from cohabit.run.warm import name_process

COMMAND = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
FILE = "kernel.json"


class ForkedKernel:
    """A kernel that is forked here and now; to Jupyter what `subprocess.Popen` is.

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
        """Wake it: the connection file is there."""
        self._ask.send_bytes(b"start")

    def poll(self) -> int | None:
        """Return its exit code, or None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Return its exit code once it has ended."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("a forked kernel", timeout)
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        """Send it a signal."""
        if self._process.exitcode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it."""
        self._process.kill()

    def terminate(self) -> None:
        """Ask it to end."""
        self._process.terminate()


def _be_kernel(asked, ask, connection_file: str) -> None:
    """Wait to be asked, then be a kernel that ends with its parent."""
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
    """Return a kernel manager for this very Python that opens no port.

    Parameters
    ----------
    runtime : Path
        Folder of the connection file.
    started : list
        Gets each manager that is made.
    forked : ForkedKernel or None
        The kernel to wake; without one a new Python is started.
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
