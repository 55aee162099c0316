"""Genes: HLA, some two hundred loci of small effect, and what nobody has measured."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cohabit.simulate.dice import stream
from cohabit.simulate.pedigree import Pedigree

HLA = ("hla_drb1_1501", "hla_a0201")
ANCESTRIES = ("north", "south", "tropical")
HLA_FREQUENCY = {"north": (0.15, 0.28), "south": (0.12, 0.26), "tropical": (0.08, 0.20)}
"""Our illustration: the risk allele is commoner in the ancestry of high latitudes."""

BLOCK = 4096  # kindreds in memory at once; draws go block by block, so it is part of the world


@dataclass(frozen=True)
class Genes:
    """What each person inherited."""

    hla: np.ndarray
    """People x 2: copies of DRB1*15:01 and of A*02:01."""

    loci: np.ndarray
    """People x loci: copies of the risk allele."""

    unmeasured: np.ndarray
    """Standard normal over the population: many more genes, none of them measured."""

    combination: np.ndarray
    """Standard normal: what genes do only together; identical twins alone share it whole."""


def draw_genes(kindreds: pd.DataFrame, pedigree: Pedigree, loci: pd.DataFrame, seed: int) -> Genes:
    """Draw founders from the population, and pass genes on to their descendants.

    Parameters
    ----------
    kindreds : DataFrame, one row a kindred
        `ancestry`, and `zygosity_N` for each pair of slots that may be twins.
    pedigree : Pedigree
    loci : DataFrame
        `frequency` of each locus' risk allele, the same in every ancestry.
    seed : int

    Notes
    -----
    Loci are unlinked and mates are drawn at random within their ancestry. Identical twins
    share every draw.
    """
    draws = stream(seed, "population/genes")
    identical = [kindreds[f"zygosity_{n}"].eq("MZ").to_numpy() for n in range(len(pedigree.twins))]
    frequency = _frequencies(kindreds["ancestry"], loci["frequency"].to_numpy())
    people = len(kindreds) * pedigree.size
    dosage = np.empty((people, frequency.n_loci), dtype=np.int8)
    for start in range(0, len(kindreds), BLOCK):
        stop = min(start + BLOCK, len(kindreds))
        twins = [chosen[start:stop] for chosen in identical]
        block = _draw_block(frequency.of(start, stop), pedigree, twins, draws)
        dosage[start * pedigree.size : stop * pedigree.size] = block
    unmeasured = _draw_unmeasured(len(kindreds), pedigree, identical, seed)
    combination = _draw_combination(len(kindreds), pedigree, identical, seed)
    return Genes(dosage[:, :2], dosage[:, 2:], unmeasured, combination)


@dataclass(frozen=True)
class _Frequencies:
    """Allele frequencies of each kindred, as thresholds of 16-bit draws."""

    by_ancestry: np.ndarray
    ancestry: np.ndarray

    @property
    def n_loci(self) -> int:
        return self.by_ancestry.shape[1]

    def of(self, start: int, stop: int) -> np.ndarray:
        return self.by_ancestry[self.ancestry[start:stop]]


def _frequencies(ancestry: pd.Series, loci: np.ndarray) -> _Frequencies:
    rows = [np.concatenate([HLA_FREQUENCY[name], loci]) for name in ANCESTRIES]
    thresholds = np.round(np.array(rows) * 65536).astype(np.uint16)
    return _Frequencies(thresholds, pd.Index(ANCESTRIES).get_indexer(ancestry))


def _draw_block(
    thresholds: np.ndarray, pedigree: Pedigree, identical: list[np.ndarray], draws
) -> np.ndarray:
    """Return copies, (kindreds x slots) x loci."""
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
    """Return the allele that a parent with 0, 1 or 2 copies passes on, by the toss of a coin."""
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
    """Half of each parent's value, and half the variance anew in every child."""
    own = stream(seed, "population/unmeasured").standard_normal((kindreds, pedigree.size))
    for slot, (mother, father) in pedigree.parents.items():
        own[:, slot] = (own[:, mother] + own[:, father]) / 2 + own[:, slot] * np.sqrt(0.5)
        _copy_twin(own, slot, pedigree, identical)
    return own.reshape(-1)


def _draw_combination(
    kindreds: int, pedigree: Pedigree, identical: list[np.ndarray], seed: int
) -> np.ndarray:
    """Draw what a new shuffle of many genes makes: nothing of it is passed on but to a twin."""
    own = stream(seed, "population/combination").standard_normal((kindreds, pedigree.size))
    for slot in pedigree.parents:
        _copy_twin(own, slot, pedigree, identical)
    return own.reshape(-1)


def add_up(dosage: np.ndarray, weights: np.ndarray, block: int = 65536) -> np.ndarray:
    """Return copies times weights, summed over loci; no BLAS, so the same bytes everywhere."""
    total = np.empty(len(dosage))
    for start in range(0, len(dosage), block):
        rows = dosage[start : start + block].astype(np.float32)
        total[start : start + block] = np.einsum("ij,j->i", rows, weights.astype(np.float32))
    return total
