"""Figures of pathways and metabolites that the scorecard compares."""

import numpy as np
import pandas as pd

from cohabit.data.cohort import of_patient
from cohabit.experiments.realism.taxa import count_hits
from cohabit.experiments.realism.views import MODEL, Views
from cohabit.simulate.metabolites import FATTY_ACIDS
from cohabit.stats.formula import model_matrix
from cohabit.stats.mixed import fit_household_model


def measure_pathways(views: Views) -> dict[str, float]:
    """Return the rows W1 to W6: hits, coefficients and household shares of pathways."""
    table = views.cohort.pathways
    if table is None:
        return {}
    values = np.arcsin(np.sqrt(table))
    kept = ((table > 0).mean() >= 0.05) & (values.var() > 0)
    fits = {
        therapy: _fit(values.loc[:, kept], views.people, therapy)
        for therapy in ("untreated", "treated", "all")
    }
    return {
        "W1": count_hits(fits["untreated"]["p_value"]),
        "W2": count_hits(fits["treated"]["p_value"]),
        "W3": count_hits(fits["all"]["p_value"]),
        "W4": fits["untreated"]["estimate"].get("PWY-4702", np.nan),
        "W5": fits["all"]["household_icc"].median(),
        "W6": fits["untreated"]["estimate"].get("GLUCUROCAT-PWY", np.nan),
    }


def measure_metabolites(views: Views) -> dict[str, float]:
    """Return the rows M1 to M11: effects on fatty acids and others, shares, a producer."""
    table = views.cohort.metabolites
    if table is None:
        return {}
    acids = [name for name in FATTY_ACIDS if name in table]
    values = table.copy()
    values[acids] = np.log(values[acids])
    people = views.people
    everyone, untreated = (_fit(values, people, who) for who in ("all", "untreated"))
    interferon = _fit(values, people, "interferon", course="RRMS")
    fumarate = _fit(values, people, "dimethyl_fumarate", course="RRMS")
    share = everyone["household_icc"]
    return {
        "M1": everyone["estimate"]["stool:acetate"],
        "M2": everyone["estimate"]["stool:propionate"],
        "M3": _fit(values, people, "treated")["estimate"]["stool:butyrate"],
        "M4": interferon["estimate"]["stool:acetate"],
        "M5": interferon["estimate"]["serum:propionate"],
        "M6": everyone["estimate"]["serum:isovalerate"],
        "M7": fumarate["estimate"]["serum:fumarate"],
        "M8": untreated["estimate"]["stool:guanosine"],
        "M9": share[[name for name in acids if name.startswith("stool")]].mean(),
        "M10": share[[name for name in acids if name.startswith("serum")]].mean(),
        "M11": correlate_residuals(views, values["stool:butyrate"], "Roseburia"),
        "M12": correlate_residuals(
            views, values["stool:propionate"], "Christensenellaceae unclassified"
        ),
    }


def _fit(values: pd.DataFrame, people: pd.DataFrame, therapy: str, course=None) -> pd.DataFrame:
    """Return the pair mixed model's MS rows for households of one therapy, by feature."""
    people = people.loc[values.index]
    given = of_patient(people, "treatment").astype(object)
    chosen = given.notna()
    if therapy == "treated":
        chosen &= given != "untreated"
    elif therapy != "all":
        chosen &= given == therapy
    if course is not None:
        chosen &= of_patient(people, "course").astype(object) == course
    fits = fit_household_model(values[chosen], people[chosen], MODEL)
    return fits[fits["coefficient"] == "group[MS]"].set_index("feature")


def correlate_residuals(views: Views, values: pd.Series, genus: str) -> float:
    """Return the correlation of a metabolite with a genus's CLR, covariates regressed out."""
    if genus not in views.genus_clr:
        return np.nan
    both = views.genus_clr.index.intersection(values.index)
    pair = np.column_stack([values[both], views.genus_clr.loc[both, genus]])
    design = model_matrix(MODEL, views.people.loc[both]).values.to_numpy(float)
    left = pair - design @ np.linalg.lstsq(design, pair, rcond=None)[0]
    return float(np.corrcoef(left.T)[0, 1])
