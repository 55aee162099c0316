"""Pair differences beside R and scipy, exact counts, and pairs that are none."""

import json
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cohabit.stats.nonparametric import paired_wilcoxon, sign_flip_test
from cohabit.stats.paired import (
    PAIRED_COLUMNS,
    compare_pair_differences,
    find_pairs,
    fit_paired_model,
    paired_differences,
)

ORACLES = Path(__file__).parent / "oracles"
FEATURES = ["middle", "small", "high", "sited", "gaps"]


@pytest.fixture(scope="module")
def people():
    """40 pairs, and 30 households that are none."""
    return pd.read_csv(ORACLES / "lmer_data.tsv", sep="\t", index_col="sample_id")


@pytest.fixture(scope="module")
def expected():
    return pd.read_csv(ORACLES / "paired_expected.tsv", sep="\t")


@pytest.fixture
def few():
    rng = np.random.default_rng(4)
    people = pd.DataFrame(
        {"household_id": np.repeat(list("abcdefgh"), 2), "group": ["MS", "control"] * 8}
    )
    return pd.DataFrame(rng.normal(0.5, 1, size=(16, 3)), columns=list("xyz")), people


def assert_equals_r(ours, expected, method, rtol=1e-9):
    wanted = expected[expected["method"] == method].set_index("feature")
    found = ours.set_index("feature").loc[wanted.index]
    for name in ("estimate", "std_error", "low", "high", "df", "p_value"):
        given = wanted[name].notna()
        np.testing.assert_allclose(found[name][given], wanted[name][given], rtol=rtol)


def test_find_pairs__keeps_one_case_with_one_control_and_names_the_rest(people):
    pairs = find_pairs(people)
    assert pairs.contrast == "MS - control"
    assert len(pairs.table) + len(pairs.left_out) == people["household_id"].nunique()
    for side, group in (("case", "MS"), ("control", "control")):
        assert (people.loc[pairs.table[side], "group"] == group).all()
        assert (people.loc[pairs.table[side], "household_id"] == pairs.table.index).all()
    sizes = people["household_id"].value_counts()
    assert (sizes[pairs.left_out.index[pairs.left_out == "with one member"]] == 1).all()
    assert pairs.left_out.value_counts().to_dict() == {
        "with one member": 15,
        "with two cases": 8,
        "with two controls": 4,
        "with more than two members": 3,
    }
    assert pairs.note.startswith("30 household(s) left out (15 with one member, 8 with two cases")
    assert pairs.note.endswith(")")  # no household is named in what goes into tables


def test_find_pairs__refuses_strange_groups_and_no_pairs(people):
    with pytest.raises(ValueError, match="'sick'"):
        find_pairs(people.assign(group="sick"))
    with pytest.raises(ValueError, match="exactly one MS and one control"):
        find_pairs(people.assign(group="MS"))
    with pytest.raises(ValueError, match="no column 'group'"):
        find_pairs(people.drop(columns="group"))


def test_paired_differences__are_case_minus_control_whatever_the_order(few):
    values, people = few
    differences = paired_differences(values, people.sample(frac=1, random_state=0))
    by_hand = values.iloc[::2].to_numpy() - values.iloc[1::2].to_numpy()
    np.testing.assert_array_equal(differences, by_hand)
    assert list(differences.index) == list("abcdefgh")
    assert differences.index.name == "household_id"
    pd.testing.assert_series_equal(paired_differences(values["y"], people), differences["y"])


def test_fit_paired_model__equals_r_lm_on_differences(people, expected):
    table = fit_paired_model(people[FEATURES], people, "sex + age + bmi")
    assert_equals_r(table, expected, "adjusted")
    assert tuple(table.columns) == PAIRED_COLUMNS
    assert set(table["method"]) == {"paired_difference"}
    np.testing.assert_allclose(
        table["q_value"], stats.false_discovery_control(table["p_value"]), rtol=1e-12
    )


def test_fit_paired_model__counts_pairs_people_and_what_was_left_out(people):
    table = fit_paired_model(people[["sparse", "gaps"]], people).set_index("feature")
    differences = paired_differences(people[["sparse", "gaps"]], people)
    pairs = find_pairs(people).table.to_numpy().ravel()
    assert table.loc["sparse", "n_pairs"] == len(differences)
    assert table.loc["sparse", "n_nonzero"] == (people.loc[pairs, "sparse"] != 0).sum()
    assert table.loc["gaps", "n_pairs"] == differences["gaps"].notna().sum()
    assert table.loc["gaps", "n_nonzero"] == 2 * table.loc["gaps", "n_pairs"]
    assert table["note"].str.contains("15 with one member").all()


def test_fit_paired_model__without_covariates_is_the_paired_t_test(people):
    table = fit_paired_model(people["middle"], people, covariates=None).iloc[0]
    t_test = stats.ttest_1samp(paired_differences(people["middle"], people), 0)
    assert table["statistic"] == pytest.approx(t_test.statistic, rel=1e-12)
    assert table["p_value"] == pytest.approx(t_test.pvalue, rel=1e-12)
    assert table["df"] == t_test.df


def test_fit_paired_model__finds_sex_when_sex_is_left_out():
    rng = np.random.default_rng(8)
    female = rng.random(400) < 0.75
    people = pd.DataFrame(
        {
            "household_id": np.repeat(np.arange(400), 2),
            "group": ["MS", "control"] * 400,
            "sex": np.where(np.column_stack([female, ~female]).ravel(), "female", "male"),
        }
    )
    same = np.repeat(rng.random(400) < 0.08, 2)
    people.loc[same, "sex"] = "female"
    effect = 0.5 * (people["sex"] == "female").to_numpy()
    values = pd.Series(effect + rng.normal(size=800), name="taxon")
    assert fit_paired_model(values, people, None)["p_value"].iloc[0] < 0.01
    adjusted = fit_paired_model(values, people, "sex").iloc[0]
    assert adjusted["low"] < 0 < adjusted["high"]


def test_fit_paired_model__says_when_a_covariate_cannot_be_told_from_disease(few):
    values, people = few
    people = people.assign(sex=np.where(people["group"] == "MS", "female", "male"))
    table = fit_paired_model(values, people, "sex")
    assert table[["estimate", "p_value", "q_value"]].isna().all(axis=None)
    assert (table["note"] == "not estimable: collinear with sex[female]").all()
    assert not table["converged"].any()


def test_fit_paired_model__what_pairs_share_drops_out_and_is_named(people):
    with_site = fit_paired_model(people[FEATURES], people, "site + age")
    without = fit_paired_model(people[FEATURES], people, "age")
    np.testing.assert_allclose(with_site["estimate"], without["estimate"], rtol=1e-12)
    assert with_site["note"].str.contains("the same in both people of every pair: site").all()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda v: 0 * v["x"], "every pair difference is zero"),
        (lambda v: v["x"].where(v.index < 2), "1 pairs for 1 coefficients"),
        (lambda v: v["x"].where(v.index < 0), "0 pairs for"),
        (lambda v: pd.Series([3.0, 1.0] * 8), "fits every difference exactly"),
    ],
)
def test_fit_paired_model__a_feature_that_cannot_be_fitted_has_a_note_and_no_number(
    few, make, words
):
    values, people = few
    table = fit_paired_model(values.assign(odd=make(values)), people, None).set_index("feature")
    assert words in table.loc["odd", "note"]
    numbers = ["estimate", "std_error", "low", "high", "statistic", "p_value", "q_value"]
    assert table.loc["odd", numbers].isna().all()
    assert table.drop(index="odd")["converged"].all()


def test_compare_pair_differences__equals_r_lm(people, expected):
    people = people.assign(own_sex=people["sex"].map({"female": "a female", "male": "male"}))
    table = compare_pair_differences(people[FEATURES], people, "own_sex", "site", differences="age")
    assert_equals_r(table, expected, "between")
    assert set(table["contrast"]) == {"male - a female"}


def test_compare_pair_differences__reads_the_case_alone_and_finds_what_was_planted():
    rng = np.random.default_rng(2)
    n = 300
    drug = rng.choice(["untreated", "interferon", "fingolimod"], n)
    course = rng.choice(["RRMS", "PPMS"], n)
    column = [value for one in drug for value in (one, None)]
    people = pd.DataFrame(
        {
            "household_id": np.repeat(np.arange(n), 2),
            "group": ["MS", "control"] * n,
            "treatment": column,
            "course": [value for one in course for value in (one, None)],
        }
    )
    lift = np.select([drug == "interferon", drug == "fingolimod"], [0.6, -0.4], 0.0)
    values = rng.normal(size=2 * n) + np.repeat(rng.normal(0, 2, n), 2)
    values[::2] += lift - 0.5 - 0.3 * (course == "PPMS")
    table = compare_pair_differences(
        pd.Series(values, name="taxon"), people, "treatment", "course"
    ).set_index("contrast")
    for contrast, planted in (("interferon - untreated", 0.6), ("fingolimod - untreated", -0.4)):
        assert table.loc[contrast, "low"] < planted < table.loc[contrast, "high"]
    assert table["n_pairs"].eq(n).all()
    turned = compare_pair_differences(
        pd.Series(values, name="taxon"), people, "treatment", "course", reference="interferon"
    ).set_index("contrast")
    row = turned.loc["untreated - interferon"]
    assert row["estimate"] == pytest.approx(-table.loc["interferon - untreated", "estimate"])
    assert row["p_value"] == pytest.approx(table.loc["interferon - untreated", "p_value"])


def test_compare_pair_differences__needs_two_levels_among_the_cases(few):
    values, people = few
    with pytest.raises(ValueError, match="at least two levels among the cases"):
        compare_pair_differences(values, people.assign(treated="yes"), "treated", None)
    with pytest.raises(ValueError, match="no case has 'no'; .*known: yes"):
        compare_pair_differences(
            values, people.assign(treated="yes"), "treated", None, reference="no"
        )


def test_sign_flip_test__counts_every_pattern_when_there_are_few(few):
    differences = paired_differences(*few)
    table = sign_flip_test(differences, n_permutations=999).set_index("feature")
    y = differences["x"].to_numpy()
    sums = np.array([abs(np.dot(signs, y)) for signs in product([-1, 1], repeat=len(y))])
    assert table.loc["x", "p_value"] == (sums >= abs(y.sum()) - 1e-12).mean()
    assert (table["note"] == "exact").all()
    assert table.loc["x", "statistic"] == pytest.approx(stats.ttest_1samp(y, 0).statistic)


def test_sign_flip_test__drawn_patterns_agree_with_scipy_and_with_the_seed(people):
    differences = paired_differences(people["gaps"], people).dropna()
    peer = stats.permutation_test(
        (differences.to_numpy(),), np.mean, permutation_type="samples", n_resamples=20000,
        rng=np.random.default_rng(1),
    ).pvalue  # fmt: skip
    first, second = (sign_flip_test(differences, 20000, rng=7)["p_value"].iloc[0] for _ in range(2))
    assert first == second
    assert first == pytest.approx(peer, abs=4 * np.sqrt(peer * (1 - peer) / 10000))


def test_sign_flip_test__leaves_missing_pairs_and_constant_features_out(people):
    differences = paired_differences(people[["gaps"]].assign(none=0.0), people)
    table = sign_flip_test(differences, 499, rng=3).set_index("feature")
    assert table.loc["gaps", "n_pairs"] == differences["gaps"].notna().sum()
    assert table.loc["none", "note"] == "constant: every pair difference is zero"
    assert table.loc["none", ["estimate", "p_value", "q_value"]].isna().all()
    assert not table.loc["none", "converged"]


def test_paired_wilcoxon__equals_r(people, expected):
    table = paired_wilcoxon(people[FEATURES], people)
    wanted = expected[expected["method"] == "wilcoxon"].set_index("feature")
    found = table.set_index("feature").loc[wanted.index]
    for name in ("estimate", "low", "high", "p_value"):
        np.testing.assert_allclose(found[name], wanted[name], rtol=1e-9)


def as_pairs(differences) -> tuple[pd.Series, pd.DataFrame]:
    """Values and people whose pairs differ by these numbers."""
    n = len(differences)
    people = pd.DataFrame({"household_id": np.arange(2 * n) // 2, "group": ["MS", "control"] * n})
    values = np.column_stack([differences, np.zeros(n)]).ravel()
    return pd.Series(values, name="x"), people


def test_paired_wilcoxon__with_ties_and_zeros_equals_coin():
    text = (ORACLES / "small_samples.json").read_text(encoding="utf-8")
    oracle = json.loads(text)
    for zeros, expected in oracle["signed_ranks"].items():
        for name, p_value in expected.items():
            row = paired_wilcoxon(*as_pairs(oracle["differences"][name]), zeros=zeros).iloc[0]
            assert row["p_value"] == pytest.approx(p_value, rel=1e-12), (zeros, name)


@pytest.mark.parametrize("zeros", ["pratt", "wilcox"])
def test_paired_wilcoxon__counts_every_sign(zeros):
    d = np.round(np.random.default_rng(5).normal(0.4, 1.2, 14))
    ranks = stats.rankdata(np.abs(d)) if zeros == "pratt" else np.zeros(len(d))
    if zeros == "wilcox":
        ranks[d != 0] = stats.rankdata(np.abs(d[d != 0]))
    ranks[d == 0] = 0
    signs = np.array(list(product([-1, 1], repeat=len(d))))
    extreme = np.abs(signs @ ranks) >= abs(np.sign(d) @ ranks) - 1e-9
    row = paired_wilcoxon(*as_pairs(d), zeros=zeros).iloc[0]
    assert row["p_value"] == pytest.approx(extreme.mean(), rel=1e-12)
    assert (row["n_pairs"], row["n_nonzero"]) == (14, (d != 0).sum())


def test_paired_wilcoxon__many_pairs_without_ties_are_as_scipys():
    d = np.random.default_rng(6).normal(0.1, 1, 80)
    peer = stats.wilcoxon(d, method="approx", correction=False).pvalue
    assert paired_wilcoxon(*as_pairs(d)).iloc[0]["p_value"] == pytest.approx(peer, rel=1e-9)


def test_paired_wilcoxon__refuses_an_unknown_rule_for_zeros():
    with pytest.raises(ValueError, match="no 'prat'.*pratt"):
        paired_wilcoxon(*as_pairs([1.0, 2.0]), zeros="prat")


def test_sign_flip_test__is_exact_where_the_pairs_that_differ_are_few():
    table = pd.DataFrame({"few": [1.0, 2, 3, 4, 5, 6], "equal": [1.0] * 5 + [0.0]})
    table = table.reindex(range(40)).assign(many=np.arange(1.0, 41), ties=[1.0] * 5 + [0.0] * 35)
    found = sign_flip_test(table, 999, rng=1).set_index("feature")
    assert found.loc[["few", "equal", "ties"], "p_value"].tolist() == [2 / 64, 2 / 32, 2 / 32]
    assert found["note"].tolist() == ["exact", "exact", "999 sign patterns", "exact"]
    alone = sign_flip_test(table[["many"]], 999, rng=1)["p_value"]
    assert found.loc["many", "p_value"] == alone.iloc[0]


def test_paired_wilcoxon__many_pairs_use_the_normal_bound():
    rng = np.random.default_rng(6)
    people = pd.DataFrame({"household_id": np.arange(200) // 2, "group": ["MS", "control"] * 100})
    values = pd.Series(rng.normal(size=200) + 0.2 * (people["group"] == "MS"), name="x")
    row = paired_wilcoxon(values, people).iloc[0]
    assert (row["p_value"] < 0.05) == (row["low"] > 0 or row["high"] < 0)
    assert row["low"] < row["estimate"] < row["high"]


def test_paired_tests__reject_as_often_as_they_say():
    rng = np.random.default_rng(21)
    people = pd.DataFrame({"household_id": np.arange(80) // 2, "group": ["MS", "control"] * 40})
    people["age"] = rng.normal(50, 10, 80)
    values = pd.DataFrame(rng.normal(size=(80, 2000)) + np.repeat(rng.normal(size=(40, 1)), 2, 0))
    for table in (
        fit_paired_model(values, people, "age"),
        sign_flip_test(paired_differences(values, people), 499, rng=1),
    ):
        rejected = int((table["p_value"] <= 0.05).sum())
        interval = stats.binomtest(rejected, len(table)).proportion_ci(0.999)
        assert interval.low <= 0.05 <= interval.high
