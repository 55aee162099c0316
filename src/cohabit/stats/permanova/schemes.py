"""Permutation schemes that respect households and sites.

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

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import permutations, product
from math import factorial, prod

import numpy as np
import pandas as pd

from cohabit.data import schema
from cohabit.stats.alignment import check_complete
from cohabit.stats.permanova.terms import Term, TermSpace, orthonormal, variation

SCHEMES = {
    "free": "freely",
    "within": "within households",
    "between": "between households",
    "both": "between and within households",
}
"""Name of each scheme, and how it permutes."""


@dataclass(frozen=True, eq=False)
class Exchange:
    """A group of permutations of people sorted by household."""

    scheme: str
    """Name of the scheme, one of `SCHEMES`."""

    household: np.ndarray
    """Ascending household code of each person, shape (n_people,)."""

    stratum: np.ndarray
    """Stratum code of each person, constant within households, shape (n_people,)."""

    def __post_init__(self) -> None:
        if self.scheme not in SCHEMES:
            raise ValueError(f"scheme: expected one of {', '.join(SCHEMES)}; got {self.scheme!r}")
        if np.any(np.diff(self.household) < 0):
            raise ValueError("Exchange: expected people sorted by household")

    @cached_property
    def count(self) -> int:
        """Number of all permutations, including the identity."""
        return prod(factorial(len(units)) for units in self._swapping_units())

    def every(self) -> np.ndarray:
        """Return all permutations, shape (count, n_people); the first is the identity."""
        if self.scheme == "both":
            households = Exchange("between", self.household, self.stratum).every()
            members = Exchange("within", self.household, self.stratum).every()
            return households[:, members].reshape(-1, len(self.household))
        units = self._swapping_units()
        result = np.tile(np.arange(len(self.household)), (self.count, 1))
        orders = [permutations(range(len(group))) for group in units]
        for row, choice in enumerate(product(*orders)):
            for group, order in zip(units, choice, strict=True):
                result[row, group.ravel()] = group[list(order)].ravel()
        return result

    def draw(self, n_permutations: int, rng: np.random.Generator) -> np.ndarray:
        """Return random permutations, shape (n_permutations, n_people)."""
        result = np.tile(np.arange(len(self.household)), (n_permutations, 1))
        if self.scheme == "free":
            for people in _positions(self.stratum):
                _shuffle(result, people[:, None], rng)
        if self.scheme in ("between", "both"):
            for households in self._equal_households:
                _shuffle(result, households, rng)
        if self.scheme in ("within", "both"):
            for rows in self._households_by_size:
                _shuffle_members(result, rows, rng)
        return result

    @cached_property
    def pairs(self) -> np.ndarray | None:
        """Positions of the pairs, (n_pairs, 2), if swapping them is the only permutation."""
        groups = self._households_by_size
        simple = self.scheme == "within" and len(groups) == 1 and groups[0].shape[1] == 2
        return groups[0] if simple else None

    @property
    def n_lonely(self) -> int:
        """Number of households that are the only one of their size in their stratum."""
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
        """Yield random swaps of `pairs` as signs, (at most `block`, n_pairs); -1 is a swap."""
        for done in range(0, n_permutations, block):
            shape = (min(block, n_permutations - done), len(self.pairs))
            words = rng.integers(256, size=(shape[0], -(-shape[1] // 8)), dtype=np.uint8)
            bits = np.unpackbits(words, axis=1, count=shape[1])
            yield 1.0 - 2.0 * bits

    def _swapping_units(self) -> list[np.ndarray]:
        """Return groups of exchangeable units, each (n_units, people in a unit)."""
        if self.scheme == "between":
            return self._equal_households
        codes = self.stratum if self.scheme == "free" else self.household
        people = [group[:, None] for group in _positions(codes)]
        return [*self._equal_households, *people] if self.scheme == "both" else people

    @cached_property
    def _equal_households(self) -> list[np.ndarray]:
        """Positions of households by stratum and size, each (n_households, size)."""
        groups: dict[tuple, list[np.ndarray]] = {}
        for rows in _positions(self.household):
            groups.setdefault((self.stratum[rows[0]], len(rows)), []).append(rows)
        return [np.array(group) for group in groups.values()]

    @cached_property
    def _households_by_size(self) -> list[np.ndarray]:
        """Positions of households by size above one, each (n_households, size)."""
        return [rows for rows in positions_by_size(self.household) if rows.shape[1] > 1]


def _positions(codes: np.ndarray) -> list[np.ndarray]:
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order])) + 1
    return np.split(order, starts)


def positions_by_size(codes: np.ndarray) -> list[np.ndarray]:
    """Return member positions of groups (codes 0, 1, ...), one (n_groups, size) array a size."""
    order, size = np.argsort(codes, kind="stable"), np.bincount(codes)
    starts = np.cumsum(size) - size
    return [order[starts[size == n][:, None] + np.arange(n)] for n in np.unique(size[size > 0])]


def _shuffle(result: np.ndarray, units: np.ndarray, rng: np.random.Generator) -> None:
    """Shuffle units (n_units, people) in place, independently in every row."""
    order = rng.random((len(result), len(units))).argsort(axis=1)
    result[:, units.ravel()] = units[order].reshape(len(result), -1)


def _shuffle_members(result: np.ndarray, rows: np.ndarray, rng: np.random.Generator) -> None:
    """Shuffle the members of each household (n_households, size) in place, in every row."""
    if rows.shape[1] == 2:
        swap = rng.random((len(result), len(rows))) < 0.5
        first, second = result[:, rows[:, 0]], result[:, rows[:, 1]]
        result[:, rows[:, 0]] = np.where(swap, second, first)
        result[:, rows[:, 1]] = np.where(swap, first, second)
        return
    order = rng.random((len(result), *rows.shape)).argsort(axis=2)
    members = np.take_along_axis(result[:, rows], order, axis=2)
    result[:, rows.ravel()] = members.reshape(len(result), -1)


@dataclass(frozen=True, eq=False)
class Households:
    """Household and stratum of each person, and the names of the two columns."""

    household: np.ndarray
    """Household code of each person, shape (n_people,); all different without households."""

    names: np.ndarray
    """Household name of each code."""

    blocks: str | None
    strata: str | None
    stratum: np.ndarray
    """Stratum code of each person, shape (n_people,); all 0 without strata."""

    def take(self, rows: np.ndarray) -> "Households":
        """Return the same people in another order."""
        return replace(self, household=self.household[rows], stratum=self.stratum[rows])


@dataclass(frozen=True, eq=False)
class TermPlan:
    """A term, its permutations and the notes about them."""

    space: TermSpace
    scheme: str
    exchange: Exchange | None
    """None if the term cannot be tested; the last note gives the reason."""

    stream: int
    """Number of the random stream; terms with the same stream share permutations."""

    notes: tuple[str, ...]


def read_homes(people: pd.DataFrame, blocks: str | None, strata: str | None) -> Households:
    """Read households and strata from sample metadata; ``site``, the default, may be absent."""
    household, names = pd.factorize(people.index.astype(str), sort=True)
    if blocks is not None:
        household, names = _codes(people, blocks, "blocks")
        _check_persons(people, blocks)
    if strata == "site" and "site" not in people:
        strata = None
    stratum = np.zeros(len(people), dtype=np.int64)
    if strata is not None:
        stratum, _ = _codes(people, strata, "strata")
    return Households(household, np.asarray(names), blocks, strata, stratum)


def household_order(terms: Sequence[Term], homes: Households, ids: pd.Index) -> np.ndarray:
    """Return the order of people by household, within-household terms and ID.

    A household that replaces another thus puts its patient in the place of the other's.
    """
    matched = [
        np.round(column, 9)
        for term in terms
        if variation(term.columns, homes.household) == "within"
        for column in term.columns.T
    ]
    rank = pd.Index(ids.astype(str)).argsort().argsort()
    return np.lexsort((rank, *reversed(matched), homes.household))


def plan_term(space: TermSpace, homes: Households, scheme: str) -> TermPlan:
    """Choose the permutations of a term; people must be sorted by household."""
    if space.df == 0:
        return TermPlan(space, "", None, -1, (space.note,))
    kind = variation(space.term.columns, homes.household)
    alone = homes.blocks is None or space.term.variables == {homes.blocks}
    chosen = scheme if scheme != "auto" else "free" if alone else kind
    placed = _stays_in_place(space.term, chosen, scheme, homes)
    stratum = homes.stratum if placed else np.zeros_like(homes.stratum)
    exchange = Exchange(chosen, homes.household, stratum)
    notes = tuple(_notes(space, kind, exchange, placed, homes))
    if not _moves(space.term, exchange):
        reason = f"no p-value: constant when permuted {SCHEMES[chosen]}"
        return TermPlan(space, chosen, None, -1, (*notes, reason))
    stream = 2 * [*SCHEMES].index(chosen) + int(placed)
    return TermPlan(space, chosen, exchange, stream, notes)


def _stays_in_place(term: Term, chosen: str, asked: str, homes: Households) -> bool:
    """Return True when units are exchanged only within strata."""
    if homes.strata is None or chosen == "within" or asked == "free":
        return False
    if variation(term.columns, homes.stratum) in ("between", "none"):
        return False
    spread = pd.Series(homes.stratum).groupby(homes.household).nunique()
    torn = homes.names[spread.index[spread > 1]]
    if len(torn):
        raise ValueError(
            f"strata {homes.strata!r}: expected one value per household; {len(torn)} household(s) "
            f"have more, first {[*torn[:5]]}; correct them, or pass strata=None"
        )
    return True


def _notes(space: TermSpace, kind: str, exchange: Exchange, placed: bool, homes: Households):
    """Yield notes on how a term is permuted."""
    size, variables = np.bincount(homes.household), space.term.variables
    yield space.note
    if placed:
        units = "people" if exchange.scheme == "free" else "households"
        yield f"{units} permuted within {homes.strata}"
    elif exchange.scheme == "between" and homes.strata and homes.strata not in variables:
        yield f"constant within {homes.strata}: an effect of {homes.strata} would count as its own"
    if exchange.scheme == "free" and (size > 1).any() and variables != {homes.blocks}:
        yield "permuted as if nobody lived together"
    if exchange.scheme in ("within", "both") and (size == 1).any():
        yield f"{(size == 1).sum()} singleton(s) have nobody to swap with"
    if exchange.scheme in ("between", "both") and exchange.n_lonely:
        yield f"{exchange.n_lonely} household(s) have no other of their size to change places with"
    if kind == "both" and space.term.columns.shape[1] == 1:
        yield _concordant(space.term, size, homes)


def _concordant(term: Term, size: np.ndarray, homes: Households) -> str:
    """Return a note on households in which a two-level term does not vary."""
    column = pd.Series(term.columns[:, 0])
    if column.round(9).nunique() > 2:
        return ""
    spread = column.groupby(homes.household).agg(np.ptp).to_numpy()
    alike = homes.names[(spread < 1e-9) & (size > 1)]
    named = f"the same for all in {len(alike)} household(s), first {[*map(str, alike[:3])]}"
    return named if len(alike) else ""


def _moves(term: Term, exchange: Exchange) -> bool:
    """Return True when the permutations change the term's column space."""
    space = orthonormal(term.columns)
    few = exchange.count <= 64
    for positions in exchange.every() if few else exchange.draw(8, np.random.default_rng(0)):
        moved = term.columns[positions]
        if np.abs(moved - space @ (space.T @ moved)).max() > 1e-7:
            return True
    return False


def _check_persons(people: pd.DataFrame, blocks: str) -> None:
    if blocks == "participant_id" or "participant_id" not in people:
        return
    repeated = people["participant_id"][people["participant_id"].duplicated()].unique()
    if len(repeated):
        raise ValueError(
            f"{len(repeated)} participant(s) have several samples, first {[*repeated[:5]]}; keep "
            "or sum to one a person, or pass blocks='participant_id' to permute within persons"
        )


def _codes(people: pd.DataFrame, column: str, option: str) -> tuple[np.ndarray, np.ndarray]:
    schema.check_choice(f"{option}: no column", column, people)
    check_complete(people, column, f"fill them in, leave these people out, or pass {option}=None")
    codes, names = pd.factorize(people[column].astype(str), sort=True)
    return codes, np.asarray(names)
