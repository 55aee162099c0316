"""Figures of structure, diversity, distances and explained variance."""

import numpy as np
import pandas as pd

from cohabit.data.cohort import with_study_groups
from cohabit.experiments.realism.views import RAREFIED_TO, Views
from cohabit.stats import diversity
from cohabit.stats.permanova import permanova

BANDS = {"S04": (1e-5, 1e-4), "S05": (1e-4, 1e-3), "S06": (1e-3, 1e-2), "S07": (1e-2, 1.0)}


def measure_structure(views: Views) -> dict[str, float]:
    """Return the rows S01 to S12: zeros, prevalence against abundance, spread."""
    shares = views.common_genera / RAREFIED_TO
    mean, present = shares.mean(), (shares > 0).mean()
    logs = np.log(shares.where(shares > 0))
    bands = {
        row: present[(mean >= low) & (mean < high)].mean() for row, (low, high) in BANDS.items()
    }
    return {
        "S01": shares.shape[1],
        "S03": (shares == 0).to_numpy().mean(),
        **bands,
        "S08": np.polyfit(np.log(mean), np.log(shares.var()), 1)[0],
        "S09": (shares.std() / mean).median(),
        "S12": logs.std().median(),
    }


def measure_alpha(views: Views) -> dict[str, float]:
    """Return the rows A11 to A24: Shannon of ASVs (bits) and of genera (nats)."""
    rows = {}
    for first, values in (
        ("A1", diversity.shannon(views.asvs) / np.log(2)),
        ("A2", diversity.shannon(views.genera)),
    ):
        pairs = views.pair_table(values)
        rows[f"{first}1"] = values.mean()
        rows[f"{first}3"] = pairs.corr().iloc[0, 1]
        rows[f"{first}4"] = (pairs["MS"] - pairs["control"]).mean()
    return rows


def measure_distances(views: Views) -> dict[str, float]:
    """Return the rows B01 to B14: partners, neighbours at the site, other sites."""
    genus, aitchison, family = (
        average_distances(views, views.distances_of(table))
        for table in ("genus bray", "genus aitchison", "family bray")
    )
    rows = {f"B0{number}": value for number, value in enumerate([*genus, *aitchison], start=1)}
    return rows | {"B13": genus[0] / genus[1], "B14": family[0] / family[1]}


def average_distances(views: Views, distances: pd.DataFrame) -> np.ndarray:
    """Return mean distances: same household; same site, other household; other site."""
    people = views.people.loc[distances.index]
    return diversity.compare_distances(distances, people, n_bootstrap=1, rng=1)["mean"].to_numpy()


def measure_explained(views: Views) -> dict[str, float]:
    """Return the rows P01 to P14: R² of one term at a time, the household's adjusted."""
    people = with_study_groups(views.people)
    wanted = {
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
    rows = {}
    for table, terms in wanted.items():
        distances = views.distances_of(table)
        for term, row in terms.items():
            found = permanova(distances, people.loc[distances.index], term, n_permutations=1, rng=1)
            rows[row] = found.loc[term, "r2_adjusted" if term == "household_id" else "r2"]
    return rows
