"""The study's measures of people, diet and communities, computed for a cohort."""

import numpy as np
import pandas as pd
from scipy.stats.contingency import association

from cohabit.data.people import with_study_groups
from cohabit.experiments.realism.tables import MODEL, RAREFIED_TO, StudyTables
from cohabit.simulate.diet import describe_diet
from cohabit.stats import diversity
from cohabit.stats.association import fit_linear_model
from cohabit.stats.permanova import permanova, permanova_features

BANDS = {"S04": (1e-5, 1e-4), "S05": (1e-4, 1e-3), "S06": (1e-3, 1e-2), "S07": (1e-2, 1.0)}
EXPLAINED = {
    "genus bray": {
        "household_id": "P01",
        "site": "P02",
        "group": "P03",
        "sex": "P04",
        "bmi": "P06",
        "treatment_groups": "P07",
        "course_groups": "P08",
    },
    "genus aitchison": {"household_id": "P09", "site": "P10", "group": "P11"},
    "family bray": {"household_id": "P12", "site": "P13", "group": "P14"},
}
"""Distance -> term -> row of the scorecard."""

AS_PUBLISHED = {"scheme": "free", "n_permutations": 0}
"""R² as the released data give it: one stratum."""


def measure_cohort(tables: StudyTables) -> dict[str, float]:
    """Return the scorecard's rows on people, diet and communities."""
    return {
        **_measure_people(tables),
        **measure_diet(tables),
        **_measure_structure(tables),
        **_measure_alpha(tables),
        **_measure_distances(tables),
        **explain_terms(tables, EXPLAINED),
    }


def _measure_people(tables: StudyTables) -> dict[str, float]:
    """Return rows D01 to D06 and C01 to C13."""
    people = tables.people
    patients = people[people["group"] == "MS"]
    treated, course, site = (patients[name].astype(str) for name in ("treatment", "course", "site"))
    sex = tables.pair_table((people["sex"] == "female").astype(float))
    untreated = treated == "untreated"
    by_site = untreated.groupby(site).mean()
    return {
        "D01": (sex["MS"] != sex["control"]).mean(),
        "D02": (patients["sex"] == "female").mean(),
        "D03": patients["age"].mean(),
        "D05": correlate_partners(tables, people["age"]),
        "D06": patients["bmi"].mean(),
        "C01": untreated.mean(),
        "C02": (course == "RRMS").mean(),
        "C03": (course[untreated] != "RRMS").mean(),
        "C04": patients["edss"].mean(),
        "C12": association(pd.crosstab(treated, site), method="cramer"),
        "C13": by_site.get("Edinburgh", np.nan) - by_site.get("Buenos Aires", np.nan),
    }


def correlate_partners(tables: StudyTables, values: pd.Series) -> float:
    """Return the correlation of patients with their partners."""
    return tables.pair_table(values).corr().loc["MS", "control"]


def measure_diet(tables: StudyTables) -> dict[str, float]:
    """Return rows E1 to E7 of the scorecard, or none without a questionnaire."""
    diet = tables.cohort.diet
    if diet is None:
        return {}
    people = tables.people.loc[diet.index]
    items = describe_diet()
    logged = items.index[items["scale"] == "log1p"]
    scaled = diet.assign(**{item: np.log1p(diet[item]) for item in logged})
    nutrients = scaled.drop(columns=list(scaled.filter(like="hei_")))
    alike = pd.Series({item: correlate_partners(tables, diet[item]) for item in nutrients})
    standardised = (nutrients - nutrients.mean()) / nutrients.std()
    home, site = (
        permanova_features(standardised, people, term, **AS_PUBLISHED).loc[term]
        for term in ("household_id", "site")
    )
    return {
        "E1": diet["hei_total"].mean(),
        "E2": _effect_of_ms(diet["hei_total"], people),
        "E3": correlate_partners(tables, diet["hei_total"]),
        "E4": alike.median(),
        "E5": _effect_of_ms(scaled["vitamin_c"], people),
        "E6": home["r2_adjusted"],
        "E7": site["r2"],
    }


def _effect_of_ms(values: pd.Series, people: pd.DataFrame) -> float:
    fit = fit_linear_model(values.to_frame(), people, MODEL).set_index("coefficient")
    return fit.loc["group[MS]", "estimate"]


def _measure_structure(tables: StudyTables) -> dict[str, float]:
    """Return rows S01 to S12: zeros, prevalence by abundance, spread."""
    shares = tables.common_genera / RAREFIED_TO
    mean, present = shares.mean(), (shares > 0).mean()
    bands = {
        row: present[(mean >= low) & (mean < high)].mean() for row, (low, high) in BANDS.items()
    }
    return {
        "S01": shares.shape[1],
        "S03": (shares == 0).to_numpy().mean(),
        **bands,
        "S08": np.polyfit(np.log(mean), np.log(shares.var()), 1)[0],
        "S09": (shares.std() / mean).median(),
        "S12": spread_of_logs(shares).median(),
    }


def spread_of_logs(shares: pd.DataFrame) -> pd.Series:
    """Return the standard deviation of log shares where a taxon is present."""
    return np.log(shares.where(shares > 0)).std()


def _measure_alpha(tables: StudyTables) -> dict[str, float]:
    """Return rows A11 to A24: means, correlations of partners, differences within pairs."""
    rows = {}
    for first, values in find_entropies(tables).items():
        pairs = tables.pair_table(values)
        rows[f"{first}1"] = values.mean()
        rows[f"{first}3"] = correlate_partners(tables, values)
        rows[f"{first}4"] = (pairs["MS"] - pairs["control"]).mean()
    return rows


def find_entropies(tables: StudyTables) -> dict[str, pd.Series]:
    """Return the Shannon entropy of ASVs (bits) and of genera (nats)."""
    bits = diversity.shannon(tables.asvs) / np.log(2)
    return {"A1": bits, "A2": diversity.shannon(tables.genera)}


def _measure_distances(tables: StudyTables) -> dict[str, float]:
    """Return rows B01 to B14: distances of partners, within sites and between sites."""
    genus, aitchison, family = (
        average_distances(tables, tables.distances[table])
        for table in ("genus bray", "genus aitchison", "family bray")
    )
    rows = {f"B0{number}": value for number, value in enumerate([*genus, *aitchison], start=1)}
    return rows | {"B13": genus[0] / genus[1], "B14": family[0] / family[1]}


def average_distances(tables: StudyTables, distances: pd.DataFrame) -> np.ndarray:
    """Return mean distances within households, within sites and between sites."""
    people = tables.people.loc[distances.index]
    return diversity.compare_distances(distances, people)["mean"].to_numpy()


def explain_terms(tables: StudyTables, wanted: dict[str, dict[str, str]]) -> dict[str, float]:
    """Return the R² of single terms, with adjusted R² for the household."""
    people, rows = with_study_groups(tables.people), {}
    for table, terms in wanted.items():
        distances = tables.distances[table]
        for term, row in terms.items():
            found = permanova(distances, people.loc[distances.index], term, **AS_PUBLISHED)
            rows[row] = found.loc[term, "r2_adjusted" if term == "household_id" else "r2"]
    return rows
