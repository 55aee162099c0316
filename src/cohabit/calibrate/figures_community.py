"""Figures of structure, diversity, distances and explained variance."""

import numpy as np
import pandas as pd

from cohabit import diversity
from cohabit.calibrate.views import RAREFIED_TO, Views

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
    genus = mean_distances(views.distances_of("genus bray"), views.people)
    aitchison = mean_distances(views.distances_of("genus aitchison"), views.people)
    family = mean_distances(views.distances_of("family bray"), views.people)
    rows = {f"B0{number}": value for number, value in enumerate([*genus, *aitchison], start=1)}
    return rows | {"B13": genus[0] / genus[1], "B14": family[0] / family[1]}


def mean_distances(distances: pd.DataFrame, people: pd.DataFrame) -> tuple[float, float, float]:
    """Return mean distances: same household; same site, other household; other site."""
    people = people.loc[distances.index]
    home = pd.factorize(people["household_id"].astype(str))[0]
    site = pd.factorize(people["site"].astype(str))[0]
    values = distances.to_numpy()
    upper = np.triu(np.ones(values.shape, bool), 1)
    same_home = home[:, None] == home
    same_site = site[:, None] == site
    masks = (same_home, same_site & ~same_home, ~same_site & ~same_home)
    return tuple(float(values[mask & upper].mean()) for mask in masks)


def measure_explained(views: Views) -> dict[str, float]:
    """Return the rows P01 to P14: R² of one term at a time, the household's adjusted."""
    people = views.people.assign(**_four_groups(views.people))
    wanted = {
        "genus bray": {
            "household_id": "P01",
            "site": "P02",
            "group": "P03",
            "sex": "P04",
            "bmi": "P06",
            "treated": "P07",
            "course_group": "P08",
        },
        "genus aitchison": {"household_id": "P09", "site": "P10", "group": "P11"},
        "family bray": {"household_id": "P12", "site": "P13", "group": "P14"},
    }
    rows = {}
    for table, terms in wanted.items():
        gram = center_gram(views.distances_of(table))
        for term, row in terms.items():
            explained, df = explain(gram, people.loc[gram.index, term])
            n = len(gram)
            adjusted = 1 - (1 - explained) * (n - 1) / (n - 1 - df)
            rows[row] = adjusted if term == "household_id" else explained
    return rows


def _four_groups(people: pd.DataFrame) -> dict[str, pd.Series]:
    """Return patients and controls by the patient's therapy, and by the patient's course."""
    patients = people[people["group"] == "MS"].set_index("household_id")
    treatment = people["household_id"].map(patients["treatment"].astype(str))
    course = people["household_id"].map(patients["course"].astype(str))
    group = people["group"].astype(str)
    return {
        "treated": group + np.where(treatment == "untreated", " untreated", " treated"),
        "course_group": group + np.where(course == "RRMS", " RRMS", " PMS"),
    }


def center_gram(distances: pd.DataFrame) -> pd.DataFrame:
    """Return Gower's centred matrix of a distance table."""
    inner = -0.5 * distances.to_numpy() ** 2
    inner -= inner.mean(axis=0)
    inner -= inner.mean(axis=1, keepdims=True)
    return pd.DataFrame(inner, distances.index, distances.index)


def explain(gram: pd.DataFrame, values: pd.Series) -> tuple[float, int]:
    """Return the R² of one variable, category or number, and its degrees of freedom."""
    total = np.trace(gram)
    if pd.api.types.is_float_dtype(values):
        x = values.to_numpy() - values.mean()
        return float(x @ gram.to_numpy() @ x / (x @ x) / total), 1
    codes, levels = pd.factorize(values.astype(str))
    member = np.zeros((len(codes), len(levels)))
    member[np.arange(len(codes)), codes] = 1.0
    sums = np.einsum("ik,ij,jk->k", member, gram.to_numpy(), member, optimize=True)
    return float((sums / member.sum(axis=0)).sum() / total), len(levels) - 1
