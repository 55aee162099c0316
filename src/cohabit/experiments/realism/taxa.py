"""Figures of single taxa: models, household and site shares, correlations, prediction."""

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from statsmodels.stats.multitest import multipletests

from cohabit.data.cohort import pairs_where
from cohabit.experiments.realism.views import MODEL, Views
from cohabit.stats.association import fit_linear_model
from cohabit.stats.composition import arcsine_sqrt
from cohabit.stats.mixed import fit_household_model

DRUGS_GIVEN = ("interferon", "dimethyl_fumarate", "fingolimod", "glatiramer", "natalizumab")
TREATED = [*DRUGS_GIVEN, "anti_cd20"]
EFFECTS = {
    "T13": "Akkermansia",
    "T14": "Faecalibacterium",
    "T15": "Blautia",
    "T18": "Prevotella",
}
MEANS = {
    "T26": "Bacteroidaceae",
    "T27": "Lachnospiraceae",
    "T28": "Prevotellaceae",
    "T29": "Akkermansiaceae",
}


def measure_genera(views: Views) -> dict[str, float]:
    """Return the rows T01 to T19: hits, household shares, site shares, status effects."""
    fits = views.genus_models
    status = fits[fits["coefficient"] == "group[MS]"].set_index("feature")
    shares = explain_by_site(views.tested_genera, views.people)
    effect = standardise(status)
    treated = pairs_where(views.people, treatment=TREATED)
    untreated = pairs_where(views.people, treatment="untreated")
    icc = status["household_icc"]
    return {
        "T01": count_hits(status["p_value"]),
        "T02": count_hits(_fit_group(views.tested_genera, untreated)["p_value"]),
        "T03": count_hits(_fit_group(views.tested_genera, treated)["p_value"]),
        "T06": count_hits(fits.loc[fits["coefficient"] == "bmi", "p_value"]),
        **{f"T0{7 + n}": icc.quantile(q) for n, q in enumerate((0.1, 0.5, 0.9))},
        "T11": shares.quantile(0.5),
        "T12": shares.quantile(0.9),
        **{row: effect.get(genus, np.nan) for row, genus in EFFECTS.items()},
        "T19": effect.std(),
    }


def _fit_group(values: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    kept = values.loc[values.index.intersection(people.index)]
    fits = fit_household_model(kept, people, MODEL)
    return fits[fits["coefficient"] == "group[MS]"].set_index("feature")


def standardise(status: pd.DataFrame) -> pd.Series:
    """Return coefficients over the total residual SD: d."""
    variance = status["household_variance"] + status["residual_variance"]
    return status["estimate"] / np.sqrt(variance)


def count_hits(p_values: pd.Series) -> int:
    """Return how many pass a false discovery rate of 0.05."""
    known = p_values.dropna()
    return int(multipletests(known, 0.05, "fdr_bh")[0].sum()) if len(known) else 0


def explain_by_site(values: pd.DataFrame, people: pd.DataFrame) -> pd.Series:
    """Return the bias-adjusted R² of site for each column, not below 0."""
    site = people.loc[values.index, "site"].astype(str).to_numpy()
    within = ((values - values.groupby(site).transform("mean")) ** 2).sum()
    total = ((values - values.mean()) ** 2).sum()
    n, df = len(values), len(np.unique(site)) - 1
    return (1 - within / total * (n - 1) / (n - 1 - df)).clip(lower=0)


def measure_families(views: Views) -> dict[str, float]:
    """Return the rows T21 and T26 to T29: family hits and control means."""
    shares = views.families
    tested = shares.loc[:, shares.var() >= 1e-6]
    fits = _fit_group(np.arcsin(np.sqrt(tested)), views.people)
    controls = views.people["group"] == "control"
    means = shares[controls.loc[shares.index]].mean()
    return {
        "T21": count_hits(fits["p_value"]),
        **{row: means.get(family, np.nan) for row, family in MEANS.items()},
    }


def fit_species(views: Views) -> pd.DataFrame:
    """Return the authors' own species model: arcsine square root on sex, age, BMI, site.

    No household term; species in at least 5% of people whose variance is 1e-5 or more.
    Index: species; columns estimate, std_error, p_value.
    """
    counts = views.species
    values = arcsine_sqrt(counts)
    kept = ((counts > 0).mean() >= 0.05) & (values.var() >= 1e-5)
    fits = fit_linear_model(values.loc[:, kept], views.people.loc[values.index], MODEL)
    status = fits[fits["coefficient"] == "group[MS]"]
    return status.set_index("feature")[["estimate", "std_error", "p_value"]]


def measure_species(views: Views, replication: Views | None) -> dict[str, float]:
    """Return T25, and R1 and R2 when a second cohort of the same design is given."""
    first = fit_species(views)
    hit = multipletests(first["p_value"], 0.05, "fdr_bh")[0]
    rows = {"T25": int(hit.sum())}
    if replication is not None:
        second = fit_species(replication)["estimate"].reindex(first.index)
        shared = second.notna()
        agree = np.sign(second) == np.sign(first["estimate"])
        rows["R1"] = agree[hit & shared].mean()
        rows["R2"] = np.corrcoef(first.loc[shared, "estimate"], second[shared])[0, 1]
    return rows


def measure_correlation(views: Views) -> dict[str, float]:
    """Return N1 and N4: correlations of CLR residuals between genera."""
    pairs = views.residual_correlations
    return {"N1": pairs.std(ddof=1), "N4": (np.abs(pairs) > 0.3).mean()}


def measure_prediction(views: Views) -> dict[str, float]:
    """Return U2, U3 and U5: ridge logistic regression, households kept whole."""
    genus, family = views.genus_clr, family_clr(views)
    auc, inside = predict(genus, views.people.loc[genus.index])
    return {"U2": auc, "U3": inside, "U5": predict(family, views.people.loc[family.index])[0]}


def family_clr(views: Views) -> pd.DataFrame:
    """Return the CLR of the families in at least 5% of people, zeros at half the smallest."""
    shares = views.families.loc[:, (views.families > 0).mean() >= 0.05]
    smallest = shares.where(shares > 0).min(axis=1) / 2
    logs = np.log(shares.where(shares > 0, smallest, axis=0))
    return logs.sub(logs.mean(axis=1), axis=0)


def predict(values: pd.DataFrame, people: pd.DataFrame, model=None) -> tuple[float, float]:
    """Return the AUC of held-out scores and how often the patient scores higher in the pair.

    The model is a ridge logistic regression unless another classifier is given.
    """
    patient = (people["group"] == "MS").to_numpy()
    if model is None:
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=500))
    folds = GroupKFold(5, shuffle=True, random_state=1)
    groups = people["household_id"].astype(str).to_numpy()
    chance = cross_val_predict(
        model, values.to_numpy(), patient, groups=groups, cv=folds, method="predict_proba"
    )
    score = chance[:, 1]
    frame = pd.DataFrame({"home": groups, "patient": patient, "score": score})
    wide = frame.pivot(index="home", columns="patient", values="score").dropna()
    return roc_auc_score(patient, score), float((wide[True] > wide[False]).mean())
