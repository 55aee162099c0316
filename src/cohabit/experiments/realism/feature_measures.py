"""The study's measures of taxa, prediction, pathways and metabolites, for a cohort."""

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cohabit.data.cohort import pairs_where
from cohabit.data.schema import TREATMENTS
from cohabit.experiments.realism.tables import (
    MODEL,
    StudyTables,
    find_residuals,
    fit_status,
    status_rows,
)
from cohabit.simulate.metabolites import FATTY_ACIDS
from cohabit.stats.association import fit_linear_model
from cohabit.stats.composition import arcsine_root, arcsine_sqrt
from cohabit.stats.inference import adjust_p

TREATED = list(TREATMENTS[1:])
GENUS_EFFECTS = {
    "T13": "Akkermansia",
    "T14": "Faecalibacterium",
    "T15": "Blautia",
    "T18": "Prevotella",
}

HOUSEHOLD_SHARES = {"T07": 0.1, "T08": 0.5, "T09": 0.9}
"""Row -> quantile over genera."""

FAMILY_MEANS = {
    "T26": "Bacteroidaceae",
    "T27": "Lachnospiraceae",
    "T28": "Prevotellaceae",
    "T29": "Akkermansiaceae",
}
"""Row -> family of its mean share in controls."""


PATIENTS = {
    "everyone": {"treatment": list(TREATMENTS)},
    "untreated": {"treatment": "untreated"},
    "treated": {"treatment": TREATED},
    "interferon": {"treatment": "interferon", "course": "RRMS"},
    "fumarate": {"treatment": "dimethyl_fumarate", "course": "RRMS"},
}
"""Kind of patients who are compared with their partners."""

METABOLITES = {
    "M1": ("everyone", "stool:acetate"),
    "M2": ("everyone", "stool:propionate"),
    "M3": ("treated", "stool:butyrate"),
    "M4": ("interferon", "stool:acetate"),
    "M5": ("interferon", "serum:propionate"),
    "M6": ("everyone", "serum:isovalerate"),
    "M7": ("fumarate", "serum:fumarate"),
    "M8": ("untreated", "stool:guanosine"),
}
"""Row -> kind of patients, and metabolite of the difference from their partners."""


def measure_features(
    tables: StudyTables, replication: StudyTables | None = None
) -> dict[str, float]:
    """Return the scorecard's rows on taxa, prediction, pathways and metabolites."""
    return {
        **_measure_genera(tables),
        **_measure_families(tables),
        **_measure_species(tables, replication),
        **_measure_prediction(tables),
        **measure_pathways(tables),
        **measure_metabolites(tables),
    }


def _measure_genera(tables: StudyTables) -> dict[str, float]:
    """Return rows T01 to T19, N1 and N4: hits, shares, effects of MS, correlations."""
    fits, values, people = tables.genus_models, tables.tested_genera, tables.people
    status = status_rows(fits)
    shares = explain_by_site(values, people)
    effect = standardise_status(status)
    by_therapy = {
        row: fit_status(values, pairs_where(people, treatment=treatment))
        for row, treatment in {"T02": "untreated", "T03": TREATED}.items()
    }
    pairs = tables.residual_correlations
    return {
        "T01": count_discoveries(status),
        **{row: count_discoveries(found) for row, found in by_therapy.items()},
        "T06": count_discoveries(fits[fits["coefficient"] == "bmi"]),
        **{row: status["household_icc"].quantile(at) for row, at in HOUSEHOLD_SHARES.items()},
        "T11": shares.quantile(0.5),
        "T12": shares.quantile(0.9),
        **{row: effect.get(genus, np.nan) for row, genus in GENUS_EFFECTS.items()},
        "T19": effect.std(),
        "N1": pairs.std(ddof=1),
        "N4": (np.abs(pairs) > 0.3).mean(),
    }


def standardise_status(status: pd.DataFrame) -> pd.Series:
    """Return coefficients divided by the total residual SD (Cohen's d)."""
    variance = status["household_variance"] + status["residual_variance"]
    return status["estimate"] / np.sqrt(variance)


def count_discoveries(fits: pd.DataFrame) -> int:
    """Return the number of features that pass a false discovery rate of 0.05."""
    return int((adjust_p(fits["p_value"]) <= 0.05).sum())


def explain_by_site(values: pd.DataFrame, people: pd.DataFrame) -> pd.Series:
    """Return the bias-adjusted R² of site for each column, at least 0."""
    site = people.loc[values.index, "site"].astype(str).to_numpy()
    within = ((values - values.groupby(site).transform("mean")) ** 2).sum()
    total = ((values - values.mean()) ** 2).sum()
    n, df = len(values), len(np.unique(site)) - 1
    return (1 - within / total * (n - 1) / (n - 1 - df)).clip(lower=0)


def _measure_families(tables: StudyTables) -> dict[str, float]:
    """Return rows T21 and T26 to T29: family hits and control means."""
    shares = tables.families
    controls = tables.people["group"] == "control"
    means = shares[controls.loc[shares.index]].mean()
    return {
        "T21": count_discoveries(fit_status(arcsine_root(tested_shares(shares)), tables.people)),
        **{row: means.get(family, np.nan) for row, family in FAMILY_MEANS.items()},
    }


def tested_shares(shares: pd.DataFrame) -> pd.DataFrame:
    """Return the shares that vary enough to be tested."""
    return shares.loc[:, shares.var() >= 1e-6]


def _measure_species(tables: StudyTables, replication: StudyTables | None) -> dict[str, float]:
    """Return row T25, and R1 and R2 if a second cohort of the design is given."""
    first = fit_species(tables)
    rows = {"T25": int(first["hit"].sum())}
    if replication is not None:
        second = fit_species(replication)["estimate"].reindex(first.index)
        shared = second.notna()
        agree = np.sign(second) == np.sign(first["estimate"])
        rows["R1"] = agree[first["hit"] & shared].mean()
        rows["R2"] = np.corrcoef(first.loc[shared, "estimate"], second[shared])[0, 1]
    return rows


def fit_species(tables: StudyTables) -> pd.DataFrame:
    """Return the study's species model: arcsine square root on sex, age, BMI and site.

    No household term; species in at least 5% of people whose variance is 1e-5 or more.
    Index: species; columns estimate and hit, whether it passes a false discovery rate of 0.05.
    """
    counts = tables.species
    values = arcsine_sqrt(counts)
    kept = ((counts > 0).mean() >= 0.05) & (values.var() >= 1e-5)
    status = status_rows(
        fit_linear_model(values.loc[:, kept], tables.people.loc[values.index], MODEL)
    )
    return status[["estimate"]].assign(hit=adjust_p(status["p_value"]) <= 0.05)


def _measure_prediction(tables: StudyTables) -> dict[str, float]:
    """Return rows U2, U3 and U5: ridge logistic regression with whole households."""
    auc, inside = predict(tables.genus_clr, tables.people)
    return {"U2": auc, "U3": inside, "U5": predict(family_clr(tables), tables.people)[0]}


def family_clr(tables: StudyTables) -> pd.DataFrame:
    """Return the CLR of families in at least 5% of people, zeros at half the minimum."""
    shares = tables.families.loc[:, (tables.families > 0).mean() >= 0.05]
    smallest = shares.where(shares > 0).min(axis=1) / 2
    logs = np.log(shares.where(shares > 0, smallest, axis=0))
    return logs.sub(logs.mean(axis=1), axis=0)


def predict(values: pd.DataFrame, people: pd.DataFrame, model=None) -> tuple[float, float]:
    """Return the AUC of held-out scores and how often the patient scores above the partner.

    The model is a ridge logistic regression unless another classifier is given.
    """
    people = people.loc[values.index]
    patient = (people["group"] == "MS").to_numpy()
    if model is None:
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=500))
    folds = GroupKFold(5, shuffle=True, random_state=1)
    homes = people["household_id"].astype(str).to_numpy()
    score = cross_val_predict(
        model, values.to_numpy(), patient, groups=homes, cv=folds, method="predict_proba"
    )[:, 1]
    frame = pd.DataFrame({"home": homes, "patient": patient, "score": score})
    wide = frame.pivot(index="home", columns="patient", values="score").dropna()
    return roc_auc_score(patient, score), float((wide[True] > wide[False]).mean())


def measure_pathways(tables: StudyTables) -> dict[str, float]:
    """Return rows W1 to W6: hits, coefficients and household shares of pathways."""
    shares = tables.cohort.pathways
    if shares is None:
        return {}
    values = arcsine_root(shares)
    values = values.loc[:, ((shares > 0).mean() >= 0.05) & (values.var() > 0)]
    untreated, treated, everyone = (
        _fit_patients(values, tables.people, who) for who in ("untreated", "treated", "everyone")
    )
    return {
        "W1": count_discoveries(untreated),
        "W2": count_discoveries(treated),
        "W3": count_discoveries(everyone),
        "W4": untreated["estimate"].get("PWY-4702", np.nan),
        "W5": everyone["household_icc"].median(),
        "W6": untreated["estimate"].get("GLUCUROCAT-PWY", np.nan),
    }


def measure_metabolites(tables: StudyTables) -> dict[str, float]:
    """Return rows M1 to M12: effects on metabolites, household shares, a producer."""
    if tables.cohort.metabolites is None:
        return {}
    values = tables.cohort.metabolites.copy()
    acids = [name for name in FATTY_ACIDS if name in values]
    values[acids] = np.log(values[acids])
    fits = {who: _fit_patients(values, tables.people, who) for who in PATIENTS}
    share = fits["everyone"]["household_icc"]
    producer = "Christensenellaceae unclassified"
    return {
        **{row: fits[who]["estimate"][feature] for row, (who, feature) in METABOLITES.items()},
        "M9": share[[name for name in acids if name.startswith("stool")]].mean(),
        "M10": share[[name for name in acids if name.startswith("serum")]].mean(),
        "M11": _correlate_with_genus(tables, values["stool:butyrate"], "Roseburia"),
        "M12": _correlate_with_genus(tables, values["stool:propionate"], producer),
    }


def _fit_patients(values: pd.DataFrame, people: pd.DataFrame, who: str) -> pd.DataFrame:
    """Return the coefficient of MS among the households of one kind of `PATIENTS`."""
    return fit_status(values, pairs_where(people.loc[values.index], **PATIENTS[who]))


def _correlate_with_genus(tables: StudyTables, values: pd.Series, genus: str) -> float:
    """Return a metabolite's correlation with a genus's CLR, adjusted for covariates."""
    if genus not in tables.genus_clr:
        return np.nan
    pair = tables.genus_clr[[genus]].join(values, how="inner")
    return float(np.corrcoef(find_residuals(pair, tables.people).T)[0, 1])
