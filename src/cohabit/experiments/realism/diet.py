"""Figures of the diet questionnaire that the scorecard compares."""

import numpy as np
import pandas as pd

from cohabit.experiments.realism.views import Views
from cohabit.simulate.diet import describe_diet
from cohabit.stats.association import fit_linear_model
from cohabit.stats.permanova import permanova_features

ADJUSTED = "group + sex + age + bmi + site"


def measure_diet(views: Views) -> dict[str, float]:
    """Return the rows E1 to E7 of the scorecard; none without a questionnaire."""
    diet = views.cohort.diet
    if diet is None:
        return {}
    people = views.people.loc[diet.index]
    items = describe_diet()
    scaled = diet.assign(
        **{item: np.log1p(diet[item]) for item in items.index[items["scale"] == "log1p"]}
    )
    nutrients = scaled.drop(columns=list(scaled.filter(like="hei_")))
    alike = pd.Series({item: _partners(views, diet[item]) for item in nutrients})
    return {
        "E1": diet["hei_total"].mean(),
        "E2": _effect_of_ms(diet["hei_total"], people),
        "E3": _partners(views, diet["hei_total"]),
        "E4": alike.median(),
        "E5": _effect_of_ms(scaled["vitamin_c"], people),
        "E6": _explain(nutrients, people, "household_id")["r2_adjusted"],
        "E7": _explain(nutrients, people, "site")["r2"],
    }


def _partners(views: Views, values: pd.Series) -> float:
    """Return the correlation between the two members of a pair."""
    return views.pair_table(values).corr().loc["MS", "control"]


def _effect_of_ms(values: pd.Series, people: pd.DataFrame) -> float:
    fit = fit_linear_model(values.to_frame(), people, ADJUSTED).set_index("coefficient")
    return fit.loc["group[MS]", "estimate"]


def _explain(values: pd.DataFrame, people: pd.DataFrame, term: str) -> pd.Series:
    """Return the R² of a term over standardised items."""
    standardised = (values - values.mean()) / values.std()
    table = permanova_features(standardised, people, term, n_permutations=1, rng=1)
    return table.loc[term]
