"""Measured levels: scales, combinations, patients against partners."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cohabit.data.schema import MissingInput
from cohabit.stats import molecules


@pytest.fixture(scope="module")
def people() -> pd.DataFrame:
    """Thirty pairs; every second patient untreated."""
    homes = [f"h{number:02d}" for number in range(30)]
    drugs = ["untreated", "interferon"] * 15
    return pd.DataFrame(
        {
            "household_id": np.repeat(homes, 2),
            "group": ["MS", "control"] * 30,
            "site": np.repeat(["Boston", "Edinburgh"], 30),
            "course": [name for _ in homes for name in ("RRMS", None)],
            "treatment": [name for drug in drugs for name in (drug, None)],
            "sex": ["female", "male", "male", "female"] * 15,
            "age": np.linspace(30, 70, 60),
            "bmi": np.linspace(20, 30, 60)[::-1] + np.tile([0, 1, 2], 20),
        },
        index=pd.Index([f"p{number:02d}" for number in range(60)], name="participant_id"),
    )


@pytest.fixture(scope="module")
def values(people) -> pd.DataFrame:
    rng = np.random.default_rng(9)
    table = pd.DataFrame(rng.normal(size=(60, 3)), people.index, ["a", "b", "c"])
    table["a"] += 2.0 * (people["group"] == "MS")
    return table


def test_compare_levels__without_covariates_is_the_paired_t_test(people, values):
    home = people["household_id"].map(lambda name: np.random.default_rng(int(name[1:])).normal())
    values = values.add(3 * home, axis=0)  # what partners share, so no boundary fit
    table = molecules.compare_molecules(values, {"MS": people}, covariates=None).set_index(
        "feature"
    )
    ill = (people["group"] == "MS").to_numpy()
    for feature in values:
        peer = stats.ttest_rel(values[feature][ill], values[feature][~ill])
        assert table.loc[feature, "statistic"] == pytest.approx(peer.statistic, rel=1e-6)
        assert table.loc[feature, "p_value"] == pytest.approx(peer.pvalue, rel=1e-4)
    assert table["n_pairs"].tolist() == [30, 30, 30]
    assert set(table["contrast"]) == {"MS - control"}


def test_compare_levels__drops_the_missing_and_corrects_within_a_group(people, values):
    values = values.assign(b=values["b"].where(people["group"] == "control"))
    halves = {"MS": people, "untreated MS": people[people["household_id"] < "h15"]}
    table = molecules.compare_molecules(values, halves, covariates="sex + age")
    missing = table[table["feature"] == "b"]
    assert missing["estimate"].isna().all()
    assert missing["note"].ne("").all()
    for _, rows in table.groupby("contrast"):
        tested = rows.dropna(subset=["p_value"])
        expected = stats.false_discovery_control(tested["p_value"].astype(float))
        np.testing.assert_allclose(tested["q_value"].astype(float), expected)


def test_compare__of_no_feature_is_an_empty_table(people):
    nothing = pd.DataFrame(index=people.index)
    assert molecules.compare_molecules(nothing, {"MS": people}).empty
    assert molecules.compare_therapies(nothing, people).empty
    assert list(molecules.compare_molecules(nothing, {}).columns) == list(
        molecules.MOLECULE_COLUMNS
    )


def test_compare_levels__leaves_out_a_group_without_a_pair(people, values):
    alone = people[people["group"] == "MS"]
    table = molecules.compare_molecules(values, {"MS": people, "alone": alone}, covariates=None)
    assert set(table["contrast"]) == {"MS - control"}
    empty = molecules.compare_molecules(values, {"alone": alone})
    both = pd.concat([empty, table])  # of one kind, so nothing to warn of
    assert (both.dtypes == table.dtypes).all()


def test_compare_therapies__is_the_difference_of_the_two_mean_differences(people, values):
    same = people.assign(sex="female", age=50.0, bmi=25.0, site="Boston")
    found = molecules.compare_therapies(values, same).set_index("feature")
    ill = (people["group"] == "MS").to_numpy()
    change = values[ill].to_numpy() - values[~ill].to_numpy()
    drug = (people.loc[ill, "treatment"] == "interferon").to_numpy()
    peer = stats.ttest_ind(change[drug], change[~drug])
    np.testing.assert_allclose(found["statistic"].astype(float), peer.statistic, rtol=1e-9)
    assert set(found["contrast"]) == {"interferon - untreated"}


def test_log_metabolites__takes_logs_of_concentrations_alone():
    raw = pd.DataFrame({"stool:acetate": [np.e, 1.0], "serum:fumarate": [-0.5, 0.0]})
    logs = molecules.log_metabolites(raw)
    assert logs["stool:acetate"].tolist() == pytest.approx([1.0, 0.0])
    assert logs["serum:fumarate"].tolist() == [-0.5, 0.0]
    with pytest.raises(ValueError, match="stool:acetate hold zero"):
        molecules.log_metabolites(raw.assign(**{"stool:acetate": [0.0, 1.0]}))


def test_take_levels__says_what_is_missing_and_refuses_to_have_nothing(small_cohort):
    from dataclasses import replace

    with pytest.raises(MissingInput, match=r"pathways\.biom and no metabolites\.tsv"):
        molecules.take_molecules(small_cohort)
    measured = pd.DataFrame({"serum:fumarate": [0.1, 0.2]}, small_cohort.participants.index[:2])
    pathways, logs, missing = molecules.take_molecules(replace(small_cohort, metabolites=measured))
    assert missing == ["pathways.biom"]
    assert pathways.shape == (6, 0)
    assert logs.equals(measured)


def test_list_scales__part_level_and_detection():
    shares = pd.DataFrame({"x": [0.0, 0.25], "y": [1.0, 0.01]})
    scales = molecules.list_scales(shares)
    assert scales["asin-sqrt"]["x"].tolist() == pytest.approx([0.0, np.pi / 6])
    assert scales["log, where detected"]["x"].isna().tolist() == [True, False]
    assert scales["detected"]["x"].tolist() == [0.0, 1.0]


def test_keep_detected__keeps_what_is_seen_and_varies():
    shares = pd.DataFrame({"rare": [0.1] + [0.0] * 39, "flat": 0.2, "fine": [0.1, 0.3] * 20})
    assert list(molecules.keep_detected(shares)) == ["fine"]
    assert list(molecules.keep_detected(shares, min_prevalence=0.02)) == ["rare", "fine"]


def test_subtract_own_mean__does_not_know_about_water(values):
    watered = values.sub(np.linspace(0, 2, 60), axis=0)
    dry = molecules.subtract_own_mean(values)
    pd.testing.assert_frame_equal(molecules.subtract_own_mean(watered), dry)


def test_combine_levels__means_and_ratios_by_name(values):
    made = molecules.combine_molecules(
        values, ["a", "a; b", "a minus c", "a; b minus c", "a minus z"]
    )
    assert list(made) == ["a", "a; b", "a minus c", "a; b minus c"]
    np.testing.assert_allclose(made["a; b"], values[["a", "b"]].mean(axis=1))
    np.testing.assert_allclose(made["a; b minus c"], made["a; b"] - values["c"])


@pytest.mark.parametrize(("shared", "expected"), [(0.0, 4.0), (0.5, 4 / 1.75), (1.0, 1.0)])
def test_effective_number__of_equally_correlated_features(shared, expected):
    root = np.linalg.cholesky((1 - shared + 1e-12) * np.eye(4) + shared)
    base = np.linalg.qr(np.random.default_rng(1).normal(size=(50, 5)))[0]
    base = np.linalg.qr(base - base.mean(axis=0))[0][:, :4]  # orthogonal and centred
    found = molecules.effective_number(pd.DataFrame(base @ root.T))
    assert found == pytest.approx(expected, rel=1e-6)  # p / (1 + (p - 1) r²)


def test_effective_number__of_nothing_is_missing():
    assert np.isnan(molecules.effective_number(pd.DataFrame(index=[0, 1])))


def test_set_beside__joins_by_contrast_and_feature():
    results = pd.DataFrame({"contrast": ["x", "y"], "feature": ["f", "f"], "estimate": [1.0, 2.0]})
    released = pd.DataFrame(
        {"contrast": ["y"], "feature": ["f"], "name": ["F"], "estimate": [3.0], "std_error": [1.0]}
    )
    (row,) = molecules.set_beside(results, released).to_dict("records")
    assert row["estimate"] == 2.0
    assert row["published"] == 3.0
    assert row["published_high"] == pytest.approx(4.96)
