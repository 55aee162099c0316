"""Input that no method can answer: each gets one clear error, or a row that says why."""

import numpy as np
import pandas as pd
import pytest

from cohabit.stats import diversity
from cohabit.stats.abundance import METHODS, compare_abundance
from cohabit.stats.association import fit_linear_model, fit_ordinal, partial_spearman
from cohabit.stats.cluster_robust import fit_clustered_model
from cohabit.stats.composition import check_counts
from cohabit.stats.least_squares import find_independent, rests_on_one
from cohabit.stats.mixed import fit_household_model
from cohabit.stats.networks import compare_networks, proportionality, sparcc
from cohabit.stats.nonparametric import paired_wilcoxon
from cohabit.stats.paired import fit_paired_model
from cohabit.stats.permanova import pairwise_permanova, permanova, permanova_features
from cohabit.stats.permanova.pseudo_f import Partition, mean_square_ratio
from cohabit.stats.prediction import predict_group

N_HOMES = 15


@pytest.fixture
def people():
    rng = np.random.default_rng(1)
    size = 2 * N_HOMES
    return pd.DataFrame(
        {
            "household_id": np.repeat([f"H{home:02d}" for home in range(N_HOMES)], 2),
            "group": ["MS", "control"] * N_HOMES,
            "site": np.repeat(["north", "south", "west"], size // 3),
            "sex": rng.choice(["female", "male"], size),
            "age": rng.normal(50, 9, size).round(1),
        },
        index=[f"P{number:02d}" for number in range(size)],
    )


@pytest.fixture
def counts(people):
    rng = np.random.default_rng(2)
    table = rng.poisson(np.exp(rng.normal(2, 1, (len(people), 6)))) + 1
    return pd.DataFrame(table, people.index, [f"taxon_{number}" for number in range(6)])


WITH_VALUES = {
    "mixed": lambda values, people: fit_household_model(values, people, "group + age"),
    "paired": lambda values, people: fit_paired_model(values, people, "age"),
    "wilcoxon": paired_wilcoxon,
    "linear": lambda values, people: fit_linear_model(values, people, "group + age"),
    "ordinal": lambda values, people: fit_ordinal(values, people["age"].round(-1)),
    "spearman": lambda values, people: partial_spearman(values, people["age"]),
}
WITH_COUNTS = {
    "abundance": lambda counts, people: compare_abundance(counts, people, "group"),
    "networks": lambda counts, people: compare_networks(counts, people, n_permutations=2),
    "prediction": lambda counts, people: predict_group(counts, people, models=("ridge",)),
    "shannon": lambda counts, people: diversity.shannon(counts),
    "bray_curtis": lambda counts, people: diversity.bray_curtis(counts),
    "rarefy": lambda counts, people: diversity.rarefy(counts, 5),
}


@pytest.mark.parametrize("name", [*WITH_VALUES, *WITH_COUNTS])
def test_arrays__are_refused_because_they_carry_no_ids(name, counts, people):
    call = (WITH_VALUES | WITH_COUNTS)[name]
    with pytest.raises(ValueError, match="expected a DataFrame.*got ndarray"):
        call(counts.to_numpy(float), people)


@pytest.mark.parametrize("name", WITH_VALUES)
def test_features__of_one_name_are_refused(name, counts, people):
    twice = counts.astype(float).set_axis(["a", "a", *counts.columns[2:]], axis=1)
    with pytest.raises(ValueError, match=r"feature names must be unique; repeated: \['a'\]"):
        WITH_VALUES[name](twice, people)


@pytest.mark.parametrize("name", [*WITH_VALUES, *WITH_COUNTS])
def test_tables__without_features_are_refused(name, counts, people):
    call = (WITH_VALUES | WITH_COUNTS)[name]
    with pytest.raises(ValueError, match=r"expected samples and features; got \(30, 0\)"):
        call(counts.iloc[:, :0], people)


def test_check_counts__without_samples_is_refused_unless_asked_for(counts):
    with pytest.raises(ValueError, match=r"got \(0, 6\)"):
        check_counts(counts.iloc[:0])
    assert check_counts(counts.iloc[:0], allow_empty=True).shape == (0, 6)


@pytest.mark.parametrize("name", ["networks", "prediction"])
def test_groups__with_a_third_level_are_not_taken_for_two(name, counts, people):
    people.loc["P03", "group"] = "healthy"
    with pytest.raises(ValueError, match=r"expected two levels.*'MS', 'control', 'healthy'"):
        WITH_COUNTS[name](counts, people)


def test_fit_linear_model__a_term_of_one_level_keeps_a_row(counts, people):
    table = fit_linear_model(counts, people.assign(site="north"), "site + age")
    row = table.set_index(["feature", "coefficient"]).loc[("taxon_0", "site")]
    assert row["note"] == "not estimable: the term has one level"
    assert np.isnan(row["p_value"])


def test_fit_clustered_model__a_term_of_one_level_keeps_a_row(counts, people):
    fit = fit_clustered_model(counts["taxon_0"], people.assign(site="north"), "site + age")
    row = fit.table.set_index("coefficient").loc["site"]
    assert row["note"] == "not estimable: the term has one level"
    assert list(fit.coefficients.index) == ["Intercept", "age"]


def test_fit_clustered_model__a_constant_outcome_has_no_test(people):
    fit = fit_clustered_model(pd.Series(5.0, people.index), people, "group")
    assert fit.table["p_value"].isna().all()
    assert fit.table["note"].str.contains("no variance is left").all()


def test_fit_clustered_model__refuses_people_without_metadata(counts, people):
    with pytest.raises(ValueError, match=r"1 row\(s\) have no metadata, first \['P29'\]"):
        fit_clustered_model(counts["taxon_0"], people.iloc[:-1], "group")


def test_fit_clustered_model__more_coefficients_than_clusters_have_no_test(counts, people):
    few = people.iloc[:8]
    fit = fit_clustered_model(counts["taxon_0"].iloc[:8], few, "group + age + sex")
    assert fit.table["note"].str.contains("4 clusters are too few for 4 coefficients").all()


def test_rests_on_one__is_what_leaving_each_group_out_says(people):
    people.loc[["P00", "P01"], "site"] = "alone"
    x = pd.get_dummies(people["site"], dtype=float).assign(one=1.0, age=people["age"])
    x = x.drop(columns="north")
    homes = pd.factorize(people["household_id"])[0]
    lost = np.zeros(x.shape[1], dtype=bool)
    for home in range(N_HOMES):
        rest = find_independent(x[homes != home])
        lost |= [bool(rest.reason(row)) for row in np.eye(x.shape[1])]
    assert list(x.columns[lost]) == ["alone"]
    np.testing.assert_array_equal(rests_on_one(x.to_numpy(), homes), lost)


def test_fit_clustered_model__a_place_of_one_household_has_no_test(counts, people):
    people.loc[["P00", "P01"], "site"] = "zone"
    fit = fit_clustered_model(counts["taxon_0"], people, "site + age")
    table = fit.table.set_index("coefficient")
    assert table.loc["site[zone]", "note"] == "rests on one household_id alone: no variance"
    assert table.loc["site[south]", "p_value"] > 0


def test_ancombc__a_level_of_one_person_has_no_test(counts, people):
    people.loc["P03", "group"] = "healthy"
    table = compare_abundance(counts, people, "group", method="ancombc")
    lone = table["contrast"] == "healthy - MS"
    assert table.loc[lone, "note"].str.contains("rests on one person alone").all()
    assert table.loc[lone, "p_value"].isna().all()
    assert table.loc[~lone, "p_value"].notna().all()


@pytest.mark.parametrize("method", [name for name in METHODS if name != "lmm_asin"])
def test_compare_abundance__a_table_of_one_value_has_no_test(method, counts, people):
    table = compare_abundance(counts * 0 + 50, people, "group", "age", method=method)
    assert table["p_value"].isna().all()
    assert (table["note"] != "").all()


def test_compare_abundance__lmm_asin_refuses_a_table_of_one_value(counts, people):
    with pytest.raises(ValueError, match="no feature passes the filter.*variance"):
        compare_abundance(counts * 0 + 50, people, "group", method="lmm_asin")


def test_pairwise_permanova__needs_two_levels(counts, people):
    distances = diversity.bray_curtis(counts)
    with pytest.raises(ValueError, match="expected at least two levels, got \\['MS'\\]"):
        pairwise_permanova(distances, people.assign(group="MS"), "group")


@pytest.mark.parametrize("ages", ["decimals", "whole numbers", "with a word"])
def test_formula__numbers_written_as_text_are_refused(ages, counts, people):
    text = (
        people["age"].astype(str) if ages == "decimals" else people["age"].astype(int).astype(str)
    )
    people["age"] = text.replace(text.iloc[0], "unknown") if ages == "with a word" else text
    with pytest.raises(ValueError, match="'age': numbers written as text"):
        permanova_features(counts.astype(float), people, "age + group", n_permutations=9)


def test_formula__numbers_that_name_places_or_homes_stay_names(counts, people):
    people["household_id"] = np.repeat(np.arange(N_HOMES), 2)
    people["site"] = people["site"].map({"north": "1", "south": "2", "west": "3"})
    distances = diversity.bray_curtis(counts)
    table = permanova(distances, people, "household_id + group", n_permutations=9, rng=1)
    assert table.loc["household_id", "df"] == N_HOMES - 1
    assert permanova(distances, people, "site", n_permutations=9, rng=1).loc["site", "df"] == 2
    people["centre"] = people["household_id"] + 100
    options = {"n_permutations": 9, "strata": "centre", "blocks": None}
    table = permanova(distances, people.astype({"centre": str}), "centre", **options)
    assert table.loc["centre", "df"] == N_HOMES - 1


def test_mean_square_ratio__nothing_left_is_as_far_as_can_be():
    left = np.array([2.0, 0.0, 1e-15, -2.0])
    np.testing.assert_array_equal(
        mean_square_ratio(Partition(np.ones(4), left, 1, 1), total=1.0), [0.5, np.inf, np.inf, -0.5]
    )


def test_partial_spearman__refuses_infinite_severity(counts, people):
    severity = people["age"].replace(people["age"].iloc[0], np.inf)
    with pytest.raises(ValueError, match="age: expected finite numbers"):
        partial_spearman(counts.astype(float), severity)


@pytest.mark.parametrize("fit", [fit_linear_model, fit_ordinal])
def test_a_feature_nobody_has_a_value_of_keeps_a_row(fit, counts, people):
    values = counts.astype(float).assign(unknown=np.nan)
    asked = "age" if fit is fit_linear_model else None
    rows = fit(values, people, asked) if asked else fit(values, people["age"].round(-1))
    row = rows.set_index("feature").loc["unknown"]
    assert row["note"] != ""
    assert np.isnan(row["p_value"])


def test_networks__need_samples_and_features(counts, people):
    with pytest.raises(ValueError, match="at least 4 samples and 4 features"):
        sparcc(counts.iloc[:, :1])
    with pytest.raises(ValueError, match="at least 4 samples and 2 features"):
        proportionality(counts.iloc[:2])
    with pytest.raises(ValueError, match="control: 4 people are too few for correlations"):
        compare_networks(counts.iloc[:8], people.iloc[:8], covariates="age", n_permutations=2)


def test_distances__need_households_and_one_row_a_person(counts, people):
    distances = diversity.bray_curtis(counts)
    with pytest.raises(ValueError, match="no column 'household_id'"):
        diversity.compare_distances(distances, people.drop(columns="household_id"))
    with pytest.raises(ValueError, match="IDs must be unique"):
        diversity.compare_distances(distances, pd.concat([people, people.iloc[:1]]))


def test_rarefy__says_what_is_too_deep(counts):
    with pytest.raises(ValueError, match="fewer than 1,000,000,000 reads"):
        diversity.rarefy(counts * 10**9, 10)
