"""Power by simulation: batches of cohorts on as many workers as there are, until it is enough.

Cohorts are looked at in a fixed order, `FIRST` of them and then batch by batch; a question is
done at the first look at which its interval is narrow enough. Clopper and Pearson's interval
at 96% is used: after this stopping rule it holds the true power at least 95% of the time,
whatever the power (exact enumeration; tests/test_power_plan.py).

Finished batches can be kept on disk, so that a planner that was stopped goes on where it was.
"""

import gzip
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from cohabit.compute.fingerprint import hash_environment, hash_library, hash_text, hash_value
from cohabit.compute.pool import open_workers
from cohabit.experiments.planner.questions import BATCH, Batch, Questions, run_batch
from cohabit.experiments.planner.scenario import Scenario
from cohabit.experiments.planner.world import World
from cohabit.files.storage import write_atomically

INTERVAL_LEVEL = 0.96
FIRST = 50
"""Cohorts at the first look."""

WHAT_COUNTS = "from cohabit.experiments.planner.questions import run_batch"
"""The code that a batch depends on: all that this line reaches by imports."""


@dataclass(frozen=True)
class Stop:
    """When to stop: how narrow an interval has to be, and how many cohorts at most."""

    half_width: float = 0.05
    most: int = 600

    def __post_init__(self):
        if not 0.005 <= self.half_width <= 0.5:
            raise ValueError(f"half_width: expected 0.005 to 0.5; got {self.half_width!r}")
        if not self.most >= FIRST:
            raise ValueError(f"most: expected at least {FIRST} cohorts; got {self.most!r}")


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
    """Simulate and analyse cohorts of each scenario until the powers are known well enough.

    Parameters
    ----------
    scenarios : sequence of Scenario
    questions : Questions, optional
    stop : Stop, optional
        By default intervals of at most 0.05 to either side, or 600 cohorts.
    template : DataFrame, optional
        Another template than the study's species, such as `realism.fit_template` gives of
        your own table, with effects from `realism.plant_effects`.
    seed : int
    store : path, optional
        Folder in which finished batches are kept; what is there already is not done again.
    scheduler, jobs
        As in `open_cluster`: a Dask scheduler by address, or so many processes here; one job
        works in this process.

    Returns
    -------
    DataFrame, one row a scenario and question
        The scenario's fields, `question`, `power`, `low`, `high` (Clopper-Pearson, holding
        at least 95% after stopping), `cohorts` behind it, and over all cohorts simulated the
        means of what was `found` and of `found_true` where taxa were asked for.

    Raises
    ------
    ValueError
        When the taxon asked about is not in the template, nothing truly differs while true
        discoveries are asked for, or Bray-Curtis distances of what is not sequenced.
    """
    questions, stop = questions or Questions(), stop or Stop()
    _check(questions, scenarios, template)
    series = [_Series.of(each, questions, stop, template, seed, store) for each in scenarios]
    owner = {each.setting: each for each in series}
    with open_workers(scheduler, jobs) as work:
        while wanted := [batch for each in owner.values() for batch in each.wanted()]:
            for batch, cohorts in work(run_batch, wanted):
                owner[batch.setting].add(batch.number, cohorts)
    return pd.concat([owner[each.setting].table() for each in series], ignore_index=True)


@dataclass
class _Series:
    """One scenario's batches: what is done, and what is wanted next."""

    scenario: Scenario
    questions: Questions
    stop: Stop
    template: pd.DataFrame | None
    seed: int
    setting: str
    folder: Path | None
    done: dict[int, pd.DataFrame] = field(default_factory=dict)

    @classmethod
    def of(cls, scenario, questions, stop, template, seed, store) -> "_Series":
        setting = _hash_setting(scenario, questions, seed, template)
        folder = None
        if store is not None:
            words = {"scenario": scenario.to_dict(), "questions": questions.to_dict(), "seed": seed}
            folder = _folder_of(setting, Path(store), words)
        return cls(scenario, questions, stop, template, seed, setting, folder)

    def wanted(self) -> list[Batch]:
        """Return the batches still to be done before the next decision; none at the end."""
        while numbers := self._missing():
            for number in numbers:
                known = _read_batch(self.folder, number) if self.folder else None
                if known is not None:
                    self.done[number] = known
            if numbers := [number for number in numbers if number not in self.done]:
                return [self._batch(number) for number in numbers]
        return []

    def _missing(self) -> range:
        """Return the numbers of the batches that the interval still needs."""
        if len(self.done) * BATCH < FIRST:
            return range(len(self.done), -(-FIRST // BATCH))
        answers = self._answers()
        ends = [
            find_end(values, self.stop, BATCH) or foresee_end(values, self.stop, BATCH)
            for values in answers.to_numpy().T
        ]
        return range(len(self.done), -(-max(ends) // BATCH))

    def _batch(self, number: int) -> Batch:
        return Batch(self.scenario, self.questions, self.seed, self.setting, number, self.template)

    def add(self, number: int, cohorts: pd.DataFrame) -> None:
        """Keep a finished batch."""
        self.done[number] = cohorts
        if self.folder:
            _write_batch(cohorts, self.folder, number)

    def _cohorts(self) -> pd.DataFrame:
        return pd.concat([self.done[number] for number in sorted(self.done)], ignore_index=True)

    def _answers(self) -> pd.DataFrame:
        return self.questions.answer(self._cohorts())

    def table(self) -> pd.DataFrame:
        """Return one row a question."""
        answers, cohorts = self._answers(), self._cohorts()
        rows = pd.DataFrame({"question": list(answers)})
        ends = [find_end(answers[name].to_numpy(), self.stop, BATCH) for name in answers]
        hits = [answers[name].iloc[:end].sum() for name, end in zip(answers, ends, strict=True)]
        rows["power"] = np.divide(hits, ends)
        rows["low"], rows["high"] = exact_interval(np.array(hits), np.array(ends))
        rows["cohorts"] = ends
        for name in ("found", "found_true"):
            if name in cohorts:
                rows[name] = cohorts[name].mean()
        return pd.DataFrame([self.scenario.to_dict()] * len(rows)).join(rows)


def _check(
    questions: Questions, scenarios: Sequence[Scenario], template: pd.DataFrame | None
) -> None:
    if questions.distance != "aitchison" and not all(each.sequenced for each in scenarios):
        raise ValueError(f"distance: {questions.distance!r} needs counts; leave sequenced true")
    world = World.of(template)
    if "taxon" in questions.ask:
        world.find(questions.taxon)
    if "discoveries" in questions.ask and not world.template.column("ms").any():
        raise ValueError(
            "discoveries: no taxon of this template differs between patients and controls; "
            "plant effects first (plant_effects)"
        )


def exact_interval(hits: np.ndarray, trials: np.ndarray, level: float = INTERVAL_LEVEL):
    """Return Clopper and Pearson's interval of a proportion, low and high.

    Parameters
    ----------
    hits, trials : array of int
    level : float
    """
    return proportion_confint(hits, trials, alpha=1 - level, method="beta")


def list_looks(stop: Stop, step: int) -> np.ndarray:
    """Return after how many cohorts the interval is looked at."""
    return np.unique([*range(FIRST, stop.most, step), stop.most])


def find_end(answers: np.ndarray, stop: Stop, step: int) -> int | None:
    """Return after how many cohorts a question is done; None when there are too few yet.

    Parameters
    ----------
    answers : array of bool
        Of the cohorts in their order, as many as there are.
    stop : Stop
    step : int
        Cohorts from one look to the next.
    """
    places = list_looks(stop, step)
    known = places[places <= len(answers)]
    hits = np.cumsum(answers)[known - 1] if len(known) else np.array([])
    low, high = exact_interval(hits, known)
    narrow = (high - low) / 2 <= stop.half_width
    done = known[narrow | (known == stop.most)]
    return int(done[0]) if len(done) else None


def foresee_end(answers: np.ndarray, stop: Stop, step: int) -> int:
    """Return after how many cohorts a question will be done if its power is as seen so far."""
    places = list_looks(stop, step)
    places = places[places > len(answers)]
    share = (answers.sum() + 0.5) / (len(answers) + 1)
    low, high = exact_interval(share * places, places)
    narrow = (high - low) / 2 <= stop.half_width
    return int(places[narrow][0]) if narrow.any() else stop.most


def _hash_setting(
    scenario: Scenario, questions: Questions, seed: int, template: pd.DataFrame | None
) -> str:
    """Return a hash of all that decides about the cohorts of a scenario and their answers.

    `least` and `alpha` are left out: they are asked of the finished table.
    """
    asked = {k: v for k, v in questions.to_dict().items() if k not in ("least", "alpha")}
    own = "" if template is None else hash_text(template.to_csv(float_format="%.9g"))
    return hash_value({"scenario": scenario.to_dict(), "asked": asked, "seed": seed, "own": own})


def _folder_of(setting: str, store: Path, described: dict) -> Path:
    """Return the folder of a setting, made when missing, with the setting in words in it.

    The name depends on the setting, on this code and on the versions of the libraries.
    """
    key = hash_value([setting, hash_library(WHAT_COUNTS), hash_environment(), BATCH])[:16]
    words = store / key / "setting.json"
    if not words.exists():
        with write_atomically(words) as scratch:
            scratch.write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")
    return store / key


def _write_batch(cohorts: pd.DataFrame, folder: Path, number: int) -> None:
    """Write one batch; it appears whole or not at all."""
    with write_atomically(_batch_path(folder, number)) as scratch:
        write_powers(cohorts, scratch)


def _read_batch(folder: Path, number: int) -> pd.DataFrame | None:
    """Return a finished batch, or None when there is none."""
    path = _batch_path(folder, number)
    return pd.read_csv(path, sep="\t") if path.exists() else None


def write_powers(table: pd.DataFrame, path: Path) -> None:
    """Write a gzipped TSV; the same table gives the same bytes."""
    text = table.to_csv(sep="\t", index=False, lineterminator="\n")
    path.write_bytes(gzip.compress(text.encode(), mtime=0))


def _batch_path(folder: Path, number: int) -> Path:
    return folder / f"batch_{number:04d}.tsv.gz"
