"""The worker's side of a task: it starts, monitors and ends the task's process."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from cohabit.run import warm
from cohabit.run.folder import lose

STOP_SECONDS = 5
WATCH_SECONDS = 0.1
LOG_LINES = 15
ENDED = ("closing", "closed", "failed")
"""States of a worker whose results are no longer received."""


def run_on_worker(task: Mapping[str, object], topic: str) -> dict:
    """Run one notebook on a Dask worker and publish each cell as an event of a topic.

    The notebook is ended at once if the runner or the scheduler ends or cancels it.
    """
    from distributed import get_worker

    try:
        (Path(task["attempt"]) / "taken").touch(exist_ok=False)
    except FileExistsError:  # Dask gives the task of a worker that died to another one
        return lose("the Dask worker that ran it died")
    worker = get_worker()
    key = worker.get_current_task()

    def wanted() -> bool:
        state = worker.state.tasks.get(key)
        known = state is not None and state.state in ("executing", "long-running")
        return known and worker.status.name not in ENDED

    return run_task(task, lambda message: worker.log_event(topic, message), wanted)


def run_task(
    task: Mapping[str, object], say: Callable[[dict], None], wanted: Callable[[], bool]
) -> dict:
    """Run one notebook in its own process and return the result.

    `task` is as `cohabit.run.workers.Workers.run` describes it. `say` is called with each cell
    that starts: its number, how many there are, its source and the kernel's peak memory so far in
    MB. Once `wanted` returns False, the process is ended. The result holds status (`done`,
    `skipped`, `failed`), seconds, memory_mb, cells, reason or error, and whether the task was
    lost: it may then be tried again.
    """
    attempt, last, result = Path(task["attempt"]), {}, None
    started = time.monotonic()
    with (
        (attempt / "log.txt").open("w", encoding="utf-8") as log,
        _start(task, attempt, log) as process,
    ):
        watch = threading.Thread(target=_watch, args=(process, task["timeout"], wanted))
        watch.start()
        try:
            for line in process.stdout:
                message = json.loads(line)
                if "result" in message:
                    result = message["result"]
                else:
                    last = message
                    say(message)
        finally:
            process.stdin.close()
            watch.join()
    if result is None or process.returncode != 0:
        seconds = time.monotonic() - started
        result = _describe_end(process.returncode, last, seconds, task["timeout"])
    if result["status"] == "failed":
        result["error"].setdefault("traceback", _read_last_lines(attempt / "log.txt"))
    return result


def _start(task: Mapping, attempt: Path, log: TextIO) -> "subprocess.Popen | warm.ForkedTask":
    """Start the task's process by forking if possible, otherwise as a new Python."""
    task_file, folder = str(attempt / "task.json"), task["root"]
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONSTARTUP"}
    environment = kept | {
        "MATPLOTLIBRC": str(warm.MATPLOTLIBRC),
        "COHABIT_ROOT": task["root"],
        "COHABIT_OUTPUT_DIR": str(attempt / "output"),
        "COHABIT_CACHE_DIR": task["cache"],
    }
    if warm.AVAILABLE:
        with suppress(OSError):
            return warm.start_task(task["threads"], task_file, environment, folder, log)
    return subprocess.Popen(
        [sys.executable, "-m", "cohabit.run.task", task_file],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        cwd=folder,
        env=environment,
        text=True,
        start_new_session=True,  # Ctrl-C reaches the runner alone, which stops the tasks
    )


def _watch(process: subprocess.Popen, timeout: float | None, wanted: Callable[[], bool]) -> None:
    """Close the input of a process that exceeds its time or is cancelled, which ends it."""
    end = time.monotonic() + (timeout or float("inf"))
    while process.poll() is None and wanted() and time.monotonic() < end:
        time.sleep(WATCH_SECONDS)
    process.stdin.close()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


def _describe_end(code: int, last: Mapping, seconds: float, timeout: float | None) -> dict:
    """Describe the end of a process that left no result."""
    how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
    message = f"the task's process {how} and left no result"
    if code == -9:
        message += "; if nobody did so, the machine ran out of memory: try --jobs 1"
    too_long = timeout is not None and seconds >= timeout
    if too_long:
        message = f"not finished after {timeout:g} s and stopped; --timeout allows it more"
    error = {"message": message, **{key: last[key] for key in ("cell", "source") if key in last}}
    cost = {"seconds": seconds, "memory_mb": last.get("memory_mb", 0.0)}
    return {"status": "failed", "error": error, "lost": code < 0 and not too_long, **cost}


def _read_last_lines(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return "\n".join(lines[-LOG_LINES:])
