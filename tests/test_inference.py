"""Tails, quantiles and ranks equal those of `scipy.stats`."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cohabit.stats import inference
from cohabit.stats.inference import adjust_p, count_sure

STATISTICS = np.array([-40.0, -2.1, 0.0, 0.3, 1.96, 9.0])


@pytest.mark.parametrize("df", [1, 2.5, 30, 1e6, np.inf])
def test_t__is_scipys_for_every_df(df):
    expected = 2 * stats.t.sf(np.abs(STATISTICS), df)
    np.testing.assert_allclose(inference.two_sided_t(STATISTICS, df), expected, rtol=1e-9)
    for probability in (0.005, 0.5, 0.975):
        assert inference.t_quantile(probability, df) == pytest.approx(stats.t.ppf(probability, df))


def test_normal__is_scipys_far_into_the_tail():
    expected = 2 * stats.norm.sf(np.abs(STATISTICS))
    np.testing.assert_allclose(inference.two_sided_normal(STATISTICS), expected, rtol=1e-12)
    np.testing.assert_allclose(inference.normal_cdf(STATISTICS), stats.norm.cdf(STATISTICS))
    assert inference.normal_quantile(0.975) == pytest.approx(stats.norm.ppf(0.975))


def test_tails__of_nothing_are_nothing():
    assert np.isnan(inference.two_sided_t(np.nan, 5))
    assert np.isnan(inference.two_sided_normal(np.nan))


def test_infer__is_t_and_normal_for_infinite_df():
    found = inference.infer(np.array([2.0, np.nan]), np.array([1.0, np.nan]), np.array([7, np.nan]))
    assert found["p_value"][0] == pytest.approx(2 * stats.t.sf(2, 7))
    assert found["low"][0] == pytest.approx(2 - stats.t.ppf(0.975, 7))
    assert all(np.isnan(numbers[1]) for numbers in found.values())
    assert inference.infer(3.0, 1.5)["p_value"] == pytest.approx(2 * stats.norm.sf(2))


def test_jackknife__of_a_mean_with_one_row_a_group_is_its_t_interval():
    values = np.random.default_rng(5).normal(size=30)
    groups = inference.deal_groups(np.arange(30), 30, rng=1)
    found = inference.jackknife_interval(
        *inference.leave_groups_out(lambda rows: values[rows].mean(), groups)
    )
    expected = inference.infer(values.mean(), values.std(ddof=1) / np.sqrt(30), 29)
    assert found["low"] == pytest.approx(expected["low"])
    assert found["estimate"] == expected["estimate"]


def test_groups__hold_whole_households_and_are_even():
    codes = np.arange(100).repeat(2)
    groups = inference.deal_groups(codes, 20, rng=2)
    assert (groups[::2] == groups[1::2]).all()
    assert (np.bincount(groups) == 10).all()


def test_adjust_p__is_scipys_with_ties_and_leaves_missing_ones_missing():
    p = np.random.default_rng(4).random(200).round(2)
    p[[3, 50]] = np.nan
    adjusted = adjust_p(p)
    assert np.isnan(adjusted[[3, 50]]).all()
    known = np.isfinite(p)
    np.testing.assert_allclose(adjusted[known], stats.false_discovery_control(p[known]))


def test_count_sure__stops_at_the_first_that_fails():
    assert count_sure(pd.Series([0.001, 0.2, 0.0125, np.nan, 0.01]), level=0.05) == 3
    assert count_sure(pd.Series([0.05, 0.0001, 0.02]), level=0.05) == 3
    assert count_sure(pd.Series([0.03, 0.04]), level=0.05) == 0
    assert count_sure(pd.Series(dtype=float)) == 0


def test_count_sure__is_rarely_wrong_where_nothing_differs():
    p_values = np.random.default_rng(1).uniform(size=(2000, 50))
    wrong = np.mean([count_sure(pd.Series(row)) > 0 for row in p_values])
    assert 0.015 < wrong < 0.035
