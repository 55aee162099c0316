"""Differential abundance: oracles, order of IDs, named failures, calibration under no effect."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.discrete.conditional_models import ConditionalLogit

from cohabit.stats.abundance import ABUNDANCE_COLUMNS, METHODS, compare_abundance, lenient_rule
from cohabit.stats.abundance.methods import density_mode
from cohabit.stats.composition import arcsine_sqrt, clr, filter_features
from cohabit.stats.logistic import fit_matched_pairs
from cohabit.stats.mixed import fit_household_model
from cohabit.stats.nonparametric import paired_wilcoxon

ORACLES = Path(__file__).parent / "oracles"
COVARIATES = "sex + age + bmi + site"
TESTS_OF_PAIRS = ("paired_wilcoxon", "paired_t_clr", "presence_clogit")
HEAVY = ("nbinom", "zinb", "presence_logit", "nonzero_log", "two_parts", "matched_sets")
OWN = tuple(name for name in METHODS if name not in ("zinb", "two_parts"))
"""Methods with code of their own: zinb is nbinom with another density, two_parts joins two."""

PARTS = ("presence_logit", "nonzero_log")
"""Each sees one side of what is planted in the counts."""


def draw_cohort(seed, n_pairs=60, n_features=60, effect=0.0, n_changed=0, sex_effect=0.0):
    """Households of a case and a control, nine in ten of opposite sex, sharing part of life."""
    rng = np.random.default_rng(seed)
    home = np.repeat(np.arange(n_pairs), 2)
    woman = rng.random((n_pairs, 2)) < [0.7, 0.35]
    opposite = rng.random(n_pairs) < 0.9
    woman[opposite, 1] = ~woman[opposite, 0]
    woman = woman.ravel()
    people = pd.DataFrame(
        {
            "household_id": [f"H{number:03d}" for number in home],
            "group": ["MS", "control"] * n_pairs,
            "site": np.array(["north", "south", "west"])[rng.integers(0, 3, n_pairs)][home],
            "sex": np.where(woman, "female", "male"),
            "age": rng.normal(50, 11, n_pairs)[home] + rng.normal(0, 5, 2 * n_pairs),
            "bmi": rng.normal(26, 5, 2 * n_pairs),
        },
        index=[f"P{number:03d}" for number in range(2 * n_pairs)],
    )
    shape = (2 * n_pairs, n_features)
    log_mean = rng.normal(1.5, 2, n_features) + rng.normal(0, 1, shape)
    log_mean += rng.normal(0, 0.6, (n_pairs, n_features))[home]
    log_mean += sex_effect * woman[:, None] * (np.arange(n_features) % 3 == 0)
    log_mean[::2, :n_changed] += effect
    mean = np.exp(log_mean) * rng.lognormal(0, 0.4, (2 * n_pairs, 1))
    counts = rng.negative_binomial(1.5, 1.5 / (1.5 + mean))
    features = [f"taxon_{number}" for number in range(n_features)]
    return pd.DataFrame(counts, index=people.index, columns=features), people


def lean(cohort, method) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Fewer features for methods that take long."""
    counts, people = cohort
    return (counts.iloc[:, :26] if method in HEAVY else counts), people


def joint(table) -> bool:
    """A joint test of several scales has no interval on one of them."""
    return bool(table["low"].isna().all())


@pytest.fixture(scope="module")
def cohort():
    return draw_cohort(seed=1, effect=1.2, n_changed=12)


@pytest.mark.parametrize("method", METHODS)
def test_compare_abundance__is_tidy_and_finds_the_planted(cohort, method):
    counts, people = cohort
    table = compare_abundance(counts, people, "group", COVARIATES, method=method)
    assert tuple(table) == (*ABUNDANCE_COLUMNS, *METHODS[method].more)
    assert list(table["feature"]) == list(counts)
    assert set(table["contrast"]) == {"MS - control"}
    tested = table["p_value"].notna()
    planted = table["feature"].isin(counts.columns[:12])
    assert tested[planted].sum() >= 5
    assert (table.loc[planted & tested, "estimate"].dropna() > 0).mean() > 0.8 or joint(table)
    found = (table.loc[planted & tested, "p_value"] < 0.05).mean()
    assert found > (0.15 if method in PARTS else 0.35)
    bounded = table[tested & table["low"].notna()]
    assert (bounded["low"] <= bounded["estimate"]).all()
    assert (bounded["estimate"] <= bounded["high"]).all()
    excludes_zero = (bounded["low"] > 0) | (bounded["high"] < 0)
    assert (excludes_zero == (bounded["p_value"] < 0.05)).mean() > 0.95 or joint(table)


@pytest.mark.parametrize("method", OWN)
def test_compare_abundance__order_of_people_and_features_does_not_matter(cohort, method):
    counts, people = lean(cohort, method)
    forward = compare_abundance(counts, people, "group", COVARIATES, method=method)
    shuffled = counts.sample(frac=1, random_state=1).sample(frac=1, axis=1, random_state=2)
    backward = compare_abundance(shuffled, people.iloc[::-1], "group", COVARIATES, method=method)
    backward = backward.set_index("feature").loc[forward["feature"]].reset_index()
    pd.testing.assert_frame_equal(forward, backward, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_compare_abundance__null_worlds_reject_at_the_level(method):
    p_values = []
    for seed in range(4):
        n_features = 40 if method in HEAVY else 150
        counts, people = draw_cohort(seed=300 + seed, n_pairs=70, n_features=n_features)
        table = compare_abundance(counts, people, "group", COVARIATES, method=method)
        p_values.append(table["p_value"].dropna())
    p_values = np.concatenate(p_values)
    low, high = stats.binom.interval(0.999, len(p_values), 0.05)
    rejected = (p_values < 0.05).sum()
    assert rejected <= high
    if METHODS[method].household.startswith("household not"):
        assert rejected <= 0.05 * len(p_values)  # blind to pairs: too cautious, never too bold
    else:
        assert low <= rejected


def test_compare_abundance__finds_sex_when_sex_is_left_out():
    p_values = {"paired_wilcoxon": [], "paired_t_clr": [], "lmm_clr": []}
    for seed in range(3):
        counts, people = draw_cohort(seed=500 + seed, n_pairs=100, sex_effect=1.0)
        for method, found in p_values.items():
            table = compare_abundance(counts, people, "group", "sex + age", method=method)
            found.append(table["p_value"].iloc[::3].dropna())
    share = {method: (np.concatenate(found) < 0.05).mean() for method, found in p_values.items()}
    assert share["paired_wilcoxon"] > 0.2
    assert share["paired_t_clr"] < 0.15
    assert share["lmm_clr"] < 0.15


def test_lmm_asin__is_the_household_model_on_the_filtered_shares(cohort):
    counts, people = cohort
    table = compare_abundance(counts, people, "group", COVARIATES, "lmm_asin").set_index("feature")
    values = arcsine_sqrt(counts)
    kept = values.loc[:, (values.var() >= 1e-5) & counts.columns.isin(filter_features(counts))]
    fit = fit_household_model(kept, people, f"group + {COVARIATES}")
    fit = fit[fit["coefficient"] == "group[MS]"].set_index("feature")
    assert table["converged"].sum() == len(fit)
    for name in ("estimate", "std_error", "df", "p_value", "low", "high"):
        np.testing.assert_array_equal(table.loc[fit.index, name], fit[name])


def test_lmm__without_shared_households_is_an_ordinary_regression_and_says_so(cohort):
    counts, people = cohort
    patients = people[people["group"] == "MS"].assign(
        treatment=np.resize(["untreated", "interferon", "fingolimod"], 60)
    )
    table = compare_abundance(counts.loc[patients.index], patients, "treatment", "age", "lmm_clr")
    assert set(table["contrast"]) == {"interferon - untreated", "fingolimod - untreated"}
    assert table["note"].str.contains("ordinary regression|filtered").all()
    assert set(table.loc[table["converged"], "n_pairs"]) == {0}
    for _, part in table.groupby("contrast"):
        assert part["q_value"].min() >= part["p_value"].min()


def test_linda__takes_one_number_off_every_coefficient(cohort):
    counts, people = cohort
    linda, plain = (
        compare_abundance(counts, people, "group", COVARIATES, method=method)
        for method in ("linda", "lmm_clr")
    )
    shift = (linda["estimate"] - plain["estimate"]).dropna()
    assert shift.std() < 1e-12
    np.testing.assert_array_equal(linda["std_error"], plain["std_error"])
    untouched = linda["feature"].isin(counts.columns[12:])
    closure = plain.loc[untouched, "estimate"].median()
    assert closure < -0.1
    assert abs(linda.loc[untouched, "estimate"].median()) < abs(closure) / 2


def test_density_mode__finds_the_bulk_beside_a_tail():
    rng = np.random.default_rng(4)
    values = np.concatenate([rng.normal(-0.3, 0.1, 400), rng.normal(1, 0.5, 100)])
    assert density_mode(values) == pytest.approx(-0.3, abs=0.03)
    grid = np.linspace(-1, 1, 4001)
    width = 0.9 * np.subtract(*np.quantile(values, [0.75, 0.25])) / 1.34 * len(values) ** -0.2
    kernel = stats.gaussian_kde(values, bw_method=width / values.std(ddof=1))
    assert density_mode(values) == pytest.approx(grid[kernel(grid).argmax()], abs=1e-3)


def test_paired_wilcoxon__with_ties_and_zeros_is_near_rs_approximation():
    """R has the normal approximation where values tie; ours is exact (see test_paired)."""
    data = pd.read_csv(ORACLES / "association_data.tsv", sep="\t", index_col=0)
    theirs = json.loads((ORACLES / "association_r.json").read_text())["signed"]
    people = pd.DataFrame(
        {
            "household_id": np.arange(len(data)) // 2,
            "group": np.resize(["MS", "control"], len(data)),
        },
        index=data.index,
    )
    table = paired_wilcoxon(data.filter(like="taxon"), people, zeros="wilcox")
    tied = -1  # whole numbers, many of them zero in both
    assert table["p_value"].iloc[tied] == pytest.approx(theirs[tied]["p_value"], rel=0.02)
    for ours, answer in zip(table.to_dict("records"), theirs, strict=True):
        for bound in ("estimate", "low", "high"):
            assert ours[bound] == pytest.approx(answer[bound], abs=0.12)


def test_presence_clogit__equals_statsmodels(cohort):
    counts, people = cohort
    table = compare_abundance(counts, people, "group", "sex + age", "presence_clogit")
    table = table.set_index("feature")
    design = pd.DataFrame(
        {
            "MS": (people["group"] == "MS").astype(float),
            "female": (people["sex"] == "female").astype(float),
            "age": people["age"] - 50,
        }
    )
    maximised = table["converged"] & ~table["note"].str.contains("penalised")
    compared = table.index[maximised][:5]
    assert len(compared) == 5
    for name in compared:
        present = (counts[name] > 0).astype(int)
        varied = present.groupby(people["household_id"]).transform("nunique") > 1
        groups = people["household_id"].astype("category").cat.codes
        theirs = ConditionalLogit(present[varied], design[varied], groups=groups[varied])
        fit = theirs.fit(disp=0, method="newton")
        assert table.loc[name, "estimate"] == pytest.approx(fit.params["MS"], rel=1e-5)
        assert table.loc[name, "std_error"] == pytest.approx(fit.bse["MS"], rel=1e-4)
        assert table.loc[name, "n_pairs"] == varied.sum() // 2


def test_presence_clogit__without_covariates_is_the_ratio_of_discordant_pairs():
    sign = np.array([[1.0] * 14 + [-1.0] * 6 + [0.0] * 10]).T
    fit = fit_matched_pairs(np.ones((30, 1)), sign)
    assert fit["estimate"][0] == pytest.approx(np.log(14 / 6))
    assert fit["std_error"][0] == pytest.approx(np.sqrt(1 / 14 + 1 / 6))
    assert fit["n_pairs"][0] == 20


def test_presence_clogit__is_the_modified_root_of_rs_clogit():
    data = pd.read_csv(ORACLES / "association_data.tsv", sep="\t", index_col=0)
    theirs = json.loads((ORACLES / "clogit_r.json").read_text())["fits"]
    case, control = data.iloc[::2], data.iloc[1::2]
    woman = (case["sex"] == "female").to_numpy() * 1.0 - (control["sex"] == "female").to_numpy()
    age = case["age"].to_numpy() - control["age"].to_numpy()
    sign = (case[list(theirs)] > 0).to_numpy() * 1.0 - (control[list(theirs)] > 0).to_numpy()
    fit = fit_matched_pairs(np.column_stack([np.ones(len(case)), woman, age]), sign)
    judged = np.flatnonzero(fit["note"] == "")
    assert len(judged) >= 2
    for name in ("estimate", "std_error", "statistic"):
        answer = np.array([row[name] for row in theirs.values()])
        np.testing.assert_allclose(fit[name][judged], answer[judged], rtol=1e-6)


def exact_middle_p(sex: np.ndarray, has: np.ndarray) -> float:
    """Two-sided mid-p of how many cases have it, given their sum of sex, by counting every way."""
    ways = {(0, 0): 1}
    for difference in sex:
        added = Counter(ways)
        for (cases, total), count in ways.items():
            added[cases + 1, total + difference] += count
        ways = added
    seen = has.sum(), (sex * has).sum()
    given = {cases: count for (cases, total), count in ways.items() if total == seen[1]}
    below = sum(count for cases, count in given.items() if cases < seen[0])
    lower = (below + given[seen[0]] / 2) / sum(given.values())
    return 2 * min(lower, 1 - lower)


@pytest.mark.parametrize("seed", [3, 7, 9, 10])  # where Wald is twice as high
def test_presence_clogit__is_close_to_the_exact_test(seed):
    rng = np.random.default_rng(seed)
    sex = rng.choice([-1, 0, 1], p=[0.2, 0.3, 0.5], size=30)
    has = rng.random(30) < 0.7
    design = np.column_stack([np.ones(30), sex])
    fit = fit_matched_pairs(design, np.where(has, 1.0, -1.0)[:, None])
    assert fit["p_value"][0] == pytest.approx(exact_middle_p(sex, has), rel=0.15)


def test_presence_clogit__errs_as_it_says_with_few_pairs():
    rng = np.random.default_rng(4)
    sizes = {"p_value": 0, "wald": 0}
    for _ in range(40):
        design = np.column_stack(
            [np.ones(25), rng.choice([-1, 0, 1], size=25), rng.normal(size=(25, 2))]
        )
        fit = fit_matched_pairs(design, rng.choice([-1.0, 1.0], size=(25, 100)))
        wald = np.abs(fit["estimate"] / fit["std_error"]) >= stats.norm.ppf(0.975)
        sizes["p_value"] += (fit["p_value"] <= 0.05).sum() / 4000
        sizes["wald"] += wald.sum() / 4000
    assert 0.035 < sizes["p_value"] < 0.06
    assert sizes["wald"] < sizes["p_value"]


def test_presence_clogit__of_separated_pairs_is_firths():
    always = np.array([[1.0] * 25, [1.0] * 4 + [0.0] * 21]).T
    fit = fit_matched_pairs(np.ones((25, 1)), always)
    assert fit["note"][0].startswith("separated pairs: Firth")
    assert fit["note"][1] == "only 4 discordant pairs, fewer than 5"
    assert np.isnan(fit["estimate"][1])
    # one proportion: Firth's penalty is Jeffreys' prior, half a pair on either side
    assert fit["estimate"][0] == pytest.approx(np.log(25.5 / 0.5), rel=1e-6)
    height = [25.5 * np.log(p) + 0.5 * np.log(1 - p) for p in (25.5 / 26, 0.5)]
    assert fit["p_value"][0] == pytest.approx(stats.chi2.sf(2 * np.subtract(*height), 1), rel=1e-6)
    assert fit["p_value"][0] == pytest.approx(0.5**25, rel=0.2)  # exact mid-p
    share = stats.logistic.cdf([fit["low"][0], fit["high"][0]])
    ends = [25.5 * np.log(p) + 0.5 * np.log1p(-p) for p in share]
    np.testing.assert_allclose(2 * (height[0] - np.array(ends)), stats.chi2.isf(0.05, 1), rtol=1e-4)


def test_presence_clogit__with_few_pairs_for_the_covariates_errs_as_it_says():
    rng = np.random.default_rng(5)
    sexes, ages = rng.choice([-1, 0, 1], (22, 2)), rng.normal(size=(22, 5))
    design = np.column_stack([np.ones(22), sexes, ages])
    fit = fit_matched_pairs(design, rng.choice([-1.0, 1.0], size=(22, 60)))
    assert np.isfinite(fit["p_value"]).all()
    assert all("Firth" in note for note in fit["note"])
    assert (fit["low"] < fit["estimate"]).all()
    assert (fit["estimate"] < fit["high"]).all()
    assert ((fit["low"] > 0) | (fit["high"] < 0)).tolist() == (fit["p_value"] < 0.05).tolist()
    assert (fit["p_value"] < 0.05).mean() <= stats.binom.isf(0.0005, 60, 0.05) / 60


def test_ancombc__equals_scikit_bio(cohort):
    from skbio.stats.composition import ancombc

    counts, people = cohort
    table = compare_abundance(counts, people, "group", "age", "ancombc").set_index("feature")
    kept = filter_features(counts)
    levels = pd.Categorical(people["group"], ["control", "MS"])
    theirs = ancombc(kept + 1, people.assign(group=levels), "group + age").result
    theirs = theirs.xs("group[T.MS]", level="Covariate")
    np.testing.assert_allclose(table.loc[kept.columns, "estimate"], theirs["Log(FC)"], rtol=1e-6)
    np.testing.assert_allclose(table.loc[kept.columns, "p_value"], theirs["pvalue"], rtol=1e-6)
    assert table["note"].str.contains("household not in the model|filtered").all()


@pytest.mark.parametrize("method", METHODS)
def test_compare_abundance__filtered_features_stay_with_a_reason(cohort, method):
    counts, people = lean(cohort, method)
    rare = counts.assign(rare=0, absent=0)
    rare.loc[rare.index[:2], "rare"] = 50
    table = compare_abundance(rare, people, "group", "sex", method=method).set_index("feature")
    assert table.loc["rare", "note"] == "filtered: present in 1.7% of samples"
    assert table.loc["absent", "note"] == "filtered: present in 0% of samples"
    assert table.loc[["rare", "absent"], ["estimate", "p_value", "q_value"]].isna().all(axis=None)
    assert not table.loc["rare", "converged"]
    assert table.loc["rare", "n_nonzero"] == 2


@pytest.mark.parametrize("method", OWN)
def test_compare_abundance__missing_partners_are_legal(cohort, method):
    counts, people = lean(cohort, method)
    table = compare_abundance(counts.iloc[5:], people, "group", "sex + age", method=method)
    tested = table[table["converged"]]
    assert len(tested) > 10
    assert tested["n_pairs"].max() <= 57
    if method in TESTS_OF_PAIRS:
        assert tested["note"].str.contains(r"1 household\(s\) left out \(1 with one member").all()


@pytest.mark.parametrize("method", OWN)
def test_compare_abundance__strange_households_are_handled_or_named(cohort, method):
    counts, people = lean(cohort, method)
    strange = people.copy()
    strange.loc[["P002", "P003"], "household_id"] = "H000"  # four people
    strange.loc["P005", "group"] = "MS"  # two cases
    table = compare_abundance(counts, strange, "group", "sex + age", method=method)
    tested = table[table["converged"]]
    assert len(tested) > 10
    if method in TESTS_OF_PAIRS:
        assert tested["note"].str.contains("1 with more than two members, 1 with two cases").all()
        assert tested["n_pairs"].max() <= 57
    else:
        assert set(tested["n_pairs"]) == {58}


@pytest.mark.parametrize("method", [name for name in METHODS if name != "paired_wilcoxon"])
def test_compare_abundance__sex_bound_to_disease_leaves_no_number(cohort, method):
    counts, people = cohort
    bound = people.assign(sex=np.where(people["group"] == "MS", "female", "male"))
    table = compare_abundance(counts, bound, "group", "sex + age", method=method)
    assert table["note"].str.contains("collinear with sex|filtered").all()
    assert table[["estimate", "std_error", "p_value", "q_value"]].isna().all(axis=None)
    assert not table["converged"].any()


@pytest.mark.parametrize("method", OWN)
def test_compare_abundance__a_redundant_covariate_changes_nothing(cohort, method):
    counts, people = lean(cohort, method)
    twice = people.assign(months=12 * people["age"])
    plain = compare_abundance(counts, people, "group", "age", method=method)
    redundant = compare_abundance(counts, twice, "group", "age + months", method=method)
    columns = ["estimate", "std_error", "p_value"]
    pd.testing.assert_frame_equal(plain[columns], redundant[columns], rtol=1e-6, atol=1e-9)


def test_linda__few_features_have_no_mode(cohort):
    counts, people = cohort
    table = compare_abundance(counts.iloc[:, :2] + 1, people, "group", method="linda")
    assert set(table["note"]) == {"2 features are too few for a mode"}
    assert table["p_value"].isna().all()


def test_compare_abundance__names_filter_and_transform(cohort):
    counts, people = cohort
    table = compare_abundance(counts, people, "group", method="lmm_asin", min_prevalence=0.5)
    assert table.attrs["filter"] == (
        "present in >= 50% of samples, total > 10, asin-sqrt variance >= 1e-05"
    )
    clr_table = compare_abundance(counts, people, "group", pseudocount=1)
    assert set(clr_table["transform"]) == {"clr; pseudocount 1"}


def test_compare_abundance__clr_is_taken_among_the_features_kept(cohort):
    counts, people = cohort
    table = compare_abundance(counts, people, "group", method="paired_t_clr").set_index("feature")
    values = clr(filter_features(counts))
    cases, controls = values.iloc[::2], values.iloc[1::2]
    theirs = stats.ttest_rel(cases, controls)
    np.testing.assert_allclose(table.loc[values.columns, "p_value"], theirs.pvalue, rtol=1e-9)
    np.testing.assert_allclose(table.loc[values.columns, "statistic"], theirs.statistic, rtol=1e-9)


def test_compare_abundance__errors_name_the_nearest(cohort):
    counts, people = cohort
    with pytest.raises(ValueError, match="did you mean 'lmm_clr'"):
        compare_abundance(counts, people, "group", method="lmm_crl")
    with pytest.raises(ValueError, match="no column 'gruop'.*did you mean 'group'"):
        compare_abundance(counts, people, "gruop")
    with pytest.raises(ValueError, match="have no counts at all: P004"):
        compare_abundance(counts.mul(counts.index != "P004", axis=0), people, "group")
    with pytest.raises(ValueError, match="lmm_asin takes zeros as they are"):
        compare_abundance(counts, people, "group", method="lmm_asin", pseudocount=1)
    with pytest.raises(ValueError, match="no feature passes the filter"):
        compare_abundance(counts, people, "group", min_total=10**9)
    with pytest.raises(ValueError, match="paired method needs two levels"):
        compare_abundance(counts, people, "age", method="paired_wilcoxon")
    with pytest.raises(ValueError, match="expected at least two levels, got one"):
        compare_abundance(counts, people.assign(group="MS"), "group")
    people_with_hole = people.assign(age=people["age"].where(people.index != "P003"))
    with pytest.raises(ValueError, match="'age': 1 value.*P003"):
        compare_abundance(counts, people_with_hole, "group", "age")


def test_lenient_rule__judges_by_fdr_and_else_by_extremes():
    table = pd.DataFrame(
        {
            "contrast": ["x"] * 40 + ["y"] * 40,
            "estimate": np.tile(np.arange(40.0), 2),
            "p_value": np.tile([0.03, *[0.5] * 18, 0.03, *[0.5] * 19, 0.2], 2),
            "q_value": [0.04, *[0.6] * 39, *[0.6] * 40],
        }
    )
    called = lenient_rule(table)
    assert called.index[called["called"]].tolist() == [0]
    assert called.index[called["lenient"]].tolist() == [0, 40]
