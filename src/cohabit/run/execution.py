"""Execution of a plan: the notebooks of all settings in one graph, a folder per setting.

Several run at once, the longest way first. `run_graph` knows neither notebooks nor Dask: it hands
each task to `execute` in a thread, which decides whether there is work, sends it to a worker and
waits for it.
"""

from collections.abc import Callable, Collection, Hashable, Mapping
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from datetime import UTC, datetime
from itertools import islice
from typing import TypeVar

from cohabit.compute.fingerprint import find_versions
from cohabit.files import paths
from cohabit.run.folder import Outcome, RunFolder, write_json
from cohabit.run.plan import Plan
from cohabit.run.progress import PlainProgress
from cohabit.run.setting import UNCHANGED, SettingRun, Task
from cohabit.run.workers import Workers

Node = TypeVar("Node", bound=Hashable)
End = TypeVar("End")

RUN_SUMMARY, SWEEP_SUMMARY = "run.json", "sweep.json"
KEPT_OF_NOTEBOOK = (
    *("number", "title", "status", "reused", "reason", "seconds", "memory_mb", "error"),
)
"""Entries of a notebook in a sweep's summary; its setting's summary has more."""


class Execution:
    """A plan in its folder, reusing finished work of earlier runs."""

    def __init__(self, plan: Plan):
        self.plan = plan
        self.folder = RunFolder(plan.folder)
        self.parts = {setting.name: SettingRun(plan, setting) for setting in plan.settings}

    @property
    def names(self) -> dict[Task, str]:
        """Displayed name of each task."""
        found = {}
        for setting, part in self.parts.items():
            before = f"{setting} " if self.plan.is_sweep else ""
            for number in sorted(part.selected):
                found[setting, number] = before + part.setting.notebooks[number].name
        return found

    def check(self) -> dict[Task, str]:
        """Return `unchanged` or the reason to run for each task."""
        return {
            (setting, number): why
            for setting, part in self.parts.items()
            for number, why in part.check().items()
        }

    def run(self, progress: PlainProgress) -> dict[Task, Outcome]:
        """Bring every setting up to date; the folder must be locked.

        Earlier settings are finished before later ones start, as far as there are enough cores.
        """
        for part in self.parts.values():
            part.clear()

        def execute(task: Task, inputs: Mapping[Task, Outcome]) -> Outcome:
            setting, number = task
            before = {need: outcome for (_, need), outcome in inputs.items()}
            return self.parts[setting].bring_up_to_date(number, before, workers, progress)

        asked = {"scheduler": self.plan.scheduler, "jobs": self.plan.jobs}
        with Workers(paths.root(), self.folder.owner, **asked) as workers:
            jobs = workers.count() if self._has_work() else 1
            return run_graph(self._find_needs(), execute, jobs=jobs, stop=workers.stop)

    def _find_needs(self) -> dict[Task, list[Task]]:
        """Return each task with those before it: by setting, then critical path first."""
        found = {}
        for setting, part in self.parts.items():
            needs = {number: part.setting.needs[number] for number in part.selected}
            seconds = {number: part.expect_seconds(number) for number in needs}
            ways = longest_ways(needs, seconds)
            for number in sorted(needs, key=lambda number: -ways[number]):
                found[setting, number] = [(setting, need) for need in needs[number]]
        return found

    def _has_work(self) -> bool:
        return self.plan.scheduler is None or set(self.check().values()) != {UNCHANGED}

    def write_summary(self, outcomes: Mapping[Task, Outcome], seconds: float) -> dict:
        """Write `run.json` of each setting and, for a sweep, `sweep.json`.

        Returns
        -------
        dict
            The one that the report shows.
        """
        told = {}
        for setting, part in self.parts.items():
            mine = {number: outcomes[setting, number] for number in part.selected}
            spent = sum(each.seconds for each in mine.values()) if self.plan.is_sweep else seconds
            told[setting] = part.summarise(mine, spent)
            write_json(part.folder.path / RUN_SUMMARY, told[setting])
        if not self.plan.is_sweep:
            return told.popitem()[1]
        summary = self._summarise(told, seconds)
        write_json(self.folder.path / SWEEP_SUMMARY, summary)
        return summary

    def _summarise(self, told: Mapping[str, Mapping], seconds: float) -> dict:
        return {
            "sweep": self.plan.name,
            "question": self.plan.question,
            "profile": self.plan.settings[0].profile.name,
            "axes": self.plan.axes,
            "versions": dict(find_versions()),
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": round(seconds, 1),
            "settings": [
                {
                    "name": setting.name,
                    "values": dict(setting.values),
                    "simulated": told[setting.name]["simulated"],
                    "notebooks": [
                        {key: row[key] for key in KEPT_OF_NOTEBOOK}
                        for row in told[setting.name]["notebooks"]
                    ],
                }
                for setting in self.plan.settings
            ],
        }


def run_graph(
    needs: Mapping[Node, Collection[Node]],
    execute: Callable[[Node, Mapping[Node, End]], End],
    *,
    jobs: int,
    stop: Callable[[], None],
) -> dict[Node, End]:
    """Run every task after those that it needs and return their outcomes.

    `needs` lists for each task those that must have ended before it, whatever their outcome; of
    those that may start, the first goes first. `execute` gets a task and the outcomes of all it
    needs, in a thread, `jobs` at once. `stop` is called once when the run is interrupted or
    `execute` raises; it must make the running calls end soon.
    """
    waiting = dict.fromkeys(needs)
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
    """Return up to `count` tasks whose requirements have all ended."""
    ready = (task for task in waiting if all(need in outcomes for need in needs[task]))
    return list(islice(ready, count))


def longest_ways(
    needs: Mapping[Node, Collection[Node]], seconds: Mapping[Node, float]
) -> dict[Node, float]:
    """Return the expected seconds from the start of each task to the end of its dependents."""
    after: dict[Node, list[Node]] = {task: [] for task in needs}
    for task, before in needs.items():
        for need in before:
            after[need].append(task)
    ways: dict[Node, float] = {}

    def way(task: Task) -> float:
        if task not in ways:
            ways[task] = seconds.get(task, 0.0) + max(map(way, after[task]), default=0.0)
        return ways[task]

    return {task: way(task) for task in needs}
