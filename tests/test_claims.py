"""Verdicts, and the table of published claims."""

import math
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cohabit.data.schema import feature_weights
from cohabit.judge.claims import (
    NOT_ESTIMATED,
    estimates_for,
    judge,
    match_estimates,
    verdict,
)

INF = math.inf
REFERENCE = Path(__file__).resolve().parents[1] / "data" / "reference"


def read_table(name: str) -> pd.DataFrame:
    path = REFERENCE / f"{name}.tsv"
    return pd.read_csv(
        path, sep="\t", dtype={"notebook": str}, keep_default_na=False, na_values=["NA"]
    )


@pytest.fixture
def claims() -> pd.DataFrame:
    return read_table("claims")


def estimates(*rows: tuple) -> pd.DataFrame:
    columns = ["claim_id", "estimate", "low", "high"]
    return pd.DataFrame(rows, columns=columns).assign(p_value=0.01, n=100, note="")


@pytest.mark.parametrize(
    ("low", "high", "region", "expected"),
    [
        (0.1, 0.4, (0, INF), "agrees"),
        (-0.4, -0.1, (0, INF), "disagrees"),
        (-0.1, 0.4, (0, INF), "cannot tell"),
        (0.0, 0.4, (0, INF), "cannot tell"),
        (-0.4, 0.0, (0, INF), "disagrees"),
        (-0.4, -0.1, (-INF, 0), "agrees"),
        (-0.10, 0.14, (-0.15, 0.15), "agrees"),
        (-0.10, 0.16, (-0.15, 0.15), "cannot tell"),
        (0.16, 0.30, (-0.15, 0.15), "disagrees"),
        (0.2, 0.2, (0, INF), "agrees"),
        (math.nan, math.nan, (0, INF), "cannot tell"),
        (1, INF, (0, INF), "agrees"),
        (INF, INF, (0, INF), "agrees"),
        (-INF, 1, (0, INF), "cannot tell"),
        (-INF, -1, (0, INF), "disagrees"),
        (INF, INF, (-INF, 0), "disagrees"),
        (-INF, INF, (-0.15, 0.15), "cannot tell"),
    ],
)
def test_verdict__follows_the_interval(low, high, region, expected):
    assert verdict(low, high, *region) == expected


@pytest.mark.parametrize("numbers", [(0.4, 0.1, 0, INF), (0.1, 0.4, 1, 0), (0.1, 0.4, 0, 0)])
def test_verdict__refuses_what_ends_before_it_begins(numbers):
    with pytest.raises(ValueError, match="expected low <"):
        verdict(*numbers)


@given(
    centre=st.floats(-5, 5), wide=st.floats(0, 3), narrower=st.floats(0, 1), end=st.floats(-5, 5)
)
def test_verdict__a_narrower_interval_never_takes_back_a_decision(centre, wide, narrower, end):
    first = verdict(centre - wide, centre + wide, end, INF)
    narrow = wide * narrower
    second = verdict(centre - narrow, centre + narrow, end, INF)
    assert first == "cannot tell" or first == second


def test_judge__keeps_the_order_of_the_claims_and_gives_verdicts(claims):
    found = estimates(
        ("07.all.akkermansia_muciniphila", 0.02, 0.01, 0.03), ("05.site_r2", 0.2, 0.15, 0.25)
    )
    table = judge(found, claims)
    assert list(table["claim_id"]) == ["05.site_r2", "07.all.akkermansia_muciniphila"]
    assert list(table["verdict"]) == ["disagrees", "agrees"]
    assert list(table["published"]) == ["0.058", "increased; +0.0142"]


def test_judge__an_estimate_that_is_missing_is_not_judged(claims):
    table = judge(estimates(("05.site_r2", math.nan, math.nan, math.nan)), claims)
    assert list(table["verdict"]) == [NOT_ESTIMATED]


def test_judge__tells_the_nearest_claim_when_one_is_unknown(claims):
    with pytest.raises(ValueError, match=r"did you mean '05.site_r2'"):
        judge(estimates(("05.site_r3", 0.1, 0.0, 0.2)), claims)


def test_judge__refuses_a_claim_estimated_twice(claims):
    row = ("05.site_r2", 0.1, 0.0, 0.2)
    with pytest.raises(ValueError, match="estimated once"):
        judge(estimates(row, row), claims)


def test_claims__each_has_a_source_a_mark_an_id_of_its_own_and_an_ordered_region(claims):
    assert claims["claim_id"].is_unique
    assert (claims[["statement", "source"]] != "").all(axis=None)
    assert set(claims["mark"]) <= {"V", "C"}  # verified, computed
    assert (claims["region_low"] < claims["region_high"]).all()
    books = claims["claim_id"].str.split(".").str[0]
    assert books.equals(claims["notebook"].rename("claim_id"))
    assert len(claims) > 40


def test_claims__nothing_in_the_table_says_which_are_untrue(claims):
    text = " ".join(claims.drop(columns="source").astype(str).to_numpy().ravel()).lower()
    assert not any(word in text for word in ("decoy", "untrue", "false", "null claim"))


@pytest.mark.parametrize("name", sorted(path.stem for path in REFERENCE.glob("*.tsv")))
def test_reference__every_row_names_its_source_and_is_verified_or_computed(name):
    table = read_table(name)
    assert table["source"].str.len().min() > 10
    assert set(table["mark"]) <= {"V", "C"}


def test_estimates_for__goes_by_feature_and_says_what_is_missing(claims):
    results = pd.DataFrame(
        {
            "feature": ["Blautia obeum"],
            "estimate": [-0.01],
            "low": [-0.02],
            "high": [0.0],
            "p_value": [0.04],
            "n_pairs": [209],
            "note": [""],
        }
    )
    rows = estimates_for(claims, results, "07.untreated.").set_index("claim_id")
    assert rows.loc["07.untreated.blautia_obeum", "n"] == 209
    assert rows.loc["07.untreated.dorea_longicatena", "note"] == "not in this cohort"
    with pytest.raises(ValueError, match="choose one contrast"):
        estimates_for(claims, pd.concat([results, results]), "07.untreated.")
    with pytest.raises(ValueError, match="no claim begins"):
        estimates_for(claims, results, "99.")


def test_match_estimates__goes_by_contrast_and_feature(claims):
    numbers = {"low": 0.0, "high": 1.0, "p_value": 0.01, "n_pairs": 9, "note": ""}
    results = pd.DataFrame(
        [
            {"contrast": "untreated MS - control", "feature": "PWY-4702", "estimate": 0.1},
            {"contrast": "MS - control", "feature": "PWY-4702", "estimate": 0.2},
        ]
    ).assign(**numbers)
    rows = match_estimates(claims, results, "09").set_index("claim_id")
    assert rows.loc["09.phytate_untreated", "estimate"] == 0.1
    assert rows.loc["09.phytate_all", "estimate"] == 0.2
    assert rows.loc["09.phytate_treated", "note"] == "not in this cohort"
    assert list(rows.index) == list(claims["claim_id"][claims["notebook"] == "09"])


@pytest.mark.parametrize(
    ("text", "weights"),
    [("a", {"a": 1}), ("a; b", {"a": 0.5, "b": 0.5}), ("a; b minus b", {"a": 0.5, "b": -0.5})],
)
def test_feature_weights__means_and_differences(text, weights):
    assert feature_weights(text) == weights
