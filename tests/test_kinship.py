"""Distances between the people of a home, by what they are to each other."""

import numpy as np
import pandas as pd
from skbio import DistanceMatrix

from cohabit.stats.whole_cohort import distances_by_kinship, kinship_columns

PEOPLE = pd.DataFrame(
    {
        "household_id": ["a"] * 3 + ["b"] * 3 + ["c"],
        "relation": ["twin", "twin", "mother"] * 2 + ["twin"],
        "zygosity": ["MZ"] * 3 + ["DZ"] * 3 + [None],
        "site": list("xxxyyyz"),
    },
    index=list("tuvTUVs"),
)


def apart():
    values = np.arange(49.0).reshape(7, 7)
    values = values + values.T
    np.fill_diagonal(values, 0)
    return DistanceMatrix(values, list(PEOPLE.index))


def test_kinship_columns__are_found_by_name():
    assert kinship_columns(PEOPLE) == ["relation", "zygosity"]
    assert kinship_columns(PEOPLE.assign(relation="twin")) == ["zygosity"]


def test_distances_by_kinship__is_the_mean_over_homes_of_each_kind_of_pair():
    distances = apart()
    table = distances_by_kinship(distances, PEOPLE.sample(frac=1, random_state=3), ["relation"])
    table = table.set_index("kind")
    assert list(table.index) == ["mother - twin", "twin"]
    assert table["n_pairs"].tolist() == [4, 2]
    twins = np.array([distances["t", "u"], distances["T", "U"]])
    assert table.loc["twin", "mean"] == twins.mean()
    reach = 1.959964 * twins.std(ddof=1) / np.sqrt(2)
    np.testing.assert_allclose(table.loc["twin", "high"], twins.mean() + reach, rtol=1e-6)


def test_distances_by_kinship__a_single_home_has_no_interval_and_strangers_no_row():
    table = distances_by_kinship(apart(), PEOPLE, ["zygosity"]).set_index("kind")
    assert list(table.index) == ["DZ", "MZ"]
    assert table["low"].isna().all()
    assert distances_by_kinship(apart(), PEOPLE.drop_duplicates("household_id"), ["relation"]).empty
