"""Regression with errors robust to clusters, against statsmodels and by hand."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats

from cohabit.stats.cluster_robust import FAMILIES, fit_clustered_model

ORACLES = Path(__file__).parent / "oracles"
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


def reduce_bias_densely(x, residual, variance, weight, codes):
    """CR2 errors and Satterthwaite df from matrices of all observations."""
    scale = np.sqrt(weight * variance)
    rows, e = x * scale[:, None], residual * np.sqrt(weight / variance)
    bread = np.linalg.inv(rows.T @ rows)
    rest = np.eye(len(x)) - rows @ bread @ rows.T
    same = codes[:, None] == codes
    target = np.diag(variance / weight)
    value, axes = np.linalg.eigh(target @ np.where(same, rest, 0.0) @ target)
    carried = target @ axes @ np.diag(value**-0.5) @ axes.T @ rows @ bread
    member = np.eye(codes.max() + 1)[codes]
    error = np.sqrt(((member.T @ (carried * e[:, None])) ** 2).sum(axis=0))
    df = []
    for column in carried.T:
        split = member * column[:, None]
        covariance = split.T @ rest @ split
        df.append(np.trace(covariance) ** 2 / (covariance**2).sum())
    return error, df


@pytest.mark.parametrize("family", list(FAMILIES))
def test_fit_clustered_model__equals_clubsandwich(family):
    data = pd.read_csv(ORACLES / "cr2_data.tsv", sep="\t")
    wanted = pd.read_csv(ORACLES / "cr2.tsv", sep="\t", skipinitialspace=True)
    wanted = wanted[wanted["family"].str.strip() == family]
    found = fit_clustered_model(
        data[family], data, "exposed + age", family=family, cluster="cluster"
    )
    for name in ("estimate", "std_error", "df", "p_value"):
        np.testing.assert_allclose(found.table[name], wanted[name], rtol=1e-6, atol=1e-9)


def test_fit_clustered_model__eight_clusters_of_which_two_are_exposed():
    rng = np.random.default_rng(6)
    people = pd.DataFrame({"household_id": np.repeat(np.arange(8), 6)})
    people["exposed"] = (people["household_id"] < 2).astype(float)
    rejected, n = 0, 150
    for _ in range(n):
        values = rng.normal(size=8)[people["household_id"]] + rng.normal(size=48)
        table = fit_clustered_model(pd.Series(values), people, "exposed").table
        rejected += table["p_value"].iloc[1] <= 0.05
    assert table["df"].iloc[1] < 2
    assert rejected <= stats.binom.ppf(0.999, n, 0.05), "15 to 19% with t on 7 degrees of freedom"


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
    peer = sm.GLM(years[family].to_numpy(), x, family=PEERS[family], **options).fit(tol=1e-12)
    np.testing.assert_allclose(found["estimate"], peer.params, rtol=1e-7, atol=1e-9)
    error, df = reduce_bias_densely(
        x, years[family].to_numpy() - peer.mu, PEERS[family].variance(peer.mu),
        np.ones(200) if weights is None else weights.to_numpy(), pd.factorize(years["person"])[0],
    )  # fmt: skip
    np.testing.assert_allclose(found["std_error"], error, rtol=1e-6)
    np.testing.assert_allclose(found["df"], df, rtol=1e-6)
    assert found["contrast"].tolist()[2:] == ["SPMS - RRMS", "PPMS - RRMS"]
    assert (found["n_clusters"] == years["person"].nunique()).all()


def test_fit_clustered_model__one_row_a_cluster_and_no_covariate_is_a_mean():
    y = pd.Series([1.0, 2.0, 4.0, 9.0])
    people = pd.DataFrame({"home": list("abcd"), "old": [0.0, 1.0, 0.0, 1.0]})
    fit = fit_clustered_model(y, people, "old", cluster="home")
    row = fit.table.set_index("coefficient").loc["old"]
    assert row["estimate"] == pytest.approx(3.0)
    assert row["df"] == pytest.approx(2)  # two of each: Welch's
    assert row["std_error"] == pytest.approx(np.sqrt(4.5 / 2 + 24.5 / 2))
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
    np.testing.assert_allclose(again["std_error"], once["std_error"], rtol=0.01)
    np.testing.assert_allclose(again["df"], once["df"], rtol=0.01)


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
