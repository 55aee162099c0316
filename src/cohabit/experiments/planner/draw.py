"""Cohorts by the thousand: the world of `simulate`, drawn with quick dice.

The formulas and the template are those of `simulate`; nothing here depends on a person's place in
a study, so a cohort of 100 pairs takes some 20 milliseconds.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np

from cohabit.experiments.planner.scenario import Scenario
from cohabit.experiments.planner.world import Pool, Recipe, read_pool
from cohabit.simulate.community import (
    Gut,
    close_log,
    combine,
    draw_gut,
    draw_residuals,
    draw_taxon_scores,
)
from cohabit.simulate.dice import QuickDice
from cohabit.simulate.sequencing import DISPERSION, Viewing, draw_batches
from cohabit.simulate.template import read_template


@dataclass(frozen=True)
class People:
    """The recruited people; in each household the patient comes before the control."""

    exposures: np.ndarray
    """Shape (n_people, n_factors)."""

    covariates: np.ndarray
    """Columns `world.PERSON_COVARIATES`, shape (n_people, 3)."""

    site: np.ndarray
    """Code of each person's site, shape (n_people,)."""

    patient: np.ndarray
    household: np.ndarray
    """Code of each person's household: 0, 1, ...; strangers have one each."""

    def take(self, rows: np.ndarray) -> "People":
        """Return some of the people."""
        fields = (self.exposures, self.covariates, self.site, self.patient, self.household)
        return People(*(field[rows] for field in fields))


def recruit(scenario: Scenario, rng: np.random.Generator) -> People:
    """Draw the people of one study, including controls who never give a sample.

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
    """Return the pool household from which each patient's control is taken."""
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
    """Return an iterator of log abundance by visit, and the constant probit of carriage.

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
    taxa, sharing, dice = recipe.taxa, recipe.sharing, QuickDice(rng, people.household)
    gut = draw_gut(dice, sharing, len(taxa.abundance_likeness.factors))
    liability = combine(people.exposures, recipe.carriage_effects) + taxa.carriage
    liability += sum(draw_residuals(dice, "carriage", taxa.carriage_likeness, gut, sharing))
    fixed = combine(people.exposures, recipe.effects) + taxa.intercept
    return _visit(recipe, dice, gut, fixed), liability


def _visit(recipe: Recipe, dice: QuickDice, gut: Gut, fixed: np.ndarray) -> Iterator[np.ndarray]:
    """Yield log abundance at each visit."""
    taxa, visits, likeness = recipe.taxa, recipe.scenario.visits, recipe.taxa.abundance_likeness
    changing = recipe.scenario.occasion_share if visits > 1 else 0.0
    residuals = draw_residuals(dice, "abundance", likeness, gut, recipe.sharing, 1 - changing)
    fixed = fixed + taxa.spread * sum(residuals)
    if not changing:
        yield from [fixed] * visits
        return
    weight = taxa.spread * likeness.weigh("person", recipe.sharing) * math.sqrt(changing)
    for _ in range(visits):
        factors = dice.normals("gut", columns=len(likeness.factors))
        yield fixed + weight * draw_taxon_scores(dice, "visit", "person", likeness, factors)


def draw_reads(
    recipe: Recipe,
    people: People,
    log_abundance: np.ndarray,
    carried: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return counts summed over both libraries of a sample, shape (n_people, n_taxa).

    The sum of two equal negative binomial libraries has half their dispersion.

    Parameters
    ----------
    recipe : Recipe
    people : People
    log_abundance : array, shape (n_people, n_taxa)
    carried : array of bool, shape (n_people, n_taxa)
    rng : Generator
    """
    taxa, scenario, dice = recipe.taxa, recipe.scenario, QuickDice(rng, people.household)
    view = Viewing(draw_batches(dice), np.float32(scenario.batch) * taxa.batch)
    seen = view.expected(np.exp(close_log(log_abundance, carried)))
    depth = scenario.depth * np.exp(_depth_sd() * rng.standard_normal(len(seen)))
    seen *= ((1 - taxa.elsewhere) * depth)[:, None]
    return dice.counts(seen, DISPERSION / 2)


@cache
def _depth_sd() -> float:
    table = read_template("depth").set_index(["assay", "site"])
    return float(table.loc[("shotgun", "ALL"), "log_sigma"])
