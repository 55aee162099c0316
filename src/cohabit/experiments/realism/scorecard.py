"""The realism scorecard, and a classifier of real against simulated samples."""

import numpy as np
import pandas as pd

from cohabit.data.cohort import Cohort
from cohabit.experiments.realism.cohort_measures import measure_cohort
from cohabit.experiments.realism.feature_measures import measure_features
from cohabit.experiments.realism.tables import StudyTables
from cohabit.simulate.template import read_template
from cohabit.stats.diversity import rarefy
from cohabit.stats.prediction import MODELS, predict_group

FED = (
    *("D01", "D02", "D03", "D05", "D06", "C01", "C02", "C03", "C04", "C12", "C13"),
    *("S01", "S04", "S05", "S06", "S07", "S12", "T07", "T08", "T09", "T11", "T12"),
    *("T13", "T14", "T15", "T25", "T26", "T27", "T28", "T29", "N1"),
    *("E1", "E2", "E3", "E4", "E5", "E7"),
    *("D04", "D07", "D08", "D09", *(f"C{n:02d}" for n in range(5, 12)), "C14", "C15", "T10"),
    *("B07", "B08", "B09"),
    *("W4", "W5", "W6", *(f"M{number}" for number in range(1, 13))),
)
"""Rows whose figures were used to build the template; all others are predictions."""

CARD_COLUMNS = [
    *("id", "block", "quantity", "value", "real_value", "low", "high", "tolerance"),
    *("importance", "origin", "passes", "reason"),
]


def score(cohort: Cohort, replication: Cohort | None = None) -> pd.DataFrame:
    """Compute every figure of the real study for a cohort and compare them.

    Figures on replication need an independent cohort of the same design. One row per figure: id,
    block, quantity, value, real_value, low, high (95% interval of the real value), tolerance (for
    a single cohort), importance (3 = must match), origin (``fed`` when the figure built the
    template, else ``emergent``), passes (value within tolerance or interval; missing when not
    computed), reason (why not computed).
    """
    tables = StudyTables(cohort)
    again = None if replication is None else StudyTables(replication)
    return compare_with_targets(measure_cohort(tables) | measure_features(tables, again))


def compare_with_targets(values: dict[str, float], targets: str = "targets") -> pd.DataFrame:
    """Return the scorecard of computed figures, given by row id."""
    table = read_template(targets).rename(columns={"tolerance_abs": "tolerance"})
    table["value"] = table["id"].map(values).astype(float)
    table["origin"] = np.where(table["id"].isin(FED), "fed", "emergent")
    near = (table["value"] - table["real_value"]).abs() <= table["tolerance"]
    inside = table["value"].between(table["low"], table["high"])
    table["passes"] = (near | inside).astype(object).where(table["value"].notna(), None)
    table["reason"] = np.where(table["value"].isna(), "not computed from this cohort", "")
    return table[CARD_COLUMNS]


LOWEST_DEPTH = 0.05
"""Quantile of library sizes, in each table, that sets the common depth."""


def distinguish(
    real: pd.DataFrame,
    real_people: pd.DataFrame,
    simulated: pd.DataFrame,
    simulated_people: pd.DataFrame,
    *,
    household: str = "household_id",
    models: tuple[str, ...] = MODELS,
    n_folds: int = 5,
    n_trees: int = 200,
    n_bootstrap: int = 999,
    rng: int | np.random.Generator | None = None,
) -> pd.DataFrame:
    """Cross-validate a classifier of real against simulated samples.

    Both tables of counts are first rarefied to one depth, so that depth is not informative; a
    feature that one of them lacks counts as 0 there. People of one `household`, a column of both
    tables of people, are kept together in the folds. Other options are those of
    `prediction.predict_group`. One row per model: model, auc (0.5: nothing to tell them by; 1:
    every sample), low, high (95%, households resampled), n_real, n_simulated, depth (reads), note.
    """
    shared = real.columns.intersection(simulated.columns)
    if shared.empty:
        raise ValueError(
            "expected tables with features in common; got none: "
            f"{list(real.columns[:3])} and {list(simulated.columns[:3])}"
        )
    rng = np.random.default_rng(rng)
    depth = int(min(t.sum(axis=1).quantile(LOWEST_DEPTH) for t in (real, simulated)))
    sides = {"real": (real, real_people), "simulated": (simulated, simulated_people)}
    parts = [_label(name, *side, household, depth, rng) for name, side in sides.items()]
    counts, people = (pd.concat(part) for part in zip(*parts, strict=True))
    counts = counts.fillna(0).astype(int)
    effort = {"n_folds": n_folds, "n_trees": n_trees, "n_bootstrap": n_bootstrap}
    found = predict_group(
        counts, people, "source", models=models, predictors=["microbes"], rng=rng, **effort
    )
    table = found[found["measure"] == "auc"].rename(columns={"estimate": "auc"})
    sizes = {f"n_{name}": int((people["source"] == name).sum()) for name in sides}
    table = table.assign(**sizes, depth=depth).reset_index(drop=True)
    return table[["model", "auc", "low", "high", *sizes, "depth", "note"]]


def _label(name, counts, people, household, depth, rng) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return rarefied counts and their households, with names that include the source."""
    thin = rarefy(counts, depth, rng=rng)
    homes = people[household].reindex(thin.index)
    if homes.isna().any():
        lost = list(homes.index[homes.isna()])
        raise ValueError(f"{name}: {len(lost)} sample(s) have no {household}, first {lost[:5]}")
    index = pd.Index([f"{name} {sample}" for sample in thin.index])
    labels = {"household_id": [f"{name} {home}" for home in homes], "source": name}
    return thin.set_axis(index), pd.DataFrame(labels, index=index)
