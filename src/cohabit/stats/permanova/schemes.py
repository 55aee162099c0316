"""Which permutation suits which term: how it varies at home and between homes decides."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from cohabit.data import schema
from cohabit.stats.permanova.permutation import SCHEMES, Exchange
from cohabit.stats.permanova.terms import Term, TermSpace, orthonormal, variation


@dataclass(frozen=True, eq=False)
class Homes:
    """Who lives with whom, and where."""

    household: np.ndarray
    """Code of each person's household, shape (n_people,); all different without households."""

    names: np.ndarray
    """Name of each code."""

    blocks: str | None
    """Column of the household."""

    strata: str | None
    """Column of the place; None when there is none."""

    stratum: np.ndarray
    """Code of each person's place, shape (n_people,); all 0 when there is none."""

    def take(self, rows: np.ndarray) -> "Homes":
        """Return the same people in another order."""
        return replace(self, household=self.household[rows], stratum=self.stratum[rows])


@dataclass(frozen=True, eq=False)
class Plan:
    """A term, how it is permuted, and what is to be said about it."""

    space: TermSpace
    scheme: str
    exchange: Exchange | None
    """None when the term cannot be tested; the last note says why."""

    stream: int
    """Terms with the same stream share their permutations."""

    notes: tuple[str, ...]


def read_homes(people: pd.DataFrame, blocks: str | None, strata: str | None) -> Homes:
    """Read households and places from sample metadata.

    Raises
    ------
    ValueError
        When a column is not there, a value is missing, or a person has several samples.
        The default place, ``site``, may be absent.
    """
    household, names = pd.factorize(people.index.astype(str), sort=True)
    if blocks is not None:
        household, names = _codes(people, blocks, "blocks")
        _check_persons(people, blocks)
    if strata == "site" and "site" not in people:
        strata = None
    stratum = np.zeros(len(people), dtype=np.int64)
    if strata is not None:
        stratum, _ = _codes(people, strata, "strata")
    return Homes(household, np.asarray(names), blocks, strata, stratum)


def household_order(terms: Sequence[Term], homes: Homes, ids: pd.Index) -> np.ndarray:
    """Return the order of people: by household, in it by the within-household terms, by ID.

    So a household that takes another's place puts its patient where the other's stood.
    """
    matched = [
        np.round(column, 9)
        for term in terms
        if variation(term.columns, homes.household) == "within"
        for column in term.columns.T
    ]
    rank = pd.Index(ids.astype(str)).argsort().argsort()
    return np.lexsort((rank, *reversed(matched), homes.household))


def plan_term(space: TermSpace, homes: Homes, scheme: str) -> Plan:
    """Choose how to permute a term; people must be sorted by household."""
    if space.df == 0:
        return Plan(space, "", None, -1, (space.note,))
    kind = variation(space.term.columns, homes.household)
    chosen = _choose(space.term, kind, homes) if scheme == "auto" else scheme
    placed = _stays_in_place(space.term, chosen, scheme, homes)
    stratum = homes.stratum if placed else np.zeros_like(homes.stratum)
    exchange = Exchange(chosen, homes.household, stratum)
    notes = tuple(_notes(space, kind, exchange, placed, homes))
    if not _moves(space.term, exchange):
        reason = f"no p-value: constant when permuted {_WORDS[chosen]}"
        return Plan(space, chosen, None, -1, (*notes, reason))
    stream = 2 * SCHEMES.index(chosen) + int(placed)
    return Plan(space, chosen, exchange, stream, notes)


_WORDS = {
    "free": "freely",
    "within": "within households",
    "between": "between households",
    "both": "between and within households",
}


def _choose(term: Term, kind: str, homes: Homes) -> str:
    if homes.blocks is None or term.variables == {homes.blocks}:
        return "free"
    return kind


def _stays_in_place(term: Term, chosen: str, asked: str, homes: Homes) -> bool:
    """Return whether units change places within strata only."""
    if homes.strata is None or chosen == "within" or asked == "free":
        return False
    if variation(term.columns, homes.stratum) in ("between", "none"):
        return False
    _check_strata(homes)
    return True


def _check_strata(homes: Homes) -> None:
    spread = pd.Series(homes.stratum).groupby(homes.household).nunique()
    torn = homes.names[spread.index[spread > 1]]
    if len(torn):
        raise ValueError(
            f"strata {homes.strata!r}: expected one value a household; {len(torn)} household(s) "
            f"have more, first {[*torn[:5]]}; correct them, or pass strata=None"
        )


def _notes(space: TermSpace, kind: str, exchange: Exchange, placed: bool, homes: Homes):
    """Yield what a reader must know about how a term was permuted."""
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


def _concordant(term: Term, size: np.ndarray, homes: Homes) -> str:
    """Name the households, if any, in which a two-level term does not vary."""
    column = pd.Series(term.columns[:, 0])
    if column.round(9).nunique() > 2:
        return ""
    spread = column.groupby(homes.household).agg(np.ptp).to_numpy()
    alike = homes.names[(spread < 1e-9) & (size > 1)]
    named = f"the same for all in {len(alike)} household(s), first {[*map(str, alike[:3])]}"
    return named if len(alike) else ""


def _moves(term: Term, exchange: Exchange) -> bool:
    """Return whether the permutations change the term's column space."""
    space = orthonormal(term.columns)
    few = exchange.count <= 64
    for positions in exchange.every() if few else exchange.draw(8, np.random.default_rng(0)):
        moved = term.columns[positions]
        if np.abs(moved - space @ (space.T @ moved)).max() > 1e-7:
            return True
    return False


def _check_persons(people: pd.DataFrame, blocks: str) -> None:
    """Refuse repeated samples of a person, whom no scheme would keep together."""
    if blocks == "participant_id" or "participant_id" not in people:
        return
    repeated = people["participant_id"][people["participant_id"].duplicated()].unique()
    if len(repeated):
        raise ValueError(
            f"{len(repeated)} participant(s) have several samples, first {[*repeated[:5]]}; keep "
            "or sum to one a person, or pass blocks='participant_id' to permute within persons"
        )


def _codes(people: pd.DataFrame, column: str, option: str) -> tuple[np.ndarray, np.ndarray]:
    if column not in people:
        raise ValueError(f"{option}: no column {column!r}: {schema.nearest(column, people)}")
    missing = people.index[people[column].isna()]
    if len(missing):
        raise ValueError(
            f"column {column!r}: {len(missing)} value(s) missing, first {[*missing[:5]]}; "
            f"fill them in, leave these people out, or pass {option}=None"
        )
    codes, names = pd.factorize(people[column].astype(str), sort=True)
    return codes, np.asarray(names)
