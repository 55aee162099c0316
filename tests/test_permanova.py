"""PERMANOVA against full enumeration, closed forms and scikit-bio; R is in the oracle tests."""

import tracemalloc
from itertools import permutations, product

import numpy as np
import pandas as pd
import pytest
import skbio
from household_worlds import euclidean, people, values_of

from cohabit.stats.formula import model_matrix
from cohabit.stats.permanova import pairwise_permanova, permanova, permanova_features
from cohabit.stats.permanova.analysis import analyse
from cohabit.stats.permanova.exchange import Shuffle
from cohabit.stats.permanova.geometry import FeatureGeometry, from_features
from cohabit.stats.permanova.model import Options, adjusted_space, prepare_model
from cohabit.stats.permanova.pseudo_f import PermanovaFit
from cohabit.stats.permanova.terms import model_basis, read_terms


@pytest.fixture
def cohort():
    rng = np.random.default_rng(7)
    metadata = people(12, rng)
    values = values_of(metadata, rng)
    return metadata, values, euclidean(values)


def test_permanova__gives_a_term_a_row_in_each_stratum_in_which_it_varies(cohort):
    metadata, _, distances = cohort
    table = permanova(distances, metadata, "site + income + sex + age + group", n_permutations=19)
    found = table.groupby("stratum", sort=False).groups
    assert {stratum: [*terms] for stratum, terms in found.items() if stratum} == {
        "between households": ["site", "income", "sex", "age", "residual"],
        "within households": ["sex", "age", "group", "residual"],
    }
    assert table["df"].iloc[:-1].sum() == table.loc["total", "df"]


@pytest.mark.parametrize("blocks", ["household_id", None])
def test_permanova__order_of_samples_never_matters(cohort, blocks):
    metadata, _, distances = cohort
    mixed = np.random.default_rng(0).permutation(len(metadata))
    formula, options = "site + age + sex + group", {"rng": 3, "blocks": blocks}
    first = permanova(distances, metadata, formula, **options)
    second = permanova(distances, metadata.iloc[mixed], formula, **options)
    third = permanova(distances.iloc[mixed, mixed], metadata, formula, **options)
    for other in (second, third):
        pd.testing.assert_frame_equal(first, other, rtol=1e-9)


def test_permanova_features__equals_the_gram_path(cohort):
    metadata, values, distances = cohort
    formula = "site + age + sex + group"
    by_distance = permanova(distances, metadata, formula, rng=3)
    by_feature = permanova_features(values, metadata, formula, rng=3)
    pd.testing.assert_frame_equal(by_distance, by_feature, rtol=1e-9)


def test_pairwise_permanova__permutes_partners_at_home_and_strangers_freely(cohort):
    metadata, _, distances = cohort
    treated = np.repeat(np.arange(12) < 6, 2)
    metadata = metadata.assign(arm=metadata["group"] + np.where(treated, " A", " B"))
    table = pairwise_permanova(distances, metadata, "arm", n_permutations=19, rng=1)
    strata = table.set_index("contrast")["stratum"]
    assert strata["control A - MS A"] == "within households"
    assert strata["MS B - MS A"] == "all samples"
    assert (table["q_value"] >= table["p_value"]).all()


def test_pairwise_permanova__keeps_to_its_own_column(cohort):
    """Levels that are no vocabulary of ours, there or in other columns, are taken as they are."""
    metadata, _, distances = cohort
    metadata = metadata.assign(smoking="sometimes", arm=[1, 2, 3] * 8)
    metadata.loc["p000", "arm"] = np.nan
    table = pairwise_permanova(distances, metadata, "arm", n_permutations=0, blocks=None)
    assert table["contrast"].tolist() == ["2.0 - 1.0", "3.0 - 1.0", "3.0 - 2.0"]
    assert table["n"].tolist() == [15, 15, 16]
    with pytest.raises(ValueError, match="did you mean 'arm'"):
        pairwise_permanova(distances, metadata, "arms")


def test_permanova__is_exact_when_permutations_are_few():
    rng = np.random.default_rng(11)
    metadata = people(6, rng)
    values = values_of(metadata, rng)
    table = permanova_features(values, metadata, "group", n_permutations=64, rng=1)
    difference = values.to_numpy()[0::2] - values.to_numpy()[1::2]
    signs = np.array(list(product([1, -1], repeat=6)))
    statistic = ((signs @ difference) ** 2).sum(axis=1)
    expected = (statistic >= statistic[0] * (1 - 1e-9)).mean()
    assert table.loc["group", "p_value"] == pytest.approx(expected)
    assert table.loc["group", "note"] == "exact: all 64 permutations"
    drawn = permanova_features(values, metadata, "group", n_permutations=63, rng=1)
    assert drawn.loc["group", "note"] == ""


@pytest.mark.parametrize("term", ["group", "income"])
def test_permanova__random_permutations_approach_the_exact_p_value(term):
    rng = np.random.default_rng(12)
    metadata = people(5, rng, sites="a")
    values = values_of(metadata, rng)
    exact = permanova_features(values, metadata, term, n_permutations=4000).loc[term]
    assert "exact: all" in exact["note"]
    model = prepare_model(metadata, term, Options(n_permutations=31))
    geometry = from_features(values)[0]
    drawn = [analyse(model, geometry, rng).loc[term, "p_value"] for _ in range(60)]
    assert np.mean(drawn) == pytest.approx((1 + 31 * exact["p_value"]) / 32, abs=0.05)


def test_permanova__agrees_with_scikit_bio_on_one_factor(cohort):
    metadata, _, distances = cohort
    matrix = skbio.DistanceMatrix(distances.to_numpy(), list(distances.index))
    peer = skbio.stats.distance.permanova(matrix, metadata, column="site", permutations=499, seed=1)
    table = permanova(matrix, metadata, "site", scheme="free", n_permutations=499, rng=1)
    assert table.loc["site", "pseudo_f"] == pytest.approx(peer["test statistic"], rel=1e-10)
    assert table.loc["site", "p_value"] == pytest.approx(peer["p-value"], abs=0.08)


def test_permanova__parts_add_up(cohort):
    metadata, _, distances = cohort
    table = permanova(distances, metadata, "age + site + group", by="terms", n_permutations=0)
    parts = table.drop(index="total")
    for column in ("df", "sum_of_squares", "r2", "r2_adjusted"):
        assert parts[column].sum() == pytest.approx(table.loc["total", column])
    assert table["p_value"].isna().all()


@pytest.mark.parametrize("permute", ["raw", "residuals"])
def test_permanova__permuted_f_is_that_of_its_definition(cohort, permute):
    """Freedman-Lane by hand: fit the reduced model, permute what is left, fit again.

    Mean squares are over the degrees of freedom that equally spread people would leave in them.
    """
    metadata, values, _ = cohort
    data = values.to_numpy() - values.to_numpy().mean(axis=0)
    terms = read_terms(model_matrix("site + income + sex + age + group", metadata))
    fit = PermanovaFit(FeatureGeometry(data), model_basis(terms, len(data)), permute)
    spaces = [adjusted_space(term, terms, fit.basis, "margin") for term in terms]
    draws = Shuffle(np.zeros(24, int)).draw(3, np.random.default_rng(0))
    found = fit.permuted_f(spaces, np.argsort(draws, axis=1))
    for column, term in enumerate(terms):
        others = np.hstack([np.ones((24, 1)), *(other.columns for other in terms if other != term)])
        small, full = _projector(others), _projector(np.hstack([others, term.columns]))
        for row, positions in enumerate(draws):
            kept = small @ data if permute == "residuals" else 0
            new = kept + (data - kept)[positions]
            again = (np.eye(24) - small)[positions] if permute == "residuals" else np.eye(24)
            explained = np.sum(((full - small) @ new) ** 2)
            explained /= np.sum(((full - small) @ again) ** 2)
            residual = np.sum((new - full @ new) ** 2) / np.sum((again - full @ again) ** 2)
            assert found[row, column] == pytest.approx(explained / residual, rel=1e-8)


def _projector(columns):
    return columns @ np.linalg.pinv(columns)


def _every_change(stratum, n_pairs):
    """List what permutations do to pairs (0, 1), (2, 3), ...: positions of people."""
    if stratum == "all samples":
        return [list(order) for order in permutations(range(2 * n_pairs))]
    if stratum == "between households":
        return [np.ravel([(2 * i, 2 * i + 1) for i in o]) for o in permutations(range(n_pairs))]
    swaps = product((0, 1), repeat=n_pairs)
    return [[2 * i + (j ^ swap) for i, swap in enumerate(way) for j in (0, 1)] for way in swaps]


@pytest.mark.parametrize(
    ("term", "stratum", "n_pairs"),
    [
        ("group", "within households", 7),
        ("age", "within households", 6),
        ("income", "between households", 5),
        ("age", "between households", 5),
        ("group", "all samples", 3),
    ],
)
def test_permanova__p_value_is_that_of_full_enumeration_by_hand(term, stratum, n_pairs):
    """The definition, on n x n projectors: project on the stratum, fit, permute, fit again."""
    rng = np.random.default_rng(21)
    metadata = people(n_pairs, rng, sites="a").assign(bmi=rng.normal(size=2 * n_pairs))
    values = values_of(metadata, rng)
    every = _every_change(stratum, n_pairs)
    blocks = None if stratum == "all samples" else "household_id"
    options = {"blocks": blocks, "n_permutations": len(every)}
    table = permanova_features(values, metadata, f"bmi + {term}", **options)
    row = table[table["stratum"] == stratum].loc[term]
    tested = metadata[term] if term != "group" else metadata[term] == "MS"
    home = _projector(np.eye(n_pairs).repeat(2, axis=0))
    centre = np.eye(2 * n_pairs) - 1 / (2 * n_pairs)
    strata = {"all samples": centre, "within households": np.eye(len(home)) - home}
    part = strata.get(stratum, home @ centre)
    data = part @ values.to_numpy()
    small = _projector(part @ metadata[["bmi"]].to_numpy())
    full = _projector(part @ np.column_stack([metadata["bmi"], tested.to_numpy(float)]))
    apart = part - small

    def f(positions):
        new, again = (apart @ data)[positions], apart[positions]
        share = [np.sum(((full - small) @ each) ** 2) for each in (new, again)]
        left = [np.sum(((part - full) @ each) ** 2) for each in (new, again)]
        return share[0] / share[1] / (left[0] / left[1])

    statistic = np.array([f(positions) for positions in every])
    expected = np.mean(statistic >= statistic[0] * (1 - 1e-9))
    assert row["p_value"] == pytest.approx(expected, abs=1e-12)
    assert row["note"].endswith(f"all {len(every)} permutations")
    left = np.trace(part - full)
    assert row["pseudo_f"] == pytest.approx(_f(data, small, full, left))


def _f(data, small, full, left):
    return np.sum(((full - small) @ data) ** 2) / (np.sum((data - full @ data) ** 2) / left)


def test_permanova__status_has_one_p_value_with_household_as_term_or_as_block(cohort):
    """Swapping in pairs leaves what households explain, so it is either way one comparison."""
    metadata, _, distances = cohort
    options = {"n_permutations": 4096}
    block = permanova(distances, metadata, "group", **options).loc["group"]
    term = permanova(distances, metadata, "household_id + group", **options).loc["group"]
    assert block["note"] == term["note"] == "exact: all 4096 permutations"
    assert term["pseudo_f"] == pytest.approx(block["pseudo_f"])
    assert term["p_value"] == block["p_value"]


@pytest.mark.parametrize(
    ("formula", "scheme", "term", "note"),
    [
        ("site", "within", "site", "constant when permuted within households"),
        ("household_id + site", "auto", "site", "collinear: nothing differs inside households"),
        ("one + group", "auto", "one", "constant: one level only"),
        ("age + months", "auto", "months", "collinear"),
        ("country + site", "auto", "country", "collinear"),
        ("site * group", "auto", "group", "no marginal effect: part of site:group"),
    ],
)
def test_permanova__gives_no_p_value_where_there_is_none(cohort, formula, scheme, term, note):
    metadata, _, distances = cohort
    metadata = metadata.assign(
        one="x",
        months=12 * metadata["age"] + 3,
        country=metadata["site"].map({"a": "US", "b": "US", "c": "UK"}),
    )
    table = permanova(distances, metadata, formula, scheme=scheme, n_permutations=19, rng=1)
    assert table.loc[[term], "p_value"].isna().all()
    assert table.loc[[term], "note"].str.contains(note, regex=False).all()


def test_permanova__names_households_with_two_patients_and_singletons(cohort):
    metadata, _, distances = cohort
    metadata = metadata.copy()
    metadata.loc["p003", "group"] = "MS"
    table = permanova(distances, metadata, "group", n_permutations=19).loc["group"]
    assert table["stratum"].tolist() == ["between households", "within households"]
    assert "the same for all in 1 of the households, first ['H001']" in table["note"].iloc[1]
    left = metadata.index.drop(["p003", "p007"])
    table = permanova(distances.loc[left, left], metadata, "group", n_permutations=19)
    assert table.loc["group", "stratum"] == "within households"
    assert "2 singleton(s) have nobody to swap with" in table.loc["group", "note"]
    assert table.loc["size of household", "df"] == 1
    assert table["df"].iloc[:-1].sum() == table.loc["total", "df"] == 21


def test_permanova__permutes_larger_households_at_home():
    rng = np.random.default_rng(3)
    metadata = pd.DataFrame(
        {"household_id": np.repeat(list("abcd"), 3), "role": ["x", "y", "z"] * 4},
        index=[f"s{i}" for i in range(12)],
    )
    values = values_of(metadata, rng)
    row = permanova_features(values, metadata, "role", n_permutations=6**4).loc["role"]
    assert (row["stratum"], row["df"]) == ("within households", 2)
    assert row["note"] == "exact: all 1296 permutations"


def test_permanova__one_stratum_keeps_what_differs_between_homes_in_the_residual(cohort):
    metadata, _, distances = cohort
    tables = [
        permanova(distances, metadata, "group", scheme=scheme, n_permutations=4096)
        for scheme in ("auto", "within")
    ]
    assert tables[0].loc["group", "p_value"] == tables[1].loc["group", "p_value"]
    assert tables[0].loc["group", "pseudo_f"] > tables[1].loc["group", "pseudo_f"]
    assert "permuted within households" in tables[1].loc["group", "note"]


def test_permanova__says_what_stands_for_sites_and_who_cannot_move(cohort):
    metadata, _, distances = cohort
    country = metadata["site"].map({"a": "US", "b": "US", "c": "UK"})
    row = permanova(distances, metadata.assign(country=country), "country", n_permutations=19)
    assert "constant within site" in row.loc["country", "note"]
    metadata.loc[["p000", "p001"], "site"] = "d"
    row = permanova(distances, metadata, "income", n_permutations=19).loc["income"]
    assert "1 of the households have no other of their size" in row["note"]


def test_permanova__refuses_a_model_that_fits_exactly(cohort):
    metadata, _, distances = cohort
    copied = distances.iloc[::2, ::2].to_numpy().repeat(2, axis=0).repeat(2, axis=1)
    twins = pd.DataFrame(copied, distances.index, distances.index)
    with pytest.raises(ValueError, match="the terms fit the samples exactly"):
        permanova(twins, metadata, "household_id")


def test_permanova__takes_numbered_households_and_sites_as_names(cohort):
    metadata, _, distances = cohort
    numbered = metadata.assign(
        household_id=pd.factorize(metadata["household_id"])[0],
        site=pd.factorize(metadata["site"])[0],
    )
    options = {"n_permutations": 19, "rng": 1}
    for formula in ("site + group", "household_id"):
        expected = permanova(distances, metadata, formula, **options)
        found = permanova(distances, numbered, formula, **options)
        pd.testing.assert_series_equal(found["df"], expected["df"])
        pd.testing.assert_series_equal(found["pseudo_f"], expected["pseudo_f"])


def test_permanova__sees_ids_that_are_numbers_on_one_side(cohort):
    metadata, _, distances = cohort
    matrix = skbio.DistanceMatrix(distances.to_numpy(), [str(i) for i in range(24)])
    with pytest.raises(ValueError, match="numbers on one side and text on the other"):
        permanova(matrix, metadata.set_axis(range(24)), "group")


def test_permanova__leaves_its_inputs_alone(cohort):
    metadata, _, distances = cohort
    before = metadata.copy(), distances.copy()
    permanova(distances, metadata, "age + group", n_permutations=19)
    pd.testing.assert_frame_equal(metadata, before[0])
    pd.testing.assert_frame_equal(distances, before[1])


def _with_missing_age(metadata, distances):
    return metadata.assign(age=metadata["age"].where(metadata.index != "p004")), distances


def _without_a_person(metadata, distances):
    return metadata.drop(index="p004"), distances


def _lopsided(metadata, distances):
    return metadata, distances + np.triu(np.ones(distances.shape), 1)


def _torn(metadata, distances):
    return metadata.assign(site=metadata["site"].where(metadata.index != "p000", "c")), distances


def _twice(metadata, distances):
    return metadata.assign(participant_id="one person"), distances


def _all_alike(metadata, distances):
    return metadata, distances * 0


def _unchanged(metadata, distances):
    return metadata, distances


@pytest.mark.parametrize(
    ("spoil", "options", "message"),
    [
        (_with_missing_age, {}, "column 'age': 1 value.s. missing, first .'p004'."),
        (_without_a_person, {}, "no row for 1 of 24 sample.s., first .'p004'."),
        (_lopsided, {}, "expected symmetric values"),
        (_torn, {}, "strata 'site': expected one value per household; 1 household.*H000"),
        (_twice, {}, "1 of the persons belong to several households, first .'one person'."),
        (_all_alike, {}, "distances: all zero"),
        (_unchanged, {"scheme": "between"}, "scheme: got 'between'"),
        (_unchanged, {"persons": "patient"}, "persons: no column 'patient'"),
        (_unchanged, {"formula": "agee"}, "did you mean 'age'"),
        (_unchanged, {"formula": "age * group * site * sex * income"}, "no residual degrees"),
        (_unchanged, {"by": "onedf"}, "by: got 'onedf'"),
        (_unchanged, {"blocks": "home"}, "blocks: no column 'home'"),
        (_unchanged, {"strata": "city"}, "strata: no column 'city'"),
        (_unchanged, {"blocks": None, "scheme": "within"}, "needs households"),
        (_unchanged, {"n_permutations": -1}, "at least 0"),
    ],
)
def test_permanova__names_what_is_wrong(cohort, spoil, options, message):
    metadata, _, distances = cohort
    metadata, distances = spoil(metadata, distances)
    with pytest.raises(ValueError, match=message):
        permanova(distances, metadata, **({"formula": "age + group"} | options))


@pytest.mark.parametrize(
    ("formula", "times"), [("site + sex + age + group", 6), ("household_id + sex", 9)]
)
def test_permanova__needs_a_few_times_the_memory_of_the_distances(formula, times):
    rng = np.random.default_rng(1)
    metadata = people(400, rng)
    distances = euclidean(values_of(metadata, rng))
    tracemalloc.start()
    permanova(distances, metadata, formula, n_permutations=99, rng=1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < times * distances.to_numpy().nbytes
