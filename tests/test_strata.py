"""Error strata against R's split plots (`oracles/strata.R`), vegan and their definition."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from household_worlds import people, values_of

from cohabit.stats.permanova import pairwise_permanova, permanova, permanova_features
from cohabit.stats.permanova.geometry import from_distances, from_features
from cohabit.stats.permanova.strata import error_strata, read_design

ORACLES = Path(__file__).parent / "oracles"
SAMPLES = pd.read_csv(ORACLES / "strata_samples.tsv", sep="\t", index_col=0)
PAIRS = SAMPLES[SAMPLES["visit"] == "first"]
AOV = pd.read_csv(ORACLES / "strata_aov.tsv", sep="\t")
ADONIS = pd.read_csv(ORACLES / "strata_adonis2.tsv", sep="\t", index_col=0)
MODELS = {
    "pairs": ("site + age + group + sex", PAIRS, "within households"),
    "pairs crossed": ("site * group", PAIRS, "within households"),
    "visits": ("site + group + visit + group:visit", SAMPLES, "within persons"),
}


@pytest.mark.parametrize("model", MODELS)
def test_permanova__equals_aov_with_error_strata(model):
    formula, samples, innermost = MODELS[model]
    values = samples[["y"]]
    table = permanova_features(values, samples, formula, by="terms", n_permutations=0)
    strata = {
        "household_id": "between households",
        "household_id:participant_id": "within households",
        "Within": innermost,
    }
    expected = AOV[AOV["model"] == model].assign(stratum=lambda rows: rows["stratum"].map(strata))
    expected["term"] = expected["term"].replace("Residuals", "residual")
    expected = expected.set_index(["stratum", "term"])
    found = table.set_index("stratum", append=True).swaplevel().loc[expected.index]
    columns = ["df", "sum_of_squares", "pseudo_f"]
    np.testing.assert_allclose(found[columns], expected[columns], rtol=1e-8)
    assert len(found) == len(table) - 1, "R has every row but the total"


def test_permanova__swaps_and_exchanges_as_adonis2_does_where_the_schemes_coincide():
    few = PAIRS[PAIRS["household_id"].isin(PAIRS["household_id"].unique()[:8])]
    options = {"strata": None, "n_permutations": 1000}
    row = permanova_features(few[["y", "z"]], few, "group", **options).loc["group"]
    assert row["p_value"] == pytest.approx(ADONIS.loc["within", "p_value"])
    assert row["sum_of_squares"] == pytest.approx(ADONIS.loc["within", "sum_of_squares"])
    six = few[few["household_id"].isin(few["household_id"].unique()[:6])]
    row = permanova_features(six[["y", "z"]], six, "income", **options).loc["income"]
    assert row["note"] == f"exact: all {ADONIS.loc['between', 'n_permutations']} permutations"
    assert row["p_value"] == pytest.approx(ADONIS.loc["between", "p_value"])
    assert row["sum_of_squares"] == pytest.approx(ADONIS.loc["between", "sum_of_squares"])


def test_permanova__what_homes_share_never_meets_a_comparison_of_partners():
    """Rows within households are the same, to the last digits, whatever is added to whole homes."""
    rng = np.random.default_rng(1)
    metadata = people(30, rng)
    values = values_of(metadata, rng, household=0)
    shared = rng.normal(size=(30, 4)).repeat(2, axis=0)
    tables = [
        permanova_features(values + share * shared, metadata, "sex + age + group", rng=1)
        for share in (0, 1, 30)
    ]
    columns = ["df", "sum_of_squares", "pseudo_f", "p_value"]
    first, *others = (t[t["stratum"] == "within households"][columns] for t in tables)
    for other in others:
        pd.testing.assert_frame_equal(first, other, rtol=1e-7)


@pytest.mark.parametrize("path", ["distances", "features"])
def test_strata__add_up_in_nested_samples_of_any_size(path):
    rng = np.random.default_rng(3)
    samples = SAMPLES.sample(70, random_state=1)
    values = pd.DataFrame(rng.normal(size=(70, 3)), samples.index)
    apart = np.linalg.norm(values.to_numpy()[:, None] - values.to_numpy(), axis=2)
    read = from_features if path == "features" else from_distances
    data = values if path == "features" else pd.DataFrame(apart, values.index, values.index)
    geometry, _ = read(data)
    strata = error_strata(read_design(samples, "household_id", "site", "participant_id"))
    names = ["between households", "within households", "within persons"]
    assert [stratum.name for stratum in strata] == names
    totals = [stratum.part_of(geometry).total() for stratum in strata]
    codes = [pd.factorize(samples[name])[0] for name in ("household_id", "participant_id")]
    centred = values.to_numpy() - values.to_numpy().mean(axis=0)
    homes, persons = (centred - values_around(centred, code) for code in codes)
    expected = [(persons - homes) ** 2, (centred - persons) ** 2]
    np.testing.assert_allclose(totals[1:], [each.sum() for each in expected])
    table = permanova_features(values, samples, "group + visit + age", n_permutations=19, rng=1)
    assert table["df"].iloc[:-1].sum() == table.loc["total", "df"] == 69
    left = table.loc["size of household", "sum_of_squares"]
    assert sum(totals) + left == pytest.approx(table.loc["total", "sum_of_squares"])
    assert table.loc["visit", "stratum"].tolist()[-1] == "within persons"


def values_around(values, codes):
    means = pd.DataFrame(values).groupby(codes).transform("mean").to_numpy()
    return values - means


def test_permanova__compares_partners_who_came_unequally_often_by_their_means():
    """The contrast of two means, each sign of it used once: full enumeration by hand."""
    rng = np.random.default_rng(4)
    homes = SAMPLES["household_id"].unique()[:9]
    samples = SAMPLES[SAMPLES["household_id"].isin(homes)].drop(index=["s001", "s006", "s011"])
    values = pd.DataFrame(rng.normal(size=(len(samples), 2)), samples.index)
    table = permanova_features(values, samples, "group", n_permutations=600)
    row = table[table["stratum"] == "within households"].loc["group"]
    grouped = values.groupby([samples["household_id"], samples["group"]])
    means, sizes = grouped.mean().unstack(), grouped.size().unstack()
    weight = np.sqrt((sizes["MS"] * sizes["control"] / sizes.sum(axis=1)).to_numpy())
    apart = means.xs("MS", axis=1, level=1) - means.xs("control", axis=1, level=1)
    column = weight / np.linalg.norm(weight)
    rows = apart.to_numpy() * weight[:, None]
    signs = np.array(np.meshgrid(*[[1, -1]] * 9)).reshape(9, -1).T
    explained = ((signs * column) @ rows) ** 2
    explained = explained.sum(axis=1)
    assert row["sum_of_squares"] == pytest.approx(((column @ rows) ** 2).sum())
    own = ((column @ rows) ** 2).sum()
    assert row["p_value"] == pytest.approx(np.mean(explained >= own * (1 - 1e-9)))
    assert "3 pair(s) of unequal numbers of samples" in row["note"]


def test_permanova__never_swaps_what_cannot_be_swapped_in_larger_homes():
    """Three at home, of whom one came twice as often: only the other two change places."""
    names = [f"P{home}{member}" for home in range(8) for member in (0, 0, 1, 2)]
    samples = pd.DataFrame(
        {"participant_id": names, "household_id": np.repeat(np.arange(8), 4)},
        index=[f"s{i}" for i in range(32)],
    )
    samples["role"] = ["x", "x", "y", "z"] * 8
    values = pd.DataFrame(np.random.default_rng(2).normal(size=(32, 3)), samples.index)
    row = permanova_features(values, samples, "role", n_permutations=256).loc["role"]
    assert row["note"].endswith("exact: all 256 permutations")
    assert "8 of the persons have no other of their size" in row["note"]


def test_pairwise_permanova__takes_covariates_off_at_home():
    rng = np.random.default_rng(5)
    metadata = people(20, rng)
    values = values_of(metadata, rng, household=20)
    apart = np.linalg.norm(values.to_numpy()[:, None] - values.to_numpy(), axis=2)
    distances = pd.DataFrame(apart, metadata.index, metadata.index)
    options = {"n_permutations": 99}
    table = pairwise_permanova(distances, metadata, "group", covariates="sex", rng=1, **options)
    whole = permanova(distances, metadata, "sex + group", n_permutations=0).loc["group"]
    assert table["stratum"].tolist() == ["within households"]
    assert table["pseudo_f"].item() == pytest.approx(whole["pseudo_f"])
