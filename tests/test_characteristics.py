"""Table 1: means and shares by group, differences within pairs; nothing unmeasured."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cohabit.stats.characteristics import describe_people


@pytest.fixture
def people():
    rng = np.random.default_rng(5)
    homes = np.repeat([f"h{number}" for number in range(12)], 2)
    table = pd.DataFrame({"household_id": homes, "group": ["MS", "control"] * 12})
    table["age"] = rng.normal(50, 9, 24).round(1)
    table["sex"] = np.where(rng.random(24) < 0.5, "female", "male")
    table["pets"] = np.where(rng.random(24) < 0.5, "yes", "no")
    table["town"] = rng.choice(["North", "South", "West"], 24)
    table["course"] = np.where(table["group"] == "MS", "RRMS", None)
    table["bmi"] = np.nan
    table["name"] = [f"person {number}" for number in range(24)]  # would tell who they are
    table.loc[[0, 5], "age"] = np.nan
    table.loc[3, "pets"] = None
    return table.set_axis([f"p{number}" for number in range(24)])


def test_describe_people__agrees_with_numpy_and_the_paired_t_test(people):
    table = describe_people(people).set_index(["characteristic", "level"])
    ages = people["age"].to_numpy().reshape(12, 2)
    whole = ages[~np.isnan(ages).any(axis=1)]
    row = table.loc[("age", "")]
    mean, spread = np.nanmean(ages[:, 0]), np.nanstd(ages[:, 0], ddof=1)
    assert row["MS"] == f"{mean:.3g} ({spread:.3g})"
    assert (row["n_cases"], row["n_controls"], row["n_pairs"]) == (11, 11, len(whole))
    test = stats.ttest_rel(whole[:, 0], whole[:, 1])
    ends = test.confidence_interval(0.95)
    assert row[["difference", "low", "high"]].tolist() == pytest.approx(
        [(whole[:, 0] - whole[:, 1]).mean(), ends.low, ends.high]
    )


def test_describe_people__counts_those_who_answered(people):
    table = describe_people(people).set_index(["characteristic", "level"])
    answers = people.loc[people["group"] == "control", "pets"].dropna()
    n = int((answers == "yes").sum())
    assert table.loc[("pets", "yes"), "control"] == f"{n} ({n / 11:.0%})"
    assert table.loc[("pets", "yes"), "n_pairs"] == 11
    assert ("pets", "no") not in table.index
    towns = table.xs("town")
    assert towns["n_cases"].sum() == towns["n_controls"].sum() == 12
    assert towns["difference"].sum() == pytest.approx(0)


def test_describe_people__has_no_row_for_what_nobody_measured_or_what_names_people(people):
    table = describe_people(people)
    assert table.loc[0, ["characteristic", "n_cases", "n_controls"]].tolist() == ["people", 12, 12]
    named = set(table["characteristic"])
    assert named == {"people", "age", "sex", "pets", "town", "course"}
    course = table.set_index("characteristic").loc["course"]
    assert (course["n_cases"], course["n_controls"], course["control"]) == (12, 0, "")
    assert np.isnan(course["difference"])


def test_describe_people__without_pairs_describes_without_differences(people):
    alone = people.assign(household_id=people.index)
    table = describe_people(alone)
    assert table["difference"].isna().all()
    assert (table["n_pairs"] == 0).all()
    controls = describe_people(people[people["group"] == "control"])
    assert controls.loc[0, "n_cases"] == 0
    assert (controls["MS"] == "").all()
