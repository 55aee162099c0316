"""What the population holds: each published figure on the estimand of its own design.

Risk ratios are counterfactual: the same people in two worlds, in one of which an exposure is set
for everyone, standardised over all else. Recurrence is the expected risk of the relatives of those
who fall ill. Nothing here waits for a disease to be drawn but the age at onset.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cohabit.epidemiology_families import fit_liability
from cohabit.simulate.hazard import Exposed, Hazard
from cohabit.simulate.pedigree import KINDRED, TWIN_FAMILY
from cohabit.simulate.places import HIGH, LOW, list_towns
from cohabit.simulate.population import Population, draw_population
from cohabit.simulate.population_design import PopulationDesign


@dataclass(frozen=True)
class Worlds:
    """The three populations that published designs look at."""

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


def find_estimands(worlds: Worlds) -> pd.Series:
    """Return every estimand by name."""
    people = worlds.families
    found = (
        _occurrence(people)
        | _recurrence(worlds)
        | _ratios(people.hazard, people.exposed)
        | {"latitude_slope": latitude_slope(people)}
        | _migrants(worlds.migrants)
    )
    return pd.Series(found, dtype=float)


def _occurrence(population: Population) -> dict[str, float]:
    risk = population.hazard.lifetime_risk(population.exposed)
    female = population.exposed.female
    people = population.people
    onset = people["onset_age"].dropna()
    met = population.hazard.course(people["age"].to_numpy())
    living = people["alive"].to_numpy() & (people["age"].to_numpy() >= 18)
    return {
        "lifetime_risk": risk.mean(),
        "sex_ratio": risk[female].mean() / risk[~female].mean(),
        "onset_mean": onset.mean(),
        "onset_20_to_50": onset.between(20, 50).mean(),
        "prevalence": 1e5 * (risk * met)[living].mean(),
    }


def recurrence(population: Population) -> pd.Series:
    """Return the expected risk of each kind of relative of an affected person."""
    risk = population.hazard.lifetime_risk(population.exposed)
    pairs = population.relatives
    one, other = risk[pairs["person"]], risk[pairs["relative"]]
    sums = pd.DataFrame({"both": one * other, "one": one, "relation": pairs["relation"]})
    sums = sums.groupby("relation", observed=True).sum()
    return sums["both"] / sums["one"]


def _recurrence(worlds: Worlds) -> dict[str, float]:
    kin, twins = recurrence(worlds.families), recurrence(worlds.twins)
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
    """Return expected pairs with both, one and none affected."""
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


def latitude_slope(population: Population) -> float:
    """Return how prevalence per 100,000 adults rises per degree, every region one point."""
    people = population.people
    risk = population.hazard.lifetime_risk(population.exposed)
    ill = 1e5 * risk * population.hazard.course(people["age"].to_numpy())
    adults = (people["alive"] & (people["age"] >= 18)).to_numpy()
    table = pd.DataFrame({"ill": ill, "latitude": people["latitude"]})[adults]
    regions = table.groupby(list_towns()["region"].to_numpy()[people["town"]][adults]).mean()
    away = regions["latitude"] - regions["latitude"].mean()
    return float((away * regions["ill"]).sum() / (away**2).sum())


def _migrants(population: Population) -> dict[str, float]:
    """Return the risk of those who moved before 15 relative to those who moved later."""
    people = population.people
    risk = pd.Series(population.hazard.lifetime_risk(population.exposed))
    early = people["move_age"] < 15
    down = people["birth_latitude"] > (HIGH + LOW) / 2
    mean = risk.groupby([down, early]).mean()
    return {
        "moved_down_early": mean[True, True] / mean[True, False],
        "moved_up_early": mean[False, True] / mean[False, False],
    }
