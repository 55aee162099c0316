"""Which task runs when: dependency order, several at once, the longest way first.

`run_graph` knows nothing of notebooks. It hands each task to `execute` in a thread, which waits
for a process; another scheduler has to offer the same function and nothing more.
"""

import os
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import TypeVar

Outcome = TypeVar("Outcome")


def count_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run_graph(
    needs: Mapping[str, Collection[str]],
    execute: Callable[[str, Mapping[str, Outcome]], Outcome],
    *,
    jobs: int,
    seconds: Mapping[str, float],
    stop: Callable[[], None],
) -> dict[str, Outcome]:
    """Run every task after those that it needs.

    Parameters
    ----------
    needs : mapping
        Task -> tasks that must have ended before it, whatever their outcome.
    execute : callable
        Given a task and the outcomes of all it needs, returns its outcome. Called in a thread.
    jobs : int
        How many at once.
    seconds : mapping
        Expected time of each task; the one with the longest way to the end goes first.
    stop : callable
        Called once when the run is interrupted or `execute` raises; must make the running calls
        end soon.

    Returns
    -------
    dict
        Task -> outcome.
    """
    way = longest_ways(needs, seconds)
    waiting = sorted(needs, key=lambda task: -way[task])
    outcomes, running = {}, {}
    with ThreadPoolExecutor(jobs) as threads:
        try:
            while waiting or running:
                for task in _ready(waiting, needs, outcomes)[: jobs - len(running)]:
                    waiting.remove(task)
                    inputs = {need: outcomes[need] for need in needs[task]}
                    running[threads.submit(execute, task, inputs)] = task
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    outcomes[running.pop(future)] = future.result()
        except BaseException:
            stop()
            raise
    return outcomes


def _ready(waiting: list[str], needs: Mapping, outcomes: Mapping) -> list[str]:
    return [task for task in waiting if set(needs[task]) <= set(outcomes)]


def longest_ways(
    needs: Mapping[str, Collection[str]], seconds: Mapping[str, float]
) -> dict[str, float]:
    """Return the expected seconds from the start of each task to the end of all that follow."""
    ways: dict[str, float] = {}

    def way(task: str) -> float:
        if task not in ways:
            after = [way(other) for other in needs if task in needs[other]]
            ways[task] = seconds.get(task, 0.0) + max(after, default=0.0)
        return ways[task]

    return {task: way(task) for task in needs}
