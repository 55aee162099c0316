"""Runs of many studies: every way scored against the truth of each, and the means of scores."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields

import numpy as np
import pandas as pd

from cohabit.compute.pool import map_tasks
from cohabit.experiments.arena.trial import Generator, Trial, TrialDesign
from cohabit.experiments.arena.ways import FAST, Prepared, compare_communities, compare_taxa
from cohabit.judge.recovery import moved_by_closure
from cohabit.stats.abundance import lenient_rule
from cohabit.stats.inference import adjust_p

FDR = 0.05
CALLING_RULES = ("FDR", "lenient")
OWN_TRUTH = {"asin-sqrt": "asin", "CLR": "clr", "CLR, corrected": "latent"}
"""Scale -> column of the truth; other scales are compared only by sign."""

SIGNS = {
    **{"log counts, corrected": "latent", "presence": "latent", "ranks of shares": "asin"},
    **{"log count per read": "latent", "joint test": "latent", "asin-sqrt, swaps": "asin"},
}
METRICS = (
    "n_called",
    "sensitivity",
    "false_discovery",
    "closure_shift",
    "sign_errors",
    "bias",
    "coverage",
    "seconds",
)

TAXA_LEVELS = {
    "effect": (0.0, 0.4, 0.8, 1.2),
    "n_pairs": (40, 100, 200),
    "household_sharing": (0.0, 1.0, 2.0),
    "missing_partners": (0.0, 0.2, 0.5),
    "depth": (5e3, 3e4, 2e5),
    "pull": (0.0, 0.5, 1.0),
    "spillover": (0.0, 0.3, 0.6),
}
"""Levels of each dial in the comparison of taxa; other dials stay at the baseline."""

COMMUNITY_LEVELS = {
    "effect": (0.0, 0.2, 0.3, 0.4),
    "n_pairs": (40, 100, 200),
    "household_sharing": (0.0, 1.0, 2.0),
    "missing_partners": (0.0, 0.5),
    "spillover": (0.0, 0.6),
}
"""Levels of each dial in the comparison of PERMANOVA, around
``TrialDesign.preset("community")``, where effects are too small for tests of single taxa."""

COMMUNITY_NULL_LEVELS = {"household_sharing": (0.0, 1.0, 2.0), "missing_partners": (0.0, 0.5)}
"""Levels of each dial without planted effects, for error rates."""

STUDIES_PER_BLOCK = 5
DIALS = [field.name for field in fields(TrialDesign)]
TAXA_KEYS = ["way", "scale", "rule"]
COMMUNITY_KEYS = ["way", "distance"]


@dataclass(frozen=True)
class StudyBlock:
    """Several studies of one generator and setting."""

    generator: Generator
    setting: TrialDesign
    seeds: tuple[int, ...]
    ways: tuple[str, ...] = FAST
    """Ways to compare taxa; if empty, PERMANOVA is run instead."""

    n_permutations: int = 0

    @property
    def key(self) -> tuple:
        """Identifier among the blocks of an arena."""
        return self.generator.name, self.setting, self.seeds


def list_settings(
    levels: Mapping[str, Sequence[float]] = TAXA_LEVELS, base: TrialDesign | None = None
) -> pd.DataFrame:
    """Return settings that change one dial at a time.

    Returns
    -------
    DataFrame, one row per dial and level
        dial, level, setting. The base belongs to every dial that has its level.
    """
    base = base or TrialDesign()
    rows = [
        {"dial": dial, "level": float(level), "setting": base.replace(**{dial: level})}
        for dial, several in levels.items()
        for level in several
    ]
    return pd.DataFrame(rows)


def run_block(block: StudyBlock) -> pd.DataFrame:
    """Draw and score the studies of a block.

    As `score_trial`, or as `compare_communities` when the block has no ways; with generator,
    seed and the setting's dials.
    """
    parts = []
    for seed in block.seeds:
        trial = block.generator.draw(block.setting, seed)
        if block.ways:
            scored = score_trial(trial, block.ways)
        else:
            scored = compare_communities(trial, n_permutations=block.n_permutations, seed=seed)
        parts.append(scored.assign(seed=seed))
    table = pd.concat(parts, ignore_index=True)
    return table.assign(generator=block.generator.name, **asdict(block.setting))


def run_arena(
    generators: Sequence[Generator],
    settings: Sequence[TrialDesign],
    n_trials: int,
    *,
    ways: Sequence[str] = FAST,
    n_permutations: int = 0,
    seed: int = 1,
    jobs: int | None = 1,
    scheduler: str | None = None,
) -> pd.DataFrame:
    """Compare all ways on studies from each generator in each setting.

    Parameters
    ----------
    generators, settings : sequence
    n_trials : int
        Studies of each generator and setting.
    ways : sequence of str
        Ways to compare taxa, of `WAYS`; empty: PERMANOVA in all its ways instead, with
        `n_permutations`.
    seed : int
        Study t of a setting has the seed ``seed + t``, whatever the setting and the generator, so
        that levels of a dial and ways are compared on the same studies.
    jobs, scheduler
        As in `compute.pool.map_tasks`; the result does not depend on them.

    Returns
    -------
    DataFrame, one row per study, way and (for taxa) scale and rule
    """
    seeds = range(seed, seed + n_trials)
    parts = [tuple(seeds[n : n + STUDIES_PER_BLOCK]) for n in range(0, n_trials, STUDIES_PER_BLOCK)]
    blocks = [
        StudyBlock(generator, setting, part, tuple(ways), n_permutations)
        for generator in generators
        for setting in dict.fromkeys(settings)
        for part in parts
    ]
    done = map_tasks(run_block, blocks, jobs=jobs, scheduler=scheduler)
    found = {block.key: table for block, table in done}
    return pd.concat([found[block.key] for block in blocks], ignore_index=True)


def score_trial(trial: Trial, ways: Sequence[str] = FAST) -> pd.DataFrame:
    """Analyse a study in every way and score the results against its truth.

    Returns
    -------
    DataFrame, one row per way, scale and rule
        n_tested, n_planted; `METRICS`: n_called, sensitivity (share of the planted taxa, filtered
        ones too, that are called), false_discovery and closure_shift (shares of the calls where
        nothing was planted, without and with a shift that closure gave the scale, see
        `recovery.moved_by_closure`; 0 without a call), sign_errors (share of right calls with the
        wrong sign), bias (mean of estimate minus truth over planted taxa, in the direction of the
        truth), coverage (share of 95% intervals that hold the truth), seconds (of processor time,
        for all taxa).
    """
    prepared = Prepared.of(trial)
    truth = _own_truth(trial.truth.loc[prepared.counts.columns])
    n_planted = int(trial.truth["planted"].sum())
    rows = []
    for (way, scale), found in compare_taxa(prepared, tuple(ways)).groupby(
        ["way", "scale"], sort=False
    ):
        here = truth.loc[found["feature"]]
        accuracy = _measure_accuracy(found, here, scale) | {"seconds": found["seconds"].iloc[0]}
        for rule, called in _call(found).items():
            named = {"way": way, "scale": scale, "rule": rule}
            rows.append(named | _count_calls(found, called, here, scale, n_planted) | accuracy)
    return pd.DataFrame(rows)


def _own_truth(truth: pd.DataFrame) -> pd.DataFrame:
    """Add the true effects on the CLR among the tested taxa."""
    return truth.assign(clr=truth["log_share"] - truth["log_share"].mean())


def _call(found: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return rule -> taxa that it calls; the lenient rule equals FDR if FDR calls any."""
    q_value = adjust_p(found["p_value"])
    strict = np.asarray(q_value) <= FDR
    if strict.any():
        return dict.fromkeys(CALLING_RULES, strict)
    judged = lenient_rule(found.assign(contrast="MS - control", q_value=q_value))
    return dict(zip(CALLING_RULES, [strict, judged["lenient"].to_numpy(bool)], strict=True))


def _count_calls(
    found: pd.DataFrame, called: np.ndarray, truth: pd.DataFrame, scale: str, n_planted: int
) -> dict[str, float]:
    planted = truth["planted"].to_numpy()
    value = truth[OWN_TRUTH.get(scale) or SIGNS[scale]].set_axis(found.index)
    right = called & planted
    estimate = found["estimate"]
    wrong_sign = right & (np.sign(estimate) != np.sign(value)) & estimate.notna()
    moved = called & ~planted & moved_by_closure(found, value)
    n_called = max(1, called.sum())
    return {
        "n_tested": len(found),
        "n_planted": n_planted,
        "n_called": int(called.sum()),
        "sensitivity": _ratio(right.sum(), n_planted),
        "false_discovery": ((called & ~planted).sum() - moved.sum()) / n_called,
        "closure_shift": moved.sum() / n_called,
        "sign_errors": _ratio(wrong_sign.sum(), right.sum()),
    }


def _measure_accuracy(found: pd.DataFrame, truth: pd.DataFrame, scale: str) -> dict[str, float]:
    if scale not in OWN_TRUTH:
        return {"bias": np.nan, "coverage": np.nan}
    value, planted = truth[OWN_TRUTH[scale]].to_numpy(), truth["planted"].to_numpy()
    error = (found["estimate"].to_numpy() - value) * np.sign(value)
    low, high = found["low"].to_numpy(), found["high"].to_numpy()
    given = np.isfinite(low)
    held = (low <= value) & (value <= high)
    return {
        "bias": float(np.nanmean(error[planted])) if planted.any() else np.nan,
        "coverage": _ratio(held[given].sum(), given.sum()),
    }


def _ratio(hits: int, of: int) -> float:
    return float(hits / of) if of else np.nan


def summarise_trials(trials: pd.DataFrame, settings: pd.DataFrame) -> pd.DataFrame:
    """Average results over studies.

    Parameters
    ----------
    trials, settings : DataFrame
        From `run_arena` and `list_settings`.

    Returns
    -------
    DataFrame, one row per generator, dial, level and way
        n_trials, and each metric's mean with its Monte Carlo standard error (``_error``). A
        metric is averaged over the studies that have it.
    """
    keys = TAXA_KEYS if "scale" in trials else COMMUNITY_KEYS
    metrics = [name for name in (*METRICS, "rejected", "r2") if name in trials]
    placed = _place(trials, settings)
    groups = placed.groupby(["generator", "dial", "level", *keys], sort=False)
    mean = groups[metrics].mean()
    error = groups[metrics].sem(ddof=1).add_suffix("_error")
    columns = [name for metric in metrics for name in (metric, f"{metric}_error")]
    table = mean.join(error)[columns]
    table.insert(0, "n_trials", groups["seed"].nunique())
    return table.reset_index()


def _place(trials: pd.DataFrame, settings: pd.DataFrame) -> pd.DataFrame:
    """Return the trials of every dial and level; those at the baseline occur repeatedly."""
    dials = pd.DataFrame([{name: getattr(s, name) for name in DIALS} for s in settings["setting"]])
    named = pd.concat([settings[["dial", "level"]], dials], axis=1)
    return named.merge(trials, on=DIALS, how="inner")
