"""Exposures of people and the effect of one unit of each on every taxon."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from cohabit.data import schema
from cohabit.simulate.design import StudyDesign
from cohabit.simulate.template import SITES, Template

DRUGS = schema.TREATMENTS[1:]
MEAN_AGE = 50.0  # years; where the age term is zero
MEAN_BMI = 26.0  # kg/m2; where the BMI term is zero
MEAN_MSSS = 3.4  # points; mean of the study's patients, where the severity term is zero

MEAN_LOG_FIBRE, SD_LOG_FIBRE = 2.83, 0.46  # of log(1 + grams a day) over all people

FACTOR_COLUMNS = {
    **{f"site:{site}": f"site_{site.replace(' ', '_')}" for site in SITES},
    "sex:female": "sex",
    "age": "age",
    "bmi": "bmi",
    "smoking:current": "smoking",
    "diet:fibre": "fibre",
    "group:MS": "ms",
    "spillover": "ms",
    **{f"treatment:{drug}": drug for drug in DRUGS},
    "msss": "severity",
}
"""Factor of the model -> its column in the template."""


def build_exposures(people: pd.DataFrame) -> pd.DataFrame:
    """Return people x factors: 1 or 0 for levels, units from the mean for numbers.

    Severity is MSSS minus the patients' mean, 0 for controls; spillover is 1 for a control who
    lives with a patient; fibre is in SDs of log grams if it was drawn.
    """
    patient = (people["group"] == "MS").to_numpy()
    with_patient = people["household_id"].isin(people.loc[patient, "household_id"]).to_numpy()
    columns = {f"site:{site}": people["site"] == site for site in SITES}
    columns["sex:female"] = people["sex"] == "female"
    columns["age"] = people["age"] - MEAN_AGE
    columns["bmi"] = people["bmi"] - MEAN_BMI
    columns["smoking:current"] = people["smoking"] == "current" if "smoking" in people else 0.0
    columns["diet:fibre"] = _fibre(people)
    columns["group:MS"] = patient
    columns["spillover"] = with_patient & ~patient
    columns.update({f"treatment:{drug}": people["treatment"] == drug for drug in DRUGS})
    columns["msss"] = np.where(patient, people["msss"].astype(float) - MEAN_MSSS, 0.0)
    return pd.DataFrame(columns, index=people.index).astype(float).fillna(0.0)


def _fibre(people: pd.DataFrame) -> pd.Series | float:
    """Return fibre in SDs from the mean, or 0 if diet was not drawn."""
    if "fibre" not in people:
        return 0.0
    return (np.log1p(people["fibre"].astype(float)) - MEAN_LOG_FIBRE) / SD_LOG_FIBRE


def build_coefficients(template: Template, design: StudyDesign, prefix: str = "") -> pd.DataFrame:
    """Return factors x taxa: the template's effects times the design's dials.

    `prefix` is ``"carriage_"`` for effects on the probit of carriage.
    """
    dials = _dials(design)
    rows = {}
    for factor, column in FACTOR_COLUMNS.items():
        known = prefix + column in template.table
        effect = template.column(prefix + column) if known else np.zeros(len(template.taxa))
        rows[factor] = dials[factor] * effect
    return pd.DataFrame.from_dict(rows, orient="index", columns=template.taxa)


def _dials(design: StudyDesign) -> dict[str, float]:
    strength = {
        "site": design.geography,
        "sex": design.covariates,
        "age": design.covariates,
        "bmi": design.covariates,
        "smoking": design.lifestyle,
        "diet": design.diet,
        "group": design.disease,
        "spillover": design.disease * design.spillover,
        "treatment": design.treatment,
        "msss": design.severity,
    }
    return {factor: strength[factor.split(":")[0]] for factor in FACTOR_COLUMNS}


COLUMNS_OF_EFFECTS = ["factor", "level", "property", "feature", "coefficient", "scale"]


def list_item_effects(
    items: pd.DataFrame, effects: Mapping[str, tuple[str, str]], target: str
) -> pd.DataFrame:
    """Return the effects on items as rows of `effects.tsv`.

    `effects` maps columns of `items` to factor and level; `items` also has a column ``scale``.
    """
    rows = [
        (*effects[effect], target, item, row[effect], row["scale"])
        for effect in effects
        for item, row in items.iterrows()
    ]
    return pd.DataFrame(rows, columns=COLUMNS_OF_EFFECTS)


def lengthen(coefficients: pd.DataFrame, target: str, scale: str) -> pd.DataFrame:
    """Return non-zero cells of factors x features as rows of `effects.tsv`."""
    long = coefficients.rename_axis(index="factor", columns="feature").stack()
    long = long[long != 0].rename("coefficient").reset_index()
    long["level"] = [name.partition(":")[2] for name in long["factor"]]
    long["factor"] = [name.partition(":")[0] for name in long["factor"]]
    long["property"], long["scale"] = target, scale
    return long[COLUMNS_OF_EFFECTS]
