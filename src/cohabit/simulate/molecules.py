"""Pathways and metabolites: latent log levels in every person, with microbial effects.

For person i in household h and feature p, in natural logs::

    level = intercept_p + inherited_ip + sum_q exposure_iq * coefficient_qp
            + spread_p * (sqrt(r_p) u_hp + sqrt(1 - r_p) e_ip)

``inherited`` is what the person's microbes make of the feature.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from cohabit.simulate.community import combine
from cohabit.simulate.design import StudyDesign
from cohabit.simulate.dice import Dice
from cohabit.simulate.effects import lengthen
from cohabit.simulate.template import Template

PASSED_ON = ("group:MS", "spillover", "treatment:", "msss")
"""Factors whose effect through the microbes is listed besides their direct effect."""


@dataclass(frozen=True)
class MoleculeLevels:
    """Latent log levels of every person and the terms that they are made of."""

    template: Template
    exposures: pd.DataFrame
    """People x factors."""

    coefficients: pd.DataFrame
    """Factors x features: effect of one unit of exposure, scaled by the dials."""

    inherited: np.ndarray
    """Contribution of the person's microbes, people x features."""

    household: np.ndarray
    """Household part, people x features."""

    person: np.ndarray
    """Individual part, people x features."""

    level: np.ndarray
    """Sum of all terms, people x features, as a natural log."""

    @property
    def features(self) -> pd.Index:
        """Names of the features."""
        return self.template.taxa

    def list_effects(self, own: str, passed_on: pd.DataFrame, through: str) -> pd.DataFrame:
        """Return the non-zero planted effects, direct and through microbes.

        `own` is the property of the rows on the level, which are exact; `through` that of the rows
        of `passed_on` (factors x features), which are to first order: coefficients averaged over
        the microbes that pass them on. The exact sums are in the estimands.
        """
        kept = [name.startswith(PASSED_ON) for name in passed_on.index]
        named = self.coefficients.rename(index={"stool_water": "stool_water:MS"})
        parts = [
            lengthen(named, own, "log"),
            lengthen(passed_on[kept], through, "log, first order"),
        ]
        return pd.concat(parts, ignore_index=True)

    def expose(self, exposures: pd.DataFrame, inherited: np.ndarray) -> "MoleculeLevels":
        """Return the same people under other exposures and with other microbes."""
        change = combine(exposures - self.exposures, self.coefficients)
        moved = self.level + change + (inherited - self.inherited)
        return replace(self, exposures=exposures, inherited=inherited, level=moved)


def draw_molecule_levels(
    template: Template,
    exposures: pd.DataFrame,
    coefficients: pd.DataFrame,
    inherited: np.ndarray,
    dice: Dice,
    design: StudyDesign,
) -> MoleculeLevels:
    """Draw household and individual terms and add the fixed terms.

    `template` has the columns intercept, spread, household_share; loadings named ``factor1``, ...,
    or a group and its loading; optionally skew. `dice` are named after the molecules; exposures are
    people x factors, coefficients factors x features, inherited people x features.
    """
    share = np.clip(template.column("household_share") * design.household_sharing, 0, 1)
    spread = template.column("spread")
    household = _draw_scores(dice, "household", template) * (spread * np.sqrt(share))
    person = _draw_scores(dice, "person", template)
    if "skew" in template.table:
        person = skew_left(person, template.column("skew"))
    person *= spread * np.sqrt(1 - share)
    fixed = combine(exposures, coefficients) + template.column("intercept")
    return MoleculeLevels(
        template=template,
        exposures=exposures,
        coefficients=coefficients,
        inherited=inherited,
        household=household,
        person=person,
        level=fixed + inherited + household + person,
    )


def skew_left(scores: np.ndarray, strength: np.ndarray | float) -> np.ndarray:
    """Return standard normal scores skewed to the left, with mean 0 and variance 1.

    It is a reflected shifted lognormal, (exp(k²/2) - exp(-k z)) / sd; the scores are unchanged if
    the strength k is 0.
    """
    k = np.where(np.equal(strength, 0), 1.0, strength)
    sd = np.exp(k**2 / 2) * np.sqrt(np.expm1(k**2))
    return np.where(np.equal(strength, 0), scores, (np.exp(k**2 / 2) - np.exp(-k * scores)) / sd)


def _draw_scores(dice: Dice, per: str, template: Template) -> np.ndarray:
    """Draw scores of unit variance from shared factors and each feature's own noise."""
    loadings = _loadings(template)
    factors = dice.normals(f"{per}/factors", per, len(loadings))
    scores = dice.normals(f"{per}/own", per, len(template.taxa))
    scores *= np.sqrt(np.clip(1 - (loadings**2).sum(axis=0), 0, None))
    return scores + np.einsum("im,mj->ij", factors, loadings)


def _loadings(template: Template) -> np.ndarray:
    """Return loadings, factors x features: from the template, or one factor per group."""
    names = [name for name in template.table if name.startswith("factor")]
    if names:
        return template.columns(names)
    groups = np.arange(template.groups.max() + 1)[:, None] == template.groups
    return groups * template.column("group_loading")
