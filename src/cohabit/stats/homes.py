"""Homes: who lives in them, what they explain, and what their people are to each other."""

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd
from skbio import DistanceMatrix

from cohabit.data.cohort import Cohort
from cohabit.stats.alignment import check_complete, household_codes
from cohabit.stats.inference import normal_quantile
from cohabit.stats.permanova import permanova

_NAMES = re.compile(r"relation|zygo|kin|role|twin", re.IGNORECASE)
KINSHIP_COLUMNS = ("column", "kind", "mean", "low", "high", "n_pairs", "n_households")


def count_people(cohort: Cohort) -> pd.DataFrame:
    """Return how many people, homes, cases, homes of both kinds and later samples there are.

    Columns `what` and `n`.
    """
    people = cohort.participants
    groups = people.groupby("household_id")["group"].nunique()
    counts = {
        "people": len(people),
        "households": len(groups),
        "cases": int((people["group"] == "MS").sum()),
        "households of a case and a control": int((groups == 2).sum()),
        "people with counts": len(cohort.resolution.counts),
        "samples after the first visit, which notebooks 03 to 11 leave alone": int(
            (cohort.samples["visit"] > 0).sum()
        ),
    }
    return pd.Series(counts).rename_axis("what").reset_index(name="n")


def explain_by_home(
    distances: DistanceMatrix,
    people: pd.DataFrame,
    *,
    strata: str | None = "site",
    n_permutations: int = 999,
    rng: int | np.random.Generator | None = None,
) -> pd.DataFrame:
    """Test whether a home explains anything: PERMANOVA of the household, people exchanged freely.

    People are exchanged among the homes of one level of `strata`. Returns the row of the
    household as from `permanova`, with its name in `term`; no row where nobody shares a home.
    """
    if not people["household_id"].duplicated().any():
        return pd.DataFrame(columns=["term", "pseudo_f", "r2_adjusted", "p_value"])
    options = {"strata": strata, "n_permutations": n_permutations, "rng": rng}
    table = permanova(distances, people, "household_id", blocks=None, **options)
    return table.loc[["household_id"]].reset_index(names="term")


def kinship_columns(people: pd.DataFrame, most: int = 6) -> list[str]:
    """Return columns of 2 to `most` levels named after kinship: relation, zygosity, role, twin."""
    named = [name for name in people if _NAMES.search(str(name))]
    return [name for name in named if 2 <= people[name].nunique() <= most]


def distances_by_kinship(
    distances: DistanceMatrix, people: pd.DataFrame, columns: Sequence[str] | None = None
) -> pd.DataFrame:
    """Return mean distances between people of one home, by the levels of the two.

    Parameters
    ----------
    distances : DistanceMatrix
    people : DataFrame, one row per person
        `household_id` and the columns, as of `kinship_columns`; rows in any order.
    columns : sequence of str, optional
        By default `kinship_columns`. People without a value are left out of that column.

    Returns
    -------
    DataFrame, one row per column and kind of pair
        Columns `KINSHIP_COLUMNS`; `kind` as in ``"mother - twin"``, or one level when both have
        it. `mean` is over homes, each with its mean over such pairs; `low` and `high` bound its
        95% normal interval, homes being independent (none for a single home).
    """
    columns = kinship_columns(people) if columns is None else columns
    parts = [_by_levels(distances, people.dropna(subset=[name]), name) for name in columns]
    parts = [part for part in parts if len(part)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=KINSHIP_COLUMNS)


def _by_levels(distances: DistanceMatrix, people: pd.DataFrame, name: str) -> pd.DataFrame:
    people = people[people.index.astype(str).isin(distances.ids)]
    check_complete(people, name, "leave them out")
    home = household_codes(people, "household_id")
    first, second = np.nonzero(np.triu(home[:, None] == home, 1))
    if not len(first):
        return pd.DataFrame(columns=KINSHIP_COLUMNS)
    place = [distances.index(str(person)) for person in people.index]
    levels = people[name].astype(str).to_numpy()
    pairs = pd.DataFrame(
        {
            "kind": [_join(levels[i], levels[j]) for i, j in zip(first, second, strict=True)],
            "home": home[first],
            "distance": [
                distances.data[place[i], place[j]] for i, j in zip(first, second, strict=True)
            ],
        }
    )
    by_home = pairs.groupby(["kind", "home"])["distance"].mean().groupby("kind")
    mean, n = by_home.mean(), by_home.size()
    reach = normal_quantile(0.975) * by_home.std() / np.sqrt(n)
    table = pd.DataFrame({"mean": mean, "low": mean - reach, "high": mean + reach})
    table["n_pairs"], table["n_households"] = pairs["kind"].value_counts(), n
    return table.rename_axis("kind").reset_index().assign(column=name)[list(KINSHIP_COLUMNS)]


def _join(first: str, second: str) -> str:
    return first if first == second else " - ".join(sorted((first, second)))
