"""The released study's lesser figures: near-duplicates of those scored, or of low importance."""

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from statsmodels.stats.multitest import multipletests

from cohabit.experiments.realism.community import average_distances
from cohabit.experiments.realism.taxa import (
    count_hits,
    explain_by_site,
    family_clr,
    fit_species,
    predict,
    standardise,
)
from cohabit.experiments.realism.views import MODEL, RAREFIED_TO, Views
from cohabit.stats import composition, diversity
from cohabit.stats.mixed import fit_household_model
from cohabit.stats.permanova import permanova


def measure_more(views: Views, replication: Views | None = None) -> dict[str, float]:
    """Return every row of ``targets_optional.tsv`` but those on diet, which the scorecard has."""
    return {
        **_measure_people(views),
        **_measure_tables(views),
        **_measure_distances(views),
        **_measure_taxa(views),
        **_measure_prediction(views),
        **({} if replication is None else {"R3": _count_again(views, replication)}),
    }


def _measure_people(views: Views) -> dict[str, float]:
    people = views.people
    patients, controls = (people[people["group"] == name] for name in ("MS", "control"))
    relapsing = patients["course"].astype(str) == "RRMS"
    age, bmi = views.pair_table(people["age"]), views.pair_table(people["bmi"])
    severity = patients[["edss", "msss", "age"]].astype(float).corr("spearman")
    down = {
        name: (part["depression"] == "yes")[part["depression"].notna()].mean()
        for name, part in (("MS", patients), ("control", controls))
    }
    smoking = views.pair_table(people["smoking"].dropna().astype(str))
    return {
        "D04": patients["age"].std(),
        "D07": controls["bmi"].mean(),
        "D08": bmi.corr().iloc[0, 1],
        "D09": ((age["MS"] - age["control"]).abs() <= 5).mean(),
        "C05": patients.loc[relapsing, "edss"].mean(),
        "C06": patients.loc[~relapsing, "edss"].mean(),
        "C07": patients["edss"].std(),
        "C08": severity.loc["edss", "msss"],
        "C09": severity.loc["edss", "age"],
        "C10": patients["duration"].mean(),
        "C11": patients.loc[relapsing, "onset_age"].mean(),
        "C14": down["MS"] - down["control"],
        "C15": (smoking["MS"] == smoking["control"]).mean(),
    }


def _measure_tables(views: Views) -> dict[str, float]:
    shares = views.genera / RAREFIED_TO
    common = views.common_genera / RAREFIED_TO
    largest = -np.sort(-shares.to_numpy(), axis=1)
    asvs, genera = diversity.shannon(views.asvs) / np.log(2), diversity.shannon(views.genera)
    observed = (views.asvs > 0).sum(axis=1)
    return {
        "S02": ((shares > 0).mean() >= 0.5).sum(),
        "S10": largest[:, 0].mean(),
        "S11": largest[:, :5].sum(axis=1).mean(),
        "S13": np.log(common.where(common > 0)).std().quantile(0.9),
        "S14": (views.cohort.table("16s") == 0).to_numpy().mean(),
        "A12": asvs.std(),
        "A22": genera.std(),
        "A31": observed.mean(),
        "A33": views.pair_table(observed).corr().iloc[0, 1],
    }


def _measure_distances(views: Views) -> dict[str, float]:
    asvs = diversity.bray_curtis(views.asvs).to_data_frame()
    families = views.distances_of("family bray")
    rows = dict(zip(("B07", "B08", "B09"), average_distances(views, asvs), strict=True))
    rows |= dict(zip(("B10", "B11", "B12"), average_distances(views, families), strict=True))
    for row, table, term in (("P05", "genus bray", "age"), ("P15", "family bray", "bmi")):
        distances = views.distances_of(table)
        people = views.people.loc[distances.index]
        found = permanova(distances, people, term, n_permutations=1, rng=1)
        rows[row] = found.loc[term, "r2"]
    return rows


def _measure_taxa(views: Views) -> dict[str, float]:
    fits = views.genus_models
    by_term = dict(list(fits.groupby("coefficient", sort=False)))
    effect = standardise(by_term["group[MS]"].set_index("feature"))
    shares = views.families
    families = composition.arcsine_sqrt(shares.loc[:, shares.var() >= 1e-6])
    family_fits = fit_household_model(families, views.people, MODEL)
    family_fits = family_fits[family_fits["coefficient"] == "group[MS]"].set_index("feature")
    family_effect = standardise(family_fits)
    pairs = views.residual_correlations
    return {
        "T04": count_hits(_rows(by_term, "sex")["p_value"]),
        "T05": count_hits(_rows(by_term, "age")["p_value"]),
        "T10": explain_by_site(views.tested_genera, views.people).quantile(0.1),
        "T16": effect.get("Roseburia", np.nan),
        "T17": effect.get("Christensenellaceae unclassified", np.nan),
        "T20": effect.abs().max(),
        "T22": family_fits["household_icc"].median(),
        "T23": family_effect.get("Akkermansiaceae", np.nan),
        "T24": family_effect.get("Prevotellaceae", np.nan),
        "N2": np.quantile(pairs, 0.05),
        "N3": np.quantile(pairs, 0.95),
    }


def _rows(by_term: dict[str, pd.DataFrame], name: str) -> pd.DataFrame:
    """Return the rows of a term: a number's own, or those of its one level."""
    return next(rows for term, rows in by_term.items() if term.split("[")[0] == name)


def _measure_prediction(views: Views) -> dict[str, float]:
    forest = RandomForestClassifier(100, min_samples_leaf=5, random_state=1)
    tables = {"U1": views.genus_clr, "U4": family_clr(views)}
    rows = {row: predict(t, views.people.loc[t.index], forest)[0] for row, t in tables.items()}
    return rows | {"U6": predict(tables["U4"], views.people.loc[tables["U4"].index])[1]}


def _count_again(views: Views, replication: Views) -> float:
    """Return the share of species that pass in the first batch and again in the second."""
    first, second = fit_species(views), fit_species(replication)
    hits = first.index[multipletests(first["p_value"], 0.05, "fdr_bh")[0]]
    again = second.index[multipletests(second["p_value"], 0.05, "fdr_bh")[0]]
    return float(hits.isin(again).mean()) if len(hits) else np.nan
