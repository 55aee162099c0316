"""Solution of planted effects that give the study's model its released coefficients.

Effects are compared without noise: the same people with another label, on the scale of the arcsine
square root of true shares.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from calibration import plant
from calibration.solve import LargeStudy
from cohabit.simulate.amplicons import follow_species
from cohabit.simulate.community import Community
from cohabit.simulate.effects import DRUGS
from cohabit.stats.composition import arcsine_root

DAMPING = 0.8
LARGEST_D = {"species": 0.36, "genera": 0.5}  # of MS, in SDs of log abundance of carriers
LIMITS = {"sex": 1.2, "age": 0.05, "bmi": 0.08}
"""Largest effect on log abundance: of women, per year, per kg/m2."""

STEP = {"sex": 1.0, "age": 10.0, "bmi": 5.0}
FACTOR = {"sex": "sex:female", "age": "age", "bmi": "bmi"}


@dataclass(frozen=True)
class Communities:
    """Species and genera of one population under the current templates."""

    species: Community
    genera: Community

    @classmethod
    def build(
        cls, population: LargeStudy, species: pd.DataFrame, genera: pd.DataFrame
    ) -> "Communities":
        """Draw both communities."""
        return cls(population.assemble(species, "species"), population.assemble(genera, "genera"))

    def shares(self, exposures: pd.DataFrame) -> dict[str, pd.DataFrame]:
        """Return true shares of species, families and genera, people x taxa."""
        species = self.species.expose(exposures)
        genera = follow_species(self.genera.expose(exposures), species)
        shares = {
            "species": pd.DataFrame(species.composition, columns=species.taxa),
            "genus": pd.DataFrame(genera.composition, columns=genera.taxa),
        }
        family = species.template.table["family_calibration"].to_numpy()
        return shares | {"family": shares["species"].T.groupby(family).sum().T}

    def change(self, before: pd.DataFrame, after: pd.DataFrame) -> dict[str, pd.DataFrame]:
        """Return the change in arcsine square roots from one exposure to the other."""
        first, second = self.shares(before), self.shares(after)
        return {rank: arcsine_root(second[rank]) - arcsine_root(first[rank]) for rank in first}


def disease_effects(drawn: Communities) -> dict[str, pd.Series]:
    """Return the all-MS effect: patients minus the same people as controls."""
    patient = drawn.species.exposures["group:MS"].to_numpy() == 1
    now = drawn.species.exposures
    none = dict.fromkeys([f"treatment:{drug}" for drug in DRUGS], 0.0)
    before = now.assign(**none, **{"group:MS": 0.0, "msss": 0.0})
    return {rank: moved[patient].mean() for rank, moved in drawn.change(before, now).items()}


def covariate_effects(drawn: Communities, name: str) -> dict[str, pd.Series]:
    """Return the effect of one unit of sex, age or BMI."""
    low = drawn.species.exposures
    low = low.assign(**{FACTOR[name]: 0.0}) if name == "sex" else low
    high = low.assign(**{FACTOR[name]: low[FACTOR[name]] + STEP[name]})
    return {rank: moved.mean() / STEP[name] for rank, moved in drawn.change(low, high).items()}


def gains(drawn: Communities) -> dict[str, pd.Series]:
    """Return the change in arcsine square root per unit of log abundance."""
    shares = drawn.shares(drawn.species.exposures)
    return {rank: 0.5 * np.sqrt(share * (1 - share)).mean() for rank, share in shares.items()}


def solve_disease(
    population: LargeStudy, species: pd.DataFrame, genera: pd.DataFrame, steps: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Adjust the planted all-MS effects until they give the released coefficients.

    A planted species follows its own coefficient, combined with its family's if significant;
    species of the three named genera are moved together to the genus's coefficient.
    """
    species, genera = species.copy(), genera.copy()
    wanted, own = plant.disease_targets()
    planted = species["ms_all"] != 0
    for _ in range(steps):
        drawn = Communities.build(population, species, genera)
        have, gain = disease_effects(drawn), gains(drawn)
        change = _to_target(wanted, have["species"], gain["species"], species.index)
        family = _to_target(plant.family_targets(), have["family"], gain["family"])
        genus = _to_target(plant.genus_targets(), have["genus"], gain["genus"])
        change = _blend(change, species["family_calibration"].map(family), 0.35)
        change = _blend(change, species["genus"].map(genus), 0.45)
        named = genus.reindex(plant.NAMED_GENERA)
        change = _blend(change, species["genus"].map(named), 1.0)
        moved = species["ms_all"] + DAMPING * change.fillna(0.0)
        largest = species["genus"].map({"Akkermansia": 0.45}).fillna(LARGEST_D["species"])
        limit = largest * species["log_sd"]
        species["ms_all"] = moved.clip(-limit, limit).where(planted, 0.0)
        species = plant.split_disease(species)
        limit = LARGEST_D["genera"] * genera["log_sd"]
        genera["ms"] = _move_own(genera["ms"], own, have["genus"], gain["genus"], limit)
    return species, genera


def _to_target(wanted: pd.Series, have: pd.Series, gain: pd.Series, index=None) -> pd.Series:
    """Return the change in log abundance that gives the wanted coefficient."""
    index = wanted.index if index is None else index
    return (wanted.reindex(index) - have.reindex(index)) / gain.reindex(index)


def _blend(change: pd.Series, group: pd.Series, weight: float) -> pd.Series:
    """Return a weighted mean of member and group changes where the group has a target."""
    mixed = change * (1 - weight) + group * weight
    return mixed.where(change.notna(), group).where(group.notna(), change)


def solve_covariate(
    population: LargeStudy, species: pd.DataFrame, genera: pd.DataFrame, name: str, steps: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Adjust the effects of sex, age or BMI to the released ones of species and genera.

    Species of a followed genus move together and keep their differences.
    """
    species, genera = species.copy(), genera.copy()
    wanted, own = plant.covariate_targets(name)
    for _ in range(steps):
        drawn = Communities.build(population, species, genera)
        have, gain = covariate_effects(drawn, name), gains(drawn)
        change = _to_target(wanted, have["species"], gain["species"], species.index)
        genus = _to_target(own, have["genus"], gain["genus"])
        change = _blend(change, species["genus"].map(genus), 0.8).fillna(0.0)
        moved = species[name] + DAMPING * change.where(species["tail"] == 0, 0.0)
        species[name] = moved.clip(-LIMITS[name], LIMITS[name])
        limit = LIMITS[name]
        genera[name] = _move_own(genera[name], own, have["genus"], gain["genus"], limit)
    return species, genera


def _move_own(effect, wanted, have, gain, limit) -> pd.Series:
    """Adjust effects of genera that have their own; others stay at zero."""
    change = ((wanted - have) / gain).reindex(effect.index).fillna(0.0)
    moved = effect + DAMPING * change.where(effect != 0, 0.0)
    return moved.clip(-limit, limit)
