"""Who may change places with whom: permutations that respect households and sites.

A scheme is a group of permutations under which the data are exchangeable when a term has
no effect. People are kept in household order, so that a permutation is an array of
positions: entry `i` says whose values person `i` takes.

==========  =======================================================================
scheme      who changes places
==========  =======================================================================
free        anyone with anyone; within strata when they are given
within      members of one household; singletons stay where they are
between     whole households of equal size, within strata when they are given;
            members keep their rank in the household
both        whole households as in `between`, then members as in `within`
==========  =======================================================================
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, permutations, product
from math import factorial, prod

import numpy as np

SCHEMES = ("free", "within", "between", "both")


@dataclass(frozen=True, eq=False)
class Exchange:
    """A group of permutations of people who are sorted by household."""

    scheme: str
    """One of `SCHEMES`."""

    household: np.ndarray
    """Code of each person's household, ascending, shape (n_people,)."""

    stratum: np.ndarray
    """Code of each person's stratum, constant within households, shape (n_people,)."""

    def __post_init__(self) -> None:
        if self.scheme not in SCHEMES:
            raise ValueError(f"scheme: expected one of {', '.join(SCHEMES)}; got {self.scheme!r}")
        if np.any(np.diff(self.household) < 0):
            raise ValueError("Exchange: expected people sorted by household")

    @cached_property
    def count(self) -> int:
        """Number of all permutations, the identity among them."""
        return prod(factorial(len(units)) for units in self._swapping_units())

    def every(self) -> np.ndarray:
        """Return all permutations, shape (count, n_people); the first is the identity."""
        if self.scheme == "both":
            households = Exchange("between", self.household, self.stratum).every()
            members = Exchange("within", self.household, self.stratum).every()
            return households[:, members].reshape(-1, len(self.household))
        units = self._swapping_units()
        orders = [list(permutations(range(len(group)))) for group in units]
        result = np.tile(np.arange(len(self.household)), (self.count, 1))
        for row, choice in enumerate(product(*orders)):
            for group, order in zip(units, choice, strict=True):
                result[row, group.ravel()] = group[list(order)].ravel()
        return result

    def draw(self, n_permutations: int, rng: np.random.Generator) -> np.ndarray:
        """Return random permutations, shape (n_permutations, n_people)."""
        result = np.tile(np.arange(len(self.household)), (n_permutations, 1))
        if self.scheme == "free":
            for group in _positions(self.stratum):
                _shuffle(result, group[:, None], rng)
        if self.scheme in ("between", "both"):
            for group in self._equal_households:
                _shuffle(result, group, rng)
        if self.scheme in ("within", "both"):
            for rows in self._households_by_size:
                _shuffle_members(result, rows, rng)
        return result

    @cached_property
    def pairs(self) -> np.ndarray | None:
        """Positions of the pairs, (n_pairs, 2), when swapping them is all there is to do."""
        groups = self._households_by_size
        simple = self.scheme == "within" and len(groups) == 1 and groups[0].shape[1] == 2
        return groups[0] if simple else None

    @property
    def n_lonely(self) -> int:
        """Number of households with no other of their size in their stratum."""
        return sum(len(group) == 1 for group in self._equal_households)

    def draw_blocks(
        self, n_permutations: int, block: int, rng: np.random.Generator
    ) -> Iterator[np.ndarray]:
        """Yield `n_permutations` random permutations, at most `block` at a time."""
        for done in range(0, n_permutations, block):
            yield self.draw(min(block, n_permutations - done), rng)

    def draw_swaps(
        self, n_permutations: int, block: int, rng: np.random.Generator
    ) -> Iterator[np.ndarray]:
        """Yield random swaps of `pairs` as signs, (at most `block`, n_pairs); -1 swaps."""
        for done in range(0, n_permutations, block):
            shape = (min(block, n_permutations - done), len(self.pairs))
            words = rng.integers(256, size=(shape[0], -(-shape[1] // 8)), dtype=np.uint8)
            bits = np.unpackbits(words, axis=1, count=shape[1])
            yield 1.0 - 2.0 * bits

    def _swapping_units(self) -> list[np.ndarray]:
        """Return groups of units that swap, each (n_units, people in a unit)."""
        people = [group[:, None] for group in _positions(self.stratum)]
        members = [group[:, None] for group in _positions(self.household)]
        households = self._equal_households
        return {
            "free": people,
            "within": members,
            "between": households,
            "both": list(chain(households, members)),
        }[self.scheme]

    @cached_property
    def _equal_households(self) -> list[np.ndarray]:
        """For each stratum and size, the positions of its households, (n_households, size)."""
        groups: dict[tuple, list[np.ndarray]] = {}
        for rows in _positions(self.household):
            groups.setdefault((self.stratum[rows[0]], len(rows)), []).append(rows)
        return [np.array(group) for group in groups.values()]

    @cached_property
    def _households_by_size(self) -> list[np.ndarray]:
        """For each size above one, the positions of its households, (n_households, size)."""
        groups: dict[int, list[np.ndarray]] = {}
        for rows in _positions(self.household):
            groups.setdefault(len(rows), []).append(rows)
        return [np.array(rows) for size, rows in sorted(groups.items()) if size > 1]


def _positions(codes: np.ndarray) -> list[np.ndarray]:
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order])) + 1
    return np.split(order, starts)


def _shuffle(result: np.ndarray, units: np.ndarray, rng: np.random.Generator) -> None:
    """Shuffle units (n_units, people) among themselves, in place, in every row."""
    order = rng.random((len(result), len(units))).argsort(axis=1)
    result[:, units.ravel()] = units[order].reshape(len(result), -1)


def _shuffle_members(result: np.ndarray, rows: np.ndarray, rng: np.random.Generator) -> None:
    """Shuffle the members of each household (n_households, size), in place, in every row."""
    if rows.shape[1] == 2:
        swap = rng.random((len(result), len(rows))) < 0.5
        first, second = result[:, rows[:, 0]], result[:, rows[:, 1]]
        result[:, rows[:, 0]] = np.where(swap, second, first)
        result[:, rows[:, 1]] = np.where(swap, first, second)
        return
    order = rng.random((len(result), *rows.shape)).argsort(axis=2)
    members = np.take_along_axis(result[:, rows], order, axis=2)
    result[:, rows.ravel()] = members.reshape(len(result), -1)
