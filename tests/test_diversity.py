"""Diversity beside scikit-bio and vegan (oracles/diversity_vegan.R)."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.spatial.distance import pdist, squareform
from skbio import TreeNode
from skbio.diversity import alpha_diversity, beta_diversity
from skbio.stats.ordination import pcoa as skbio_pcoa

from cohabit.stats import diversity
from cohabit.stats.composition import relative_abundance
from cohabit.stats.diversity import sum_minima

ORACLES = Path(__file__).parent / "oracles"


@pytest.fixture(scope="module")
def counts():
    return pd.read_csv(ORACLES / "diversity_counts.tsv", sep="\t", index_col=0)


@pytest.fixture(scope="module")
def vegan():
    return json.loads((ORACLES / "diversity_vegan.json").read_text())


@pytest.fixture(scope="module")
def tree(counts):
    """A comb with uneven branches and two tips that no sample has."""
    rng = np.random.default_rng(2)
    text = "extra_1:0.3"
    for name in counts.columns:
        text = f"({text},{name}:{rng.uniform(0.1, 1):.3f}):{rng.uniform(0.05, 0.5):.3f}"
    return f"({text},extra_2:0.2);"


@pytest.fixture(scope="module")
def people(counts):
    """Ten households on two sites; the last two people live alone."""
    names = list(counts.index)
    homes = [f"H{i // 2}" for i in range(len(names) - 2)] + ["alone_1", "alone_2"]
    sites = ["north" if i < 10 else "south" for i in range(len(names))]
    return pd.DataFrame({"household_id": homes, "site": sites}, index=names)


@pytest.mark.parametrize("name", ["shannon", "observed", "chao1"])
def test_alpha__equals_vegan(counts, vegan, name):
    np.testing.assert_allclose(getattr(diversity, name)(counts), vegan[name], rtol=1e-12)


@pytest.mark.parametrize("name", ["shannon", "chao1"])
def test_alpha__equals_scikit_bio(counts, name):
    theirs = alpha_diversity(name, counts.to_numpy(), list(counts.index))
    np.testing.assert_allclose(getattr(diversity, name)(counts), theirs, rtol=1e-12)


def test_faith_pd__equals_scikit_bio(counts, tree):
    root = TreeNode.read([tree], convert_underscores=False)
    theirs = alpha_diversity(
        "faith_pd", counts.to_numpy(), list(counts.index), tree=root, taxa=list(counts)
    )
    np.testing.assert_allclose(diversity.faith_pd(counts, tree), theirs, rtol=1e-12)


@pytest.mark.parametrize("name", ["bray_curtis", "jaccard", "aitchison"])
def test_beta__equals_vegan(counts, vegan, name):
    table = relative_abundance(counts) if name == "bray_curtis" else counts
    ours = getattr(diversity, name)(table)
    np.testing.assert_allclose(ours.data, vegan[name], rtol=1e-12, atol=1e-12)
    assert list(ours.ids) == list(counts.index)


@pytest.mark.parametrize(
    ("function", "name", "options"),
    [
        (diversity.weighted_unifrac, "weighted_unifrac", {}),
        (diversity.weighted_unifrac, "weighted_unifrac", {"normalized": True}),
        (diversity.unweighted_unifrac, "unweighted_unifrac", {}),
    ],
)
def test_unifrac__equals_scikit_bio(counts, tree, function, name, options):
    root = TreeNode.read([tree], convert_underscores=False)
    theirs = beta_diversity(
        name, counts.to_numpy(), list(counts.index), tree=root, taxa=list(counts), **options
    )
    np.testing.assert_allclose(function(counts, tree, **options).data, theirs.data, atol=1e-12)


def test_unifrac__names_the_features_the_tree_lacks(counts, tree):
    with pytest.raises(
        ValueError, match=r"1 feature\(s\) are not tips of the tree, first \['odd'\]"
    ):
        diversity.weighted_unifrac(counts.assign(odd=3), tree)


def test_unifrac__of_two_samples_without_branch_length_is_zero():
    tree = "((a:0,b:0):0,c:2,d:1);"
    counts = pd.DataFrame(
        [[1, 0, 0, 0], [0, 2, 0, 0], [0, 0, 1, 1]], list("xyz"), list("abcd"), dtype=float
    )
    for distances in (
        diversity.unweighted_unifrac(counts, tree),
        diversity.weighted_unifrac(counts, tree, normalized=True),
    ):
        np.testing.assert_array_equal(distances.data, [[0, 0, 1], [0, 0, 1], [1, 1, 0]])
    with pytest.raises(ValueError, match="no branch above the features has a length"):
        diversity.faith_pd(counts[["a", "b"]].iloc[:2], tree)


def test_sum_minima__common_and_rare_features_beyond_one_block():
    rng = np.random.default_rng(6)
    share = np.concatenate([np.full(600, 0.8), np.full(300, 0.1), [0.0]])
    values = rng.random((15, 901)) * (rng.random((15, 901)) < share)
    expected = np.minimum(values[:, None], values).sum(axis=2)
    np.testing.assert_allclose(sum_minima(values), expected, rtol=1e-12)


def test_rarefy__draws_the_depth_without_replacement(counts):
    depth = int(counts.sum(axis=1).sort_values().iloc[1])
    drawn = diversity.rarefy(counts, depth, rng=1)
    assert set(drawn.sum(axis=1)) == {depth}
    assert (drawn <= counts.loc[drawn.index]).all().all()
    shallow = counts.sum(axis=1) < depth
    assert list(drawn.index) == list(counts.index[~shallow])
    assert shallow.sum() == 1


def test_rarefy__mean_is_the_share_and_variance_is_hypergeometric(counts):
    sample = counts.iloc[:1]
    total, depth = int(sample.sum(axis=1).iloc[0]), 60
    draws = np.vstack([diversity.rarefy(sample, depth, rng=seed) for seed in range(2000)])
    share = sample.to_numpy()[0] / total
    variance = depth * share * (1 - share) * (total - depth) / (total - 1)
    z = (draws.mean(axis=0) - depth * share) / np.sqrt(np.maximum(variance, 1e-12) / len(draws))
    assert np.abs(z).max() < 4
    common = share > 0.05
    np.testing.assert_allclose(draws.var(axis=0)[common], variance[common], rtol=0.2)


def test_rarefy__does_not_care_about_the_order_of_samples(counts):
    forward = diversity.rarefy(counts, 100, rng=4)
    backward = diversity.rarefy(counts.iloc[::-1], 100, rng=4)
    pd.testing.assert_frame_equal(forward, backward.loc[forward.index])


def test_rarefy__refuses_depth_nobody_reaches_and_shares(counts):
    with pytest.raises(ValueError, match="the deepest sample"):
        diversity.rarefy(counts, 10**9)
    with pytest.raises(ValueError, match="expected whole reads"):
        diversity.rarefy(relative_abundance(counts), 10)


def test_pcoa__equals_vegan_and_scikit_bio(counts, vegan):
    distances = diversity.bray_curtis(relative_abundance(counts))
    ours = diversity.pcoa(distances, n_axes=3)
    np.testing.assert_allclose(ours.explained, vegan["explained"], rtol=1e-9)
    np.testing.assert_allclose(np.abs(ours.coordinates), np.abs(vegan["pcoa"]), atol=1e-9)
    theirs = skbio_pcoa(distances, dimensions=len(counts), warn_neg_eigval=False)
    np.testing.assert_allclose(ours.explained, theirs.proportion_explained[:3], rtol=1e-9)
    assert (ours.coordinates.max() >= -ours.coordinates.min()).all()


def test_compare_distances__means_by_hand(counts, people):
    distances = diversity.jaccard(counts)
    table = diversity.compare_distances(distances, people)
    table = table.set_index("comparison")
    frame = distances.to_data_frame()
    partners = [frame.iloc[i, i + 1] for i in range(0, len(frame) - 2, 2)]
    assert table.loc["same household", "mean"] == pytest.approx(np.mean(partners))
    assert table.loc["other site", "mean"] == pytest.approx(frame.iloc[:10, 10:].mean().mean())
    assert table["n_pairs"].sum() == len(frame) * (len(frame) - 1) // 2
    np.testing.assert_allclose(
        table["excess"].iloc[1:], table["mean"].iloc[1:] - table["mean"].iloc[0]
    )


def test_compare_distances__interval_is_that_of_leaving_each_home_out(counts, people):
    frame = diversity.jaccard(counts).to_data_frame()
    whole = diversity.compare_distances(frame, people).set_index("comparison")
    means, homes = [], people["household_id"].unique()
    for home in homes:
        rest = people[people["household_id"] != home]
        part = diversity.compare_distances(frame.loc[rest.index, rest.index], rest)
        means.append(part.set_index("comparison")["mean"])
    means = pd.concat(means, axis=1)
    spread = (means.sub(means.mean(axis=1), axis=0) ** 2).sum(axis=1)
    error = np.sqrt((len(homes) - 1) / len(homes) * spread)
    for name in ("same site, other household", "other site"):
        reach = stats.t.ppf(0.975, len(homes) - 1) * error[name]
        assert whole.loc[name, "high"] - whole.loc[name, "mean"] == pytest.approx(reach)
        assert whole.loc[name, "mean"] - whole.loc[name, "low"] == pytest.approx(reach)


def test_compare_distances__fifteen_homes_cover_as_often_as_said():
    def mean_and_bounds(n, seed):
        rng = np.random.default_rng(seed)
        home = np.repeat(np.arange(n), 2)
        spread = np.exp(0.5 * rng.normal(size=(n, 1)))[home]
        points = 0.5 * rng.normal(size=(n, 6))[home] + spread * rng.normal(size=(2 * n, 6))
        people = pd.DataFrame({"household_id": [f"h{h:04d}" for h in home]})
        people.index = [f"p{number:04d}" for number in range(2 * n)]
        apart = pd.DataFrame(squareform(pdist(points)), people.index, people.index)
        return diversity.compare_distances(apart, people)[["mean", "low", "high"]].to_numpy()

    truth = mean_and_bounds(700, 1)[:, 0]
    found = np.array([mean_and_bounds(15, seed) for seed in range(2, 202)])
    covered = (found[:, :, 1] <= truth) & (truth <= found[:, :, 2])
    for hits in covered.sum(axis=0):
        interval = stats.binomtest(int(hits), len(found)).proportion_ci(0.999)
        assert interval.low <= 0.95 <= interval.high


def test_compare_distances__one_pair_has_no_interval():
    people = pd.DataFrame({"household_id": list("aabcd")}, index=list("pqrst"))
    points = np.random.default_rng(1).normal(size=(5, 3))
    apart = pd.DataFrame(squareform(pdist(points)), people.index, people.index)
    table = diversity.compare_distances(apart, people)
    assert table["low"].isna().tolist() == [True, False]
    assert table.loc[0, "n_pairs"] == 1


def test_compare_distances__order_of_people_does_not_matter(counts, people):
    distances = diversity.jaccard(counts)
    forward = diversity.compare_distances(distances, people)
    distances = diversity.jaccard(counts.sample(frac=1, random_state=2))
    shuffled = people.sample(frac=1, random_state=1)
    backward = diversity.compare_distances(distances, shuffled)
    pd.testing.assert_frame_equal(forward, backward)


def test_compare_distances__names_strangers_to_the_table(counts, people):
    with pytest.raises(ValueError, match=r"1 ID\(s\) of the distances are missing"):
        diversity.compare_distances(diversity.jaccard(counts), people.iloc[1:])
