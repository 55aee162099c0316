"""A sweep: the notebooks of every setting as one graph, each setting in a folder of its own."""

from collections.abc import Mapping
from datetime import UTC, datetime

from cohabit.compute.fingerprint import find_versions
from cohabit.run.collection import Collection, open_workers
from cohabit.run.folder import RunFolder, write_json
from cohabit.run.outcome import Outcome
from cohabit.run.progress import PlainProgress
from cohabit.run.schedule import run_graph
from cohabit.run.settings import Sweep

Task = tuple[str, str]
"""Setting and notebook."""

SUMMARY = "sweep.json"


class SweepRun:
    """The settings of one sweep in its folder; finished work of an earlier run is reused."""

    def __init__(self, sweep: Sweep):
        self.sweep = sweep
        self.folder = RunFolder(sweep.folder)
        self.collections = {each.name: Collection(each.plan) for each in sweep.settings}

    @property
    def tasks(self) -> dict[Task, list[Task]]:
        """Each task with those before it, setting after setting."""
        return {
            (setting.name, number): [(setting.name, need) for need in setting.plan.needs[number]]
            for setting in self.sweep.settings
            for number in setting.plan.notebooks
        }

    def name(self, task: Task) -> str:
        """Name a task for people."""
        setting, number = task
        return f"{setting} {self.collections[setting].plan.notebooks[number].name}"

    def check(self) -> dict[Task, str]:
        """Return, for each task, `unchanged` or why it would run."""
        return {
            (name, number): why
            for name, collection in self.collections.items()
            for number, why in collection.check().items()
        }

    def run(self, progress: PlainProgress) -> dict[Task, Outcome]:
        """Bring every setting up to date; the sweep's folder must be locked.

        An earlier setting is finished before a later one begins, as far as there are cores.
        """
        for collection in self.collections.values():
            collection.folder.clear_attempts()
            collection.forget_strangers()

        def execute(task: Task, inputs: Mapping[Task, Outcome]) -> Outcome:
            setting, number = task
            before = {need: outcome for (_, need), outcome in inputs.items()}
            shown = _OneSetting(progress, setting)
            collection = self.collections[setting]
            return collection.bring_up_to_date(number, before, workers, shown)

        with open_workers(self.sweep.settings[0].plan, self.folder.owner) as workers:
            tasks = self.tasks
            return run_graph(
                tasks, execute, jobs=workers.count(), order=list(tasks), stop=workers.stop
            )

    def write_summary(self, outcomes: Mapping[Task, Outcome], seconds: float) -> dict:
        """Write `run.json` of each setting and `sweep.json` over them; return the latter."""
        rows = []
        for setting in self.sweep.settings:
            collection = self.collections[setting.name]
            mine = {number: outcomes[setting.name, number] for number in setting.plan.notebooks}
            told = collection.write_summary(mine, sum(each.seconds for each in mine.values()))
            rows.append({"name": setting.name, "values": dict(setting.values), **_of(told)})
        summary = {
            "sweep": self.sweep.name,
            "question": self.sweep.question,
            "profile": self.sweep.settings[0].plan.profile.name,
            "axes": self.sweep.axes,
            "versions": dict(find_versions()),
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": round(seconds, 1),
            "settings": rows,
        }
        write_json(self.folder.path / SUMMARY, summary)
        return summary


def _of(summary: Mapping[str, object]) -> dict[str, object]:
    """Return what a sweep keeps of one setting's `run.json`."""
    kept = ("number", "title", "status", "reused", "reason", "seconds", "memory_mb", "error")
    notebooks = [{key: row[key] for key in kept} for row in summary["notebooks"]]
    return {"simulated": summary["simulated"], "notebooks": notebooks}


class _OneSetting:
    """Says of which setting the notebook is."""

    def __init__(self, progress: PlainProgress, setting: str):
        self._progress = progress
        self._setting = setting

    def started(self, number: str, why: str) -> None:
        self._progress.started((self._setting, number), why)

    def reached(self, number: str, cell: Mapping[str, object]) -> None:
        self._progress.reached((self._setting, number), cell)

    def ended(self, number: str, outcome: Outcome) -> None:
        self._progress.ended((self._setting, number), outcome)
