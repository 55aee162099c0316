"""Power by simulation: batches of cohorts on as many workers as there are, until it is enough."""

import dataclasses
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from cohabit.compute.pool import count_cores, gather, open_cluster
from cohabit.experiments.planner.intervals import FIRST, Stop, exact_interval, find_end, foresee_end
from cohabit.experiments.planner.questions import BATCH, Batch, Questions, run_batch
from cohabit.experiments.planner.scenario import Scenario
from cohabit.experiments.planner.store import Store, hash_setting, read_batch, write_batch
from cohabit.experiments.planner.world import World


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
        Another template than the study's species, such as `calibrate.fit_template` gives of
        your own table, with effects from `plant_effects`.
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
    with _open_workers(scheduler, jobs) as work:
        while wanted := [batch for each in owner.values() for batch in each.wanted()]:
            for batch, cohorts in work(run_batch, wanted):
                owner[batch.setting].add(batch.number, cohorts)
    return pd.concat([owner[each.setting].table() for each in series], ignore_index=True)


@dataclasses.dataclass
class _Series:
    """One scenario's batches: what is done, and what is wanted next."""

    scenario: Scenario
    questions: Questions
    stop: Stop
    template: pd.DataFrame | None
    seed: int
    setting: str
    folder: Path | None
    done: dict[int, pd.DataFrame] = dataclasses.field(default_factory=dict)

    @classmethod
    def of(cls, scenario, questions, stop, template, seed, store) -> "_Series":
        setting = hash_setting(scenario, questions, seed, template)
        folder = None
        if store is not None:
            words = {"scenario": scenario.to_dict(), "questions": questions.to_dict(), "seed": seed}
            folder = Store(Path(store)).folder_of(setting, words)
        return cls(scenario, questions, stop, template, seed, setting, folder)

    def wanted(self) -> list[Batch]:
        """Return the batches still to be done before the next decision; none at the end."""
        while numbers := self._missing():
            for number in numbers:
                known = read_batch(self.folder, number) if self.folder else None
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
            write_batch(cohorts, self.folder, number)

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


@contextmanager
def _open_workers(scheduler: str | None, jobs: int | None) -> Iterator[Callable]:
    """Give a function (function, items) -> pairs of item and result, as they come."""
    if scheduler is None and (jobs or count_cores()) == 1:
        yield _in_this_process
        return
    with open_cluster(scheduler, jobs) as client:
        yield partial(gather, client)


def _in_this_process(function: Callable, items: Iterable) -> Iterator[tuple]:
    for item in items:
        yield item, function(item)
