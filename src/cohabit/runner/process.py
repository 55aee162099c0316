"""The runner's end of a task: starts its process, listens to it, and can stop it."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from cohabit.runner.folder import write_json

STOP_SECONDS = 5
LOG_LINES = 15


class Tasks:
    """The task processes of one run; `stop` ends them all."""

    def __init__(self, root: Path):
        self.root = root
        self._running: set[subprocess.Popen] = set()
        self._guard = threading.Lock()
        self._stopped = False

    def run(
        self,
        source: Path,
        attempt: Path,
        parameters: Mapping[str, object],
        *,
        threads: int,
        on_cell: Callable[[int, int], None],
    ) -> dict:
        """Run one notebook in a process of its own and return its result.

        Parameters
        ----------
        source : Path
            The notebook.
        attempt : Path
            Its folder: the executed notebook, `output/` and the log are written there.
        parameters : mapping
        threads : int
            Limit for BLAS and OpenMP.
        on_cell : callable
            Called with the number of the cell that starts, and how many there are.
        """
        write_json(attempt / "task.json", self._describe(source, attempt, parameters, threads))
        log = attempt / "log.txt"
        with log.open("w", encoding="utf-8") as stream:
            process = self._start(attempt, stream)
            try:
                _listen(process, on_cell)
            finally:
                process.stdin.close()
                process.wait()
                process.stdout.close()
                with self._guard:
                    self._running.discard(process)
        return _read_result(attempt / "result.json", process.returncode, log)

    def stop(self) -> None:
        """End every task at once; nothing that they wrote is kept."""
        with self._guard:
            self._stopped = True
            running = list(self._running)
        for process in running:
            process.stdin.close()
        for process in running:
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()

    def _describe(self, source: Path, attempt: Path, parameters: Mapping, threads: int) -> dict:
        return {
            "source": str(source),
            "executed": str(attempt / "notebook.ipynb"),
            "result": str(attempt / "result.json"),
            "root": str(self.root),
            "parameters": dict(parameters),
            "threads": threads,
        }

    def _start(self, attempt: Path, log) -> subprocess.Popen:
        places = {"COHABIT_ROOT": str(self.root), "COHABIT_OUTPUT_DIR": str(attempt / "output")}
        with self._guard:
            if self._stopped:
                raise InterruptedError("the run was stopped")
            process = subprocess.Popen(
                [sys.executable, "-m", "cohabit.runner.notebook", str(attempt / "task.json")],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=self.root,
                env={**os.environ, **places},
                text=True,
                start_new_session=True,  # Ctrl-C reaches the runner alone, which stops the tasks
            )
            self._running.add(process)
        return process


def _listen(process: subprocess.Popen, on_cell: Callable[[int, int], None]) -> None:
    for line in process.stdout:
        message = json.loads(line)
        on_cell(message["cell"], message["cells"])


def _read_result(path: Path, code: int, log: Path) -> dict:
    """Read a task's result; a process that left none has failed."""
    if path.is_file() and code == 0:
        result = json.loads(path.read_text(encoding="utf-8"))
    else:
        message = f"the task's process ended with code {code} and left no result"
        result = {"status": "failed", "error": {"message": message}}
        result |= {"seconds": 0.0, "memory_mb": 0.0}
    if result["status"] == "failed":
        result["error"].setdefault("traceback", _read_last_lines(log))
    return result


def _read_last_lines(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return "\n".join(lines[-LOG_LINES:])
