"""Many studies: which settings, how many of each, one dial turned at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import pandas as pd

from cohabit.compute.pool import map_tasks
from cohabit.experiments.arena.community import compare_communities
from cohabit.experiments.arena.methods import FAST
from cohabit.experiments.arena.score import score_trial
from cohabit.experiments.arena.trial import Generator, Setting

TAXA_LEVELS = {
    "effect": (0.0, 0.4, 0.8, 1.2),
    "n_pairs": (40, 100, 200),
    "household_sharing": (0.0, 1.0, 2.0),
    "missing_partners": (0.0, 0.2, 0.5),
    "depth": (5e3, 3e4, 2e5),
    "pull": (0.0, 0.5, 1.0),
    "spillover": (0.0, 0.3, 0.6),
}
"""What the comparison of taxa is tried at; all other dials at the baseline."""

COMMUNITY_LEVELS = {
    "effect": (0.0, 0.2, 0.3, 0.4),
    "n_pairs": (40, 100, 200),
    "household_sharing": (0.0, 1.0, 2.0),
    "missing_partners": (0.0, 0.5),
    "spillover": (0.0, 0.6),
}
"""What PERMANOVA is tried at, around ``Setting.preset("community")``: it sees effects at which
hardly a taxon is called."""

COMMUNITY_NULL_LEVELS = {"household_sharing": (0.0, 1.0, 2.0), "missing_partners": (0.0, 0.5)}
"""The same with nothing planted: error rates."""

BLOCK = 5
"""Studies of one task."""


@dataclass(frozen=True)
class Task:
    """Some studies of one generator and one setting."""

    generator: Generator
    setting: Setting
    seeds: tuple[int, ...]
    ways: tuple[str, ...] = FAST
    """Ways to compare taxa; none: PERMANOVA instead."""

    n_permutations: int = 0


def list_settings(
    levels: Mapping[str, Sequence[float]] = TAXA_LEVELS, base: Setting | None = None
) -> pd.DataFrame:
    """Return the settings that turn one dial at a time.

    Returns
    -------
    DataFrame, one row a dial and level
        dial, level, setting. The base belongs to every dial that has its level.
    """
    base = base or Setting()
    rows = [
        {"dial": dial, "level": float(level), "setting": base.replace(**{dial: level})}
        for dial, several in levels.items()
        for level in several
    ]
    return pd.DataFrame(rows)


def run_task(task: Task) -> pd.DataFrame:
    """Draw the studies of a task and score every one.

    Returns
    -------
    DataFrame
        As `score_trial`, or as `compare_communities` when the task has no ways; with generator,
        seed and the setting's dials.
    """
    parts = []
    for seed in task.seeds:
        trial = task.generator.draw(task.setting, seed)
        if task.ways:
            scored = score_trial(trial, task.ways)
        else:
            scored = compare_communities(trial, n_permutations=task.n_permutations, seed=seed)
        parts.append(scored.assign(seed=seed))
    table = pd.concat(parts, ignore_index=True)
    return table.assign(generator=task.generator.name, **asdict(task.setting))


def run_arena(
    generators: Sequence[Generator],
    settings: Sequence[Setting],
    n_trials: int,
    *,
    ways: Sequence[str] = FAST,
    n_permutations: int = 0,
    seed: int = 1,
    jobs: int | None = 1,
    scheduler: str | None = None,
) -> pd.DataFrame:
    """Compare every way on studies from every generator at every setting.

    Parameters
    ----------
    generators : sequence of Generator
    settings : sequence of Setting
    n_trials : int
        Studies of each generator and setting.
    ways : sequence of str
        Ways to compare taxa, of `methods.WAYS`; empty: PERMANOVA in all its ways instead.
    n_permutations : int
        Of PERMANOVA.
    seed : int
        Study t of a setting has the seed ``seed + t``, whatever the setting and the generator, so
        that levels of a dial and ways are compared on the same studies.
    jobs, scheduler
        As in `compute.workers.map_tasks`; the result does not depend on them.

    Returns
    -------
    DataFrame, one row a study, way and (for taxa) scale and rule
    """
    seeds = range(seed, seed + n_trials)
    blocks = [tuple(seeds[start : start + BLOCK]) for start in range(0, n_trials, BLOCK)]
    tasks = [
        Task(generator, setting, block, tuple(ways), n_permutations)
        for generator in generators
        for setting in dict.fromkeys(settings)
        for block in blocks
    ]
    done = map_tasks(run_task, tasks, jobs=jobs, scheduler=scheduler)
    found = {(task.generator.name, task.setting, task.seeds): table for task, table in done}
    order = [(task.generator.name, task.setting, task.seeds) for task in tasks]
    return pd.concat([found[key] for key in order], ignore_index=True)
