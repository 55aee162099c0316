"""Expected recurrence among relatives, with as little chance in it as can be.

Given their parents, children differ by a new shuffle of genes. Its part of the hazard is normal, so
it is integrated over (Gauss-Hermite) instead of drawn: for pairs in which both were shuffled apart,
each risk is averaged on its own; for identical twins, the product is.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cohabit.simulate.population import Population

NODES = 25


@dataclass(frozen=True)
class Lottery:
    """Risks before the shuffle, person by person."""

    inherited: np.ndarray
    """Log hazard from the parents' unmeasured genes; 0 for who marries in."""

    spread: np.ndarray
    """Standard deviation of what the shuffle adds."""

    own: np.ndarray
    """Log hazard of one's own unmeasured genes, as drawn."""

    rest: np.ndarray
    """All else: log score plus the log of the exposure that comes and goes."""

    combination: float
    """Standard deviation of what genes do only together."""

    @classmethod
    def of(cls, population: Population) -> "Lottery":
        """Take a population apart."""
        hazard, x = population.hazard, population.exposed
        still = x.do(unmeasured=0.0, combination=0.0)
        rest = hazard.score(still) + np.log(hazard.exposure(x))
        genes = hazard.design.genes
        adds_up, together = (genes * hazard.constants[k] for k in ("unmeasured", "combination"))
        pedigree = population.pedigree
        drawn = x.unmeasured.reshape(-1, pedigree.size)
        inherited, spread = np.zeros_like(drawn), np.ones(pedigree.size)
        for slot, (mother, father) in pedigree.parents.items():
            inherited[:, slot] = (drawn[:, mother] + drawn[:, father]) / 2
            spread[slot] = np.sqrt(0.5)
        shuffled = np.tile(np.sqrt((adds_up * spread) ** 2 + together**2), len(drawn))
        parts = (adds_up * inherited.ravel(), shuffled, adds_up * x.unmeasured, rest)
        return cls(*parts, together)

    def before(self, people: np.ndarray) -> np.ndarray:
        """Return the risk of people whose parents alone are known."""
        return _average(self.rest + self.inherited, self.spread)[people]

    def known(self, people: np.ndarray) -> np.ndarray:
        """Return the risk of people whose own inheritance is known, combinations aside."""
        return _average(self.rest + self.own, self.combination)[people]

    def both(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        """Return the risk that both of two identical twins fall ill."""
        level = self.rest + self.inherited
        return sum(
            weight
            * _risk(level[one] + node * self.spread[one])
            * _risk(level[other] + node * self.spread[other])
            for node, weight in _nodes()
        )


def _nodes() -> list[tuple[float, float]]:
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    return list(zip(nodes, weights / weights.sum(), strict=True))


def _risk(log_hazard: np.ndarray) -> np.ndarray:
    return -np.expm1(-np.exp(log_hazard))


def _average(level: np.ndarray, spread: np.ndarray | float) -> np.ndarray:
    return sum(weight * _risk(level + node * spread) for node, weight in _nodes())


def expect_recurrence(population: Population) -> pd.Series:
    """Return the expected risk of each kind of relative of an affected person."""
    lottery = Lottery.of(population)
    pairs = population.relatives
    everyone = np.arange(len(population.people))
    before, known = lottery.before(everyone), lottery.known(everyone)
    found = {}
    for relation, rows in pairs.groupby("relation", observed=True):
        one, other = rows["person"].to_numpy(), rows["relative"].to_numpy()
        if relation == "identical twin":
            both, index = lottery.both(one, other), before[one]
        elif relation == "parent or child":
            older = one < other  # parents come before their children
            one, other = one[older], other[older]
            both, index = known[one] * before[other], (known[one] + before[other]) / 2
        else:
            both, index = before[one] * before[other], before[one]
        found[relation] = both.sum() / index.sum()
    return pd.Series(found)
