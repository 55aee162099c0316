"""Cohorts by the thousand: the world of `simulate`, drawn with an ordinary generator.

Formulas and template are those of `simulate.community` and `simulate.sequencing`; what differs
is how random numbers are made. Nothing here depends on a person's place in a study, so a
cohort of 100 pairs takes some 20 milliseconds.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np

from cohabit.experiments.planner.scenario import Scenario
from cohabit.experiments.planner.world import Likeness, Pool, Recipe, read_pool
from cohabit.simulate.sequencing import DISPERSION, SECOND_BATCH_SHARE
from cohabit.simulate.template import read_template

MANY = 200.0
"""Expected reads from which a count is drawn as a rounded lognormal."""


@dataclass(frozen=True)
class People:
    """Who was recruited; a patient and then the control, household after household."""

    exposures: np.ndarray
    """Shape (n_people, n_factors)."""

    covariates: np.ndarray
    """Columns `world.COVARIATES`, shape (n_people, 3)."""

    site: np.ndarray
    """Code of each person's site, shape (n_people,)."""

    patient: np.ndarray
    household: np.ndarray
    """Code of each person's home: 0, 1, ...; strangers have one of their own."""

    def take(self, rows: np.ndarray) -> "People":
        """Return some of the people."""
        fields = (self.exposures, self.covariates, self.site, self.patient, self.household)
        return People(*(field[rows] for field in fields))


def recruit(scenario: Scenario, rng: np.random.Generator) -> People:
    """Draw the people of one study; controls who never give a sample are there, too.

    Parameters
    ----------
    scenario : Scenario
    rng : Generator
    """
    pool = read_pool(scenario.opposite_sex_share)
    homes = np.flatnonzero(np.isin(pool.site, scenario.site_names))
    if scenario.analysed == "untreated":
        size = rng.binomial(scenario.n, pool.untreated[homes].mean())
        cases = rng.choice(homes[pool.untreated[homes]], max(size, 2))
    else:
        cases = rng.choice(homes, scenario.n)
    controls = _choose_controls(scenario, pool, homes, cases, rng)
    rows = np.column_stack([2 * cases, 2 * controls + 1]).ravel()
    exposures = pool.exposures[rows]
    _, site = np.unique(pool.site[rows // 2], return_inverse=True)
    household = np.arange(len(rows)) // (2 if scenario.paired else 1)
    return People(exposures, pool.covariates[rows], site, np.arange(len(rows)) % 2 == 0, household)


def _choose_controls(
    scenario: Scenario, pool: Pool, homes: np.ndarray, cases: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return in which household of the pool each patient's control lives."""
    if scenario.controls == "household":
        return cases
    if scenario.controls == "anyone":
        return rng.choice(homes, len(cases))
    chosen = np.empty_like(cases)
    female = pool.covariates[:, 0] == 1
    for site in scenario.site_names:
        for sex in (True, False):
            wanted = (pool.site[cases] == site) & (female[2 * cases] == sex)
            there = homes[(pool.site[homes] == site) & (female[2 * homes + 1] == sex)]
            chosen[wanted] = rng.choice(there, wanted.sum())
    return chosen


def draw_latent(
    recipe: Recipe, people: People, rng: np.random.Generator
) -> tuple[Iterator[np.ndarray], np.ndarray]:
    """Return log abundance visit by visit, and the probit of carriage, which stays.

    Parameters
    ----------
    recipe : Recipe
        A share `occasion_share` of what is the person's own of log abundance is drawn anew at
        each visit.
    people : People
    rng : Generator

    Returns
    -------
    iterator of array, shape (n_people, n_taxa)
    array, shape (n_people, n_taxa)
        A person carries what is above 0.
    """
    world, draws = recipe.world, _Draws(recipe, people, rng)
    liability = people.exposures @ recipe.carriage_effects + world.carriage
    liability += draws.residual(world.carriage_likeness)
    fixed = people.exposures @ recipe.effects + world.intercept
    return draws.visits(world.abundance_likeness, fixed), liability


class _Draws:
    """The random parts of one cohort; abundance and carriage share the factors of the gut."""

    def __init__(self, recipe: Recipe, people: People, rng: np.random.Generator):
        self.recipe, self.rng = recipe, rng
        self.world, self.scenario = recipe.world, recipe.scenario
        self.sizes = {"household": people.household[-1] + 1, "person": len(people.household)}
        self.household = people.household
        n_factors = len(self.world.abundance_likeness.factors)
        self.gut = {per: self._normals(size, n_factors) for per, size in self.sizes.items()}
        share = recipe.richness_share
        common = self._normals(self.sizes["household"])[self.household]
        own = self._normals(self.sizes["person"])
        self.richness = np.sqrt(share) * common + np.sqrt(1 - share) * own

    def residual(self, likeness: Likeness, stable: float = 1.0) -> np.ndarray:
        """Return what no exposure explains, in SDs; `stable` is what of the own part to draw."""
        shared = self._shared(likeness)
        scores = self._scores("person", likeness, self.gut["person"])
        scores *= np.sqrt((1 - shared) * np.float32(stable))
        if self.scenario.paired:
            home = self._scores("household", likeness, self.gut["household"])
            home *= np.sqrt(shared)
            scores += home[self.household]
        scores *= np.sqrt(1 - likeness.richness**2)
        scores += np.multiply.outer(self.richness, likeness.richness)
        return scores

    def visits(self, likeness: Likeness, fixed: np.ndarray) -> Iterator[np.ndarray]:
        """Yield log abundance at each visit."""
        changing = self.scenario.occasion_share if self.scenario.visits > 1 else 0.0
        fixed = fixed + self.world.spread * self.residual(likeness, 1 - changing)
        if not changing:
            yield from [fixed] * self.scenario.visits
            return
        weight = np.sqrt(changing * (1 - self._shared(likeness)) * (1 - likeness.richness**2))
        for _ in range(self.scenario.visits):
            gut = self._normals(*self.gut["person"].shape)
            yield fixed + self.world.spread * weight * self._scores("person", likeness, gut)

    def _shared(self, likeness: Likeness) -> np.ndarray:
        """Return the household share of each taxon at the scenario's dial."""
        return np.clip(likeness.household * np.float32(self.recipe.sharing), 0, 1)

    def _scores(self, per: str, likeness: Likeness, gut: np.ndarray) -> np.ndarray:
        """Draw scores of unit variance: factors of the gut, of the group, and the taxon's own."""
        groups = self.world.groups
        scores = self._normals(self.sizes[per], len(groups))
        scores *= likeness.own
        scores += gut @ likeness.factors
        by_group = self._normals(self.sizes[per], groups.max() + 1)
        scores += by_group[:, groups] * likeness.group
        return scores

    def _normals(self, *shape: int) -> np.ndarray:
        return self.rng.standard_normal(shape, dtype=np.float32)


def count_reads(
    recipe: Recipe,
    people: People,
    log_abundance: np.ndarray,
    carried: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return counts of both libraries of a person's sample, shape (n_people, n_taxa).

    The negative binomial of two equal libraries together: their dispersion is halved.

    Parameters
    ----------
    recipe : Recipe
    people : People
    log_abundance : array, shape (n_people, n_taxa)
    carried : array of bool, shape (n_people, n_taxa)
    rng : Generator
    """
    world, scenario = recipe.world, recipe.scenario
    second = rng.random(people.household[-1] + 1) < SECOND_BATCH_SHARE
    seen = log_abundance + scenario.batch * second[people.household, None] * world.batch
    seen -= seen.max(axis=1, keepdims=True)
    np.exp(seen, out=seen)
    seen *= carried
    depth = scenario.depth * np.exp(_depth_sd() * rng.standard_normal(len(seen)))
    seen *= ((1 - world.elsewhere) * depth / seen.sum(axis=1))[:, None]
    return _count(seen, rng)


def _count(mean: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return negative binomial counts; above `MANY` a lognormal of equal mean and variance."""
    counts = np.zeros_like(mean)
    few, many = (mean > 0) & (mean < MANY), mean >= MANY
    size, low, high = 2 / DISPERSION, mean[few], mean[many]
    counts[few] = rng.poisson(low * rng.standard_gamma(size, low.shape, dtype=np.float32) / size)
    variance = np.log1p(1 / size + 1 / high)
    noise = rng.standard_normal(high.shape, dtype=np.float32)
    counts[many] = np.rint(high * np.exp(np.sqrt(variance) * noise - variance / 2))
    return counts


@cache
def _depth_sd() -> float:
    table = read_template("depth").set_index(["assay", "site"])
    return float(table.loc[("shotgun", "ALL"), "log_sigma"])
