"""The inputs of fast simulation: a template and a pool of people as plain arrays."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd

from cohabit.data.schema import nearest
from cohabit.experiments.planner.scenario import Scenario
from cohabit.simulate.community import Likeness
from cohabit.simulate.design import StudyDesign
from cohabit.simulate.effects import DRUGS, FACTOR_COLUMNS, build_coefficients, build_exposures
from cohabit.simulate.template import Template, read_taxa
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
    """One template as arrays in single precision, in the order of `names`."""

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
        """Return the arrays of a template table: the study's species, or `fit_template`'s.

        Parameters
        ----------
        table : DataFrame, one row per taxon, optional
            The columns of `template/species.tsv`. Rows with ``tail`` 1 are left out; their
            reads stay, as one constant share.
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
        """Return the position of a taxon.

        Raises
        ------
        ValueError
            When there is none of that name; suggests the nearest.
        """
        if taxon not in self.names:
            raise ValueError(f"no taxon {taxon!r}: {nearest(taxon, self.names)[:200]}")
        return self.names.get_loc(taxon)


@dataclass(frozen=True)
class Recipe:
    """A template under one scenario's dials: all that is the same from cohort to cohort."""

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
