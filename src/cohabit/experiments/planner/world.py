"""What cohorts are drawn from: the template's columns and a pool of people, as plain arrays."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd

from cohabit.data.schema import nearest
from cohabit.experiments.planner.scenario import Scenario
from cohabit.simulate.community import RICHNESS_HOUSEHOLD_SHARE
from cohabit.simulate.design import StudyDesign
from cohabit.simulate.effects import DRUGS, FACTORS, build_coefficients, build_exposures
from cohabit.simulate.taxa import Template, read_taxa
from cohabit.simulate.world import draw_world

POOL_PAIRS, POOL_SEED = 2880, 20240616
"""Households that people are drawn from, with replacement."""

COVARIATES = ("sex", "age", "bmi")
"""What the analysis can adjust for beside the site; sex is 1 for women."""


@dataclass(frozen=True)
class Pool:
    """Households with everything about their two people but the gut; patient first."""

    exposures: np.ndarray
    """People x factors of `simulate.effects.FACTORS`, shape (2 n_households, n_factors)."""

    covariates: np.ndarray
    """Columns `COVARIATES`, shape (2 n_households, 3)."""

    site: np.ndarray
    """Name of each household's site."""

    untreated: np.ndarray
    """Whether the household's patient takes no drug."""


@cache
def read_pool(opposite_sex_share: float) -> Pool:
    """Draw the pool of households, once for each share of opposite-sex pairs."""
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
class Likeness:
    """What taxa have in common within one property: abundance or carriage."""

    factors: np.ndarray
    """Loadings on the factors of the gut, shape (n_factors, n_taxa)."""

    group: np.ndarray
    """Loading on the factor of the taxon's group."""

    own: np.ndarray
    """Loading on the taxon's own draw."""

    richness: np.ndarray
    """Loading on how rich a gut is."""

    household: np.ndarray
    """Household share of everything but richness, at a dial of one."""


@dataclass(frozen=True)
class World:
    """One template as arrays; taxa in the order of `taxa`."""

    taxa: pd.Index
    groups: np.ndarray
    spread: np.ndarray
    intercept: np.ndarray
    carriage: np.ndarray
    batch: np.ndarray
    elsewhere: float
    """Share of the reads that goes to taxa too rare to be followed."""

    abundance_likeness: Likeness
    carriage_likeness: Likeness
    template: Template

    @classmethod
    def of(cls, table: pd.DataFrame | None = None) -> "World":
        """Return the world of a template table: the study's species, or `fit_template`'s.

        Parameters
        ----------
        table : DataFrame, one row a taxon, optional
            The columns of `template/species.tsv`. Rows with ``tail`` 1 are left out; their
            reads stay, as one constant share.
        """
        table = read_taxa("species").table if table is None else table
        rare = table["tail"].astype(bool)
        template = Template(table[~rare])
        return cls(
            taxa=template.taxa,
            groups=template.groups,
            spread=template.column("spread").astype(np.float32),
            intercept=template.column("intercept").astype(np.float32),
            carriage=template.column("carriage").astype(np.float32),
            batch=template.column("batch").astype(np.float32),
            elsewhere=float(table.loc[rare, "mean"].sum()),
            abundance_likeness=_likeness(template, ""),
            carriage_likeness=_likeness(template, "carriage_"),
            template=template,
        )

    def find(self, taxon: str) -> int:
        """Return the position of a taxon.

        Raises
        ------
        ValueError
            When there is none of that name; suggests the nearest.
        """
        if taxon not in self.taxa:
            raise ValueError(f"no taxon {taxon!r}: {nearest(taxon, self.taxa)[:200]}")
        return self.taxa.get_loc(taxon)


def _likeness(template: Template, prefix: str) -> Likeness:
    share = "carriage_share" if prefix else "household_share"
    scale = template.column("carriage_loading") if prefix else 1.0
    factors = template.loadings * scale
    group = template.column(f"{prefix}group_loading")
    own = np.sqrt(np.clip(1 - (factors**2).sum(axis=0) - group**2, 0, None))
    richness = template.column(f"{prefix}richness_loading")
    parts = (factors, group, own, richness, template.column(share))
    return Likeness(*(part.astype(np.float32) for part in parts))


@dataclass(frozen=True)
class Recipe:
    """A world under one scenario's dials: all that is the same from cohort to cohort."""

    world: World
    scenario: Scenario
    effects: np.ndarray
    """Factors x taxa: effect on log abundance, dials included."""

    carriage_effects: np.ndarray
    """Factors x taxa: effect on the probit of carriage."""

    planted: np.ndarray
    """Which taxa truly differ between the patients analysed and people who lack MS."""

    @classmethod
    def of(cls, world: World, scenario: Scenario) -> "Recipe":
        """Return the recipe of a scenario in a world."""
        design = StudyDesign(
            geography=scenario.geography,
            disease=scenario.disease,
            treatment=scenario.treatment,
            covariates=scenario.covariates,
            diet=0.0,
            spillover=scenario.spillover if scenario.paired else 0.0,
        )
        effects = [build_coefficients(world.template, design, kind) for kind in ("", "carriage_")]
        drugs = [f"treatment:{drug}" for drug in DRUGS if scenario.analysed == "all"]
        moved = [(table.loc[["group:MS", *drugs]] != 0).any().to_numpy() for table in effects]
        return cls(world, scenario, *(t.to_numpy(np.float32) for t in effects), moved[0] | moved[1])

    def without_disease(self, exposures: np.ndarray) -> np.ndarray:
        """Return the exposures of patients as if they were healthy and lived with a patient."""
        healthy = exposures.copy()
        names = list(FACTORS)
        ill = [name for name in names if name.split(":")[0] in ("group", "treatment", "msss")]
        healthy[:, [names.index(name) for name in ill]] = 0.0
        healthy[:, names.index("spillover")] = 1.0
        return healthy

    @property
    def richness_share(self) -> float:
        """Household share of how rich a gut is; 0 for strangers."""
        return min(1.0, RICHNESS_HOUSEHOLD_SHARE * self.sharing)

    @property
    def sharing(self) -> float:
        """The dial of household sharing; 0 for strangers."""
        return self.scenario.household_sharing if self.scenario.paired else 0.0
