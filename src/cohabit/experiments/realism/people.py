"""Figures of demography and clinic that the scorecard compares."""

import numpy as np
import pandas as pd

from cohabit.experiments.realism.views import Views


def measure_people(views: Views) -> dict[str, float]:
    """Return the rows D01 to D06 and C01 to C13 of the scorecard."""
    people = views.people
    patients = people[people["group"] == "MS"]
    treated = patients["treatment"].astype(str)
    course = patients["course"].astype(str)
    sex = views.pair_table((people["sex"] == "female").astype(float))
    age = views.pair_table(people["age"])
    untreated = treated == "untreated"
    by_site = untreated.groupby(patients["site"].astype(str)).mean()
    return {
        "D01": (sex["MS"] != sex["control"]).mean(),
        "D02": (patients["sex"] == "female").mean(),
        "D03": patients["age"].mean(),
        "D05": np.corrcoef(age["MS"], age["control"])[0, 1],
        "D06": patients["bmi"].mean(),
        "C01": untreated.mean(),
        "C02": (course == "RRMS").mean(),
        "C03": (course[untreated] != "RRMS").mean(),
        "C04": patients["edss"].mean(),
        "C12": cramers_v(treated, patients["site"].astype(str)),
        "C13": by_site.get("Edinburgh", np.nan) - by_site.get("Buenos Aires", np.nan),
    }


def cramers_v(rows: pd.Series, columns: pd.Series) -> float:
    """Return Cramér's V of two classifications, 0 to 1."""
    table = pd.crosstab(rows, columns).to_numpy(float)
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    chi2 = ((table - expected) ** 2 / expected).sum()
    return float(np.sqrt(chi2 / (table.sum() * (min(table.shape) - 1))))
