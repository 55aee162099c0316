"""What is done to a term in a stratum: its permutations and the notes about them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cohabit.stats.permanova.exchange import Exchange, exchanged
from cohabit.stats.permanova.strata import ALL, Design, ErrorStratum
from cohabit.stats.permanova.terms import TermSpace, orthonormal


@dataclass(frozen=True)
class TermPlan:
    """A term of a stratum, its permutations and the notes about them."""

    space: TermSpace
    exchange: Exchange | None
    """None if the term cannot be tested; the last note gives the reason."""

    notes: tuple[str, ...]


def plan_term(space: TermSpace, stratum: ErrorStratum, design: Design, rank: int) -> TermPlan:
    """Choose the permutations of a term; `rank` is that of the model in the stratum."""
    if space.df == 0:
        return TermPlan(space, None, (space.note,))
    notes = [space.note, *stratum.notes, _alike(space, stratum, design)]
    if stratum.df <= rank:
        reason = f"no p-value: no residual degrees of freedom {stratum.name}"
        return TermPlan(space, None, (*notes, reason))
    placed = stratum.placed is not None and _moves(space, stratum.placed)
    exchange = stratum.placed if placed else stratum.exchange
    notes.extend(_said(space, stratum, exchange, design))
    if placed or _moves(space, exchange):
        return TermPlan(space, exchange, tuple(notes))
    words = "permuted" if stratum.name == ALL else f"permuted {stratum.name}"
    words = next((note for note in stratum.notes if note.startswith("permuted")), words)
    return TermPlan(space, None, (*notes, f"no p-value: constant when {words}"))


def _said(
    space: TermSpace, stratum: ErrorStratum, exchange: Exchange, design: Design
) -> Iterator[str]:
    """Yield notes on who changes places."""
    variables = space.term.variables
    if stratum.placed is exchange:
        yield f"{stratum.units} permuted within {design.strata}"
    elif stratum.placed is not None and design.strata not in variables:
        place = design.strata
        yield f"constant within {place}: an effect of {place} would count as its own"
    if stratum.nuisance is not None and stratum.parent is None and exchange.n_lonely:
        lonely = f"{exchange.n_lonely} of the {stratum.units}"
        yield f"{lonely} have no other of their size to change places with"


def _alike(space: TermSpace, stratum: ErrorStratum, design: Design) -> str:
    """Return a note on the units inside which a two-level term does not vary."""
    sizes = np.abs(space.term.columns).max(axis=1).round(9)
    if stratum.parent is None or ":" in space.term.name or len(np.unique(sizes)) > 2:
        return ""
    varies = sizes > 0
    inside = pd.Series(varies).groupby(stratum.parent).any()
    outer = next(x for x in design.levels if stratum.name == f"within {x.name}")
    alike = outer.names[inside.index[~inside]]
    named = f"the same for all in {len(alike)} of the {outer.name}, first {[*map(str, alike[:3])]}"
    return named if len(alike) else ""


def _moves(space: TermSpace, exchange: Exchange) -> bool:
    """Return True when the permutations change the term's column space."""
    columns = space.term.columns
    basis = orthonormal(columns)
    few = exchange.count <= 64
    for draw in exchange.every() if few else exchange.draw(8, np.random.default_rng(0)):
        moved = exchanged(columns, draw[None])[:, 0]
        if np.abs(moved - basis @ (basis.T @ moved)).max() > 1e-7:
            return True
    return False
