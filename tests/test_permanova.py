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
from cohabit.stats.permanova.analysis import Options, _space, analyse, prepare_model
from cohabit.stats.permanova.geometry import FeatureGeometry, from_features
from cohabit.stats.permanova.pseudo_f import PairFit, PermanovaFit
from cohabit.stats.permanova.schemes import Exchange
from cohabit.stats.permanova.terms import model_basis, read_terms


@pytest.fixture
def cohort():
    rng = np.random.default_rng(7)
    metadata = people(12, rng)
    values = values_of(metadata, rng)
    return metadata, values, euclidean(values)


def test_permanova__auto_scheme_follows_how_a_term_varies(cohort):
    metadata, _, distances = cohort
    table = permanova(distances, metadata, "site + income + sex + age + group", n_permutations=19)
    assert table["scheme"].to_dict() == {
        "site": "between",
        "income": "between",
        "sex": "both",
        "age": "both",
        "group": "within",
        "residual": "",
        "total": "",
    }


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
    schemes = table.set_index("contrast")["scheme"]
    assert schemes["control A - MS A"] == "within"
    assert schemes["MS B - MS A"] == "between"
    assert (table["q_value"] >= table["p_value"]).all()


def test_pairwise_permanova__keeps_to_its_own_column(cohort):
    """Levels that are no vocabulary of ours, there or in other columns, are taken as they are."""
    metadata, _, distances = cohort
    metadata = metadata.assign(smoking="sometimes", arm=[1, 2, 3] * 8)
    metadata.loc["p000", "arm"] = np.nan
    table = pairwise_permanova(distances, metadata, "arm", n_permutations=0)
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


@pytest.mark.parametrize("term", ["group", "income", "age"])
def test_permanova__random_permutations_approach_the_exact_p_value(term):
    rng = np.random.default_rng(12)
    metadata = people(5, rng, sites="a")
    values = values_of(metadata, rng)
    exact = permanova_features(values, metadata, term, n_permutations=4000).loc[term]
    assert exact["note"].endswith("permutations")
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
    household = pd.factorize(metadata["household_id"])[0]
    terms = read_terms(model_matrix("site + income + sex + age + group", metadata))
    fit = PermanovaFit(FeatureGeometry(data), model_basis(terms, household), permute)
    spaces = [_space(term, terms, fit.basis, "margin") for term in terms]
    draws = Exchange("both", household, 0 * household).draw(3, np.random.default_rng(0))
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


def _every_permutation(scheme, n_pairs):
    """List positions of all permutations of pairs (0, 1), (2, 3), ..., without `Exchange`."""
    if scheme == "free":
        return [list(order) for order in permutations(range(2 * n_pairs))]
    orders = permutations(range(n_pairs)) if scheme in ("between", "both") else [range(n_pairs)]
    swaps = product((0, 1), repeat=n_pairs) if scheme in ("within", "both") else [(0,) * n_pairs]
    return [
        [
            2 * home + (member ^ swap)
            for home, swap in zip(order, swapped, strict=True)
            for member in (0, 1)
        ]
        for order, swapped in product([*orders], [*swaps])
    ]


@pytest.mark.parametrize(
    ("term", "scheme", "n_pairs"),
    [("group", "within", 7), ("income", "between", 5), ("age", "both", 4), ("group", "free", 3)],
)
def test_permanova__p_value_is_that_of_full_enumeration_by_hand(term, scheme, n_pairs):
    rng = np.random.default_rng(21)
    metadata = people(n_pairs, rng, sites="a").assign(bmi=rng.normal(size=2 * n_pairs))
    values = values_of(metadata, rng)
    every = _every_permutation(scheme, n_pairs)
    table = permanova_features(
        values, metadata, f"bmi + {term}", scheme=scheme, n_permutations=len(every)
    )
    data = values.to_numpy()
    tested = metadata[[term]] if term != "group" else (metadata[["group"]] == "MS")
    others = np.column_stack([np.ones(2 * n_pairs), metadata["bmi"]])
    small = _projector(others)
    full = _projector(np.column_stack([others, tested.to_numpy(float)]))
    apart = np.eye(len(data)) - small

    def f(positions):
        new, again = (apart @ data)[positions], apart[positions]
        share = [np.sum(((full - small) @ each) ** 2) for each in (new, again)]
        left = [np.sum((each - full @ each) ** 2) for each in (new, again)]
        return share[0] / share[1] / (left[0] / left[1])

    statistic = np.array([f(positions) for positions in every])
    expected = np.mean(statistic >= statistic[0] * (1 - 1e-9))
    assert table.loc[term, "p_value"] == pytest.approx(expected, abs=1e-12)
    assert table.loc[term, "note"].split("; ")[-1] == f"exact: all {len(every)} permutations"


def test_pair_fit__equals_the_fit_by_positions(cohort):
    metadata, values, _ = cohort
    household = pd.factorize(metadata["household_id"])[0]
    terms = read_terms(model_matrix("site + sex + age + group", metadata))
    fit = PermanovaFit(from_features(values)[0], model_basis(terms, household), "residuals")
    spaces = [_space(term, terms, fit.basis, "margin") for term in terms]
    exchange = Exchange("within", household, 0 * household)
    signs = next(exchange.draw_swaps(20, 20, np.random.default_rng(0)))
    positions = np.tile(np.arange(24), (20, 1))
    positions[:, 0::2] += signs < 0
    positions[:, 1::2] -= signs < 0
    swapped = PairFit(fit, exchange.pairs).permuted_f(spaces, signs)
    np.testing.assert_allclose(swapped, fit.permuted_f(spaces, positions), rtol=1e-10)


def test_permanova__status_has_one_p_value_with_household_as_term_or_as_block(cohort):
    """Swapping in pairs leaves what households explain, so the term changes F and not p."""
    metadata, _, distances = cohort
    options = {"n_permutations": 4096}
    block = permanova(distances, metadata, "group", **options).loc["group"]
    term = permanova(distances, metadata, "household_id + group", **options).loc["group"]
    assert block["note"] == term["note"] == "exact: all 4096 permutations"
    assert term["pseudo_f"] > block["pseudo_f"]
    assert term["p_value"] == block["p_value"]


@pytest.mark.parametrize(
    ("formula", "scheme", "term", "note"),
    [
        ("site", "within", "site", "constant when permuted within households"),
        ("group", "between", "group", "constant when permuted between households"),
        ("household_id", "both", "household_id", "constant when permuted"),
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
    assert np.isnan(table.loc[term, "p_value"])
    assert note in table.loc[term, "note"]


def test_permanova__names_households_with_two_patients_and_singletons(cohort):
    metadata, _, distances = cohort
    metadata = metadata.copy()
    metadata.loc["p003", "group"] = "MS"
    row = permanova(distances, metadata, "group", n_permutations=19).loc["group"]
    assert row["scheme"] == "both"
    assert "the same for all in 1 household(s), first ['H001']" in row["note"]
    left = metadata.index.drop(["p003", "p006"])
    row = permanova(distances.loc[left, left], metadata, "group", n_permutations=19).loc["group"]
    assert row["scheme"] == "within"
    assert "2 singleton(s) have nobody to swap with" in row["note"]


def test_permanova__permutes_larger_households_at_home():
    rng = np.random.default_rng(3)
    metadata = pd.DataFrame(
        {"household_id": np.repeat(list("abcd"), 3), "role": ["x", "y", "z"] * 4},
        index=[f"s{i}" for i in range(12)],
    )
    values = values_of(metadata, rng)
    row = permanova_features(values, metadata, "role", n_permutations=6**4).loc["role"]
    assert (row["scheme"], row["df"]) == ("within", 2)
    assert row["note"] == "exact: all 1296 permutations"


def test_permanova__takes_a_scheme_for_each_term(cohort):
    metadata, _, distances = cohort
    options = {"n_permutations": 199, "rng": 1}
    table = permanova(distances, metadata, "age + group", scheme={"age": "within"}, **options)
    assert table.loc[["age", "group"], "scheme"].tolist() == ["within", "within"]
    whole = permanova(distances, metadata, "age + group", scheme="within", **options)
    pd.testing.assert_frame_equal(table, whole)


def test_permanova__says_what_stands_for_sites_and_who_cannot_move(cohort):
    metadata, _, distances = cohort
    country = metadata["site"].map({"a": "US", "b": "US", "c": "UK"})
    row = permanova(distances, metadata.assign(country=country), "country", n_permutations=19)
    assert "constant within site" in row.loc["country", "note"]
    metadata.loc[["p000", "p001"], "site"] = "d"
    row = permanova(distances, metadata, "income", n_permutations=19).loc["income"]
    assert "1 household(s) have no other of their size" in row["note"]


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
        (_twice, {}, "1 participant.s. have several samples, first .'one person'."),
        (_all_alike, {}, "distances: all zero"),
        (_unchanged, {"scheme": {"agee": "free"}}, "scheme: term: got 'agee'; did you mean 'age'"),
        (_unchanged, {"scheme": {"age": "pairs"}}, "scheme: got 'pairs'"),
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
