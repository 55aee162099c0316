"""The audit of a design: what a cohort of this shape cannot answer."""

import numpy as np
import pandas as pd
import pytest

from cohabit.data.audit import FEWEST_PAIRS, audit_design


def design(n_pairs=20, **columns):
    """Return people in pairs and one sample of each; columns are added."""
    ids = pd.Index([f"p{place:03d}" for place in range(2 * n_pairs)], name="participant_id")
    people = pd.DataFrame(
        {
            "household_id": np.repeat([f"h{place:02d}" for place in range(n_pairs)], 2),
            "group": ["MS", "control"] * n_pairs,
            "sex": (["female", "male", "male", "female"] * n_pairs)[: 2 * n_pairs],
            "age": np.linspace(30, 60, 2 * n_pairs),
        },
        index=ids,
    ).assign(**columns)
    samples = pd.DataFrame({"participant_id": ids, "visit": 0}, index=[f"s{i}" for i in ids])
    return people, samples


def told(people, samples, **model):
    return {(doubt.where, doubt.refused): doubt for doubt in audit_design(people, samples, model)}


def test_audit__has_no_doubt_about_a_plain_design():
    assert audit_design(*design()) == []


@pytest.mark.parametrize("n_pairs", [1, 3, FEWEST_PAIRS - 1])
def test_audit__few_pairs_are_told_by_their_smallest_exact_p(n_pairs):
    people, samples = design(n_pairs, sex="female")
    doubt = told(people, samples)["group", False]
    assert f"{min(1, 2 / 2**n_pairs):.3g}" in doubt.what
    assert told(*design(FEWEST_PAIRS, sex="female")) == {}


def test_audit__what_tells_case_from_control_is_named_with_a_remedy():
    people, samples = design()
    people["sex"] = np.where(people["group"] == "MS", "female", "male")
    doubt = told(people, samples)["sex", False]
    assert "without exception" in doubt.what
    assert "leave sex out of [model] covariates" in doubt.remedy
    assert told(people, samples, covariates=["age"]) == {}
    people.iloc[0, people.columns.get_loc("sex")] = "male"
    assert "all but 1 of 40" in told(people, samples)["sex", False].what


def test_audit__covariates_that_say_the_same_are_aliased():
    towns = np.repeat(np.array(["A", "B", "C", "D"]), 10)
    people, samples = design(town=towns, country=np.where(towns < "C", "N", "S"))
    found = told(people, samples, covariates=["town", "country"])
    assert "town determines country" in found["country", False].what


def test_audit__levels_nearly_as_many_as_people_are_unidentified():
    people, samples = design(breed=[f"breed {place}" for place in range(40)])
    assert "40 levels among 40" in told(people, samples, covariates=["breed"])["breed", False].what


def test_audit__what_only_cases_have_and_batches_of_cases_leak():
    people, samples = design()
    people["dose_taken"] = np.where(people["group"] == "MS", 1.5, np.nan)
    samples["batch"] = np.where(people["group"] == "MS", "plate 1", "plate 2")
    found = told(people, samples)
    assert "recorded for cases and for no control" in found["dose_taken", False].what
    assert "every batch holds cases alone" in found["batch", False].what


@pytest.mark.parametrize(
    ("model", "where", "words"),
    [
        ({"contrasts": ["diet"]}, "diet", "not in the metadata"),
        ({"covariates": ["agee"]}, "agee", "not in the metadata"),
        ({"contrasts": ["same"]}, "same", "the same for all"),
        ({"contrasts": ["rare"]}, "rare", "fewer than 4 people of raw"),
        ({"reference": {"rare": "raww"}}, "rare", "'raww' is nobody's"),
        ({"contrasts": ["group:visit"]}, "[model]", "samples of two visits"),
    ],
)
def test_audit__a_declared_model_without_an_answer_is_refused_by_name(model, where, words):
    people, samples = design(same="x", rare=["raw"] * 3 + ["dry"] * 37)
    doubt = told(people, samples, **model)[where, True]
    assert words in doubt.what
    assert doubt.remedy


def test_audit__time_and_group_are_answered_where_people_came_twice():
    people, samples = design()
    again = samples.assign(visit=6).rename(index="{}-again".format)
    both = pd.concat([samples, again])
    assert told(people, both, contrasts=["group:visit"]) == {}
