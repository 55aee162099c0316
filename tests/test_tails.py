"""Tails, quantiles and ranks equal those of `scipy.stats`."""

import numpy as np
import pytest
from scipy import stats

from cohabit.stats import tails
from cohabit.stats.multiplicity import adjust_p

STATISTICS = np.array([-40.0, -2.1, 0.0, 0.3, 1.96, 9.0])


@pytest.mark.parametrize("df", [1, 2.5, 30, 1e6, np.inf])
def test_t__is_scipys_for_every_df(df):
    expected = 2 * stats.t.sf(np.abs(STATISTICS), df)
    np.testing.assert_allclose(tails.two_sided_t(STATISTICS, df), expected, rtol=1e-9)
    for probability in (0.005, 0.5, 0.975):
        assert tails.t_quantile(probability, df) == pytest.approx(stats.t.ppf(probability, df))


def test_normal__is_scipys_far_into_the_tail():
    expected = 2 * stats.norm.sf(np.abs(STATISTICS))
    np.testing.assert_allclose(tails.two_sided_normal(STATISTICS), expected, rtol=1e-12)
    np.testing.assert_allclose(tails.normal_cdf(STATISTICS), stats.norm.cdf(STATISTICS))
    assert tails.normal_quantile(0.975) == pytest.approx(stats.norm.ppf(0.975))


def test_tails__of_nothing_are_nothing():
    assert np.isnan(tails.two_sided_t(np.nan, 5))
    assert np.isnan(tails.two_sided_normal(np.nan))


@pytest.mark.parametrize("shape", [(1,), (9,), (40, 6), (5, 0)])
def test_rank__is_scipys_with_ties(shape):
    values = np.random.default_rng(3).integers(0, 6, shape).astype(float)
    np.testing.assert_array_equal(tails.rank_values(values), stats.rankdata(values, axis=0))


def test_adjust_p__is_scipys_with_ties_and_leaves_missing_ones_missing():
    p = np.random.default_rng(4).random(200).round(2)
    p[[3, 50]] = np.nan
    adjusted = adjust_p(p)
    assert np.isnan(adjusted[[3, 50]]).all()
    known = np.isfinite(p)
    np.testing.assert_allclose(adjusted[known], stats.false_discovery_control(p[known]))
