"""Permutations: who changes places with whom, counted and drawn."""

import numpy as np
import pytest

from cohabit.stats.permanova.schemes import Exchange

HOUSEHOLD = np.array([0, 0, 1, 1, 2, 3, 3, 3, 4])
STRATUM = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1])
COUNTS = {"free": 24 * 120, "within": 2 * 2 * 6, "between": 2 * 2, "both": 4 * 24}


@pytest.mark.parametrize("scheme", ["within", "between", "both"])
def test_every__lists_each_permutation_once(scheme):
    exchange = Exchange(scheme, HOUSEHOLD, STRATUM)
    every = exchange.every()
    assert len(every) == exchange.count == COUNTS[scheme]
    assert len(np.unique(every, axis=0)) == COUNTS[scheme]
    assert (every[0] == np.arange(9)).all()


def test_every__is_all_orders_when_free():
    exchange = Exchange("free", np.arange(4), np.zeros(4, int))
    assert len(np.unique(exchange.every(), axis=0)) == exchange.count == 24


@pytest.mark.parametrize("scheme", COUNTS)
def test_draw__reaches_every_permutation_of_the_group_and_no_other(scheme):
    household, stratum = HOUSEHOLD[:8], np.array([0, 0, 0, 0, 1, 1, 1, 1])
    exchange = Exchange(scheme, household, stratum)
    drawn = np.unique(exchange.draw(12_000, np.random.default_rng(3)), axis=0)
    every = np.unique(exchange.every(), axis=0)
    np.testing.assert_array_equal(drawn, every)


def test_draw__takes_all_permutations_equally_often():
    exchange = Exchange("both", np.array([0, 0, 1, 1]), np.zeros(4, int))
    drawn = exchange.draw(8000, np.random.default_rng(5))
    times = np.unique(drawn, axis=0, return_counts=True)[1]
    assert len(times) == 8
    assert np.abs(times - 1000).max() < 4 * np.sqrt(8000 / 8 * 7 / 8)


def test_draw__between_keeps_each_household_together_and_its_ranks():
    drawn = Exchange("between", HOUSEHOLD, STRATUM).draw(50, np.random.default_rng(1))
    assert (drawn[:, 1] - drawn[:, 0] == 1).all()
    assert set(drawn[:, 0]) == {0, 2}
    assert (drawn[:, 5:8] == [5, 6, 7]).all()
    assert set(drawn[:, 4]) == {4, 8}


def test_pairs__are_known_only_when_swapping_pairs_is_all():
    assert Exchange("within", np.array([0, 0, 1, 2, 2]), np.zeros(5, int)).pairs.tolist() == [
        [0, 1],
        [3, 4],
    ]
    assert Exchange("within", HOUSEHOLD, STRATUM).pairs is None
    assert Exchange("both", np.array([0, 0]), np.zeros(2, int)).pairs is None


def test_draw_swaps__are_fair_signs_in_blocks():
    exchange = Exchange("within", np.repeat(np.arange(11), 2), np.zeros(22, int))
    blocks = list(exchange.draw_swaps(1000, 300, np.random.default_rng(2)))
    assert [block.shape for block in blocks] == [(300, 11)] * 3 + [(100, 11)]
    signs = np.vstack(blocks)
    assert set(np.unique(signs)) == {-1.0, 1.0}
    assert np.abs(signs.mean(axis=0)).max() < 4 / np.sqrt(1000)


def test_exchange__refuses_what_it_does_not_know():
    with pytest.raises(ValueError, match="expected one of free, within, between, both"):
        Exchange("pairs", HOUSEHOLD, STRATUM)
    with pytest.raises(ValueError, match="sorted by household"):
        Exchange("within", HOUSEHOLD[::-1], STRATUM)
