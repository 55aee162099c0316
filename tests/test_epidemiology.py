"""Epidemiology: closed forms, other programs' answers, error rates."""

import json
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp
from scipy.stats import binom, chi2, mannwhitneyu, multivariate_normal, norm
from statsmodels.stats.proportion import proportion_confint

from cohabit.stats import epidemiology

N = 4000
ORACLES = Path(__file__).parent / "oracles"


@pytest.fixture
def people():
    rng = np.random.default_rng(1)
    table = pd.DataFrame(
        {
            "one": rng.random(N) < 0.4,
            "other": rng.random(N) < 0.3,
            "sex": rng.choice(["female", "male"], N),
            "age_group": rng.choice(["young", "old"], N),
        }
    )
    log_odds = -3 + 0.7 * table["one"] + 0.9 * table["other"] + 0.5 * (table["sex"] == "female")
    table["ill"] = rng.random(N) < 1 / (1 + np.exp(-log_odds))
    return table


def spread(table):
    """Return people with the given counts: exposed ill, exposed healthy, unexposed ill, healthy."""
    exposed = np.repeat([True, True, False, False], table)
    ill = np.repeat([True, False, True, False], table)
    return pd.Series(exposed), pd.Series(ill)


def test_odds_ratio__is_woolfs():
    found = epidemiology.odds_ratio(*spread([30, 70, 20, 180]))
    reach = 1.959964 * np.sqrt(1 / 30 + 1 / 70 + 1 / 20 + 1 / 180)
    assert found["estimate"] == pytest.approx(30 * 180 / (70 * 20))
    assert np.log(found["high"] / found["estimate"]) == pytest.approx(reach, rel=1e-5)


def test_odds_ratio__adds_half_a_person_to_an_empty_cell():
    found = epidemiology.odds_ratio(*spread([0, 50, 20, 180]))
    assert found["estimate"] == pytest.approx(0.5 * 180.5 / (50.5 * 20.5))


def test_risk_ratio__is_the_ratio_of_risks():
    found = epidemiology.risk_ratio(*spread([30, 70, 20, 180]))
    assert found["estimate"] == pytest.approx(0.3 / 0.1)
    assert found["low"] < 3 < found["high"]


def test_cross__aligns_by_index_and_refuses_other_people():
    exposed, ill = spread([30, 70, 20, 180])
    shuffled = ill.sample(frac=1, random_state=1)
    assert epidemiology.odds_ratio(exposed, shuffled) == epidemiology.odds_ratio(exposed, ill)
    with pytest.raises(ValueError, match="the same people"):
        epidemiology.odds_ratio(exposed, ill.iloc[1:])
    with pytest.raises(ValueError, match="true or false"):
        epidemiology.odds_ratio(exposed.astype(float) * 2, ill)


def test_mantel_haenszel__is_the_closed_form(people):
    found = epidemiology.mantel_haenszel(people["one"], people["ill"], people[["sex"]])
    above = below = 0.0
    for _, rows in people.groupby("sex"):
        a, b = (rows["one"] & rows["ill"]).sum(), (rows["one"] & ~rows["ill"]).sum()
        c, d = (~rows["one"] & rows["ill"]).sum(), (~rows["one"] & ~rows["ill"]).sum()
        above, below = above + a * d / len(rows), below + b * c / len(rows)
    assert found["estimate"] == pytest.approx(above / below)
    assert 0 < found["homogeneity"] <= 1


def test_conditional_logit__of_pairs_is_the_ratio_of_discordant_pairs():
    rng = np.random.default_rng(2)
    exposed = pd.DataFrame({"x": np.concatenate([rng.random(300) < 0.5, rng.random(300) < 0.3])})
    ill, sets = pd.Series([True] * 300 + [False] * 300), pd.Series([*range(300)] * 2)
    case, control = exposed["x"][:300].to_numpy(), exposed["x"][300:].to_numpy()
    found = epidemiology.conditional_logit(ill, exposed.astype(float), sets)
    expected = (case & ~control).sum() / (~case & control).sum()
    assert found["estimate"].iloc[0] == pytest.approx(expected, rel=1e-3)


@pytest.fixture(scope="module")
def apart():
    """Data in which `b` separates `always`, with R's answers (oracles/separation.R)."""
    data = pd.read_csv(ORACLES / "separation_data.tsv", sep="\t")
    return data, json.loads((ORACLES / "separation_r.json").read_text())


@pytest.mark.parametrize(("unit", "origin"), [(1, 0), (1e-2, 0), (1e6, 0), (1e-2, 1e6)])
def test_conditional_logit__is_rs_clogit_in_any_unit(apart, unit, origin):
    data, theirs = apart
    columns = data[["a", "b", "income"]].assign(income=data["income"] / 1e4 * unit + origin)
    found = epidemiology.conditional_logit(data["ill"] > 0, columns, data["set"])
    logs, units = np.log(found["estimate"]), np.array([1, 1, unit])
    np.testing.assert_allclose(logs * units, theirs["clogit"]["estimate"], rtol=1e-6)
    width = (np.log(found["high"]) - np.log(found["low"])) / (2 * 1.959964)
    np.testing.assert_allclose(width * units, theirs["clogit"]["std_error"], rtol=1e-6)
    assert (found["note"] == "").all()


def test_conditional_logit__says_what_never_differs_in_a_set(apart):
    data, _ = apart
    columns = data[["a"]].assign(home=data["set"] * 1.0, same=data["a"] * 2 + data["set"])
    found = epidemiology.conditional_logit(data["ill"] > 0, columns, data["set"])
    assert found["note"].iloc[1] == "not estimable: the column is zero in every row"
    assert found["note"].iloc[2] == "not estimable: collinear with a"
    assert found["estimate"].isna().all()


def test_fit_logistic__is_rs_firth_where_an_exposure_separates(apart):
    data, theirs = apart
    found = epidemiology.fit_logistic(data["always"] > 0, data[["a", "b"]] * [1e-1, 1e6])
    assert (found["note"] == "separated by b: Firth's penalised likelihood").all()
    for row, unit in zip(found.itertuples(), (1e-1, 1e6), strict=True):
        estimate, low, high, p_value = theirs["firth"][row.feature]
        ours = np.log([row.estimate, row.low, row.high]) * unit
        np.testing.assert_allclose(ours, [estimate, low, high], rtol=1e-4)
        assert row.p_value == pytest.approx(p_value, rel=1e-4)


def test_conditional_logit__of_separated_pairs_has_a_number_and_nearly_the_exact_p():
    ill, exposed = pd.Series([True, False] * 25), pd.DataFrame({"x": [1.0, 0.0] * 25})
    found = epidemiology.conditional_logit(ill, exposed, pd.Series(np.repeat(range(25), 2)))
    assert found["estimate"].item() == pytest.approx(25.5 / 0.5, rel=1e-5)
    assert found["p_value"].item() == pytest.approx(0.5**25, rel=0.2)
    assert 1 < found["low"].item() < 51 < found["high"].item() < np.inf


def test_conditional_logit__of_many_cases_is_the_sum_over_all_subsets():
    rng = np.random.default_rng(8)
    x, sets = rng.normal(size=(14, 1)), np.repeat([0, 1], 7)
    ill = np.array([1, 1, 1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0])

    def minus_log(beta):
        total = 0.0
        for one in (0, 1):
            inside, n = x[sets == one, 0] * beta, ill[sets == one].sum()
            every = [sum(chosen) for chosen in combinations(inside, n)]
            total += logsumexp(every) - inside[ill[sets == one] == 1].sum()
        return total

    best = minimize_scalar(minus_log, bounds=(-5, 5), method="bounded", options={"xatol": 1e-10}).x
    found = epidemiology.conditional_logit(
        pd.Series(ill == 1), pd.DataFrame(x, columns=["x"]), pd.Series(sets)
    )
    assert np.log(found["estimate"].item()) == pytest.approx(best, rel=1e-6)


def test_fit_logistic__refuses_what_is_missing(people):
    exposures = people[["one"]].astype(float)
    exposures.loc[3, "one"] = np.nan
    with pytest.raises(ValueError, match=r"exposures: not finite in 1 row\(s\), first \[3\]"):
        epidemiology.fit_logistic(people["ill"], exposures)


def test_mantel_haenszel__says_what_it_cannot(people):
    one = people.assign(all="x")
    found = epidemiology.mantel_haenszel(one["one"], one["ill"], one[["all"]])
    assert np.isnan(found["homogeneity"])
    assert found["note"] == "one informative stratum: no test of homogeneity"
    exposed, ill = spread([20, 30, 0, 50])
    found = epidemiology.mantel_haenszel(exposed, ill, pd.DataFrame({"all": ["x"] * 100}))
    assert np.isnan(found["estimate"])
    assert found["note"].startswith("separated")
    assert found["p_value"] < 1e-5


def test_find_interaction__without_ill_people_in_a_group_has_no_excess(people):
    ill = people["ill"] & ~(people["other"] & ~people["one"])
    found = epidemiology.find_interaction(people["one"], people["other"], ill).set_index("measure")
    assert found.loc["RERI", ["estimate", "low", "high", "p_value"]].isna().all()
    assert "separated by other only" in found.loc["RERI", "note"]
    assert np.isfinite(found.drop(index="RERI")[["estimate", "low", "high"]]).all(axis=None)
    counts = pd.crosstab([people["one"], people["other"]], ill)
    odds = (counts[True] + 0.5) / (counts[False] + 0.5)  # Firth of a saturated model
    expected = odds[False, True] / odds[False, False]
    assert found.loc["other only", "estimate"] == pytest.approx(expected, rel=1e-4)


def test_draw_controls__match_and_are_healthy(people):
    sets = epidemiology.draw_controls(people, people["ill"], ["sex"], n_controls=2, rng=1)
    drawn = people.loc[sets.index].assign(set=sets["set"])
    assert (drawn.groupby("set")["sex"].nunique() == 1).all()
    assert (sets.groupby("set")["ill"].sum() == 1).all()
    assert sets["set"].value_counts().eq(3).all()
    assert not sets.index.duplicated().any()


def test_find_interaction__is_the_saturated_model(people):
    found = epidemiology.find_interaction(people["one"], people["other"], people["ill"])
    value = found.set_index("measure")["estimate"]
    odds = people.groupby(["one", "other"])["ill"].mean().pipe(lambda p: p / (1 - p))
    alone, beside = odds[True, False] / odds[False, False], odds[False, True] / odds[False, False]
    both = odds[True, True] / odds[False, False]
    assert value["multiplicative"] == pytest.approx(both / alone / beside, rel=1e-4)
    assert value["RERI"] == pytest.approx(both - alone - beside + 1, rel=1e-3)


def test_attributable_fraction__is_what_disappears():
    found = epidemiology.attributable_fraction(*spread([30, 70, 20, 180]))
    assert found["estimate"] == pytest.approx((50 - 300 * 0.1) / 50)
    assert found["low"] < found["estimate"] < found["high"]


def test_share_with_interval__is_clopper_and_pearson():
    expected = proportion_confint(7, 40, method="beta")
    assert epidemiology.share_with_interval(7, 40) == pytest.approx(expected)
    assert epidemiology.share_with_interval(0, 10)[0] == 0.0


def test_standardise_rates__gives_everybody_one_mix(people):
    people["region"] = np.where(people["sex"] == "female", "a", "b")
    people.loc[::3, "region"] = "b"
    found = epidemiology.standardise_rates(people, people["ill"], "region", ["age_group"])
    share = people["age_group"].value_counts(normalize=True)
    cells = people.groupby(["region", "age_group"])["ill"].mean()
    by_hand = [1e5 * (cells[region] * share).sum() for region in ("a", "b")]
    assert found["estimate"].tolist() == pytest.approx(by_hand)


def test_standardise_rates__interval_of_equal_weights_is_that_of_a_poisson_count():
    people = pd.DataFrame({"region": np.repeat(["a", "b"], 500), "age": ["young", "old"] * 500})
    ill = pd.Series(False, people.index)
    ill[500:507] = True
    table = epidemiology.standardise_rates(people, ill, "region", ["age"], per=500)
    none, seven = table.set_index("region")[["low", "high"]].to_numpy()
    assert none.tolist() == pytest.approx([0, chi2.ppf(0.975, 2) / 2])  # 0 of 500: 3.69
    exact = [chi2.ppf(0.025, 14) / 2, chi2.ppf(0.975, 16) / 2]
    assert seven.tolist() == pytest.approx(exact)


def test_standardise_rates__interval_equals_epitools():
    cells = {("a", "x"): (3, 100), ("a", "y"): (7, 60), ("a", "z"): (0, 40)}
    cells |= {("b", "x"): (2, 50), ("b", "y"): (4, 40), ("b", "z"): (1, 10)}
    rows = [(*key, n < ill) for key, (ill, size) in cells.items() for n in range(size)]
    people = pd.DataFrame(rows, columns=["region", "age", "ill"])
    table = epidemiology.standardise_rates(people, people["ill"], "region", ["age"], per=1.0)
    found = table.set_index("region").loc["a", ["crude", "estimate", "low", "high"]]
    expected = json.loads((ORACLES / "small_samples.json").read_text(encoding="utf-8"))["rates"]
    assert found.tolist() == pytest.approx(list(expected.values()), rel=1e-9)


def test_latitude_slope__finds_a_line():
    rates = pd.DataFrame({"latitude": np.arange(10.0, 60), "estimate": 4 * np.arange(10.0, 60) - 7})
    rates["estimate"] += np.tile([1.0, -1.0], 25)
    found = epidemiology.latitude_slope(rates)
    assert found["low"] < 4 < found["high"]
    assert found["estimate"] == pytest.approx(4, abs=0.05)


def test_risk_by_age_at_move__splits_where_the_window_closes():
    age = pd.Series(np.tile([5.0, 30.0], 500))
    ill = pd.Series(np.arange(1000) % 20 == 1)  # only late movers
    ill.iloc[0] = True
    table, ratio = epidemiology.risk_by_age_at_move(age, ill, [0, 15, 45])
    assert table["cases"].tolist() == [1, 50]
    assert ratio["estimate"] == pytest.approx(1 / 50)


def test_predict_by_score__is_mann_and_whitney(people):
    score = pd.Series(np.random.default_rng(3).normal(size=N)) + people["ill"]
    auc, tenths = epidemiology.predict_by_score(score, people["ill"])
    statistic = mannwhitneyu(score[people["ill"]], score[~people["ill"]]).statistic
    assert auc["estimate"] == pytest.approx(
        statistic / people["ill"].sum() / (~people["ill"]).sum()
    )
    assert tenths.iloc[-1] > tenths.iloc[0]
    assert len(tenths) == 10


def test_predict_by_score__worthless_score_says_half(people):
    score = pd.Series(np.random.default_rng(4).normal(size=N))
    auc, _ = epidemiology.predict_by_score(score, people["ill"])
    assert auc["low"] < 0.5 < auc["high"]


def test_predict_by_score__interval_is_inside_and_has_a_width():
    for cases, others in ((3, 3), (40, 900)):
        ill = pd.Series([True] * cases + [False] * others)
        perfect, _ = epidemiology.predict_by_score(ill * 1.0, ill, groups=2)
        opposite, _ = epidemiology.predict_by_score(ill * -1.0, ill, groups=2)
        assert (perfect["estimate"], perfect["high"]) == (1.0, 1.0)
        assert 0 < perfect["low"] < 1
        assert (opposite["low"], opposite["high"]) == pytest.approx((0.0, 1 - perfect["low"]))
    # where truth is the lower end, the estimate is 1.96 of Hanley and McNeil's errors away
    q1, q2 = (low := perfect["low"]) / (2 - low), 2 * low**2 / (1 + low)
    star = (cases + others) / 2 - 1
    variance = low * (1 - low) + star * (q1 - low**2 + q2 - low**2)
    assert 1 - low == pytest.approx(1.959964 * np.sqrt(variance / cases / others), rel=1e-5)


def expected_pairs(correlation, risk, pairs=1e5):
    threshold = norm.isf(risk)
    none = multivariate_normal.cdf([threshold] * 2, cov=[[1, correlation], [correlation, 1]])
    both = 2 * risk - 1 + none
    return pairs * np.array([both, 2 * (risk - both), none])


@pytest.mark.parametrize("h2", [0.3, 0.65, 0.9])
def test_fit_liability__gets_back_what_made_the_counts(h2):
    tables = expected_pairs(h2, 0.01), expected_pairs(h2 / 2, 0.01)
    found = epidemiology.fit_liability(*tables)
    assert found.heritability == pytest.approx(h2, abs=0.01)
    assert found.low < h2 < found.high
    assert found.identical == pytest.approx(h2, abs=0.01)


def test_fit_liability__needs_an_affected_twin():
    with pytest.raises(ValueError, match="at least one affected"):
        epidemiology.fit_liability([0, 0, 100], [1, 5, 100])


def test_recurrence__counts_concordant_pairs_from_both_sides():
    ill = pd.Series([True, True, True, False, False, False])
    pairs = pd.DataFrame({"person": [0, 2, 4, 1, 3, 5], "relative": [1, 3, 5, 0, 2, 4]})
    pairs["relation"] = "identical twin"
    found = epidemiology.recurrence(ill, pairs).iloc[0]
    assert (found["affected"], found["n"]) == (2, 3), "2 x 1 / (2 x 1 + 1)"
    assert found["ratio"] == pytest.approx((2 / 3) / 0.5)
    assert epidemiology.count_pairs(ill, pairs).tolist() == [1, 1, 1]


def test_recurrence__names_people_without_status():
    pairs = pd.DataFrame({"person": [0, 9], "relative": [9, 0], "relation": "sibling"})
    with pytest.raises(ValueError, match="not among the people"):
        epidemiology.recurrence(pd.Series([True, False]), pairs)


def test_pool_recurrence__adds_counts_and_says_when_there_are_none():
    one = pd.DataFrame(
        {"relation": ["sibling"], "estimate": [0.1], "ratio": [10.0], "n": [50], "affected": [5]}
    )
    pooled = epidemiology.pool_recurrence([one, one], {"sibling": "sibs", "cousin": "cousins"})
    assert pooled["estimate"].iloc[0] == pytest.approx(0.1)
    assert pooled["n"].tolist() == [100, 0]
    assert pooled["note"].tolist() == ["", "no pairs"]


# Maps


def grid(rng, cases=60, raised=()):
    places = pd.DataFrame([(x, y) for x in range(7) for y in range(7)], columns=["x", "y"])
    places["expected"] = rng.uniform(0.5, 2, len(places))
    weight = places["expected"].copy()
    weight.loc[[*raised]] *= 8
    places["cases"] = rng.multinomial(cases, weight / weight.sum())
    return places.astype({"x": float, "y": float})


def test_scan__finds_a_planted_cluster():
    raised = [16, 17, 23, 24]
    places = grid(np.random.default_rng(5), raised=raised)
    found = epidemiology.scan_map(places, n_simulations=99, rng=1)
    assert found.p_value <= 0.02
    assert set(raised) & set(found.places)


def test_scan__keeps_its_level_where_nothing_causes_anything():
    rng = np.random.default_rng(6)
    called = [
        epidemiology.scan_map(grid(rng), n_simulations=39, rng=rng).p_value <= 0.05
        for _ in range(150)
    ]
    low, high = binom.interval(0.999, 150, 0.05)
    assert low <= sum(called) <= high


def test_scan__is_the_closed_form_for_two_places():
    places = pd.DataFrame({"x": [0.0, 9], "y": [0.0, 0], "expected": [1.0, 3], "cases": [6, 6]})
    found = epidemiology.scan_map(places, largest=0.5, n_simulations=9, rng=1)
    assert found.log_likelihood_ratio == pytest.approx(6 * np.log(6 / 3) + 6 * np.log(6 / 9))
    assert found.observed == 6
    assert found.expected == pytest.approx(3)


def test_scan__takes_whole_rings_whatever_the_order_of_places():
    places = grid(np.random.default_rng(7), raised=[24])
    found = epidemiology.scan_map(places, n_simulations=9, rng=1)
    again = epidemiology.scan_map(places.sample(frac=1, random_state=2), n_simulations=9, rng=1)
    assert set(found.places) == set(again.places)
    assert (found.p_value, found.expected) == (again.p_value, pytest.approx(again.expected))
    apart = np.hypot(*(places[["x", "y"]].to_numpy()[:, None] - places[["x", "y"]].to_numpy()).T)
    inside = places.index.isin(found.places)
    whole = [apart[c][inside].max() < apart[c][~inside].min() - 1e-6 for c in range(len(places))]
    assert any(whole)


def test_scan__needs_cases_and_expectation():
    places = pd.DataFrame({"x": [0.0], "y": [0.0], "expected": [1.0], "cases": [0]})
    with pytest.raises(ValueError, match="at least one case"):
        epidemiology.scan_map(places)
