"""The realism scorecard: every published figure beside this cohort's."""

import numpy as np
import pandas as pd

from cohabit.data.cohort import Cohort
from cohabit.experiments.realism.cohort_measures import measure_cohort, measure_lesser_cohort
from cohabit.experiments.realism.feature_measures import measure_features, measure_lesser_features
from cohabit.experiments.realism.tables import StudyTables
from cohabit.simulate.template import read_template

FED = (
    *("D01", "D02", "D03", "D05", "D06", "C01", "C02", "C03", "C04", "C12", "C13"),
    *("S01", "S04", "S05", "S06", "S07", "S12", "T07", "T08", "T09", "T11", "T12"),
    *("T13", "T14", "T15", "T25", "T26", "T27", "T28", "T29", "N1"),
    *("E1", "E2", "E3", "E4", "E5", "E7"),
    *("D04", "D07", "D08", "D09", *(f"C{n:02d}" for n in range(5, 12)), "C14", "C15", "T10"),
    *("B07", "B08", "B09"),
    *("W4", "W5", "W6", *(f"M{number}" for number in range(1, 13))),
)
"""Rows whose figure built the template; every other row comes out by itself."""

CARD_COLUMNS = [
    *("id", "block", "quantity", "value", "real_value", "low", "high", "tolerance"),
    *("importance", "origin", "passes", "reason"),
]


def score(
    cohort: Cohort, replication: Cohort | None = None, *, optional: bool = False
) -> pd.DataFrame:
    """Compute every figure of the real study on a cohort and compare.

    Parameters
    ----------
    cohort : Cohort
    replication : Cohort, optional
        An independent cohort of the same design, for the rows on replication.
    optional : bool
        Also the 48 lesser figures, at the end; they take as long again.

    Returns
    -------
    DataFrame, one row a figure
        id, block, quantity, value, real_value, low, high (95% interval of the real value),
        tolerance (for a single cohort), importance (3 = must match), origin (``fed`` when the
        figure built the template, else ``emergent``), passes (value within tolerance or
        interval; missing when not computed), reason (why not computed).
    """
    tables = StudyTables(cohort)
    again = None if replication is None else StudyTables(replication)
    values = measure_cohort(tables) | measure_features(tables, again)
    if not optional:
        return compare_with_targets(values)
    more = compare_with_targets(values | measure_lesser(tables, again), "targets_optional")
    return pd.concat([compare_with_targets(values), more], ignore_index=True)


def measure_lesser(tables: StudyTables, replication: StudyTables | None = None) -> dict[str, float]:
    """Return every row of ``targets_optional.tsv`` but those on diet, which the scorecard has."""
    return measure_lesser_cohort(tables) | measure_lesser_features(tables, replication)


def compare_with_targets(values: dict[str, float], targets: str = "targets") -> pd.DataFrame:
    """Return the scorecard of figures that were computed, by row id."""
    table = read_template(targets).rename(columns={"tolerance_abs": "tolerance"})
    table["value"] = table["id"].map(values).astype(float)
    table["origin"] = np.where(table["id"].isin(FED), "fed", "emergent")
    near = (table["value"] - table["real_value"]).abs() <= table["tolerance"]
    inside = table["value"].between(table["low"], table["high"])
    table["passes"] = (near | inside).astype(object).where(table["value"].notna(), None)
    table["reason"] = np.where(table["value"].isna(), "not computed from this cohort", "")
    return table[CARD_COLUMNS]
