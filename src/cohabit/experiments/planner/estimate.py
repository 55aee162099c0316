"""Power by simulation: parallel batches of cohorts until the power is precise enough.

Cohorts are looked at in a fixed order, `FIRST_LOOK` of them and then batch by batch; a question is
done at the first look at which its interval is narrow enough. Clopper and Pearson's interval
at 96% is used: after this stopping rule it holds the true power at least 95% of the time,
whatever the power (exact enumeration; tests/test_power_plan.py).

Finished batches can be kept on disk, so that a planner that was stopped goes on where it was.
"""

import gzip
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from cohabit.compute.fingerprint import hash_environment, hash_library, hash_text, hash_value
from cohabit.compute.pool import open_workers
from cohabit.experiments.planner.cohorts import TemplateArrays
from cohabit.experiments.planner.questions import BATCH, Batch, Questions, run_batch
from cohabit.experiments.planner.scenario import Scenario
from cohabit.files.storage import write_atomically

exact_interval = partial(proportion_confint, alpha=0.04, method="beta")
"""(hits, trials) -> lower and upper bound of the Clopper-Pearson interval at 96%."""

FIRST_LOOK = 50
"""Number of cohorts at the first check."""

WHAT_COUNTS = "from cohabit.experiments.planner.questions import run_batch"
"""Entry point of the code that a batch depends on, followed through its imports."""


@dataclass(frozen=True)
class Stop:
    """Stopping rule: width of the interval and largest number of cohorts."""

    half_width: float = 0.05
    most: int = 600

    def __post_init__(self):
        if not 0.005 <= self.half_width <= 0.5:
            raise ValueError(f"half_width: expected 0.005 to 0.5; got {self.half_width!r}")
        if not self.most >= FIRST_LOOK:
            raise ValueError(f"most: expected at least {FIRST_LOOK} cohorts; got {self.most!r}")


def estimate_power(
    scenarios: Sequence[Scenario],
    questions: Questions | None = None,
    *,
    stop: Stop | None = None,
    template: pd.DataFrame | None = None,
    seed: int = 1,
    store: str | os.PathLike | None = None,
    scheduler: str | None = None,
    jobs: int | None = None,
) -> pd.DataFrame:
    """Simulate and analyse cohorts of each scenario until the powers are precise enough.

    Parameters
    ----------
    scenarios, questions, stop, seed
        By default `stop` asks for intervals of at most 0.05 to either side, or 600 cohorts.
    template : DataFrame, optional
        Another template than the study's species, such as `realism.fit_template` gives of
        your own table, with effects from `realism.plant_effects`.
    store : path, optional
        Folder in which finished batches are kept; what is there already is not done again.
    scheduler, jobs
        As in `compute.pool.open_workers`.

    Returns
    -------
    DataFrame, one row per scenario and question
        The scenario's fields, `question`, `power`, `low`, `high` (Clopper-Pearson, holding
        at least 95% after stopping), `cohorts` behind it, and over all cohorts simulated the
        means of what was `found` and of `found_true` where taxa were asked for.

    Raises
    ------
    ValueError
        When the taxon asked about is not in the template, nothing truly differs while true
        discoveries are asked for, or Bray-Curtis distances without sequencing.
    """
    questions, stop = questions or Questions(), stop or Stop()
    _check(questions, scenarios, template)
    first = [
        Batch(each, questions, seed, _hash_setting(each, questions, seed, template), 0, template)
        for each in scenarios
    ]
    owner = {batch.setting: _Series(batch, stop, _open_folder(batch, store)) for batch in first}
    with open_workers(scheduler, jobs) as work:
        while wanted := [batch for each in owner.values() for batch in each.wanted()]:
            for batch, cohorts in work(run_batch, wanted):
                owner[batch.setting].add(batch.number, cohorts)
    return pd.concat([owner[batch.setting].table() for batch in first], ignore_index=True)


@dataclass
class _Series:
    """The batches of one scenario: those done and those still needed."""

    first: Batch
    stop: Stop
    folder: Path | None
    done: dict[int, pd.DataFrame] = field(default_factory=dict)

    def wanted(self) -> list[Batch]:
        """Return the batches needed before the next decision, or none at the end."""
        while numbers := self._missing():
            if self.folder:
                kept = {number: _batch_path(self.folder, number) for number in numbers}
                self.done |= {
                    n: pd.read_csv(path, sep="\t") for n, path in kept.items() if path.exists()
                }
            if numbers := [number for number in numbers if number not in self.done]:
                return [replace(self.first, number=number) for number in numbers]
        return []

    def _missing(self) -> range:
        """Return the numbers of the batches that are still needed."""
        end = FIRST_LOOK
        if len(self.done) * BATCH >= FIRST_LOOK:
            answers = self._answers().to_numpy().T
            end = max(find_end(a, self.stop) or foresee_end(a, self.stop) for a in answers)
        return range(len(self.done), -(-end // BATCH))

    def add(self, number: int, cohorts: pd.DataFrame) -> None:
        """Store a finished batch."""
        self.done[number] = cohorts
        if self.folder:
            _write_batch(cohorts, self.folder, number)

    def _cohorts(self) -> pd.DataFrame:
        return pd.concat([self.done[number] for number in sorted(self.done)], ignore_index=True)

    def _answers(self) -> pd.DataFrame:
        return self.first.questions.answer(self._cohorts())

    def table(self) -> pd.DataFrame:
        """Return one row per question."""
        answers, cohorts = self._answers(), self._cohorts()
        rows = pd.DataFrame({"question": list(answers)})
        ends = [find_end(answers[name].to_numpy(), self.stop) for name in answers]
        hits = [answers[name].iloc[:end].sum() for name, end in zip(answers, ends, strict=True)]
        rows["power"] = np.divide(hits, ends)
        rows["low"], rows["high"] = exact_interval(np.array(hits), np.array(ends))
        rows["cohorts"] = ends
        for name in ("found", "found_true"):
            if name in cohorts:
                rows[name] = cohorts[name].mean()
        return pd.DataFrame([self.first.scenario.to_dict()] * len(rows)).join(rows)


def _check(
    questions: Questions, scenarios: Sequence[Scenario], template: pd.DataFrame | None
) -> None:
    if questions.distance != "aitchison" and not all(each.sequenced for each in scenarios):
        raise ValueError(f"distance: {questions.distance!r} needs counts; leave sequenced true")
    taxa = TemplateArrays.of(template)
    if "taxon" in questions.ask:
        taxa.find(questions.taxon)
    if "discoveries" in questions.ask and not taxa.template.column("ms").any():
        raise ValueError(
            "discoveries: no taxon of this template differs between patients and controls; "
            "plant effects first (plant_effects)"
        )


def list_looks(stop: Stop) -> np.ndarray:
    """Return the numbers of cohorts at which the interval is checked."""
    return np.unique([*range(FIRST_LOOK, stop.most, BATCH), stop.most])


def find_end(answers: np.ndarray, stop: Stop) -> int | None:
    """Return the number of cohorts after which a question is done, or None if too few yet.

    `answers` are those of the cohorts in their order, as many as there are.
    """
    places = list_looks(stop)
    known = places[places <= len(answers)]
    hits = np.cumsum(answers)[known - 1] if len(known) else np.array([])
    low, high = exact_interval(hits, known)
    narrow = (high - low) / 2 <= stop.half_width
    done = known[narrow | (known == stop.most)]
    return int(done[0]) if len(done) else None


def foresee_end(answers: np.ndarray, stop: Stop) -> int:
    """Return the expected number of cohorts for a question at the power seen so far."""
    places = list_looks(stop)
    places = places[places > len(answers)]
    share = (answers.sum() + 0.5) / (len(answers) + 1)
    low, high = exact_interval(share * places, places)
    narrow = (high - low) / 2 <= stop.half_width
    return int(places[narrow][0]) if narrow.any() else stop.most


def _hash_setting(
    scenario: Scenario, questions: Questions, seed: int, template: pd.DataFrame | None
) -> str:
    """Return a hash of everything that determines a scenario's cohorts and answers.

    `least` and `alpha` are excluded, because they apply to the finished table.
    """
    asked = {k: v for k, v in questions.to_dict().items() if k not in ("least", "alpha")}
    own = "" if template is None else hash_text(template.to_csv(float_format="%.9g"))
    return hash_value({"scenario": scenario.to_dict(), "asked": asked, "seed": seed, "own": own})


def _open_folder(batch: Batch, store: str | os.PathLike | None) -> Path | None:
    """Return the folder of a batch's setting with its description, creating it if needed.

    The name depends on the setting, on this code and on the versions of the libraries.
    """
    if store is None:
        return None
    key = [batch.setting, hash_library(WHAT_COUNTS), hash_environment(), BATCH]
    folder = Path(store) / hash_value(key)[:16]
    if not (folder / "setting.json").exists():
        parts = {"scenario": batch.scenario.to_dict(), "questions": batch.questions.to_dict()}
        with write_atomically(folder / "setting.json") as scratch:
            text = json.dumps(parts | {"seed": batch.seed}, indent=1)
            scratch.write_text(text + "\n", encoding="utf-8")
    return folder


def _write_batch(cohorts: pd.DataFrame, folder: Path, number: int) -> None:
    """Write one batch atomically."""
    with write_atomically(_batch_path(folder, number)) as scratch:
        write_powers(cohorts, scratch)


def write_powers(table: pd.DataFrame, path: Path) -> None:
    """Write a gzipped TSV; equal tables give equal bytes."""
    text = table.to_csv(sep="\t", index=False, lineterminator="\n")
    path.write_bytes(gzip.compress(text.encode(), mtime=0))


def _batch_path(folder: Path, number: int) -> Path:
    return folder / f"batch_{number:04d}.tsv.gz"
