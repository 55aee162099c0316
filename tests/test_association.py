"""Rank, ordinal and linear association beside R (oracles/association.R) and statsmodels."""

import json
import math
from itertools import permutations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import stats
from statsmodels.miscmodels.ordinal_model import OrderedModel

from cohabit.stats.association import (
    ASSOCIATION_COLUMNS,
    fit_linear_model,
    fit_ordinal,
    partial_spearman,
)
from cohabit.stats.inference import adjust_p
from cohabit.stats.permuted_correlation import permuted_p

ORACLES = Path(__file__).parent / "oracles"


@pytest.fixture(scope="module")
def data():
    return pd.read_csv(ORACLES / "association_data.tsv", sep="\t", index_col=0)


@pytest.fixture(scope="module")
def values(data):
    return data.filter(like="taxon")


@pytest.fixture(scope="module")
def by_r():
    answer = json.loads((ORACLES / "association_r.json").read_text())
    return {name: pd.DataFrame(rows) for name, rows in answer.items() if name != "R"}


def test_partial_spearman__equals_the_closed_form_in_r(data, values, by_r):
    table = partial_spearman(values, data["msss"], data[["age", "bmi"]], zeros_removed=True)
    assert tuple(table) == ASSOCIATION_COLUMNS
    for name in ("estimate", "statistic", "n"):
        np.testing.assert_allclose(table[name], by_r["partial"][name], rtol=1e-9)
    np.testing.assert_allclose(table["p_value"], by_r["partial"]["p_value"], rtol=0.15)
    np.testing.assert_array_equal(table["df"], table["n"] - 4)


def test_partial_spearman__without_covariates_is_spearman_with_ties(data, values):
    table = partial_spearman(values, data["edss"])
    theirs = stats.spearmanr(values, data["edss"]).statistic[:-1, -1]
    np.testing.assert_allclose(table["estimate"], theirs, rtol=1e-12)
    one, other = (stats.zscore(stats.rankdata(v)) for v in (values["taxon_4"], data["edss"]))
    peer = stats.permutation_test(
        (one,), lambda v, axis: (v * other).mean(axis), vectorized=True,
        permutation_type="pairings", n_resamples=9999, rng=np.random.default_rng(1),
    ).pvalue  # fmt: skip
    error = np.sqrt(peer * (1 - peer) / 9999)
    assert table["p_value"].iloc[4] == pytest.approx(peer, abs=4 * error)


def test_partial_spearman__few_samples_are_counted_exactly():
    x = pd.Series(np.arange(8.0), name="x")
    values = pd.DataFrame({"in order": x**3, "ties": [0, 0, 0, 0, 1, 2, 5, 3]})
    found = partial_spearman(values, x)["p_value"]
    assert found[0] == pytest.approx(2 / math.factorial(8))
    ranks = stats.rankdata(values["ties"])
    r = np.abs((np.array(list(permutations(x))) - 3.5) @ ranks)
    assert found[1] == pytest.approx((r >= r[0] - 1e-9).mean())


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("n", [9, 12, 30])
def test_partial_spearman__small_p_values_are_not_too_small(n, ties):
    rng = np.random.default_rng(n)
    x = pd.Series(rng.normal(size=n), name="x")
    values = pd.DataFrame(rng.normal(size=(n, 40_000)))
    if ties:
        values = values.clip(lower=0)
    p_values = partial_spearman(values, x)["p_value"]
    for level in (0.05, 0.01, 0.001):
        rejected = int((p_values <= level).sum())
        bound = stats.binom.ppf(0.999, len(p_values), level * (1.3 if n < 12 else 1.1))
        assert rejected <= bound, level


def test_permuted_p__two_rare_variables_have_a_heavy_tail():
    rng = np.random.default_rng(4)
    x = np.zeros(60)
    x[:3] = 1.0
    values = rng.permuted(np.tile(x[:, None] + 1e-6 * np.arange(60)[:, None], 20_000), axis=0)
    x, values = ((v - v.mean(0)) / np.linalg.norm(v - v.mean(0), axis=0) for v in (x, values))
    p_values = permuted_p(x @ values, values, x, np.full((60, 1), 60**-0.5))
    chance = stats.hypergeom(60, 3, 3).sf(0)  # of sharing one
    shared = x @ values > 0.2
    assert shared.mean() == pytest.approx(chance, abs=0.01)
    assert np.median(p_values[shared]) == pytest.approx(chance, rel=0.9)


def test_partial_spearman__interval_holds_the_truth_95_times_in_100():
    rng = np.random.default_rng(8)
    repeats, n, r = 400, 60, 0.5
    truth = 6 / np.pi * np.arcsin(r / 2)
    held = 0
    for x, y in rng.multivariate_normal([0, 0], [[1, r], [r, 1]], (repeats, n)).swapaxes(1, 2):
        row = partial_spearman(pd.DataFrame({"a": x}), pd.Series(y, name="y")).iloc[0]
        held += row["low"] <= truth <= row["high"]
    low, high = stats.binom.interval(0.999, repeats, 0.95)
    assert low <= held <= high


def test_partial_spearman__order_of_samples_does_not_matter(data, values):
    forward = partial_spearman(values, data["msss"], data[["age"]])
    shuffled = data.sample(frac=1, random_state=2)
    backward = partial_spearman(
        values.iloc[::-1], shuffled["msss"], data.sample(frac=1, random_state=3)[["age"]]
    )
    pd.testing.assert_frame_equal(forward, backward)


def test_partial_spearman__chooses_the_people_of_x(data, values):
    some = data.iloc[:40]
    whole = partial_spearman(values, some["msss"], data[["age", "sex"]])
    part = partial_spearman(values.loc[some.index], some["msss"], some[["age", "sex"]])
    pd.testing.assert_frame_equal(whole, part)
    assert set(whole["n"]) == {40}


def test_partial_spearman__repeats_the_rule_of_the_study(data):
    rng = np.random.default_rng(1)
    values = pd.DataFrame(rng.random((10, 3)), index=data.index[:10], columns=list("abc"))
    values.iloc[5:, 0] = 0  # half present, but 5 of 10 are fewer than 7
    values.iloc[4:, 1] = 0  # present in 40%
    values.iloc[8:, 2] = 0
    table = partial_spearman(
        values, data["msss"].iloc[:10], min_prevalence=0.5, zeros_removed=True
    ).set_index("feature")
    assert table.loc["a", "note"] == "only 5 samples, fewer than 7"
    assert table.loc["b", "note"] == "filtered: present in 40% of samples"
    assert table.loc["c", "note"] == ""
    assert list(table["converged"]) == [False, False, True]
    assert table["q_value"].isna().tolist() == [True, True, False]


def test_partial_spearman__names_what_cannot_be_correlated(data, values):
    strange = values.assign(flat=3.0, age_again=data["age"] ** 3)
    table = partial_spearman(strange, data["msss"], data[["age"]]).set_index("feature")
    assert table.loc["flat", "note"] == "constant: the feature does not vary"
    assert "determine" in table.loc["age_again", "note"]
    assert table.loc[["flat", "age_again"], ["estimate", "p_value"]].isna().all(axis=None)
    same = partial_spearman(values, data["age"].rename("x"), data[["age"]])
    assert set(same["note"]) == {"the variable does not vary beside the covariates"}


def test_partial_spearman__refuses_missing_severity_by_name(data, values):
    severity = data["msss"].copy()
    severity.iloc[3] = np.nan
    with pytest.raises(ValueError, match=r"msss: missing for 1 sample.*P03"):
        partial_spearman(values, severity)
    with pytest.raises(ValueError, match="values: no row for 1 of msss"):
        partial_spearman(values.iloc[1:], data["msss"])
    with pytest.raises(ValueError, match="covariates: no row for 1"):
        partial_spearman(values, data["msss"], data[["age"]].iloc[1:])


def test_partial_spearman__perfect_agreement_has_no_spread():
    x = pd.Series(np.arange(12.0), name="x")
    row = partial_spearman(pd.DataFrame({"a": x**3}), x).iloc[0]
    assert row["estimate"] == pytest.approx(1)
    assert 2 / math.factorial(12) <= row["p_value"] < 1e-4
    assert row["high"] <= 1


def test_fit_ordinal__equals_polr(data, values, by_r):
    table = fit_ordinal(values, data["edss"], data[["age", "sex"]])
    np.testing.assert_allclose(table["estimate"], by_r["ordinal"]["estimate"], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(table["std_error"], by_r["ordinal"]["std_error"], rtol=1e-4)


def test_fit_ordinal__equals_statsmodels(data, values):
    row = fit_ordinal(values[["taxon_2"]], data["edss"], data[["age"]]).iloc[0]
    outcome = data["edss"].astype(pd.CategoricalDtype(ordered=True))
    columns = np.column_stack([values["taxon_2"], (data["age"] - 48) / 10])
    theirs = OrderedModel(outcome, columns, distr="logit").fit(method="bfgs", disp=0, maxiter=500)
    assert row["estimate"] == pytest.approx(theirs.params.iloc[0], rel=1e-4)
    assert row["std_error"] == pytest.approx(theirs.bse.iloc[0], rel=1e-4)


def test_fit_ordinal__two_levels_are_a_logistic_regression(data, values):
    outcome = (data["edss"] > 2).astype(int).rename("worse")
    row = fit_ordinal(values[["taxon_0"]], outcome, data[["age"]]).iloc[0]
    theirs = smf.logit("worse ~ taxon_0 + age", data.assign(worse=outcome)).fit(disp=0, tol=1e-12)
    assert row["estimate"] == pytest.approx(theirs.params["taxon_0"], rel=1e-6)
    assert row["std_error"] == pytest.approx(theirs.bse["taxon_0"], rel=1e-6)


def test_fit_ordinal__names_failures(data, values):
    strange = values.assign(flat=1.0, splits=(data["edss"] > 2).astype(float), age_x=data["age"])
    table = fit_ordinal(strange, data["edss"], data[["age"]]).set_index("feature")
    assert table.loc["flat", "note"].startswith("constant")
    assert table.loc["splits", "note"].startswith("separated")
    assert table.loc["age_x", "note"].startswith("collinear")
    failed = ["flat", "splits", "age_x"]
    assert table.loc[failed, ["estimate", "p_value", "q_value"]].isna().all(axis=None)
    assert table["converged"].sum() == 5
    with pytest.raises(ValueError, match="expected numbers or an ordered category"):
        fit_ordinal(values, data["sex"])


def test_fit_linear_model__equals_statsmodels(data, values):
    metadata = data[["msss", "age", "sex"]].sample(frac=1, random_state=5)
    table = fit_linear_model(values, metadata, "msss + age + sex").set_index(
        ["feature", "coefficient"]
    )
    for name in values:
        theirs = smf.ols(f"{name} ~ msss + age + C(sex, Treatment('male'))", data).fit()
        ours = table.loc[name]
        np.testing.assert_allclose(ours.loc["msss", "estimate"], theirs.params["msss"], rtol=1e-9)
        np.testing.assert_allclose(ours.loc["msss", "std_error"], theirs.bse["msss"], rtol=1e-9)
        np.testing.assert_allclose(ours.loc["age", "p_value"], theirs.pvalues["age"], rtol=1e-8)
        interval = theirs.conf_int().loc["msss"]
        np.testing.assert_allclose(ours.loc["msss", ["low", "high"]].astype(float), interval)
    assert table.loc[("taxon_0", "sex[female]"), "contrast"] == "female - male"


def test_fit_linear_model__missing_values_drop_the_sample_for_that_feature(data, values):
    holes = values.copy()
    holes.iloc[:10, 1] = np.nan
    table = fit_linear_model(holes, data, "age")
    alone = fit_linear_model(values.iloc[10:, [1]], data, "age")
    assert table["n"].tolist() == [90, 80, 90, 90, 90]
    assert table["estimate"].iloc[1] == pytest.approx(alone["estimate"].item(), rel=1e-10)


def test_fit_linear_model__names_failures(data, values):
    strange = values.assign(flat=2.0, sum_of_terms=data["age"] * 2 + 1)
    table = fit_linear_model(strange, data.assign(months=12 * data["age"]), "age + months + bmi")
    table = table.set_index(["feature", "coefficient"])
    assert table.loc[("taxon_0", "age"), "note"] == "not estimable: collinear with months"
    assert np.isnan(table.loc[("taxon_0", "months"), "estimate"])
    assert table.loc[("taxon_0", "bmi"), "note"] == ""
    assert table.loc[("flat", "bmi"), "note"].startswith("constant")
    assert "no variance is left" in table.loc[("sum_of_terms", "bmi"), "note"]
    few = fit_linear_model(values.iloc[:3], data, "age + bmi")
    assert few["note"].str.contains("too few").all()
    assert few["p_value"].isna().all()


def test_adjust_p__leaves_out_what_was_not_tested():
    p = np.array([0.01, np.nan, 0.02, 0.5])
    np.testing.assert_allclose(adjust_p(p), [0.03, np.nan, 0.03, 0.5])
    assert np.isnan(adjust_p([np.nan])).all()


def test_fit_ordinal__a_step_that_never_becomes_possible_ends_with_a_note():
    edss = pd.Series([3.0, 6.0, 2.0, 6.0, 2.0, 2.0, 3.5, 6.0], name="edss")
    taxon = pd.DataFrame({"taxon": [0.07, 0.56, -0.15, 0.09, 2.52, -0.24, -0.77, -0.28]})
    people = pd.DataFrame(
        {
            "age": [56.0, 75, 57, 54, 52, 45, 56, 49],
            "bmi": [22.2, 36.1, 23.1, 43.6, 24.7, 27.0, 25.6, 26.4],
            "sex": [1.0, 1, 0, 1, 1, 0, 1, 1],
        }
    )
    row = fit_ordinal(taxon, edss, people).iloc[0]
    assert np.isnan(row["estimate"])
    assert row["note"] == "did not converge"
