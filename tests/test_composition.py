"""Transforms and filters, beside scikit-bio and by hand."""

import numpy as np
import pandas as pd
import pytest
from skbio.stats import composition as peer

from cohabit.stats import composition


@pytest.fixture
def counts():
    rng = np.random.default_rng(5)
    values = rng.negative_binomial(0.5, 0.02, size=(12, 9))
    values[:, 0] += 1
    return pd.DataFrame(values, index=[f"P{i}" for i in range(12)], columns=list("abcdefghi"))


def test_relative_abundance__rows_sum_to_one_and_keep_their_ids(counts):
    shares = composition.relative_abundance(counts)
    np.testing.assert_allclose(shares, peer.closure(counts.to_numpy()), rtol=1e-14)
    assert shares.index.equals(counts.index)
    assert shares.columns.equals(counts.columns)


def test_clr__equals_scikit_bio(counts):
    np.testing.assert_allclose(
        composition.clr(counts), peer.clr(counts.to_numpy() + 0.5), rtol=1e-12, atol=1e-13
    )


def test_clr__without_pseudocount_ignores_depth(counts):
    full = counts + 1
    np.testing.assert_allclose(
        composition.clr(full, pseudocount=0), composition.clr(7 * full, pseudocount=0), atol=1e-12
    )


def test_arcsine_sqrt__known_values():
    counts = pd.DataFrame([[1, 3], [0, 5]], index=["x", "y"], columns=["a", "b"])
    expected = [[np.pi / 6, np.pi / 3], [0, np.pi / 2]]
    np.testing.assert_allclose(composition.arcsine_sqrt(counts), expected, atol=1e-15)


def test_filter_features__keeps_the_bound_of_prevalence_and_not_of_total():
    counts = pd.DataFrame(0, index=[f"P{i}" for i in range(40)], columns=list("abcd"))
    counts.loc[["P0", "P1"], "a"] = 6  # present in 5%, 12 in total
    counts.loc[["P0", "P1"], "b"] = 5  # present in 5%, 10 in total
    counts.loc["P0", "c"] = 500  # present in 2.5%
    counts["d"] = 1
    assert list(composition.filter_features(counts)) == ["a", "d"]
    reason = composition.why_filtered(counts)
    assert reason["a"] == ""
    assert reason["b"] == "filtered: 10 in total"
    assert reason["c"] == "filtered: present in 2.5% of samples"


def test_filter_variance__drops_below_the_bound():
    values = pd.DataFrame({"a": [0.0, 0.001, 0.002], "b": [0.0, 0.01, 0.02]})
    assert list(composition.filter_variance(values)) == ["b"]


def test_prevalence__counts_presence(counts):
    assert composition.prevalence(counts)["a"] == 1
    assert composition.prevalence(counts * 0).eq(0).all()


def test_empty_sample__is_refused_by_name(counts):
    counts.loc["P3"] = 0
    for transform in (
        composition.relative_abundance,
        composition.clr,
        composition.arcsine_sqrt,
    ):
        with pytest.raises(ValueError, match=r"1 sample\(s\) have no counts at all: P3"):
            transform(counts)


@pytest.mark.parametrize("strange", [-1.0, np.nan, np.inf])
def test_check_counts__refuses_impossible_amounts_by_name(counts, strange):
    table = counts.astype(float)
    table.loc["P7", "c"] = strange
    with pytest.raises(ValueError, match="P7"):
        composition.relative_abundance(table)


def test_check_counts__refuses_repeated_ids_text_and_arrays(counts):
    with pytest.raises(ValueError, match="sample IDs must be unique; repeated: P0"):
        composition.clr(pd.concat([counts, counts.iloc[:1]]))
    with pytest.raises(ValueError, match="expected numbers; a hold"):
        composition.clr(counts.astype({"a": str}))
    with pytest.raises(ValueError, match="expected a DataFrame"):
        composition.clr(counts.to_numpy())


def test_clr__zeros_without_pseudocount_are_refused(counts):
    with pytest.raises(ValueError, match="holds zeros"):
        composition.clr(counts, pseudocount=0)
