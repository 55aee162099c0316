"""Permutations: who changes places with whom, counted and drawn."""

import numpy as np

from cohabit.stats.permanova.exchange import Flips, Shuffle, draw_blocks, exchanged

CELLS = np.array([0, 0, 1, 1, 2, 3, 3, 3])


def test_every__lists_each_permutation_once_and_the_identity_first():
    every = np.array(list(Shuffle(CELLS).every()))
    assert len(every) == len(np.unique(every, axis=0)) == Shuffle(CELLS).count == 2 * 2 * 6
    assert (every[0] == np.arange(8)).all()
    assert (CELLS[every] == CELLS).all()
    signs = np.array(list(Flips(4).every()))
    assert len(np.unique(signs, axis=0)) == Flips(4).count == 16
    assert (signs[0] == 1).all()


def test_draw__reaches_every_permutation_of_the_group_and_no_other():
    shuffle = Shuffle(CELLS[[2, 5, 0, 7, 1, 6, 3, 4]])
    drawn = np.unique(shuffle.draw(3000, np.random.default_rng(3)), axis=0)
    every = np.unique(np.array(list(shuffle.every())), axis=0)
    np.testing.assert_array_equal(drawn, every)


def test_draw__takes_all_permutations_equally_often():
    drawn = Shuffle(np.zeros(3, int)).draw(6000, np.random.default_rng(5))
    times = np.unique(drawn, axis=0, return_counts=True)[1]
    assert len(times) == 6
    assert np.abs(times - 1000).max() < 4 * np.sqrt(6000 / 6 * 5 / 6)


def test_flips__are_fair_signs_in_blocks():
    blocks = list(draw_blocks(Flips(11), 1000, 300, np.random.default_rng(2)))
    assert [block.shape for block in blocks] == [(300, 11)] * 3 + [(100, 11)]
    signs = np.vstack(blocks)
    assert set(np.unique(signs)) == {-1.0, 1.0}
    assert np.abs(signs.mean(axis=0)).max() < 4 / np.sqrt(1000)


def test_blocks__hold_every_permutation_when_no_number_is_asked():
    blocks = list(draw_blocks(Shuffle(CELLS), None, 10, np.random.default_rng(2)))
    assert [len(block) for block in blocks] == [10, 10, 4]


def test_exchanged__moves_rows_or_turns_their_sign():
    columns = np.arange(6.0).reshape(3, 2)
    moved = exchanged(columns, np.array([[2, 0, 1]]))
    np.testing.assert_array_equal(moved[:, 0], columns[[2, 0, 1]])
    turned = exchanged(columns, np.array([[1.0, -1.0, 1.0]]))
    np.testing.assert_array_equal(turned[:, 0], columns * [[1], [-1], [1]])
