"""How close the simulated study comes to the real one, on seeds it was not tuned on."""

import pandas as pd

from cohabit.calibrate.score import score
from cohabit.simulate import StudyDesign, simulate_cohort

TITLE = "Realism"
REPLICATION = 100_000  # added to a seed: an independent cohort of the same truth
SEEDS = range(101, 121)
"""Tuned on seeds 1 to 20, reported on these."""


def parts() -> list[int]:
    """Return the seeds; each is one part that can be resumed."""
    return list(SEEDS)


def measure(seed: int) -> pd.DataFrame:
    """Return the scorecard of one simulated study beside its replication."""
    design = StudyDesign.preset("study")
    first, second = (simulate_cohort(design, seed=s) for s in (seed, seed + REPLICATION))
    return score(first, second).assign(seed=seed)


def summarise(measured: pd.DataFrame) -> pd.DataFrame:
    """Return one row a figure: median over seeds, whether it lies in the interval."""
    fixed = ["id", "block", "quantity", "real_value", "low", "high", "importance", "origin"]
    rows = measured.groupby(fixed, sort=False, dropna=False)
    table = rows["value"].median().rename("median").reset_index()
    computed = table["median"].notna()
    inside = table["median"].between(table["low"], table["high"])
    table["holds"] = inside.astype(object).where(computed, None)
    passes = measured["passes"].where(measured["value"].notna()).astype(float)
    table["seeds_within_tolerance"] = passes.groupby(measured["id"]).mean()[table["id"]].to_numpy()
    return table


def conclude(summary: pd.DataFrame) -> str:
    """Say how many rows hold, by importance and by origin."""
    computed = summary[summary["holds"].notna()]
    held = computed["holds"].astype(bool)
    must = computed["importance"] == 3
    lines = [
        f"{held.sum()} of {len(computed)} figures lie inside the interval of the real study "
        f"(median over {len(SEEDS)} seeds); of those that must match, "
        f"{(held & must).sum()} of {must.sum()}.",
    ]
    for origin in ("fed", "emergent"):
        rows = computed["origin"] == origin
        lines.append(f"{origin.capitalize()}: {(held & rows).sum()} of {rows.sum()}.")
    absent = summary.loc[summary["holds"].isna(), "quantity"]
    if len(absent):
        lines.append(f"Not computed from this world: {'; '.join(absent)}.")
    broken = computed.loc[~held, "id"]
    if len(broken):
        lines.append(f"Outside: {', '.join(broken)}.")
    return " ".join(lines)
