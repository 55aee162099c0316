"""A plan carried out: the notebooks of every setting as one graph, each setting in its folder."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from cohabit.compute.fingerprint import find_versions
from cohabit.files import paths
from cohabit.run.collection import UNCHANGED, Collection, Task
from cohabit.run.folder import Outcome, RunFolder, write_json
from cohabit.run.plan import Plan
from cohabit.run.progress import PlainProgress
from cohabit.run.schedule import order_by_way, run_graph
from cohabit.run.workers import Workers

RUN_SUMMARY, SWEEP_SUMMARY = "run.json", "sweep.json"
KEPT_OF_NOTEBOOK = (
    *("number", "title", "status", "reused", "reason", "seconds", "memory_mb", "error"),
)
"""What a sweep's summary says of a notebook; its setting's own says more."""


class Execution:
    """A plan in its folder; finished work of an earlier run is reused."""

    def __init__(self, plan: Plan):
        self.plan = plan
        self.folder = RunFolder(plan.folder)
        self.collections = {each.name: Collection(plan, each) for each in plan.settings}

    @property
    def names(self) -> dict[Task, str]:
        """Each task, and what it is called for people."""
        return {
            (setting, number): f"{setting} {name}" if self.plan.is_sweep else name
            for setting, collection in self.collections.items()
            for number in sorted(collection.selected)
            for name in [collection.setting.notebooks[number].name]
        }

    def check(self) -> dict[Task, str]:
        """Return, for each task, `unchanged` or why it would run."""
        return {
            (setting, number): why
            for setting, collection in self.collections.items()
            for number, why in collection.check().items()
        }

    def run(self, progress: PlainProgress) -> dict[Task, Outcome]:
        """Bring every setting up to date; the folder must be locked.

        An earlier setting is finished before a later one begins, as far as there are cores.
        """
        for collection in self.collections.values():
            collection.clear()

        def execute(task: Task, inputs: Mapping[Task, Outcome]) -> Outcome:
            setting, number = task
            before = {need: outcome for (_, need), outcome in inputs.items()}
            collection = self.collections[setting]
            return collection.bring_up_to_date(number, before, workers, progress)

        needs = self._find_needs()
        with open_workers(self.plan, self.folder.owner) as workers:
            jobs = workers.count() if self._has_work() else 1
            return run_graph(needs, execute, jobs=jobs, order=list(needs), stop=workers.stop)

    def _find_needs(self) -> dict[Task, list[Task]]:
        """Return each task with those before it: by setting, then the longest way first."""
        found = {}
        for setting, collection in self.collections.items():
            needs = {number: collection.setting.needs[number] for number in collection.selected}
            seconds = {number: collection.expect_seconds(number) for number in needs}
            for number in order_by_way(needs, seconds):
                found[setting, number] = [(setting, need) for need in needs[number]]
        return found

    def _has_work(self) -> bool:
        return self.plan.scheduler is None or set(self.check().values()) != {UNCHANGED}

    def write_summary(self, outcomes: Mapping[Task, Outcome], seconds: float) -> dict:
        """Write `run.json` of each setting, and `sweep.json` over those of a sweep.

        Returns
        -------
        dict
            The one that the report shows.
        """
        told = {}
        for setting, collection in self.collections.items():
            mine = {number: outcomes[setting, number] for number in collection.selected}
            spent = sum(each.seconds for each in mine.values()) if self.plan.is_sweep else seconds
            told[setting] = collection.summarise(mine, spent)
            write_json(collection.folder.path / RUN_SUMMARY, told[setting])
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


def open_workers(plan: Plan, marker: Path) -> Workers:
    """Return the workers that a plan asks for."""
    return Workers(paths.root(), marker, scheduler=plan.scheduler, jobs=plan.jobs)
