"""The latent community: carriage and true abundance of every taxon in every person.

For person i in household h and taxon j, in natural logs::

    log abundance = intercept_j + sum_q exposure_iq * coefficient_qj
                    + spread_j * (sqrt(r_j) u_hj + sqrt(1 - r_j) e_ij + richness of the gut)
    carried       = the same kinds of terms on the probit scale, above 0
    composition   = carried * exp(log abundance), closed to 1
"""

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from cohabit.simulate.design import StudyDesign
from cohabit.simulate.dice import Dice, QuickDice
from cohabit.simulate.effects import build_coefficients, build_exposures, lengthen
from cohabit.simulate.template import Template

RICHNESS_HOUSEHOLD_SHARE = 0.45  # of how rich a gut is; partners' genus counts correlate at 0.29


@dataclass(frozen=True)
class Community:
    """The true community of every person and the terms that it is made of."""

    people: pd.DataFrame
    template: Template
    exposures: pd.DataFrame
    """People x factors: each person's exposures; 0 where a factor does not apply."""

    coefficients: pd.DataFrame
    """Factors x taxa: effect of one unit of exposure on log abundance, scaled by the dials."""

    carriage_coefficients: pd.DataFrame
    """Factors x taxa: effect of one unit of exposure on the probit of carriage."""

    household: np.ndarray
    """Household part of log abundance, people x taxa."""

    person: np.ndarray
    """Individual part of log abundance, people x taxa."""

    log_abundance: np.ndarray
    """Sum of all terms, people x taxa."""

    liability: np.ndarray
    """Probit of carriage, people x taxa; a person carries a taxon where it is above 0."""

    carriage_person: np.ndarray
    """Individual part of `liability`, people x taxa."""

    @property
    def taxa(self) -> pd.Index:
        """Names of the taxa."""
        return self.template.taxa

    def term(self, name: str) -> np.ndarray:
        """Return the intercept, the part of household or person, or the term of a factor."""
        if name in ("household", "person"):
            return getattr(self, name)
        if name == "intercept":
            return np.tile(self.template.column("intercept"), (len(self.people), 1))
        return np.multiply.outer(
            self.exposures[name].to_numpy(), self.coefficients.loc[name].to_numpy()
        )

    @property
    def terms(self) -> dict[str, np.ndarray]:
        """All terms by name; their sum is `log_abundance`."""
        return {name: self.term(name) for name in (*self.TERMS, *self.exposures.columns)}

    TERMS = ("intercept", "household", "person")

    @cached_property
    def carried(self) -> np.ndarray:
        """True where the person carries the taxon, people x taxa."""
        return self.liability > 0

    def list_effects(self, assay: str) -> pd.DataFrame:
        """Return the non-zero planted effects, one per row, as in `effects.tsv`."""
        parts = [
            lengthen(self.coefficients, "abundance", "log"),
            lengthen(self.carriage_coefficients, "carriage", "probit"),
        ]
        table = pd.concat(parts, ignore_index=True)
        table.insert(0, "assay", assay)
        return table

    def expose(self, exposures: pd.DataFrame) -> "Community":
        """Return the counterfactual community of the same people under other exposures."""
        change = exposures - self.exposures
        moved = self.log_abundance + combine(change, self.coefficients)
        liability = self.liability + combine(change, self.carriage_coefficients)
        return replace(self, exposures=exposures, log_abundance=moved, liability=liability)

    @cached_property
    def log_composition(self) -> np.ndarray:
        """Natural log of the true shares, people x taxa; -inf where not carried."""
        return close_log(self.log_abundance, self.carried)

    @cached_property
    def composition(self) -> np.ndarray:
        """True shares, people x taxa; each row adds up to 1."""
        return np.exp(self.log_composition)


def draw_community(
    people: pd.DataFrame, dice: Dice, design: StudyDesign, template: Template, name: str
) -> Community:
    """Draw household and individual terms for a template's taxa and add the fixed terms.

    The names of its streams start with `name`.
    """
    exposures = build_exposures(people)
    coefficients = build_coefficients(template, design)
    carriage = build_coefficients(template, design, "carriage_")
    sharing = design.household_sharing
    gut = draw_gut(dice, sharing, len(template.loadings))
    likeness = Likeness.of(template, "carriage")
    shared, picky = draw_residuals(dice, f"community/{name}/carriage", likeness, gut, sharing)
    liability = combine(exposures, carriage) + shared + picky + template.column("carriage")
    likeness = Likeness.of(template, "abundance")
    household, person = draw_residuals(dice, f"community/{name}/abundance", likeness, gut, sharing)
    household *= template.column("spread")
    person *= template.column("spread")
    fixed = combine(exposures, coefficients)
    fixed += template.column("intercept")
    return Community(
        people=people,
        template=template,
        exposures=exposures,
        coefficients=coefficients,
        carriage_coefficients=carriage,
        household=household,
        person=person,
        log_abundance=fixed + household + person,
        liability=liability,
        carriage_person=picky,
    )


def combine(
    exposures: pd.DataFrame | np.ndarray, coefficients: pd.DataFrame | np.ndarray
) -> np.ndarray:
    """Return exposures times coefficients, people x taxa, by einsum for stable bytes."""
    return np.einsum("iq,qj->ij", np.asarray(exposures), np.asarray(coefficients), order="C")


def close_log(log_abundance: np.ndarray, carried: np.ndarray) -> np.ndarray:
    """Return log shares of what is carried; -inf for everything else."""
    present = np.where(carried, log_abundance, -np.inf)
    highest = present.max(axis=1, keepdims=True)
    total = np.exp(present - highest).sum(axis=1, keepdims=True)
    return present - (highest + np.log(total))


@dataclass(frozen=True)
class Likeness:
    """Correlations between taxa in one property: abundance or carriage."""

    factors: np.ndarray
    """Loadings on the shared gut factors, factors x taxa."""

    groups: np.ndarray
    """Group number of each taxon."""

    group: np.ndarray
    """Loadings on the factor of the taxon's group."""

    own: np.ndarray
    """Loadings on the taxon's own noise, for a total variance of 1."""

    richness: np.ndarray
    """Loadings on the richness of the gut."""

    household: np.ndarray
    """Household share of the variance other than richness, at a dial of 1."""

    @classmethod
    def of(cls, template: Template, kind: str, dtype: type = float) -> "Likeness":
        """Return the likeness of a template's taxa in ``"abundance"`` or ``"carriage"``."""
        prefix = "" if kind == "abundance" else "carriage_"
        factors = template.loadings
        if kind == "carriage":
            factors = factors * template.column("carriage_loading")
        group = template.column(f"{prefix}group_loading")
        own = np.sqrt(np.clip(1 - ((factors**2).sum(axis=0) + group**2), 0, None))
        richness = template.column(f"{prefix}richness_loading")
        share = template.column("household_share" if kind == "abundance" else "carriage_share")
        parts = [part.astype(dtype) for part in (factors, group, own, richness, share)]
        return cls(parts[0], template.groups, *parts[1:])

    def weigh(self, per: str, sharing: float) -> np.ndarray:
        """Return the weights of household or individual scores at a dial of sharing.

        The variance stays whatever the dial.
        """
        shared = np.clip(self.household * sharing, 0, 1)
        part = shared if per == "household" else 1 - shared
        return np.sqrt(1 - self.richness**2) * np.sqrt(part)


@dataclass(frozen=True)
class Gut:
    """Variation of whole guts, shared by all taxa, by carriage and abundance."""

    factors: dict[str, np.ndarray]
    """Scores of the ``"household"`` and of the ``"person"``, people x factors."""

    richness: dict[str, np.ndarray]
    """Richness of the gut: a household and an individual part of total variance 1."""


def draw_gut(dice: Dice | QuickDice, sharing: float, n_factors: int) -> Gut:
    """Draw the gut of everyone at a dial of household sharing."""
    pers = ("household", "person")
    factors = {per: dice.normals(f"community/gut/{per}", per, n_factors) for per in pers}
    return Gut(factors, draw_richness(dice, sharing))


def draw_richness(dice: Dice | QuickDice, sharing: float) -> dict[str, np.ndarray]:
    """Draw the richness of each gut, in the form of `Gut`."""
    share = min(RICHNESS_HOUSEHOLD_SHARE * sharing, 1.0)
    parts = {"household": math.sqrt(share), "person": math.sqrt(1 - share)}
    return {per: dice.normals(f"community/richness/{per}", per) * sd for per, sd in parts.items()}


def draw_residuals(
    dice: Dice | QuickDice,
    name: str,
    likeness: Likeness,
    gut: Gut,
    sharing: float,
    stable: float = 1.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw unexplained variation of households and people, people x taxa.

    Correlated standard normals in all. `stable` is the share of the person's own, richness apart,
    that does not change from visit to visit: what is drawn here.
    """
    own = draw_own(dice, name, likeness, gut, sharing, stable)
    if sharing == 0:
        return np.zeros_like(own), own
    shared = draw_taxon_scores(
        dice, f"{name}/household", "household", likeness, gut.factors["household"]
    )
    shared *= likeness.weigh("household", sharing)
    shared += np.multiply.outer(gut.richness["household"], likeness.richness)
    return shared, own


def draw_own(
    dice: Dice | QuickDice,
    name: str,
    likeness: Likeness,
    gut: Gut,
    sharing: float,
    stable: float = 1.0,
) -> np.ndarray:
    """Draw the individual part of `draw_residuals`, people x taxa."""
    own = draw_taxon_scores(dice, f"{name}/person", "person", likeness, gut.factors["person"])
    own *= likeness.weigh("person", sharing) * math.sqrt(stable)
    own += np.multiply.outer(gut.richness["person"], likeness.richness)
    return own


def draw_taxon_scores(
    dice: Dice | QuickDice, name: str, per: str, likeness: Likeness, factors: np.ndarray
) -> np.ndarray:
    """Draw scores of unit variance from shared factors, group factors and taxon noise."""
    scores = dice.normals(name, per, len(likeness.groups))
    scores *= likeness.own
    scores += combine(factors, likeness.factors)
    by_group = dice.normals(f"{name}/groups", per, likeness.groups.max() + 1)
    scores += by_group[:, likeness.groups] * likeness.group
    return scores
