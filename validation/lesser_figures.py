"""The released study's lesser figures, which no gate counts, on seeds it was not tuned on."""

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier

from cohabit.experiments.realism.cohort_measures import (
    average_distances,
    correlate_partners,
    explain_terms,
    find_entropies,
    measure_diet,
    spread_of_logs,
)
from cohabit.experiments.realism.feature_measures import (
    count_discoveries,
    explain_by_site,
    family_clr,
    fit_species,
    predict,
    standardise_status,
    tested_shares,
)
from cohabit.experiments.realism.scorecard import compare_with_targets
from cohabit.experiments.realism.tables import RAREFIED_TO, StudyTables, fit_status, status_rows
from cohabit.simulate import StudyDesign, simulate_cohort
from cohabit.stats import diversity
from cohabit.stats.composition import arcsine_sqrt
from validation import realism

TITLE = "Realism: lesser figures"
EXPLAINED = {"genus bray": {"age": "P05"}, "family bray": {"bmi": "P15"}}
"""Distance -> term -> row."""

GENUS_EFFECTS = {"T16": "Roseburia", "T17": "Christensenellaceae unclassified"}
"""Row -> genus of its standardised difference."""

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


def measure_lesser(tables: StudyTables, replication: StudyTables) -> dict[str, float]:
    """Return all rows of ``targets_optional.tsv`` except those on diet in the scorecard."""
    return {
        **_measure_people(tables),
        **_measure_structure(tables),
        **_measure_distances(tables),
        **explain_terms(tables, EXPLAINED),
        **_measure_genera(tables),
        **_measure_families(tables),
        **_measure_prediction(tables),
        "R3": _count_again(tables, replication),
    }


def _measure_people(tables: StudyTables) -> dict[str, float]:
    people = tables.people
    patients, controls = (people[people["group"] == name] for name in ("MS", "control"))
    relapsing = patients["course"].astype(str) == "RRMS"
    age = tables.pair_table(people["age"])
    severity = patients[["edss", "msss", "age"]].astype(float).corr("spearman")
    depressed = [
        (part["depression"] == "yes")[part["depression"].notna()].mean()
        for part in (patients, controls)
    ]
    smoking = tables.pair_table(people["smoking"].dropna().astype(str))
    return {
        "D04": patients["age"].std(),
        "D07": controls["bmi"].mean(),
        "D08": correlate_partners(tables, people["bmi"]),
        "D09": ((age["MS"] - age["control"]).abs() <= 5).mean(),
        "C05": patients.loc[relapsing, "edss"].mean(),
        "C06": patients.loc[~relapsing, "edss"].mean(),
        "C07": patients["edss"].std(),
        "C08": severity.loc["edss", "msss"],
        "C09": severity.loc["edss", "age"],
        "C10": patients["duration"].mean(),
        "C11": patients.loc[relapsing, "onset_age"].mean(),
        "C14": depressed[0] - depressed[1],
        "C15": (smoking["MS"] == smoking["control"]).mean(),
    }


def _measure_structure(tables: StudyTables) -> dict[str, float]:
    shares = tables.genera / RAREFIED_TO
    largest = -np.sort(-shares.to_numpy(), axis=1)
    asvs, genera = find_entropies(tables).values()
    observed = (tables.asvs > 0).sum(axis=1)
    return {
        "S02": ((shares > 0).mean() >= 0.5).sum(),
        "S10": largest[:, 0].mean(),
        "S11": largest[:, :5].sum(axis=1).mean(),
        "S13": spread_of_logs(tables.common_genera / RAREFIED_TO).quantile(0.9),
        "S14": (tables.cohort.table("16s") == 0).to_numpy().mean(),
        "A12": asvs.std(),
        "A22": genera.std(),
        "A31": observed.mean(),
        "A33": correlate_partners(tables, observed),
    }


def _measure_distances(tables: StudyTables) -> dict[str, float]:
    asvs = diversity.bray_curtis(tables.asvs).to_data_frame()
    families = tables.distances["family bray"]
    values = [*average_distances(tables, asvs), *average_distances(tables, families)]
    return dict(zip(("B07", "B08", "B09", "B10", "B11", "B12"), values, strict=True))


def _measure_genera(tables: StudyTables) -> dict[str, float]:
    fits, pairs = tables.genus_models, tables.residual_correlations
    term = fits["coefficient"].str.split("[").str[0]
    effect = standardise_status(status_rows(fits))
    return {
        "T04": count_discoveries(fits[term == "sex"]),
        "T05": count_discoveries(fits[term == "age"]),
        "T10": explain_by_site(tables.tested_genera, tables.people).quantile(0.1),
        **{row: effect.get(genus, np.nan) for row, genus in GENUS_EFFECTS.items()},
        "T20": effect.abs().max(),
        "N2": np.quantile(pairs, 0.05),
        "N3": np.quantile(pairs, 0.95),
    }


def _measure_families(tables: StudyTables) -> dict[str, float]:
    status = fit_status(arcsine_sqrt(tested_shares(tables.families)), tables.people)
    effect = standardise_status(status)
    return {
        "T22": status["household_icc"].median(),
        "T23": effect.get("Akkermansiaceae", np.nan),
        "T24": effect.get("Prevotellaceae", np.nan),
    }


def _count_again(tables: StudyTables, replication: StudyTables) -> float:
    """Return the share of species called in the first batch that the second calls again."""
    first, again = (t.index[t["hit"]] for t in map(fit_species, (tables, replication)))
    return float(first.isin(again).mean()) if len(first) else np.nan


def _measure_prediction(tables: StudyTables) -> dict[str, float]:
    """Return rows U1 and U4 (random forest) and U6 (ridge)."""
    forest = RandomForestClassifier(100, min_samples_leaf=5, random_state=1)
    families = family_clr(tables)
    return {
        "U1": predict(tables.genus_clr, tables.people, forest)[0],
        "U4": predict(families, tables.people, forest)[0],
        "U6": predict(families, tables.people)[1],
    }
