"""True values in the population of the quantities that published studies estimate.

Risk ratios are counterfactual: the same people in two worlds that differ in one exposure,
standardised over everything else. Recurrence is the expected risk of the relatives of affected
people. Only the age at onset uses drawn disease.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cohabit.simulate.design import PopulationDesign
from cohabit.simulate.genes import KINDRED, TWIN_FAMILY
from cohabit.simulate.hazard import MYTHS, VITAMIN_D_PER_LIGHT, Exposed, Hazard
from cohabit.simulate.places import HIGH, LOW, list_towns
from cohabit.simulate.population import Population, draw_population
from cohabit.stats.epidemiology.families import fit_liability

NODES = 25
"""Nodes of the Gauss-Hermite integral over recombination."""


@dataclass(frozen=True)
class Worlds:
    """The three populations that published designs sample."""

    families: Population
    twins: Population
    migrants: Population

    @classmethod
    def draw(cls, constants: dict, n_people: int, seed: int) -> "Worlds":
        """Draw a general population, a twin register and a migrant study of a given size."""
        draws = (("default", KINDRED), ("twins", TWIN_FAMILY), ("migrants", KINDRED))
        return cls(
            *(
                draw_population(
                    PopulationDesign.preset(name), constants, kind, n_people // kind.size, seed
                )
                for name, kind in draws
            )
        )


def expect_figures(worlds: Worlds) -> pd.Series:
    """Return every estimand by name."""
    people = worlds.families
    found = (
        _occurrence(people)
        | _recurrence(worlds)
        | _ratios(people.hazard, people.exposed)
        | {"latitude_slope": latitude_slope(people)}
        | _migrants(worlds.migrants)
        | dict.fromkeys(MYTHS, 1.0)  # they stand in no term of the hazard
    )
    return pd.Series(found, dtype=float)


def _occurrence(population: Population) -> dict[str, float]:
    risk = population.hazard.lifetime_risk(population.exposed)
    female = population.exposed.female
    people = population.people
    onset = _onset_of_all(population, risk)
    met = population.hazard.course(people["age"].to_numpy())
    living = people["alive"].to_numpy() & (people["age"].to_numpy() >= 18)
    return {
        "lifetime_risk": risk.mean(),
        "sex_ratio": risk[female].mean() / risk[~female].mean(),
        "onset_mean": (risk * onset).sum() / risk.sum(),
        "onset_20_to_50": (risk * ((onset >= 20) & (onset <= 50))).sum() / risk.sum(),
        "prevalence": 1e5 * (risk * met)[living].mean(),
    }


def _onset_of_all(population: Population, risk: np.ndarray) -> np.ndarray:
    """Return an age at onset for everybody, given illness and evenly spread chance."""
    even = (np.arange(len(risk)) * 0.6180339887) % 1
    return population.hazard.draw_onset(population.exposed, even * risk * (1 - 1e-9))


def _recurrence(worlds: Worlds) -> dict[str, float]:
    kin, twins = (expect_recurrence(group) for group in (worlds.families, worlds.twins))
    risk = worlds.twins.hazard.lifetime_risk(worlds.twins.exposed).mean()
    tables = [
        _pair_table(risk, twins["identical twin"]),
        _pair_table(risk, twins["fraternal twin"]),
    ]
    return {
        "identical_twin": twins["identical twin"],
        "sibling": (kin["sibling"] + twins["fraternal twin"]) / 2,
        "parent_child": kin["parent or child"],
        "half_sibling": kin["half-sibling"],
        "cousin": kin["cousin"],
        "heritability": fit_liability(*tables).heritability,
    }


def _pair_table(risk: float, again: float, pairs: float = 1e6) -> np.ndarray:
    """Return the expected pairs with both, one and no member affected."""
    both = risk * again
    one = 2 * (risk - both)
    return pairs * np.array([both, one, 1 - both - one])


def _ratios(hazard: Hazard, x: Exposed) -> dict[str, float]:
    def odds(**values: object) -> float:
        risk = hazard.lifetime_risk(x.do(**values)).mean()
        return risk / (1 - risk)

    heavier = odds(overweight_20=True) / odds(overweight_20=False)
    never, always = {"ebv": False, "mononucleosis": False}, {"ebv": True, "mononucleosis": False}
    infected = odds(**always)
    return {
        "drb1_1501": odds(drb1=1) / odds(drb1=0),
        "a0201": odds(a0201=1) / odds(a0201=0),
        "smoking": odds(smoker=True) / odds(smoker=False),
        "overweight_20": heavier,
        "overweight_20_women": _among(hazard, x, x.female),
        "overweight_20_men": _among(hazard, x, ~x.female),
        "vitamin_d": odds(vitamin_d=x.vitamin_d + 25) / odds(vitamin_d=x.vitamin_d - 25),
        "ebv_negative": odds(**never) / infected,
        "mononucleosis": odds(ebv=True, mononucleosis=True) / infected,
        "smallest_locus": _locus(hazard, x, np.log(1.055)),
        "largest_locus": _locus(hazard, x, np.log(1.33)),
    }


def _among(hazard: Hazard, x: Exposed, chosen: np.ndarray) -> float:
    means = [hazard.lifetime_risk(x.do(overweight_20=v))[chosen].mean() for v in (True, False)]
    return _odds(means[0]) / _odds(means[1])


def _locus(hazard: Hazard, x: Exposed, weight: float) -> float:
    more = hazard.lifetime_risk(x.do(loci_score=x.loci_score + weight)).mean()
    return _odds(more) / _odds(hazard.lifetime_risk(x).mean())


def _odds(risk: float) -> float:
    return risk / (1 - risk)


def latitude_slope(population: Population, steps: int = 7) -> float:
    """Return the change in prevalence per 100,000 adults per degree of latitude.

    A region's prevalence is that of everybody, as if they had all grown up in its light with its
    mix of ancestries.
    """
    towns, people = list_towns(), population.people
    regions = towns.groupby("region")[["latitude", "light"]].mean()
    grid = np.linspace(regions["light"].min(), regions["light"].max(), steps)
    by_light = pd.DataFrame({light: _prevalence_under(population, light) for light in grid})
    born = pd.DataFrame({"region": towns["region"].to_numpy()[people["town_of_birth"]]})
    shares = pd.crosstab(born["region"], people["ancestry"], normalize="index")
    prevalence = sum(
        shares[a].to_numpy() * np.exp(np.interp(regions["light"], grid, np.log(by_light.loc[a])))
        for a in shares
    )
    away = regions["latitude"].to_numpy() - regions["latitude"].mean()
    return float((away * prevalence).sum() / (away**2).sum())


def _prevalence_under(population: Population, light: float) -> pd.Series:
    """Return prevalence by ancestry, per 100,000 adults, if all had grown up in one light."""
    x, people = population.exposed, population.people
    moved = x.do(light=light, vitamin_d=x.vitamin_d + VITAMIN_D_PER_LIGHT * (light - x.light))
    met = population.hazard.course(people["age"].to_numpy())
    ill = 1e5 * population.hazard.lifetime_risk(moved) * met
    adults = people["alive"] & (people["age"] >= 18)
    return pd.Series(ill)[adults].groupby(people["ancestry"][adults], observed=True).mean()


def _migrants(population: Population) -> dict[str, float]:
    """Return the risk after moving before age 15 relative to moving later."""
    people = population.people
    risk = pd.Series(population.hazard.lifetime_risk(population.exposed))
    early = people["move_age"] < 15
    down = people["birth_latitude"] > (HIGH + LOW) / 2
    mean = risk.groupby([down, early]).mean()
    return {
        "moved_down_early": mean[True, True] / mean[True, False],
        "moved_up_early": mean[False, True] / mean[False, False],
    }


@dataclass(frozen=True)
class Lottery:
    """Components of each person's risk before the recombination of genes."""

    inherited: np.ndarray
    """Log hazard from the parents' unmeasured genes; 0 for founders."""

    spread: np.ndarray
    """Standard deviation added by recombination."""

    own: np.ndarray
    """Log hazard of the person's own unmeasured genes, as drawn."""

    rest: np.ndarray
    """Everything else: log score plus the log of time-varying exposure."""

    combination: float
    """Standard deviation of the interaction of genes."""

    @classmethod
    def of(cls, population: Population) -> "Lottery":
        """Return the components of a population's risks."""
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
        """Return the risk of people given only their parents."""
        return _average(self.rest + self.inherited, self.spread)[people]

    def known(self, people: np.ndarray) -> np.ndarray:
        """Return the risk of people given their own genes, without interactions."""
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
