"""Families and inheritance: HLA, 200 loci of small effect and unmeasured genes.

Every kindred has the same slots, so relatives are found by position.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
import pandas as pd

from cohabit.simulate.dice import stream

Parents = tuple[int, int]


@dataclass(frozen=True)
class Pedigree:
    """Descent between the slots of a kindred; people are numbered kindred by kindred."""

    parents: dict[int, Parents]
    """Slot -> its two parents; a slot that is missing here is not born into the kindred."""

    size: int
    twins: tuple[Parents, ...]
    """Pairs of slots that can be twins."""

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
        """Pairs of parents, each listed once, eldest first."""
        return list(dict.fromkeys(self.parents.values()))

    @cached_property
    def sibship(self) -> np.ndarray:
        """Number of each slot's sibship; slots without parents are alone in theirs."""
        keys = [self.parents.get(slot, (slot, -1)) for slot in range(self.size)]
        return np.unique(np.array([f"{a} {b}" for a, b in keys]), return_inverse=True)[1]

    def relation(self, one: int, other: int) -> str | None:
        """Return how two slots are related by blood, or None if not closely."""
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
        """All related pairs of slots in both orders: one, other, relation."""
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

HLA = ("hla_drb1_1501", "hla_a0201")
ANCESTRIES = ("north", "south", "tropical")
HLA_FREQUENCY = {"north": (0.15, 0.28), "south": (0.12, 0.26), "tropical": (0.08, 0.20)}
"""Frequencies of the HLA alleles by ancestry (our illustration; higher in the north)."""

KINDREDS_A_BLOCK = (
    4096  # kindreds in memory at once; draws go block by block, so it is part of the world
)


@dataclass(frozen=True)
class Genes:
    """The inherited genes of each person."""

    hla: np.ndarray
    """People x 2: copies of DRB1*15:01 and of A*02:01."""

    loci: np.ndarray
    """People x loci: copies of the risk allele."""

    unmeasured: np.ndarray
    """Standard normal in the population: the additive effect of all unmeasured genes."""

    combination: np.ndarray
    """Standard normal: interactions of genes, shared only by identical twins."""


def draw_genes(kindreds: pd.DataFrame, pedigree: Pedigree, loci: pd.DataFrame, seed: int) -> Genes:
    """Draw founders from the population and pass their genes on to descendants.

    `kindreds` has the columns ancestry, and zygosity_N for each pair of slots that may be twins;
    `loci` the frequency of each risk allele, the same in every ancestry. Loci are unlinked and
    mates are drawn at random within their ancestry. Identical twins share every draw.
    """
    draws = stream(seed, "population/genes")
    identical = [kindreds[f"zygosity_{n}"].eq("MZ").to_numpy() for n in range(len(pedigree.twins))]
    thresholds = _list_thresholds(loci["frequency"].to_numpy())
    ancestry = pd.Index(ANCESTRIES).get_indexer(kindreds["ancestry"])
    people = len(kindreds) * pedigree.size
    dosage = np.empty((people, thresholds.shape[1]), dtype=np.int8)
    for start in range(0, len(kindreds), KINDREDS_A_BLOCK):
        stop = min(start + KINDREDS_A_BLOCK, len(kindreds))
        twins = [chosen[start:stop] for chosen in identical]
        block = _draw_block(thresholds[ancestry[start:stop]], pedigree, twins, draws)
        dosage[start * pedigree.size : stop * pedigree.size] = block
    unmeasured = _draw_unmeasured(len(kindreds), pedigree, identical, seed)
    combination = _draw_combination(len(kindreds), pedigree, identical, seed)
    return Genes(dosage[:, :2], dosage[:, 2:], unmeasured, combination)


def _list_thresholds(loci: np.ndarray) -> np.ndarray:
    """Return allele frequencies (ancestries x loci, HLA first) as thresholds of 16 bits."""
    rows = [np.concatenate([HLA_FREQUENCY[name], loci]) for name in ANCESTRIES]
    return np.round(np.array(rows) * 65536).astype(np.uint16)


def _draw_block(
    thresholds: np.ndarray, pedigree: Pedigree, identical: list[np.ndarray], draws
) -> np.ndarray:
    """Return copies of the risk allele, (kindreds x slots) x loci."""
    kindreds, n_loci = thresholds.shape
    dosage = np.empty((kindreds, pedigree.size, n_loci), dtype=np.int8)
    for slot in range(pedigree.size):
        if slot in pedigree.parents:
            mother, father = pedigree.parents[slot]
            coins = _toss(draws, (kindreds, 2, n_loci))
            dosage[:, slot] = _transmit(dosage[:, mother], coins[:, 0])
            dosage[:, slot] += _transmit(dosage[:, father], coins[:, 1])
        else:
            alleles = draws.integers(0, 65536, (kindreds, 2, n_loci), dtype=np.uint16)
            dosage[:, slot] = (alleles < thresholds[:, None, :]).sum(axis=1, dtype=np.int8)
        _copy_twin(dosage, slot, pedigree, identical)
    return dosage.reshape(-1, n_loci)


def _toss(draws: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    size = int(np.prod(shape))
    tossed = np.unpackbits(np.frombuffer(draws.bytes((size + 7) // 8), dtype=np.uint8), count=size)
    return tossed.reshape(shape)


def _transmit(copies: np.ndarray, coin: np.ndarray) -> np.ndarray:
    """Return the allele that a parent with 0, 1 or 2 copies passes on, given a coin toss."""
    return (copies + coin) >> 1


def _copy_twin(
    values: np.ndarray, slot: int, pedigree: Pedigree, identical: list[np.ndarray]
) -> None:
    for (first, second), chosen in zip(pedigree.twins, identical, strict=True):
        if slot == second:
            values[chosen, second] = values[chosen, first]


def _draw_unmeasured(
    kindreds: int, pedigree: Pedigree, identical: list[np.ndarray], seed: int
) -> np.ndarray:
    """Draw the unmeasured genes: half of each parent's value plus half the variance anew."""
    own = stream(seed, "population/unmeasured").standard_normal((kindreds, pedigree.size))
    for slot, (mother, father) in pedigree.parents.items():
        own[:, slot] = (own[:, mother] + own[:, father]) / 2 + own[:, slot] * np.sqrt(0.5)
        _copy_twin(own, slot, pedigree, identical)
    return own.reshape(-1)


def _draw_combination(
    kindreds: int, pedigree: Pedigree, identical: list[np.ndarray], seed: int
) -> np.ndarray:
    """Draw the interaction of many genes, shared only by identical twins."""
    own = stream(seed, "population/combination").standard_normal((kindreds, pedigree.size))
    for slot in pedigree.parents:
        _copy_twin(own, slot, pedigree, identical)
    return own.reshape(-1)


def add_up(dosage: np.ndarray, weights: np.ndarray, block: int = 65536) -> np.ndarray:
    """Return copies times weights, summed over loci without BLAS for stable bytes."""
    total = np.empty(len(dosage))
    for start in range(0, len(dosage), block):
        rows = dosage[start : start + block].astype(np.float32)
        total[start : start + block] = np.einsum("ij,j->i", rows, weights.astype(np.float32))
    return total
