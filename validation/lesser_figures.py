"""The released study's lesser figures, which no gate counts, on seeds it was not tuned on."""

import pandas as pd

from cohabit.experiments.realism.cohort_measures import measure_diet
from cohabit.experiments.realism.scorecard import compare_with_targets, measure_lesser
from cohabit.experiments.realism.tables import StudyTables
from cohabit.simulate import StudyDesign, simulate_cohort
from validation import realism

TITLE = "Realism: lesser figures"
parts = realism.parts
summarise = realism.summarise


def measure(seed: int) -> pd.DataFrame:
    """Return the lesser figures of one simulated study beside its replication."""
    design = StudyDesign.preset("study")
    seeds = (seed, seed + realism.REPLICATION)
    first, second = (StudyTables(simulate_cohort(design, each)) for each in seeds)
    values = measure_diet(first) | measure_lesser(first, second)
    return compare_with_targets(values, "targets_optional").assign(seed=seed)


def conclude(summary: pd.DataFrame) -> str:
    """Say how many lie inside, and which do not."""
    inside = summary["holds"].astype(bool)
    outside = ", ".join(summary.loc[~inside, "id"])
    return f"{inside.sum()} of {len(summary)} lie inside. Outside: {outside or 'none'}."
