"""The notebooks of one setting: reuse unchanged ones, run the others, record outcomes."""

import os
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from cohabit.compute.fingerprint import (
    find_versions,
    hash_environment,
    hash_file,
    hash_folder,
    hash_library,
    hash_value,
)
from cohabit.compute.pool import count_cores
from cohabit.files import paths
from cohabit.files.record import read_record
from cohabit.run.folder import Outcome, Record, RunFolder
from cohabit.run.graph import Notebook
from cohabit.run.plan import Plan, Setting
from cohabit.run.profiles import FIGURES_VARIABLE
from cohabit.run.progress import PlainProgress
from cohabit.run.workers import Workers

NEVER = "not run yet"
UNCHANGED = "unchanged"
UNKNOWN_SECONDS = 20.0
"""Expected seconds for a notebook that has never run here."""

Task = tuple[str, str]
"""Setting and notebook."""


class SettingRun:
    """The notebooks of one setting of a plan in their own folder."""

    def __init__(self, plan: Plan, setting: Setting):
        self.plan = plan
        self.setting = setting
        self.folder = RunFolder(setting.folder)
        self._reference = hash_value(hash_folder(paths.reference("x").parent))
        self._cohort = hash_value(hash_folder(setting.cohort)) if setting.cohort else ""
        if setting.cohort:
            read_record(setting.cohort)  # one that is damaged is refused before any kernel

    @property
    def selected(self) -> list[str]:
        """The notebooks to bring up to date, in a valid order."""
        return [number for number in self.setting.notebooks if number in self.setting.selected]

    def compare(self, number: str, digests: Mapping[str, str]) -> tuple[Record | None, str]:
        """Return the record of a notebook if still valid, and otherwise the reason why not.

        `digests` tell of each notebook before it what it left.
        """
        record = self.folder.read_record(number)
        if record is None:
            return None, NEVER
        depends = self._find_dependencies(number, digests)
        changed = [key for key in depends if record.depends.get(key) != depends[key]]
        if changed:
            return None, f"{changed[0]} changed"
        if number in self.setting.forced:
            return None, "forced"
        return record, UNCHANGED

    def check(self) -> dict[str, str]:
        """Return `unchanged` or the reason to run for each selected notebook."""
        digests, found = {}, {}
        for number in self.setting.notebooks:
            record, found[number] = self.compare(number, digests)
            digests[number] = record.digest if record else ""
        return {number: found[number] for number in self.selected}

    def expect_seconds(self, number: str) -> float:
        """Return a notebook's expected run time, from its last run or its heading."""
        stated = self.setting.notebooks[number].stated_seconds
        return self.folder.expected_seconds(number) or stated or UNKNOWN_SECONDS

    def clear(self) -> None:
        """Remove unfinished work and outputs of notebooks that are no longer part of the run."""
        self.folder.clear_attempts()
        for number in self.folder.find_recorded() - set(self.setting.notebooks):
            self.folder.forget(number)
        if self.setting.cohort:
            shutil.rmtree(self.folder.path / "cohort", ignore_errors=True)

    def bring_up_to_date(
        self,
        number: str,
        inputs: Mapping[str, Outcome],
        workers: Workers,
        progress: PlainProgress,
    ) -> Outcome:
        """Reuse the record of a notebook or run it, and report progress."""
        outcome = self._reuse_or_run(number, inputs, workers, progress)
        progress.ended((self.setting.name, number), outcome)
        return outcome

    def _reuse_or_run(
        self, number: str, inputs: Mapping, workers: Workers, progress: PlainProgress
    ) -> Outcome:
        notebook = self.setting.notebooks[number]
        bad = sorted(need for need, outcome in inputs.items() if not outcome.good)
        if bad and notebook.after != "all":
            self.folder.forget(number)
            return Outcome("blocked", reason=f"needs {', '.join(bad)}")
        digests = {need: outcome.digest for need, outcome in inputs.items()}
        record, why = self.compare(number, digests)
        if record is not None:
            return Outcome.of_record(record, reused=True)
        depends = self._find_dependencies(number, digests)  # as they are before it runs
        for _ in range(self.plan.retries + 1):
            attempt = self.folder.open_attempt(number)
            progress.started((self.setting.name, number), why)
            result = self._run_once(notebook, attempt, workers, progress)
            if not result.get("lost"):
                break
            why = f"once more: {result['error']['message'].partition(';')[0]}"
        return self._collect(number, attempt, result, depends)

    def _run_once(
        self, notebook: Notebook, attempt: Path, workers: Workers, progress: PlainProgress
    ) -> dict:
        task = (self.setting.name, notebook.number)
        return workers.run(
            notebook.path,
            attempt,
            {**self.setting.parameters[notebook.number], **self._find_directories()},
            timeout=self.setting.timeouts.get(notebook.number),
            on_cell=lambda cell: progress.reached(task, cell),
        )

    def _collect(self, number: str, attempt: Path, result: dict, depends: Mapping) -> Outcome:
        """Move the files of a complete attempt into the run, or none of them."""
        cost = {"seconds": round(result["seconds"], 2), "memory_mb": round(result["memory_mb"])}
        name = self.setting.notebooks[number].path.name
        reason = result.get("reason", "")
        if result["status"] == "failed":
            kept = self.folder.keep_failed(number, attempt, name)
            shown = str(kept.relative_to(paths.root())) if kept else ""
            first = result["error"]["message"].splitlines()[0]
            error = result["error"]
            return Outcome("failed", **cost, reason=first, error=error, kept=shown)
        executed = attempt / "output" / "notebooks" / name
        executed.parent.mkdir(exist_ok=True)
        os.replace(attempt / "notebook.ipynb", executed)
        record = Record(
            status=result["status"],
            depends=depends,
            outputs={},
            **cost,
            reason=reason,
            parameters=self.setting.parameters[number],
            cells=result.get("cells", []),
        )
        return Outcome.of_record(self.folder.adopt(number, attempt, record))

    def _find_directories(self) -> dict[str, str]:
        cohort = self.setting.cohort or self.folder.path / "cohort"
        return {"cohort_dir": _shown(cohort), "run_dir": _shown(self.folder.path)}

    def _find_dependencies(self, number: str, digests: Mapping[str, str]) -> dict[str, object]:
        notebook = self.setting.notebooks[number]
        kinds = os.environ.get(FIGURES_VARIABLE)
        return {
            "notebook": hash_file(notebook.path),
            "parameters": hash_value(self.setting.parameters[number]),
            "cohort": self._cohort,
            "inputs": {need: digests.get(need, "") for need in sorted(self.setting.needs[number])},
            "library": hash_library(notebook.code),
            "reference": self._reference,
            "environment": hash_environment(),
        } | ({"figures": kinds} if kinds else {})

    def summarise(self, outcomes: Mapping[str, Outcome], seconds: float) -> dict:
        """Return the content of `run.json`: design, seed, versions, outcomes of notebooks."""
        manifest = read_record(self.setting.cohort or self.folder.path / "cohort")
        return {
            "run": self.setting.run,
            "profile": self.setting.profile.name,
            "preset": self.setting.preset,
            "cohort": _shown(self.setting.cohort) if self.setting.cohort else None,
            "simulated": manifest.get("simulated", False),
            "case": manifest.get("case", "MS"),
            "seed": manifest.get("seed"),
            "design": manifest.get("design"),
            "versions": dict(find_versions()),
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": round(seconds, 1),
            "jobs": self.plan.jobs or count_cores(),
            "scheduler": self.plan.scheduler,
            "notebooks": self._describe_notebooks(outcomes),
        }

    def _describe_notebooks(self, outcomes: Mapping[str, Outcome]) -> list[dict]:
        """Describe every notebook of the run, including those not selected."""
        digests, rows = {}, []
        for number, notebook in self.setting.notebooks.items():
            outcome = outcomes.get(number) or self._find_earlier(number, digests)
            digests[number] = outcome.digest
            rows.append(
                {
                    "number": number,
                    "name": notebook.name,
                    "title": notebook.title,
                    "status": outcome.status,
                    "reused": outcome.reused,
                    "reason": outcome.reason,
                    "seconds": outcome.seconds,
                    "memory_mb": outcome.memory_mb,
                    "cells": outcome.cells,
                    "error": dict(outcome.error),
                    "parameters": dict(self.setting.parameters[number]),
                }
            )
        return sorted(rows, key=lambda row: row["number"])

    def _find_earlier(self, number: str, digests: Mapping[str, str]) -> Outcome:
        record, why = self.compare(number, digests)
        if record is not None:
            return Outcome.of_record(record, reused=True)
        return Outcome("missing" if why == NEVER else "outdated", reason=why)


def _shown(path: Path) -> str:
    """Return a path relative to the root if it is inside it."""
    inside = path.is_relative_to(paths.root())
    return path.relative_to(paths.root()).as_posix() if inside else str(path)
