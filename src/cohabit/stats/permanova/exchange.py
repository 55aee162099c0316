"""Permutations: units that change places within cells, and contrasts that change their sign."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice, permutations, product
from math import factorial, prod

import numpy as np


@dataclass(frozen=True, eq=False)
class Shuffle:
    """All permutations of units within cells.

    A permutation is an array of positions: entry `i` says whose values unit `i` takes.
    """

    cells: np.ndarray
    """Code of the cell of each unit, shape (n_units,)."""

    @cached_property
    def count(self) -> int:
        """Number of all permutations, including the identity."""
        return prod(factorial(len(units)) for units in self.members)

    @cached_property
    def members(self) -> list[np.ndarray]:
        """Positions of the units of each cell."""
        order = np.argsort(self.cells, kind="stable")
        return np.split(order, np.flatnonzero(np.diff(self.cells[order])) + 1)

    @property
    def n_lonely(self) -> int:
        """Number of units that are alone in their cell."""
        return sum(len(units) == 1 for units in self.members)

    def every(self) -> Iterator[np.ndarray]:
        """Yield all permutations, each of shape (n_units,); the first is the identity."""
        for choice in product(*(permutations(units) for units in self.members)):
            result = np.empty(len(self.cells), dtype=np.int64)
            result[np.concatenate(self.members)] = np.concatenate(choice)
            yield result

    def draw(self, n_permutations: int, rng: np.random.Generator) -> np.ndarray:
        """Return random permutations, shape (n_permutations, n_units)."""
        result = np.tile(np.arange(len(self.cells)), (n_permutations, 1))
        for units in positions_by_size(np.unique(self.cells, return_inverse=True)[1]):
            if units.shape[1] > 1:
                order = rng.random((n_permutations, *units.shape)).argsort(axis=2)
                moved = np.take_along_axis(result[:, units], order, axis=2)
                result[:, units.ravel()] = moved.reshape(n_permutations, -1)
        return result


@dataclass(frozen=True, eq=False)
class Flips:
    """All changes of sign of contrasts between the two members of a household or person.

    A permutation is an array of signs; -1 swaps the members.
    """

    n_units: int

    n_lonely = 0

    @property
    def count(self) -> int:
        """Number of all changes of sign, including none."""
        return 2**self.n_units

    def every(self) -> Iterator[np.ndarray]:
        """Yield all changes of sign, each of shape (n_units,); the first is none."""
        yield from map(np.array, product((1.0, -1.0), repeat=self.n_units))

    def draw(self, n_permutations: int, rng: np.random.Generator) -> np.ndarray:
        """Return random signs, shape (n_permutations, n_units)."""
        shape = (n_permutations, -(-self.n_units // 8))
        words = rng.integers(256, size=shape, dtype=np.uint8)
        return 1.0 - 2.0 * np.unpackbits(words, axis=1, count=self.n_units)


Exchange = Shuffle | Flips


def draw_blocks(
    exchange: Exchange, n_permutations: int | None, block: int, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """Yield random permutations, or all of them when the number is None, `block` at a time."""
    if n_permutations is None:
        every = exchange.every()
        while chosen := list(islice(every, block)):
            yield np.array(chosen)
        return
    for done in range(0, n_permutations, block):
        yield exchange.draw(min(block, n_permutations - done), rng)


def exchanged(columns: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Return the columns, (n_units, k), after each of B permutations, (n_units, B, k)."""
    if draws.dtype.kind == "f":
        return draws.T[:, :, None] * columns[:, None, :]
    return columns[draws.T]


def positions_by_size(codes: np.ndarray) -> list[np.ndarray]:
    """Return member positions of groups (codes 0, 1, ...), one (n_groups, size) array a size."""
    order, size = np.argsort(codes, kind="stable"), np.bincount(codes)
    starts = np.cumsum(size) - size
    return [order[starts[size == n][:, None] + np.arange(n)] for n in np.unique(size[size > 0])]
