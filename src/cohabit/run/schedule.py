"""Which task runs when: dependency order, several at once, the longest way first.

`run_graph` knows neither notebooks nor Dask. It hands each task to `execute` in a thread, which
decides whether there is work, sends it to a worker and waits for it.
"""

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from itertools import islice
from typing import TypeVar

Task = TypeVar("Task", bound=Hashable)
Outcome = TypeVar("Outcome")


def run_graph(
    needs: Mapping[Task, Collection[Task]],
    execute: Callable[[Task, Mapping[Task, Outcome]], Outcome],
    *,
    jobs: int,
    order: Sequence[Task],
    stop: Callable[[], None],
) -> dict[Task, Outcome]:
    """Run every task after those that it needs.

    Parameters
    ----------
    needs : mapping
        Task -> tasks that must have ended before it, whatever their outcome.
    execute : callable
        Given a task and the outcomes of all it needs, returns its outcome. Called in a thread.
    jobs : int
        How many at once.
    order : sequence
        All tasks; of those that may start, the one that stands first here goes first.
    stop : callable
        Called once when the run is interrupted or `execute` raises; must make the running calls
        end soon.

    Returns
    -------
    dict
        Task -> outcome.
    """
    waiting = dict.fromkeys(order)
    outcomes, running = {}, {}
    with ThreadPoolExecutor(jobs) as threads:
        try:
            while waiting or running:
                for task in _ready(waiting, needs, outcomes, jobs - len(running)):
                    del waiting[task]
                    inputs = {need: outcomes[need] for need in needs[task]}
                    running[threads.submit(execute, task, inputs)] = task
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    outcomes[running.pop(future)] = future.result()
        except BaseException:
            stop()
            raise
    return outcomes


def _ready(waiting: Mapping, needs: Mapping, outcomes: Mapping, count: int) -> list:
    """Return the first tasks, no more than `count`, for which all that they need has ended."""
    ready = (task for task in waiting if all(need in outcomes for need in needs[task]))
    return list(islice(ready, count))


def order_by_way(
    needs: Mapping[Task, Collection[Task]], seconds: Mapping[Task, float]
) -> list[Task]:
    """Return the tasks, those with the longest expected way to the end of all first.

    Parameters
    ----------
    needs : mapping
        As in `run_graph`.
    seconds : mapping
        Expected time of each task.
    """
    ways = longest_ways(needs, seconds)
    return sorted(needs, key=lambda task: -ways[task])


def longest_ways(
    needs: Mapping[Task, Collection[Task]], seconds: Mapping[Task, float]
) -> dict[Task, float]:
    """Return the expected seconds from the start of each task to the end of all that follow."""
    after: dict[Task, list[Task]] = {task: [] for task in needs}
    for task, before in needs.items():
        for need in before:
            after[need].append(task)
    ways: dict[Task, float] = {}

    def way(task: Task) -> float:
        if task not in ways:
            ways[task] = seconds.get(task, 0.0) + max(map(way, after[task]), default=0.0)
        return ways[task]

    return {task: way(task) for task in needs}
