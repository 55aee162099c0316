"""How close the simulated study comes to the real one, on seeds it was not tuned on.

Two gates, each owed by every figure that must match (importance 3) and by 90% of all. The median
over the seeds lies in the 95% interval of the real figure. And single seeds lie within its
tolerance (or that interval): as tolerance is 1.96 standard errors of the difference of two such
studies, even a perfect world has one seed in twenty outside, so a figure holds when its seeds
within are no fewer than the exact binomial 99.9% interval at 0.95 leaves: 15 of 20.
Figures that built the template are `fed`, the others `emergent`.
"""

import numpy as np
import pandas as pd

from cohabit.experiments.realism.scorecard import score
from cohabit.simulate import StudyDesign, simulate_cohort
from validation import gates

TITLE = "Realism"
REPLICATION = 100_000  # added to a seed: an independent cohort of the same truth
SEEDS = range(101, 121)
"""Tuned on seeds 1 to 20, reported on these."""

SHARE_OWED = 0.9
WITHIN = 0.95
"""Share of seeds that a perfect world has within tolerance."""


def parts() -> list[int]:
    """Return the seeds; each is one part that can be resumed."""
    return list(SEEDS)


def measure(seed: int) -> pd.DataFrame:
    """Return the scorecard of one simulated study beside its replication."""
    design = StudyDesign.preset("study")
    first, second = (simulate_cohort(design, seed=s) for s in (seed, seed + REPLICATION))
    return score(first, second).assign(seed=seed)


def summarise(measured: pd.DataFrame) -> pd.DataFrame:
    """Return one row a figure: whether its median, and enough of its single seeds, hold."""
    fixed = ["id", "block", "quantity", "real_value", "low", "high", "importance", "origin"]
    rows = measured.groupby(fixed, sort=False, dropna=False)
    table = rows["value"].median().rename("median").reset_index()
    computed = table["median"].notna()
    inside = table["median"].between(table["low"], table["high"])
    table["holds"] = inside.astype(object).where(computed, None)
    passes = measured["passes"].where(measured["value"].notna()).astype(float)
    within = passes.groupby(measured["id"]).agg(["sum", "count"]).loc[table["id"]].to_numpy()
    table["seeds_within_tolerance"] = within[:, 0] / np.where(computed, within[:, 1], np.nan)
    fewest, _ = gates.limits(within[:, 1], n_gates=1, rate=WITHIN)
    enough = pd.Series(within[:, 0] >= fewest)
    table["seeds_hold"] = enough.astype(object).where(computed, None)
    return table


def conclude(summary: pd.DataFrame) -> str:
    """Say how many rows hold, medians and single seeds, by importance and by origin."""
    computed = summary[summary["holds"].notna()]
    lines = [
        f"Medians over {len(SEEDS)} seeds inside the interval of the real study: "
        f"{_judge(computed, 'holds')}",
        f"Single seeds within tolerance, in no fewer of them than chance leaves a perfect world: "
        f"{_judge(computed, 'seeds_hold')}",
    ]
    absent = summary.loc[summary["holds"].isna(), "quantity"]
    if len(absent):
        lines.append(f"Not computed from this world: {'; '.join(absent)}.")
    return " ".join(lines)


def _judge(computed: pd.DataFrame, column: str) -> str:
    held = computed[column].astype(bool)
    must = computed["importance"] == 3
    kept = held[must].all() and held.mean() >= SHARE_OWED
    origins = held.groupby(computed["origin"]).agg(["sum", "size"]).loc[["fed", "emergent"]]
    apart = ", ".join(f"{name} {hits} of {n}" for name, hits, n in origins.itertuples())
    return (
        f"{held.sum()} of {len(held)} figures ({apart}); of those that must match, "
        f"{held[must].sum()} of {must.sum()}. The gate {'is kept' if kept else 'is not kept'}. "
        f"Outside: {', '.join(computed.loc[~held, 'id']) or 'none'}."
    )
