"""Household models beside lme4, lmerTest and statsmodels, closed forms, and what must not pass."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cohabit.stats.mixed import (
    HOUSEHOLD_COLUMNS,
    fit_household_model,
    test_household_variance,
    test_terms,
)

ORACLES = Path(__file__).parent / "oracles"
FEATURES = ["middle", "small", "high", "unlike", "tiny", "sparse", "sited", "gaps"]


@pytest.fixture(scope="module")
def people():
    """Pairs, people alone, households of three and four; two households have two cases."""
    return pd.read_csv(ORACLES / "lmer_data.tsv", sep="\t", index_col="sample_id")


@pytest.fixture(scope="module")
def expected():
    return pd.read_csv(ORACLES / "lmer_expected.tsv", sep="\t")


def only_pairs(people):
    mixed = people.groupby("household_id")["group"].transform("nunique") == 2
    return people[mixed & (people.groupby("household_id")["group"].transform("size") == 2)]


def beside_lmer(people, expected, model):
    people = only_pairs(people) if model == "pairs" else people
    wanted = expected[expected["model"] == model]
    formula = wanted["fixed"].iloc[0]
    weights = {"contrast": {"site[New York]": 1, "site[Edinburgh]": -1}}
    ours = fit_household_model(
        people[FEATURES],
        people,
        formula,
        contrasts=weights if model == "adjusted" else None,
        site="site" if model == "site" else None,
    )
    return ours.merge(wanted, on=["feature", "coefficient"], suffixes=("", "_lmer"))


def null_pairs(n_households, n_features, icc, seed):
    """Values that depend on nothing but the household, and people who differ in much."""
    rng = np.random.default_rng(seed)
    household = np.repeat(np.arange(n_households), 2)
    people = pd.DataFrame(
        {
            "household_id": household,
            "group": ["MS", "control"] * n_households,
            "age": rng.normal(50, 10, 2 * n_households),
            "sex": rng.choice(["female", "male"], 2 * n_households),
        }
    )
    shared = rng.normal(size=(n_households, n_features))[household]
    own = rng.normal(size=(2 * n_households, n_features))
    return pd.DataFrame(np.sqrt(icc) * shared + np.sqrt(1 - icc) * own), people


@pytest.mark.parametrize("model", ["adjusted", "interaction", "pairs", "site"])
def test_fit_household_model__equals_lmer(people, expected, model):
    both = beside_lmer(people, expected, model)
    assert len(both) == (expected["model"] == model).sum()
    assert both["converged"].all()
    scale = both["std_error_lmer"]
    np.testing.assert_array_less(abs(both["estimate"] - both["estimate_lmer"]) / scale, 1e-5)
    np.testing.assert_allclose(both["std_error"], both["std_error_lmer"], rtol=1e-5)
    for name in ("household_variance", "residual_variance"):
        np.testing.assert_allclose(both[name], both[f"{name}_lmer"], rtol=1e-5, atol=1e-8)
    np.testing.assert_array_equal(both["n_samples"], both["n"])


@pytest.mark.parametrize("model", ["adjusted", "interaction", "pairs", "site"])
def test_fit_household_model__degrees_of_freedom_equal_lmertest(people, expected, model):
    both = beside_lmer(people, expected, model)
    np.testing.assert_allclose(both["df"], both["df_lmer"], rtol=0, atol=1e-2)
    np.testing.assert_allclose(both["p_value"], both["p_value_lmer"], rtol=1e-4)


def test_fit_household_model__relative_precision_is_that_of_the_issue(people, expected):
    both = beside_lmer(people, expected, "adjusted")
    np.testing.assert_allclose(both["estimate"], both["estimate_lmer"], rtol=1e-5)


def test_fit_household_model__marks_the_boundary_and_keeps_lmertests_df_there(people, expected):
    both = beside_lmer(people, expected, "adjusted")
    at_zero = both["household_variance_lmer"] == 0
    np.testing.assert_array_equal(both["boundary"], at_zero)
    assert set(both["feature"][at_zero]) == {"small", "unlike"}
    residual = both["n_samples"] - 8
    np.testing.assert_allclose(both["df"][at_zero], residual[at_zero])
    row = both[(both["feature"] == "unlike") & (both["coefficient"] == "group[MS]")].iloc[0]
    assert 0 < row["within_df"] < row["df"]


def test_fit_household_model__site_variance_equals_lmer(people, expected):
    both = beside_lmer(people, expected, "site")
    np.testing.assert_allclose(
        both["site_variance"], both["site_variance_lmer"], rtol=1e-5, atol=1e-8
    )
    positive = both["site_variance_lmer"] > 1e-8
    np.testing.assert_array_equal(both["site_boundary"], ~positive)
    assert 0 < positive.sum() < len(both)


def test_fit_household_model__collinear_terms_have_no_number_and_name_each_other(people, expected):
    both = beside_lmer(people, expected, "collinear")
    told = both["coefficient"].isin(["age", "group[MS]", "site[New York]"])
    assert both.loc[~told, "note"].str.startswith("not estimable: collinear with").all()
    assert both.loc[~told, ["estimate", "std_error", "p_value"]].isna().all(axis=None)
    np.testing.assert_allclose(both["estimate"][told], both["estimate_lmer"][told], rtol=1e-5)
    np.testing.assert_allclose(both["df"][told], both["df_lmer"][told], atol=1e-2)
    row = both[both["coefficient"] == "site[Edinburgh]"].iloc[0]
    assert "country[UK]" in row["note"]


def test_test_household_variance__criterion_equals_lmer(people, expected):
    table = test_household_variance(people[FEATURES], people, "group + site + age + bmi + sex")
    wanted = expected[expected["model"] == "adjusted"].groupby("feature")["reml_criterion"].first()
    found = table.set_index("feature")["reml_criterion"]
    np.testing.assert_allclose(found, wanted[found.index], rtol=0, atol=1e-7)


def test_test_household_variance__is_one_at_the_boundary_and_half_a_chi_squared_elsewhere(people):
    table = test_household_variance(people[FEATURES], people, "group").set_index("feature")
    assert table.loc["unlike", "p_value"] == 1
    high = table.loc["high"]
    assert high["statistic"] == pytest.approx(high["reml_criterion_null"] - high["reml_criterion"])
    assert high["p_value"] == pytest.approx(stats.chi2.sf(high["statistic"], 1) / 2)
    assert high["p_value"] < 1e-10


def test_test_terms__equals_lmertests_anova(people):
    wanted = pd.read_csv(ORACLES / "lmer_terms.tsv", sep="\t")
    table = test_terms(people[FEATURES], people, "group + site + age + bmi + sex")
    both = table.merge(wanted, on=["feature", "term"], suffixes=("", "_lmer"))
    assert len(both) == len(table) == len(wanted)
    for name in ("n_coefficients", "statistic", "p_value"):
        np.testing.assert_allclose(both[name], both[f"{name}_lmer"], rtol=1e-5)
    np.testing.assert_allclose(both["df"], both["df_lmer"], atol=1e-2)
    assert both["n_coefficients"].max() == 3


@pytest.fixture(scope="module")
def kenward_roger_sets(people):
    """The people of each set of oracles/kenward_roger.R."""
    homes = people["household_id"].unique()
    few = people[people["household_id"].isin(homes[[*range(9), *range(53, 57), 67, 69]])]
    return {"adjusted": people, "few": few, "pairs": only_pairs(people)}


@pytest.mark.parametrize("name", ["adjusted", "few", "pairs"])
def test_fit_household_model__by_kenward_and_roger_equals_pbkrtest(kenward_roger_sets, name):
    wanted = pd.read_csv(ORACLES / "kenward_roger.tsv", sep="\t").query("set == @name")
    people, features = kenward_roger_sets[name], list(wanted["feature"].unique())
    table = fit_household_model(
        people[features], people, wanted["fixed"].iloc[0], df="kenward-roger"
    )
    both = table.merge(wanted, on=["feature", "coefficient"], suffixes=("", "_r"))
    assert len(both) == len(wanted)
    assert both["singular"].any(), "one household variance is zero"
    for column in ("std_error", "df"):
        np.testing.assert_allclose(both[column], both[f"{column}_r"], rtol=1e-6)
    np.testing.assert_allclose(both["p_value"], both["p_value_r"], rtol=1e-4)


@pytest.mark.parametrize("name", ["adjusted", "few"])
def test_test_terms__by_kenward_and_roger_equals_pbkrtest(kenward_roger_sets, name):
    wanted = pd.read_csv(ORACLES / "kenward_roger_terms.tsv", sep="\t").query("set == @name")
    people, features = kenward_roger_sets[name], list(wanted["feature"].unique())
    table = test_terms(people[features], people, wanted["fixed"].iloc[0], df="kenward-roger")
    both = table.merge(wanted, on=["feature", "term"], suffixes=("", "_r"))
    assert len(both) == len(wanted)
    for column in ("statistic", "df", "p_value"):
        np.testing.assert_allclose(both[column], both[f"{column}_r"], rtol=1e-4)


def test_fit_household_model__kenward_and_roger_hold_better_where_homes_are_few():
    rng = np.random.default_rng(11)
    people = pd.DataFrame({"household_id": np.repeat(np.arange(15), 2)})
    people["group"], people["income"] = ["MS", "control"] * 15, np.repeat(rng.normal(size=15), 2)
    values = pd.DataFrame(rng.normal(size=(30, 8000)))
    values += np.sqrt(0.17) * rng.normal(size=(15, 8000))[people["household_id"]]
    rejected = {}
    for df in ("satterthwaite", "kenward-roger"):
        table = fit_household_model(values, people, "group + income", df=df)
        at_zero = table[table["boundary"] & (table["coefficient"] == "income")]
        rejected[df] = (at_zero["p_value"] <= 0.05).mean()
    assert rejected["kenward-roger"] < 0.065 < rejected["satterthwaite"]


def test_fit_household_model__refuses_degrees_of_freedom_it_has_not(people):
    with pytest.raises(ValueError, match="df: no 'kenward'"):
        fit_household_model(people["middle"], people, "group", df="kenward")
    with pytest.raises(ValueError, match="households alone"):
        fit_household_model(people["middle"], people, "group", site="site", df="kenward-roger")


def test_test_terms__of_one_coefficient_is_its_t_test(people):
    terms = test_terms(people[FEATURES], people, "group * age").set_index(["feature", "term"])
    rows = fit_household_model(people[FEATURES], people, "group * age")
    rows = rows.set_index(["feature", "coefficient"])
    for feature in FEATURES:
        row, test = rows.loc[feature, "group[MS]:age"], terms.loc[feature, "group:age"]
        assert test["statistic"] == pytest.approx(row["statistic"] ** 2)
        assert test["p_value"] == pytest.approx(row["p_value"])


def test_test_terms__says_what_cannot_be_tested(people):
    people = people.assign(one="level", twice=2 * people["age"])
    values = people[["middle"]].assign(zero=0.0)
    table = test_terms(values, people, "one + group + age + twice").set_index(["feature", "term"])
    notes = table.loc["middle", "note"]
    assert notes["one"] == "not estimable: the term has one level"
    assert notes["twice"] == "twice not estimable: collinear with age"
    assert notes["group"] == ""
    assert table.loc["zero", "note"].eq("constant: every value is zero").all()
    assert table["p_value"].notna().sum() == 1


def test_fit_household_model__equals_statsmodels(people):
    import statsmodels.api as sm

    x = sm.add_constant(
        pd.DataFrame({"ms": (people["group"] == "MS") * 1.0, "age": people["age"] / 10})
    )
    peer = sm.MixedLM(people["middle"], x, groups=people["household_id"]).fit(reml=True)
    ours = fit_household_model(people["middle"], people, "group + age").set_index("coefficient")
    assert ours.loc["group[MS]", "estimate"] == pytest.approx(peer.params["ms"], rel=1e-4)
    assert ours.loc["age", "estimate"] == pytest.approx(peer.params["age"] / 10, rel=1e-4)
    assert ours.loc["group[MS]", "std_error"] == pytest.approx(peer.bse["ms"], rel=1e-3)
    variance = float(np.squeeze(peer.cov_re))
    assert ours["household_variance"].iloc[0] == pytest.approx(variance, rel=1e-3)


def test_fit_household_model__of_balanced_pairs_is_the_paired_t_test(people):
    pairs = only_pairs(people).sort_values(["household_id", "group"])
    case, control = (
        pairs[pairs["group"] == g].set_index("household_id")["high"] for g in ("MS", "control")
    )
    t_test = stats.ttest_rel(case, control)
    table = fit_household_model(pairs["high"], pairs, "group").set_index("coefficient")
    row = table.loc["group[MS]"]
    assert row["statistic"] == pytest.approx(t_test.statistic, rel=1e-9)
    assert row["df"] == pytest.approx(t_test.df, rel=1e-9)
    assert row["within_df"] == t_test.df
    assert row["p_value"] == pytest.approx(t_test.pvalue, rel=1e-9)
    interval = t_test.confidence_interval()
    assert (row["low"], row["high"]) == pytest.approx((interval.low, interval.high), rel=1e-9)


def test_fit_household_model__maximises_the_likelihood_written_with_whole_matrices(people):
    rows = people.iloc[-40:]
    table = test_household_variance(rows["high"], rows, "group + age").iloc[0]
    x = np.column_stack([np.ones(40), rows["group"] == "MS", rows["age"]]).astype(float)
    same = np.equal.outer(rows["household_id"].to_numpy(), rows["household_id"].to_numpy())
    y = rows["high"].to_numpy()

    def criterion(household, residual):
        v = household * same + residual * np.eye(40)
        inverse = np.linalg.inv(v)
        meat = x.T @ inverse @ x
        rest = y - x @ np.linalg.solve(meat, x.T @ inverse @ y)
        logs = np.linalg.slogdet(v)[1] + np.linalg.slogdet(meat)[1]
        return logs + rest @ inverse @ rest + 37 * np.log(2 * np.pi)

    best = criterion(table["household_variance"], table["residual_variance"])
    assert table["reml_criterion"] == pytest.approx(best, abs=1e-8)
    for shift in (0.99, 1.01):
        assert best < criterion(table["household_variance"] * shift, table["residual_variance"])
        assert best < criterion(table["household_variance"], table["residual_variance"] * shift)


def test_fit_household_model__finds_the_lowest_point_of_a_fine_grid_whatever_the_households():
    for seed in range(8):
        rng = np.random.default_rng(seed)
        sizes = np.concatenate([[2, 2, 3], rng.integers(1, 5, rng.integers(2, 9))])
        household = np.repeat(np.arange(len(sizes)), sizes)
        people = pd.DataFrame({"household_id": household, "a": rng.normal(size=sizes.sum())})
        people["b"] = rng.normal(size=len(sizes))[household]
        shared = rng.normal(size=(len(sizes), 5)) * [0, 0.3, 1, 3, 10]
        values = pd.DataFrame(shared[household] + rng.standard_t(3, size=(len(people), 5)))
        table = test_household_variance(values, people, "a + b")
        assert table["converged"].all()
        x = np.column_stack([np.ones(len(people)), people[["a", "b"]]])
        same = np.equal.outer(household, household)
        lowest = np.full(5, np.inf)
        for theta in [0, *np.geomspace(1e-3, 1e3, 80)]:
            inverse = np.linalg.inv(np.eye(len(x)) + theta * same)
            meat = x.T @ inverse @ x
            rest = values.to_numpy() - x @ np.linalg.solve(meat, x.T @ inverse @ values)
            df = len(x) - 3
            squares = np.einsum("ij,ik,kj->j", rest, inverse, rest)
            logs = np.linalg.slogdet(meat)[1] - np.linalg.slogdet(inverse)[1]
            lowest = np.minimum(lowest, df * (1 + np.log(2 * np.pi * squares / df)) + logs)
        assert (table["reml_criterion"] <= lowest + 1e-8).all()
        assert (table["reml_criterion"] >= lowest - 0.1).all()


def test_fit_household_model__order_of_rows_and_columns_does_not_matter(people):
    table = fit_household_model(people[FEATURES], people, "group + site + age")
    shuffled = people.sample(frac=1, random_state=1)
    other = fit_household_model(
        people[FEATURES[::-1]], shuffled.iloc[:, ::-1], "group + site + age"
    )
    keys = ["feature", "coefficient"]
    pd.testing.assert_frame_equal(
        table.set_index(keys), other.set_index(keys).loc[table.set_index(keys).index], rtol=1e-8
    )


def test_fit_household_model__units_of_a_feature_and_a_covariate_carry_through(people):
    table = fit_household_model(people["middle"], people, "group + age").set_index("coefficient")
    scaled = fit_household_model(
        1e-6 * people["middle"] + 1, people.assign(age=people["age"] * 365.25), "group + age"
    ).set_index("coefficient")
    for name, unit in (("group[MS]", 1.0), ("age", 1 / 365.25)):
        for number in ("estimate", "std_error"):
            expected = 1e-6 * unit * table.loc[name, number]
            assert scaled.loc[name, number] == pytest.approx(expected, rel=1e-6)
        assert scaled.loc[name, "df"] == pytest.approx(table.loc[name, "df"], rel=1e-6)


def test_fit_household_model__missing_values_drop_the_sample_for_that_feature_alone(people):
    together = fit_household_model(people[["middle", "gaps"]], people, "group + age")
    present = people[people["gaps"].notna()]
    alone = fit_household_model(present["gaps"], present, "group + age")
    rows = together[together["feature"] == "gaps"].reset_index(drop=True)
    pd.testing.assert_frame_equal(rows, alone, rtol=1e-10)
    assert rows["n_samples"].iloc[0] == len(present) < len(people)
    assert list(together["feature"].unique()) == ["middle", "gaps"]


def test_fit_household_model__a_contrast_is_the_combination_it_names(people):
    weights = {"difference": {"site[New York]": 1, "site[Edinburgh]": -1}, "double": {"age": 2}}
    table = fit_household_model(people["middle"], people, "site + age", contrasts=weights)
    table = table.set_index("coefficient")
    apart = table.loc["site[New York]", "estimate"] - table.loc["site[Edinburgh]", "estimate"]
    assert table.loc["difference", "estimate"] == pytest.approx(apart)
    assert table.loc["double", "std_error"] == pytest.approx(2 * table.loc["age", "std_error"])
    assert table.loc["double", "p_value"] == pytest.approx(table.loc["age", "p_value"])
    assert table.loc["difference", "within_df"] == 0


def test_fit_household_model__one_row_a_feature_and_coefficient_in_the_stated_columns(people):
    table = fit_household_model(people[FEATURES[:2]], people, "group + sex")
    assert tuple(table.columns) == HOUSEHOLD_COLUMNS
    assert list(table["coefficient"]) == ["Intercept", "group[MS]", "sex[female]"] * 2
    assert list(table["contrast"][:3]) == ["at the reference", "MS - control", "female - male"]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda p: 0 * p["age"], "every value is zero"),
        (lambda p: 0 * p["age"] + 0.1, "every value is the same"),
        (lambda p: 3 - 0.1 * p["age"], "fit every value exactly"),
        (lambda p: p["high"].groupby(p["household_id"]).transform("first"), "goes to zero"),
        (lambda p: p["high"].where(p.index == p.index[0]), "too few"),
        (lambda p: p["high"].where(p.index == ""), "0 samples"),
        (lambda p: p["high"].where(~p["household_id"].duplicated()), "one member left"),
    ],
)
def test_fit_household_model__a_feature_that_cannot_be_fitted_has_a_note_and_no_number(
    people, make, words
):
    values = pd.DataFrame({"odd": make(people), "fine": people["middle"]})
    table = fit_household_model(values, people, "age").set_index("feature")
    assert table.loc["odd", "note"].str.contains(words).all()
    assert not table.loc["odd", "converged"].any()
    numbers = ["estimate", "std_error", "low", "high", "df", "statistic", "p_value"]
    assert table.loc["odd", numbers].isna().all(axis=None)
    assert table.loc["fine", "converged"].all()
    alone = fit_household_model(people["middle"], people, "age")
    np.testing.assert_allclose(table.loc["fine", "estimate"], alone["estimate"])


def test_fit_household_model__says_when_nothing_is_left_within_households():
    rng = np.random.default_rng(0)
    people = pd.DataFrame({"household_id": np.repeat(range(4), 2), "group": ["MS", "control"] * 4})
    for name in "abc":
        people[name] = np.kron(rng.normal(size=4), [1, -1])
    values = pd.Series(rng.normal(size=8), name="taxon")
    table = fit_household_model(values, people, "group + a + b + c")
    assert table["note"].str.startswith("household and residual variance cannot be told").all()
    assert table["estimate"].isna().all()


@pytest.mark.parametrize(
    ("site", "formula", "words"),
    [
        (lambda p: p["household_id"], "age", "one sample or one household"),
        (lambda p: p.index, "age", "one sample or one household"),
        (lambda p: p["country"], "site + age", "tell all sites apart"),
        (lambda p: p["site"].where(p["gaps"].notna(), "elsewhere"), "age", ""),
        (lambda p: np.where(p["gaps"].notna(), "here", "elsewhere"), "age", "one site left"),
    ],
)
def test_fit_household_model__says_when_a_site_variance_cannot_be_told(
    people, site, formula, words
):
    people = people.assign(place=site(people))
    table = fit_household_model(people["gaps"], people, formula, site="place")
    assert table["note"].str.contains(words).all()
    assert table["estimate"].isna().all() == bool(words)


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (lambda p: "only", "the term has one level"),
        (lambda p: 7.0, "the same value in every row"),
        (lambda p: (p["group"] == "MS") * 2.0, r"collinear with group\[MS\]"),
    ],
)
@pytest.mark.parametrize("site", [None, "site"])
def test_fit_household_model__a_term_that_cannot_be_told_has_a_note_and_no_number(
    people, column, words, site
):
    people = people.assign(odd=column(people))
    table = fit_household_model(people["middle"], people, "odd + group + age", site=site)
    table = table.set_index("coefficient")
    assert pd.Series(table.loc["odd", "note"]).str.contains(words).all()
    assert np.isnan(table.loc["odd", "p_value"])
    assert table.loc["age", "converged"]
    plain = fit_household_model(people["middle"], people, "group + age", site=site)
    age = plain.set_index("coefficient").loc["age", "estimate"]
    assert table.loc["age", "estimate"] == pytest.approx(age, rel=1e-6)


def test_fit_household_model__what_collides_with_disease_takes_the_number_from_disease(people):
    """Unlike lme4, which drops the later term and reports the earlier as if it were known."""
    people = people.assign(sex=np.where(people["group"] == "MS", "female", "male"))
    table = fit_household_model(people["middle"], people, "group + sex").set_index("coefficient")
    assert np.isnan(table.loc["group[MS]", "p_value"])
    assert table.loc["group[MS]", "note"] == "not estimable: collinear with sex[female]"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda v, p: (v, p.drop(index=p.index[3])), "1 row.s. have no metadata"),
        (lambda v, p: (v, p.assign(household_id=p.index)), "every household has one member"),
        (lambda v, p: (v, p.assign(household_id=p["household_id"].mask(p["age"] > 60))), "without"),
        (lambda v, p: (v.assign(bad=-np.inf), p), "infinite"),
        (lambda v, p: (v.assign(bad="text"), p), "not numeric: bad"),
        (lambda v, p: (pd.concat([v, v.iloc[:1]]), p), "unique"),
        (lambda v, p: (v, p.rename(columns={"household_id": "house_id"})), "did you mean"),
    ],
)
def test_fit_household_model__refuses_tables_that_do_not_fit(people, change, words):
    values, metadata = change(people[["middle"]], people)
    with pytest.raises(ValueError, match=words):
        fit_household_model(values, metadata, "group")


def test_fit_household_model__refuses_unknown_contrasts_and_a_site_named_twice(people):
    with pytest.raises(ValueError, match="did you mean 'group.MS.'"):
        fit_household_model(people["middle"], people, "group", contrasts={"x": {"group[Ms]": 1}})
    with pytest.raises(ValueError, match="choose one"):
        fit_household_model(people["middle"], people, "group + site", site="site")


@pytest.mark.parametrize("icc", [0.0, 0.3])
def test_fit_household_model__rejects_and_covers_as_often_as_it_says(icc):
    values, people = null_pairs(n_households=60, n_features=3000, icc=icc, seed=11)
    table = fit_household_model(values, people, "group + age + sex")
    for name in ("group[MS]", "age", "sex[female]"):
        rows = table[table["coefficient"] == name]
        rejected = int((rows["p_value"] < 0.05).sum())
        interval = stats.binomtest(rejected, len(rows)).proportion_ci(0.999)
        assert interval.low <= 0.05 <= interval.high, (name, rejected)
        covered = ((rows["low"] < 0) & (rows["high"] > 0)).sum()
        assert covered == len(rows) - rejected


def test_fit_household_model__covers_a_planted_effect():
    values, people = null_pairs(n_households=60, n_features=2000, icc=0.145, seed=12)
    values = values + 0.4 * (people["group"] == "MS").to_numpy()[:, None]
    rows = fit_household_model(values, people, "group + age")
    rows = rows[rows["coefficient"] == "group[MS]"]
    covered = int(((rows["low"] < 0.4) & (rows["high"] > 0.4)).sum())
    interval = stats.binomtest(covered, len(rows)).proportion_ci(0.999)
    assert interval.low <= 0.95 <= interval.high
    assert rows["estimate"].mean() == pytest.approx(0.4, abs=0.02)


def test_test_household_variance__rejects_as_often_as_it_says():
    values, people = null_pairs(n_households=60, n_features=3000, icc=0.0, seed=13)
    p_values = test_household_variance(values, people, "group + age")["p_value"]
    for level in (0.05, 0.2):
        rejected = int((p_values < level).sum())
        interval = stats.binomtest(rejected, len(p_values)).proportion_ci(0.999)
        assert interval.low <= level <= interval.high
    assert 0.4 < (p_values == 1).mean() < 0.6


@pytest.mark.parametrize("icc", [0.145, 0.5])
def test_test_household_variance__interval_of_the_share_covers_it(icc):
    values, people = null_pairs(n_households=60, n_features=2000, icc=icc, seed=15)
    table = test_household_variance(values, people, "group + age")
    covered = int(((table["icc_low"] <= icc) & (table["icc_high"] >= icc)).sum())
    interval = stats.binomtest(covered, len(table)).proportion_ci(0.999)
    assert interval.low <= 0.95 <= interval.high
    inside = table["icc_low"].le(table["household_icc"]) & table["icc_high"].ge(
        table["household_icc"]
    )
    assert inside.all()
    refused = table["statistic"] > stats.chi2.ppf(0.95, 1)
    np.testing.assert_array_equal(refused, table["icc_low"] > 0)


def test_fit_household_model__small_shares_are_overestimated_large_ones_are_not():
    none, people = null_pairs(n_households=50, n_features=2000, icc=0.0, seed=14)
    much, _ = null_pairs(n_households=50, n_features=2000, icc=0.6, seed=14)
    found = [
        fit_household_model(values, people, "group")["household_icc"].mean()
        for values in (none, much)
    ]
    assert 0.04 < found[0] < 0.08
    assert found[1] == pytest.approx(0.6, abs=0.02)
