"""The latent community: who carries which taxon, and how much of it, before any sequencing.

For person i in household h and taxon j, in natural logs::

    log abundance = intercept_j + sum_q exposure_iq * coefficient_qj
                    + spread_j * (sqrt(r_j) u_hj + sqrt(1 - r_j) e_ij + richness of the gut)
    carried       = the same kinds of terms on the probit scale, above 0
    composition   = carried * exp(log abundance), closed to 1
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from cohabit.simulate.design import StudyDesign
from cohabit.simulate.dice import Dice
from cohabit.simulate.effects import build_coefficients, build_exposures, lengthen
from cohabit.simulate.taxa import Template

RICHNESS_HOUSEHOLD_SHARE = 0.45  # of how rich a gut is; partners' genus counts correlate at 0.29


@dataclass(frozen=True)
class Community:
    """The true community of every person, with the terms it is the sum of."""

    people: pd.DataFrame
    template: Template
    exposures: pd.DataFrame
    """People x factors: what each person is exposed to; 0 where a factor does not apply."""

    coefficients: pd.DataFrame
    """Factors x taxa: effect on log abundance of one unit of exposure, dials included."""

    carriage_coefficients: pd.DataFrame
    """Factors x taxa: effect on the probit of carriage."""

    household: np.ndarray
    """What the household shares of log abundance, people x taxa."""

    person: np.ndarray
    """What is the person's own of log abundance, people x taxa."""

    log_abundance: np.ndarray
    """Sum of all terms, people x taxa."""

    liability: np.ndarray
    """Probit of carriage: a person carries what is above 0, people x taxa."""

    @property
    def taxa(self) -> pd.Index:
        """Names of the taxa."""
        return self.template.taxa

    def term(self, name: str) -> np.ndarray:
        """Return one term of log abundance, people x taxa.

        Parameters
        ----------
        name : str
            ``"intercept"``, ``"household"``, ``"person"`` or a factor of `exposures`.
        """
        if name in ("household", "person"):
            return getattr(self, name)
        if name == "intercept":
            return np.tile(self.template.column("intercept"), (len(self.people), 1))
        return np.multiply.outer(
            self.exposures[name].to_numpy(), self.coefficients.loc[name].to_numpy()
        )

    @property
    def terms(self) -> dict[str, np.ndarray]:
        """Every term by name; together they add up to `log_abundance`."""
        return {name: self.term(name) for name in (*self.TERMS, *self.exposures.columns)}

    TERMS = ("intercept", "household", "person")

    @cached_property
    def carried(self) -> np.ndarray:
        """Whether the person carries the taxon, people x taxa."""
        return self.liability > 0

    def list_effects(self, assay: str) -> pd.DataFrame:
        """Return the planted effects that are not zero, one row each, as `effects.tsv` has them."""
        parts = [
            lengthen(self.coefficients, "abundance", "log"),
            lengthen(self.carriage_coefficients, "carriage", "probit"),
        ]
        table = pd.concat(parts, ignore_index=True)
        table.insert(0, "assay", assay)
        return table

    def expose(self, exposures: pd.DataFrame) -> "Community":
        """Return the same people under other exposures: a counterfactual, nothing redrawn."""
        change = exposures - self.exposures
        moved = self.log_abundance + combine(change, self.coefficients)
        liability = self.liability + combine(change, self.carriage_coefficients)
        return replace(self, exposures=exposures, log_abundance=moved, liability=liability)

    @cached_property
    def log_composition(self) -> np.ndarray:
        """Natural log of the true shares, people x taxa; minus infinity where not carried."""
        return close_log(np.where(self.carried, self.log_abundance, -np.inf))

    @cached_property
    def composition(self) -> np.ndarray:
        """True shares, people x taxa; rows add up to 1."""
        return np.exp(self.log_composition)


def close_log(log_abundance: np.ndarray) -> np.ndarray:
    """Return log shares: each row of exp(log_abundance) divided by its sum."""
    highest = log_abundance.max(axis=1, keepdims=True)
    total = np.exp(log_abundance - highest).sum(axis=1, keepdims=True)
    return log_abundance - (highest + np.log(total))


def draw_community(
    people: pd.DataFrame, dice: Dice, design: StudyDesign, template: Template, name: str
) -> Community:
    """Draw household and person terms and add the fixed ones, for the taxa of a template.

    Parameters
    ----------
    people : DataFrame, one row a person
        As drawn by `households.draw_people`.
    dice : Dice
        Random numbers of these people.
    design : StudyDesign
    template : Template
    name : str
        Of the community; with it start the names of its streams.
    """
    exposures = build_exposures(people)
    coefficients = build_coefficients(template, design)
    carriage = build_coefficients(template, design, "carriage_")
    household, person = _draw_residuals(dice, template, design, name, "abundance")
    household *= template.column("spread")
    person *= template.column("spread")
    fixed = combine(exposures, coefficients)
    fixed += template.column("intercept")
    log_abundance = fixed + household + person
    return Community(
        people=people,
        template=template,
        exposures=exposures,
        coefficients=coefficients,
        carriage_coefficients=carriage,
        household=household,
        person=person,
        log_abundance=log_abundance,
        liability=_draw_liability(dice, template, design, name, combine(exposures, carriage)),
    )


def combine(exposures: pd.DataFrame, coefficients: pd.DataFrame) -> np.ndarray:
    """Return exposures times coefficients, people x taxa; einsum, so that bytes are stable."""
    rows, columns = exposures.to_numpy(float), coefficients.to_numpy(float)
    return np.einsum("iq,qj->ij", rows, columns, order="C")


def _shares(observed: np.ndarray, design: StudyDesign) -> np.ndarray:
    """Return household shares at the dial; the total variance stays whatever the dial."""
    return np.clip(observed * design.household_sharing, 0, 1)


def _draw_liability(dice, template, design, name, fixed) -> np.ndarray:
    household, person = _draw_residuals(dice, template, design, name, "carriage")
    return fixed + household + person + template.column("carriage")


@dataclass(frozen=True)
class _Likeness:
    """What taxa have in common within one property: abundance or carriage."""

    factors: np.ndarray
    """Loadings on the factors of the gut, factors x taxa."""

    group: np.ndarray
    """Loadings on the factor of the taxon's group."""

    richness: np.ndarray
    """Loadings on how rich a gut is."""

    household: np.ndarray
    """Household share of everything but richness."""

    @classmethod
    def of(cls, template: Template, kind: str) -> "_Likeness":
        if kind == "abundance":
            names = ("group_loading", "richness_loading", "household_share")
            return cls(template.loadings, *map(template.column, names))
        names = ("carriage_group_loading", "carriage_richness_loading", "carriage_share")
        loadings = template.loadings * template.column("carriage_loading")
        return cls(loadings, *map(template.column, names))


def _draw_residuals(dice: Dice, template: Template, design: StudyDesign, name: str, kind: str):
    """Draw correlated standard normals, split into household and person, people x taxa.

    The factors of the gut and its richness are one draw: they move species and genera,
    carriage and abundance alike.
    """
    likeness = _Likeness.of(template, kind)
    rest = np.sqrt(1 - likeness.richness**2)
    shared = _shares(likeness.household, design)
    richness = draw_richness(dice, design)
    parts = []
    for per, part in (("household", shared), ("person", 1 - shared)):
        scores = _draw_scores(dice, f"community/{name}/{kind}/{per}", per, template, likeness)
        scores *= rest * np.sqrt(part)
        scores += np.outer(richness[per], likeness.richness)
        parts.append(scores)
    return parts


def draw_richness(dice: Dice, design: StudyDesign) -> dict[str, np.ndarray]:
    """Draw how rich each gut is, of variance one in all: the household's part and the person's."""
    share = _shares(np.array(RICHNESS_HOUSEHOLD_SHARE), design)
    parts = {"household": np.sqrt(share), "person": np.sqrt(1 - share)}
    return {per: dice.normals(f"community/richness/{per}", per) * sd for per, sd in parts.items()}


def _draw_scores(dice, name, per, template: Template, likeness: _Likeness) -> np.ndarray:
    """Draw scores of unit variance: shared factors, a factor of the group, the taxon's own."""
    n_factors, n_taxa = likeness.factors.shape
    groups = template.groups
    shared = (likeness.factors**2).sum(axis=0) + likeness.group**2
    scores = dice.normals(name, per, n_taxa)
    scores *= np.sqrt(np.clip(1 - shared, 0, None))
    factors = dice.normals(f"community/gut/{per}", per, n_factors)
    scores += np.einsum("im,mj->ij", factors, likeness.factors)
    by_group = dice.normals(f"{name}/groups", per, groups.max() + 1)
    scores += by_group[:, groups] * likeness.group
    return scores
