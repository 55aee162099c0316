"""Regression with errors robust to clusters, against statsmodels and by hand."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from cohabit.stats.cluster_robust import FAMILIES, fit_clustered_model

PEERS = {
    "gaussian": sm.families.Gaussian(),
    "poisson": sm.families.Poisson(),
    "binomial": sm.families.Binomial(),
}


@pytest.fixture(scope="module")
def years() -> pd.DataFrame:
    """Two hundred years of sixty people, outcomes of every family."""
    rng = np.random.default_rng(12)
    person = rng.integers(0, 60, 200)
    table = pd.DataFrame({"person": [f"p{number:02d}" for number in person]})
    table["age"] = rng.normal(size=200)
    table["course"] = rng.choice(["RRMS", "SPMS", "PPMS"], 200)
    linear = 0.3 + 0.4 * table["age"] + 0.5 * rng.normal(size=60)[person]
    table["gaussian"] = linear + rng.normal(size=200)
    table["poisson"] = rng.poisson(np.exp(linear))
    table["binomial"] = rng.binomial(1, 1 / (1 + np.exp(-linear)))
    table["weight"] = rng.uniform(0.5, 2, 200)
    return table


@pytest.mark.filterwarnings("ignore:cov_type not fully supported with var_weights")  # as in WLS
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("family", list(FAMILIES))
def test_fit_clustered_model__is_that_of_statsmodels(years, family, weighted):
    weights = years["weight"] if weighted else None
    found = fit_clustered_model(
        years[family], years, "age + course", family=family, cluster="person", weights=weights
    ).table
    x = np.column_stack(
        [np.ones(200), years["age"], *[years["course"] == name for name in ("SPMS", "PPMS")]]
    ).astype(float)
    options = {} if weights is None else {"var_weights": weights.to_numpy()}
    groups = {"groups": pd.factorize(years["person"])[0]}
    peer = sm.GLM(years[family].to_numpy(), x, family=PEERS[family], **options).fit(
        tol=1e-12, cov_type="cluster", cov_kwds=groups
    )
    np.testing.assert_allclose(found["estimate"], peer.params, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(found["std_error"], peer.bse, rtol=1e-6)
    assert found["contrast"].tolist()[2:] == ["SPMS - RRMS", "PPMS - RRMS"]
    assert (found["n_clusters"] == years["person"].nunique()).all()


def test_fit_clustered_model__one_row_a_cluster_and_no_covariate_is_a_mean():
    y = pd.Series([1.0, 2.0, 4.0, 9.0])
    people = pd.DataFrame({"home": list("abcd"), "old": [0.0, 1.0, 0.0, 1.0]})
    fit = fit_clustered_model(y, people, "old", cluster="home")
    row = fit.table.set_index("coefficient").loc["old"]
    assert row["estimate"] == pytest.approx(3.0)
    assert row["df"] == 3
    assert fit.predict(people.iloc[:2]).tolist() == pytest.approx([2.5, 5.5])


def test_fit_clustered_model__repeating_every_row_of_a_person_tells_nothing_new():
    rng = np.random.default_rng(3)
    people = pd.DataFrame({"home": [f"h{n}" for n in range(40)], "x": rng.normal(size=40)})
    y = pd.Series(rng.poisson(2, 40))
    twice = pd.concat([people, people], ignore_index=True)
    once = fit_clustered_model(y, people, "x", family="poisson", cluster="home").table
    again = fit_clustered_model(
        pd.concat([y, y], ignore_index=True), twice, "x", family="poisson", cluster="home"
    ).table
    factor = np.sqrt((79 / 78) / (39 / 38))  # of the small-sample correction alone
    np.testing.assert_allclose(again["std_error"], factor * once["std_error"], rtol=1e-8)


def test_fit_clustered_model__says_what_cannot_be_estimated(years):
    table = years.assign(same=years["age"] * 2)
    found = fit_clustered_model(years["gaussian"], table, "age + same", cluster="person").table
    assert found["estimate"].isna().tolist() == [False, True, True]
    assert "collinear with age" in found["note"].iloc[2]


def test_fit_clustered_model__a_group_without_events_has_no_number(years):
    none = years["poisson"].where(years["course"] != "PPMS", 0)
    found = fit_clustered_model(none, years, "course", family="poisson", cluster="person").table
    assert found["estimate"].isna().all()
    assert found["note"].str.contains("no events").all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"family": "gamma"}, "no 'gamma'"),
        ({"family": "binomial"}, "expected 0 or 1"),
        ({"weights": -1.0}, "positive"),
        ({"cluster": "nobody"}, "no column 'nobody'"),
    ],
)
def test_fit_clustered_model__refuses_by_name(years, change, message):
    if "weights" in change:
        change = {"weights": pd.Series(-1.0, years.index)}
    with pytest.raises(ValueError, match=message):
        fit_clustered_model(years["gaussian"], years, "age", **{"cluster": "person", **change})


def test_fit_clustered_model__needs_three_clusters(years):
    few = years[years["person"].isin(years["person"].unique()[:2])]
    with pytest.raises(ValueError, match="three clusters"):
        fit_clustered_model(few["gaussian"], few, "age", cluster="person")


def test_predict__refuses_a_level_it_never_saw(years):
    seen = years[years["course"] != "PPMS"]
    fit = fit_clustered_model(seen["gaussian"], seen, "course", cluster="person")
    with pytest.raises(ValueError, match="not in the fitted data"):
        fit.predict(years)


@pytest.mark.parametrize("family", list(FAMILIES))
def test_clustered__the_unit_of_a_covariate_changes_nothing_but_its_slope(family):
    rng = np.random.default_rng(8)
    people = pd.DataFrame({"household_id": np.arange(60).repeat(2), "age": rng.normal(40, 10, 120)})
    outcome = pd.Series(rng.integers(0, 2, 120).astype(float))
    seconds = people.assign(age=people["age"] * 31_557_600)
    first, second = (
        fit_clustered_model(outcome, table, "age", family=family).table
        for table in (people, seconds)
    )
    np.testing.assert_allclose(first["p_value"], second["p_value"], rtol=1e-6)
    np.testing.assert_allclose(first["statistic"], second["statistic"], rtol=1e-6)


@pytest.mark.parametrize("family", list(FAMILIES))
def test_clustered__an_outcome_that_never_happens_has_no_test(family):
    people = pd.DataFrame({"household_id": np.arange(30), "age": np.arange(30.0)})
    table = fit_clustered_model(pd.Series(0.0, people.index), people, "age", family=family).table
    assert table["p_value"].isna().all()
    assert (table["note"] != "").all()
