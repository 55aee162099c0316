"""Fast simulation of cohorts: the model of `simulate` with an ordinary generator.

The formulas and the template are those of `simulate`; nothing here depends on a person's place in
a study, so a cohort of 100 pairs takes some 20 milliseconds.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd

from cohabit.data.schema import nearest
from cohabit.experiments.planner.scenario import Scenario
from cohabit.simulate.community import (
    Gut,
    Likeness,
    close_log,
    combine,
    draw_gut,
    draw_residuals,
    draw_taxon_scores,
)
from cohabit.simulate.design import StudyDesign
from cohabit.simulate.dice import QuickDice
from cohabit.simulate.effects import DRUGS, FACTOR_COLUMNS, build_coefficients, build_exposures
from cohabit.simulate.sequencing import DISPERSION, Viewing, draw_batches
from cohabit.simulate.template import Template, read_taxa, read_template
from cohabit.simulate.world import draw_world

POOL_PAIRS, POOL_SEED = 2880, 20240616
"""Size and seed of the pool of households, which is sampled with replacement."""

PERSON_COVARIATES = ("sex", "age", "bmi")
"""Covariates besides site that the analysis can adjust for; sex is 1 for women."""


@dataclass(frozen=True)
class Pool:
    """Households with everything about two people except the gut, patient first."""

    exposures: np.ndarray
    """People x factors of `simulate.effects.FACTOR_COLUMNS`, shape (2 n_households, n_factors)."""

    covariates: np.ndarray
    """Columns `PERSON_COVARIATES`, shape (2 n_households, 3)."""

    site: np.ndarray
    """Site of each household."""

    untreated: np.ndarray
    """True if the patient of the household takes no drug."""


@cache
def read_pool(opposite_sex_share: float) -> Pool:
    """Draw the pool of households, cached by share of opposite-sex pairs."""
    design = StudyDesign(opposite_sex_share=opposite_sex_share).with_pairs(POOL_PAIRS)
    people = draw_world(design, POOL_SEED).people
    female = (people["sex"] == "female").to_numpy(float)
    numbers = people[["age", "bmi"]].to_numpy(float)
    return Pool(
        exposures=build_exposures(people).to_numpy(np.float32),
        covariates=np.column_stack([female, numbers]),
        site=people["site"].astype(str).to_numpy()[::2],
        untreated=(people["treatment"] == "untreated").to_numpy()[::2],
    )


@dataclass(frozen=True)
class TemplateArrays:
    """A template as arrays in single precision, in the order of `names`."""

    names: pd.Index
    spread: np.ndarray
    intercept: np.ndarray
    carriage: np.ndarray
    batch: np.ndarray
    elsewhere: float
    """Share of reads from taxa too rare to be modelled."""

    abundance_likeness: Likeness
    carriage_likeness: Likeness
    template: Template

    @classmethod
    def of(cls, table: pd.DataFrame | None = None) -> "TemplateArrays":
        """Return the arrays of a table with the columns of `template/species.tsv`, the default.

        Rows with ``tail`` 1 are left out; their reads stay, as one constant share.
        """
        table = read_taxa("species").table if table is None else table
        rare = table["tail"].astype(bool)
        template = Template(table[~rare])
        return cls(
            names=template.taxa,
            spread=template.column("spread").astype(np.float32),
            intercept=template.column("intercept").astype(np.float32),
            carriage=template.column("carriage").astype(np.float32),
            batch=template.column("batch").astype(np.float32),
            elsewhere=float(table.loc[rare, "mean"].sum()),
            abundance_likeness=Likeness.of(template, "abundance", np.float32),
            carriage_likeness=Likeness.of(template, "carriage", np.float32),
            template=template,
        )

    def find(self, taxon: str) -> int:
        """Return the position of a taxon; an unknown name raises ValueError."""
        if taxon not in self.names:
            raise ValueError(f"no taxon {taxon!r}: {nearest(taxon, self.names)[:200]}")
        return self.names.get_loc(taxon)


@dataclass(frozen=True)
class Recipe:
    """The template and effects in one scenario, the same for all its cohorts."""

    taxa: TemplateArrays
    scenario: Scenario
    effects: np.ndarray
    """Factors x taxa: effect on log abundance, scaled by the dials."""

    carriage_effects: np.ndarray
    """Factors x taxa: effect of one unit of exposure on the probit of carriage."""

    planted: np.ndarray
    """True for taxa with a true difference between analysed patients and people without MS."""

    @classmethod
    def of(cls, taxa: TemplateArrays, scenario: Scenario) -> "Recipe":
        """Return the recipe of a scenario."""
        design = StudyDesign(
            geography=scenario.geography,
            disease=scenario.disease,
            treatment=scenario.treatment,
            covariates=scenario.covariates,
            diet=0.0,
            spillover=scenario.spillover if scenario.paired else 0.0,
        )
        effects = [build_coefficients(taxa.template, design, kind) for kind in ("", "carriage_")]
        drugs = [f"treatment:{drug}" for drug in DRUGS if scenario.analysed == "all"]
        moved = [(table.loc[["group:MS", *drugs]] != 0).any().to_numpy() for table in effects]
        return cls(taxa, scenario, *(t.to_numpy(np.float32) for t in effects), moved[0] | moved[1])

    def without_disease(self, exposures: np.ndarray) -> np.ndarray:
        """Return the exposures of the same people without MS, but living with a patient."""
        healthy = exposures.copy()
        names = list(FACTOR_COLUMNS)
        ill = [name for name in names if name.split(":")[0] in ("group", "treatment", "msss")]
        healthy[:, [names.index(name) for name in ill]] = 0.0
        healthy[:, names.index("spillover")] = 1.0
        return healthy

    @property
    def sharing(self) -> float:
        """Dial of household sharing; 0 for strangers."""
        return self.scenario.household_sharing if self.scenario.paired else 0.0


@dataclass(frozen=True)
class People:
    """The recruited people; in each household the patient comes before the control."""

    exposures: np.ndarray
    """Shape (n_people, n_factors)."""

    covariates: np.ndarray
    """Columns `PERSON_COVARIATES`, shape (n_people, 3)."""

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
    """Draw the people of one study, including controls who never give a sample."""
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

    Both are people x taxa; a person carries what is above 0. A share `occasion_share` of what is
    the person's own of log abundance is drawn anew at each visit.
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
