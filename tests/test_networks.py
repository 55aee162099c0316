"""Compositional networks: what is known by hand, by simulation and by brute force."""

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from skbio.stats.composition import pairwise_vlr
from stats_calls import make_world

from cohabit.stats import networks
from cohabit.stats.networks import compare
from cohabit.stats.networks.correlation import _solve_basis
from cohabit.stats.networks.network import merge_greedily


def named(matrix):
    names = list("abcdefghijklmnopqrstuvwxyz")[: len(matrix)]
    return pd.DataFrame(np.asarray(matrix, float), index=names, columns=names)


def draw_counts(seed, correlation, n_samples=400, depth=200_000):
    """Reads of a composition whose log abundances have a given correlation."""
    rng = np.random.default_rng(seed)
    size = len(correlation)
    spread = rng.uniform(0.5, 1.2, size)
    logs = rng.multivariate_normal(
        np.zeros(size), correlation * np.outer(spread, spread), n_samples
    )
    shares = np.exp(logs) / np.exp(logs).sum(axis=1, keepdims=True)
    reads = rng.poisson(depth * shares)
    return pd.DataFrame(reads, columns=[f"taxon_{i}" for i in range(size)])


@pytest.fixture(scope="module")
def planted():
    correlation = np.eye(30)
    correlation[0, 1] = correlation[1, 0] = 0.8
    correlation[2, 3] = correlation[3, 2] = -0.7
    return correlation


def test_sparcc__recovers_planted_correlations(planted):
    found = networks.sparcc(draw_counts(1, planted)).to_numpy()
    assert found[0, 1] == pytest.approx(0.8, abs=0.07)
    assert found[2, 3] == pytest.approx(-0.7, abs=0.07)
    elsewhere = found[np.triu_indices(30, 1)][planted[np.triu_indices(30, 1)] == 0]
    assert np.abs(elsewhere).max() < 0.25
    assert abs(elsewhere.mean()) < 0.01


def test_solve_basis__equals_the_dense_system():
    rng = np.random.default_rng(6)
    ratio = rng.random((9, 9))
    ratio += ratio.T
    np.fill_diagonal(ratio, 0)
    excluded = [(0, 3), (3, 5), (1, 2)]
    included = ~np.eye(9, dtype=bool)
    for pair in excluded:
        included[pair] = included[pair[::-1]] = False
    totals, left = (ratio * included).sum(axis=1) + 5, included.sum(axis=1).astype(float)
    dense = np.linalg.solve(included + np.diag(left), totals)
    np.testing.assert_allclose(_solve_basis(totals, left, excluded), dense, rtol=1e-12)


def test_sparcc__exclusions_undo_the_pull_of_strong_pairs():
    correlation = np.eye(8)
    correlation[0, 1] = correlation[1, 0] = 0.9
    counts = draw_counts(2, correlation, n_samples=2000)
    error = {
        n: np.abs(networks.sparcc(counts, n_exclusions=n).to_numpy() - correlation).max()
        for n in (0, 10)
    }
    assert error[10] < error[0] / 2


def test_sparcc__covariates_are_taken_out():
    rng = np.random.default_rng(3)
    age = rng.normal(50, 10, 300)
    logs = rng.normal(0, 0.6, (300, 20))
    logs[:, :3] += 0.1 * (age - 50)[:, None]
    counts = pd.DataFrame(rng.poisson(5000 * np.exp(logs)))
    people = pd.DataFrame({"age": age})
    with_age = networks.sparcc(counts).to_numpy()
    without = networks.sparcc(counts, people.sample(frac=1, random_state=1), "age").to_numpy()
    assert with_age[0, 1] > 0.5
    assert abs(without[0, 1]) < 0.2
    with pytest.raises(ValueError, match="give it too"):
        networks.sparcc(counts, covariates="age")


def test_proportionality__by_scikit_bios_log_ratio_variances(planted):
    counts = draw_counts(4, planted, n_samples=60) + 1
    rho = networks.proportionality(counts, pseudocount=0)
    ratio = pairwise_vlr(counts.to_numpy(), ddof=1, validate=False)
    ratio = np.asarray(getattr(ratio, "data", ratio))
    logs = np.log(counts.to_numpy())
    variance = (logs - logs.mean(axis=1, keepdims=True)).var(axis=0, ddof=1)
    np.testing.assert_allclose(rho, 1 - ratio / (variance[:, None] + variance), atol=1e-10)
    doubled = counts.assign(copy=2 * counts["taxon_5"])
    assert networks.proportionality(doubled, 0).loc["copy", "taxon_5"] == pytest.approx(1)


def test_describe_network__a_triangle_with_a_tail_by_hand():
    matrix = np.zeros((5, 5))
    for row, column in [(0, 1), (1, 2), (0, 2), (2, 3)]:
        matrix[row, column] = matrix[column, row] = 0.6
    found = networks.describe_network(named(matrix))
    assert found["n_edges"] == 4
    assert found["density"] == pytest.approx(0.4)
    assert found["clustering"] == pytest.approx(3 / 5)
    assert found["path_length"] == pytest.approx((4 * 1 + 2 * 2) / 6)
    assert found["largest_component"] == pytest.approx(0.8)


def test_describe_network__without_edges_has_no_path():
    found = networks.describe_network(named(np.eye(4)))
    assert found["n_edges"] == 0
    assert np.isnan(found["path_length"])


def test_describe_features__a_triangle_with_a_tail_by_hand():
    matrix = np.zeros((5, 5))
    for row, column in [(0, 1), (1, 2), (0, 2), (2, 3)]:
        matrix[row, column] = matrix[column, row] = -0.6
    found = networks.describe_features(named(matrix))
    assert found["degree"].tolist() == [2, 2, 3, 1, 0]
    assert found["closeness"].to_numpy() == pytest.approx(np.array([9 / 4, 9 / 4, 3, 9 / 5, 0]) / 4)
    assert found["betweenness"].to_numpy() == pytest.approx([0, 0, 2 / 6, 0, 0])


def test_describe_features__betweenness_by_listing_every_path():
    rng = np.random.default_rng(7)
    links = np.triu(rng.random((9, 9)) < 0.3, 1).astype(float)
    links += links.T
    through = np.zeros(9)
    for start, end in itertools.combinations(range(9), 2):
        shortest = []
        for length in range(2, 10):
            walks = itertools.permutations(set(range(9)) - {start, end}, length - 2)
            paths = [(start, *walk, end) for walk in walks]
            shortest = [p for p in paths if all(links[a, b] for a, b in itertools.pairwise(p))]
            if shortest:
                break
        for path in shortest:
            through[list(path[1:-1])] += 1 / len(shortest)
    found = networks.describe_features(named(links))["betweenness"]
    assert found.to_numpy() == pytest.approx(through / 28)


def test_specific_edges__outside_the_quartiles_and_strong_in_one():
    rng = np.random.default_rng(8)
    noise = np.triu(rng.normal(0, 0.02, (8, 8)), 1)
    first = named(noise + noise.T + np.eye(8))
    second = first.copy()
    for source, target, value in [("a", "b", 0.7), ("c", "d", -0.5), ("e", "f", 0.3)]:
        second.loc[source, target] = second.loc[target, source] = value
    table = networks.specific_edges(first, second.loc[::-1, ::-1])
    assert table[["source", "target"]].to_numpy().tolist() == [["a", "b"], ["c", "d"]]
    assert table["difference"].tolist() == pytest.approx(
        [0.7 - first.loc["a", "b"], -0.5 - first.loc["c", "d"]]
    )


def test_find_modules__two_cliques_and_a_loner():
    matrix = np.zeros((8, 8))
    matrix[:4, :4] = matrix[4:7, 4:7] = 0.7
    matrix[3, 4] = matrix[4, 3] = 0.5
    modules = networks.find_modules(named(matrix))
    assert modules.tolist() == [1, 1, 1, 1, 2, 2, 2, 0]


def test_find_modules__reaches_the_best_partition_of_a_small_graph():
    links = np.zeros((7, 7))
    for row, column in [(0, 1), (1, 2), (0, 2), (2, 3), (3, 4), (4, 5), (3, 5), (5, 6)]:
        links[row, column] = links[column, row] = 1
    ends = links.sum(axis=0)

    def quality(labels):
        same = np.equal.outer(labels, labels)
        return ((links - np.outer(ends, ends) / ends.sum()) * same).sum() / ends.sum()

    best = max(quality(np.array(labels)) for labels in itertools.product(range(3), repeat=7))
    modules, modularity = merge_greedily(links)
    assert modularity == pytest.approx(quality(modules))
    assert modularity == pytest.approx(best)


@pytest.fixture(scope="module")
def pairs():
    rng = np.random.default_rng(9)
    n_pairs = 60
    people = pd.DataFrame(
        {
            "household_id": np.repeat([f"H{i}" for i in range(n_pairs)], 2),
            "group": ["MS", "control"] * n_pairs,
            "age": rng.normal(50, 10, 2 * n_pairs),
        },
        index=[f"P{i}" for i in range(2 * n_pairs)],
    )
    tied, loose = np.full((15, 15), 0.0), np.eye(15)
    tied[:6, :6] = 0.8
    np.fill_diagonal(tied, 1)
    counts = draw_counts(10, loose, n_samples=2 * n_pairs)
    counts.iloc[::2] = draw_counts(11, tied, n_samples=n_pairs).to_numpy()
    return counts.set_axis(people.index), people


def test_compare_networks__sees_a_module_of_patients(pairs):
    counts, people = pairs
    table = networks.compare_networks(counts, people, covariates="age", n_permutations=99, rng=1)
    row = table.set_index("property").loc["n_edges"]
    assert row["contrast"] == "MS - control"
    assert row["difference"] == row["second"] - row["first"]
    assert row["difference"] > row["null_high"]
    assert row["p_value"] == pytest.approx(0.01)


def test_compare_networks__null_rejects_at_the_level():
    rng = np.random.default_rng(12)
    people = pd.DataFrame(
        {"household_id": np.repeat(np.arange(30), 2), "group": ["MS", "control"] * 30}
    )
    p_values = []
    for seed in range(60):
        counts = draw_counts(100 + seed, np.eye(8), n_samples=60)
        table = networks.compare_networks(
            counts, people, covariates=None, threshold=0.2, n_permutations=19, n_exclusions=0,
            properties=["density"], rng=rng,
        )  # fmt: skip
        p_values.append(table["p_value"].item())
    assert (np.array(p_values) <= 0.05).sum() <= stats.binom.ppf(0.9995, 60, 0.05)
    assert min(p_values) < 0.3 < max(p_values)


def test_compare_networks__order_of_people_does_not_matter(pairs):
    counts, people = pairs
    options = {"covariates": None, "n_permutations": 9, "rng": 5}
    forward = networks.compare_networks(counts, people, **options)
    shuffled = counts.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(
        forward, networks.compare_networks(shuffled, people.iloc[::-1], **options)
    )


def test_compare_networks__swaps_only_inside_the_block(pairs):
    _, people = pairs
    labels = (people["group"] == "MS").to_numpy()
    blocks = pd.factorize(people["household_id"])[0]
    drawn = list(compare._swap(labels, blocks, 200, np.random.default_rng(1)))
    assert all((np.bincount(blocks, swapped) == 1).all() for swapped in drawn)
    stayed = np.mean([swapped[0] == labels[0] for swapped in drawn])
    assert 0.35 < stayed < 0.65


def test_compare_networks__refuses_a_swap_that_changes_nothing(pairs):
    counts, people = pairs
    patients = people[people["group"] == "MS"].assign(
        treatment=["untreated", "interferon"] * 30, site="north"
    )
    with pytest.raises(ValueError, match="no level holds both groups"):
        networks.compare_networks(counts.loc[patients.index], patients, "treatment")
    table = networks.compare_networks(
        counts.loc[patients.index], patients, "treatment", within="site", covariates=None,
        n_permutations=9, rng=1,
    )  # fmt: skip
    assert set(table["contrast"]) == {"interferon - untreated"}


def test_compare_networks__says_which_households_cannot_be_swapped(pairs):
    counts, people = pairs
    options = {"covariates": None, "n_permutations": 9, "properties": ["n_edges"], "rng": 1}
    assert networks.compare_networks(counts, people, **options)["note"].tolist() == [""]
    twice = people["household_id"].isin(people["household_id"].unique()[:2])
    affected = people.assign(group=people["group"].mask(twice, "MS"))
    (note,) = networks.compare_networks(counts, affected, **options)["note"]
    n = people["household_id"].nunique()
    assert note == f"2 of {n} levels of household_id hold one group only: their labels stay"


def test_compare_networks__two_networks_have_no_values_of_their_own(pairs):
    counts, people = pairs
    table = networks.compare_networks(
        counts, people, covariates=None, n_permutations=39, rng=2,
        properties=["distance", "hubs_lost", "n_tied"],
    ).set_index("property")  # fmt: skip
    assert table.loc[["distance", "hubs_lost"], ["first", "second"]].isna().all(axis=None)
    assert table.loc["distance", "p_value"] == pytest.approx(1 / 40)
    assert table.loc["distance", "difference"] > table.loc["distance", "null_high"]
    assert (table["null_low"] <= table["null_mean"]).all()


def test_compare_networks__names_the_nearest_property(pairs):
    with pytest.raises(ValueError, match="did you mean 'n_edges'"):
        networks.compare_networks(*pairs, properties=["n_edge"], n_permutations=1)


def test_compare_networks__fewer_people_have_more_edges_and_the_swaps_know_it():
    rng = np.random.default_rng(3)
    counts = draw_counts(4, np.eye(20), n_samples=240)
    people = pd.DataFrame({"group": ["MS"] * 40 + ["control"] * 200}, index=counts.index)
    row = networks.compare_networks(
        counts, people, within=None, covariates=None, threshold=0.2, n_permutations=99,
        properties=["n_edges"], rng=rng,
    ).iloc[0]  # fmt: skip
    assert row["difference"] > 0
    assert row["null_low"] > 0
    assert row["p_value"] > 0.05


def test_beyond_swaps__takes_off_their_mean_and_allows_for_their_scatter():
    table = pd.DataFrame(
        {"difference": [5.0], "null_mean": [2.0], "null_sd": [1.0], "n_permutations": [99]}
    )
    row = networks.beyond_swaps(table).iloc[0]
    margin = stats.t.ppf(0.975, 98) * np.sqrt(1 + 1 / 99)
    assert row[["estimate", "low", "high"]].tolist() == pytest.approx([3, 3 - margin, 3 + margin])


def test_swap_labels__stays_in_the_household_and_knows_people_by_id(pairs):
    _, people = pairs
    swapped = networks.swap_labels(people, rng=1)
    assert (swapped.groupby(people["household_id"]).nunique() == 2).all()
    assert 0.2 < (swapped == people["group"]).mean() < 0.8
    again = networks.swap_labels(people.sample(frac=1, random_state=2), rng=1)
    assert again.loc[people.index].equals(swapped)


def test_specific_edges__rule_by_hand():
    rng = np.random.default_rng(8)
    noise = rng.uniform(-0.05, 0.05, (12, 12))
    first = named(np.triu(noise, 1) + np.triu(noise, 1).T)
    second = first.copy()
    second.iloc[0, 1] = second.iloc[1, 0] = 0.7  # an edge of the second alone
    second.iloc[2, 3] = second.iloc[3, 2] = 0.3  # far out, but no edge
    found = networks.specific_edges(first, second)
    assert found[["source", "target"]].to_numpy().tolist() == [["a", "b"]]


def test_describe_network__counts_modules_by_hand():
    correlation = np.zeros((7, 7))
    for one, other in ((0, 1), (0, 2), (1, 2), (3, 4)):
        correlation[one, other] = correlation[other, one] = 0.9
    correlation[5, 6] = correlation[6, 5] = -0.9  # an edge, and no module
    found = networks.describe_network(named(correlation))
    wanted = {"n_edges": 5, "n_tied": 5, "n_modules": 2, "largest_module": 3}
    assert found[list(wanted)].to_dict() == wanted


@pytest.fixture(scope="module")
def tied():
    correlation = np.eye(20)
    correlation[:4, :4] = 0.6
    np.fill_diagonal(correlation, 1)
    counts = draw_counts(5, correlation, n_samples=200)
    people = pd.DataFrame(
        {"household_id": np.repeat(np.arange(100), 2), "age": np.arange(200.0) % 37},
        index=counts.index,
    )
    sets = pd.Series(["cocci"] * 4 + ["others"] * 15 + ["one"], index=counts.columns)
    return counts, people, sets


def test_ties_within__finds_the_planted_tie_and_no_other(tied):
    table = networks.ties_within(*tied, covariates="age", rng=1).set_index("feature")
    assert table.loc["cocci", "inside"] == pytest.approx(0.6, abs=0.08)
    assert table.loc["cocci", "low"] > 0.4
    assert abs(table.loc["others", "inside"]) < 0.05
    assert np.isnan(table.loc["one", "estimate"])
    assert table["n_features"].to_dict() == {"cocci": 4, "one": 1, "others": 15}


def test_ties_within__is_the_mean_of_the_correlations(tied):
    counts, people, sets = tied
    table = networks.ties_within(counts, people, sets, among=["cocci"], covariates=None, rng=1)
    rho = networks.sparcc(counts).to_numpy()
    inside = rho[:4, :4][np.triu_indices(4, 1)].mean()
    assert table["inside"].item() == pytest.approx(inside)
    assert table["outside"].item() == pytest.approx(rho[:4, 4:].mean())


def test_specific_edges__of_one_network_in_two_orders_are_none():
    counts = make_world().counts
    for seed in range(3):
        counts = counts.sample(frac=1, random_state=seed)
        again = networks.sparcc(counts.iloc[:, ::-1])
        assert networks.specific_edges(networks.sparcc(counts), again, 0.2).empty
