"""Families by pattern: every kindred has the same slots, so relatives are found by position."""

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
import pandas as pd

Parents = tuple[int, int]


@dataclass(frozen=True)
class Pedigree:
    """Who descends from whom, slot by slot; people are numbered kindred by kindred."""

    parents: dict[int, Parents]
    """Slot -> its two parents; a slot that is not here marries in."""

    size: int
    twins: tuple[Parents, ...]
    """Pairs of slots that may be twins."""

    twin_share: float
    """Share of these pairs that are twins."""

    identical_share: float
    """Share of twins that are identical."""

    generation: tuple[int, ...]

    @cached_property
    def founders(self) -> list[int]:
        """Slots without parents in the kindred."""
        return [slot for slot in range(self.size) if slot not in self.parents]

    @cached_property
    def couples(self) -> list[Parents]:
        """Pairs of parents, each once, eldest first."""
        return list(dict.fromkeys(self.parents.values()))

    @cached_property
    def sibship(self) -> np.ndarray:
        """Number of the sibship of each slot; who marries in has one of their own."""
        keys = [self.parents.get(slot, (slot, -1)) for slot in range(self.size)]
        return np.unique(np.array([f"{a} {b}" for a, b in keys]), return_inverse=True)[1]

    def relation(self, one: int, other: int) -> str | None:
        """Name how two slots are related by blood, None when they are not, or farther."""
        mine, theirs = self.parents.get(one), self.parents.get(other)
        if (theirs and one in theirs) or (mine and other in mine):
            return "parent or child"
        if not mine or not theirs:
            return None
        shared = len(set(mine) & set(theirs))
        if shared:
            return {1: "half-sibling", 2: "sibling"}[shared]
        aunts = [self.relation(a, b) for a in mine for b in theirs]
        return "cousin" if "sibling" in aunts else None

    @cached_property
    def related(self) -> pd.DataFrame:
        """Every related pair of slots, both ways: one, other, relation."""
        found = [
            (one, other, self.relation(one, other))
            for one, other in combinations(range(self.size), 2)
        ]
        found = [row for row in found if row[2]]
        both = found + [(other, one, name) for one, other, name in found]
        return pd.DataFrame(both, columns=["one", "other", "relation"])


def _children(couple: Parents, slots: range) -> dict[int, Parents]:
    return dict.fromkeys(slots, couple)


KINDRED = Pedigree(
    parents=_children((0, 1), range(2, 5))
    | _children((2, 5), range(9, 12))
    | _children((3, 6), range(12, 15))
    | _children((4, 7), range(15, 17))
    | _children((4, 8), range(17, 19)),
    size=19,
    twins=((2, 3), (9, 10), (12, 13)),
    twin_share=0.03,
    identical_share=0.3,
    generation=(0, 0, *[1] * 7, *[2] * 10),
)
"""Two grandparents, three children, four partners (one child has two), ten grandchildren."""

TWIN_FAMILY = Pedigree(
    parents=_children((0, 1), range(2, 4)),
    size=4,
    twins=((2, 3),),
    twin_share=1.0,
    identical_share=0.5,
    generation=(1, 1, 2, 2),
)
"""Two parents and their twins."""
