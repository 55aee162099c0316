"""The gut at later visits: what stays of a person, what drifts, and what follows a change.

The individual part of a taxon's log abundance (and of its probit of carriage), of standard
deviation s, is divided into a part that lasts and one of the day. With stability v and a year's
persistence k::

    individual_t = lasting_t + s * sqrt(1 - v) * noise_t
    lasting_t    = k * lasting_(t - 1) + sqrt((1 - k**2) * v) * s * fresh_t
    lasting_0    = v * individual_0 + s * sqrt(v * (1 - v)) * noise

so that every visit has the variances of the first, which is left as it was drawn. Exposures move to
those of the visit; a new drug acts as ``1 - exp(-months / 3)``. A part of what changes in one
person changes in the people they live with. See docs/methods.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from cohabit.data import schema
from cohabit.simulate.amplicons import ASV_CONCENTRATION, AsvPool
from cohabit.simulate.clinic import draw_msss
from cohabit.simulate.community import Community, Gut, Likeness, combine, draw_gut, draw_own
from cohabit.simulate.design import StudyDesign
from cohabit.simulate.dice import Dice, stream
from cohabit.simulate.effects import DRUGS, lengthen
from cohabit.simulate.sequencing import walk
from cohabit.simulate.template import Template, read_template

KEEPS = 0.96  # correlation of what lasts from one year to the next; our choice
CARRIAGE_STAYS = 0.97  # share of the individual variance of carriage that lasts; fitted
GENUS_SHARE = 0.7  # share of a day's noise that species of a genus have in common; fitted
ASV_STAYS = 0.8  # share of the coordinates of ASVs that a year leaves as they are; fitted
DRUG_MONTHS = 3.0  # months in which a new drug reaches 63% of its effect; our choice
FIBRE_PER_POINT = 0.05  # SDs of log fibre with a point of the diet's index; our choice
ANTIBIOTIC_MEAN, ANTIBIOTIC_SD = -0.4, 0.6  # log fold in the months after a course; our choice
SPREAD_OF_STABILITY = 0.28  # of the stability of genera nobody has measured, around their median
MEDIAN_STABILITY = 0.63


@dataclass(frozen=True)
class Years:
    """The people's states and exposures at the later visits with stool."""

    months: tuple[int, ...]
    exposures: dict[int, pd.DataFrame]
    """Month -> people x factors."""

    antibiotics: dict[int, np.ndarray]
    """Month -> 1 for people with a course in the three months before, otherwise 0."""


def follow_exposures(
    exposures: pd.DataFrame,
    people: pd.DataFrame,
    states: list[tuple[int, pd.DataFrame]],
    design: StudyDesign,
) -> Years:
    """Return the exposures of everyone at each later visit, present or not.

    `states` are those of `followup.follow_people`, the first at baseline.
    """
    drugs = [f"treatment:{drug}" for drug in DRUGS]
    first, found, courses = states[0][1], {}, {}
    reached = exposures[drugs]
    for month, state in states[1 : design.stool_visits]:
        given = pd.DataFrame({f"treatment:{drug}": state["treatment"] == drug for drug in DRUGS})
        since = state["months_on"].fillna(12.0).clip(upper=12.0)
        reached = given + (reached - given).mul(np.exp(-since / DRUG_MONTHS), axis=0)
        points = (state["hei_total"] - first["hei_total"]).astype(float).fillna(0.0)
        found[month] = exposures.assign(
            **reached,
            age=exposures["age"] + month / 12,
            bmi=exposures["bmi"] + state["bmi"] - first["bmi"],
            msss=exposures["msss"] + design.progression_effect * _worsen(people, state, month),
            **{
                "smoking:current": (state["smoking"] == "current").astype(float),
                "diet:fibre": exposures["diet:fibre"] + FIBRE_PER_POINT * points,
            },
        )
        courses[month] = state["antibiotics"].to_numpy(dtype=float)
    return Years(tuple(found), found, courses)


def _worsen(people: pd.DataFrame, state: pd.DataFrame, month: int) -> pd.Series:
    """Return the change of MSSS since baseline; 0 for controls."""
    now = people[["duration"]].astype(float) + month / 12
    severity = draw_msss(now.assign(edss=state["edss"]), None, None)
    return (severity - people["msss"].astype(float)).fillna(0.0)


def age_community(
    community: Community, name: str, dice: Dice, design: StudyDesign, years: Years
) -> Iterator[Community]:
    """Yield the community of the same people at each later visit.

    `name` is that of its random numbers, as in `draw_community`.
    """
    parts = _Parts.begin(community, name, dice, design)
    killed = antibiotic_effects(community.template)
    start = community.exposures
    for month in years.months:
        change = years.exposures[month] - start
        abundance, carriage = (
            _carry_over(combine(change, coefficients), dice, design.partner_change)
            + np.multiply.outer(years.antibiotics[month], killed)
            for coefficients in (community.coefficients, community.carriage_coefficients)
        )
        person, picky = parts.step(month)
        yield replace(
            community,
            exposures=years.exposures[month],
            person=person,
            carriage_person=picky,
            log_abundance=community.log_abundance + (person - community.person) + abundance,
            liability=community.liability + (picky - community.carriage_person) + carriage,
        )


def _carry_over(change: np.ndarray, dice: Dice, share: float) -> np.ndarray:
    """Add a share of the mean change of the others in each person's household."""
    home = np.unique(dice.household, return_inverse=True)[1]
    total = np.zeros((home.max() + 1, change.shape[1]))
    np.add.at(total, home, change)
    others = np.maximum(np.bincount(home)[home] - 1, 1)
    return change + share * (total[home] - change) / others[:, None]


class _Parts:
    """The individual parts of abundance and carriage, year after year."""

    def __init__(self, community, name, dice, design):
        self.template, self.name, self.design = community.template, name, design
        self.dice = dice.within("stool")
        self.genus = pd.factorize(genera_of(community.template))[0]
        self.keeps = np.sqrt(max(1 - design.drift * (1 - KEEPS**2), 0.0))

    @classmethod
    def begin(cls, community: Community, name: str, dice: Dice, design: StudyDesign) -> "_Parts":
        parts = cls(community, name, dice, design)
        stable = {
            "abundance": read_stability(community.template),
            "carriage": np.full(len(community.taxa), CARRIAGE_STAYS),
        }
        spread = {"abundance": community.template.column("spread"), "carriage": 1.0}
        own = {"abundance": community.person, "carriage": community.carriage_person}
        parts.likeness = {kind: Likeness.of(community.template, kind) for kind in stable}
        parts.stays = {k: np.clip(1 - design.drift * (1 - v), 0, 1) for k, v in stable.items()}
        parts.spread = spread
        parts.lasting = {}
        for kind, v in parts.stays.items():
            noise = parts._noise(kind, 0)
            parts.lasting[kind] = v * own[kind] + np.sqrt(v * (1 - v)) * noise
        return parts

    def _noise(self, kind: str, month: int) -> np.ndarray:
        """Draw the noise of a day, with the individual standard deviation of each taxon.

        Species of one genus have most of it in common.
        """
        like, sharing = self.likeness[kind], self.design.household_sharing
        own = like.weigh("person", sharing)
        sd = self.spread[kind] * np.sqrt(own**2 + like.richness**2)
        name = f"{self.name}/{kind}/month{month}"
        noise = self.dice.normals(name, columns=len(self.template.taxa))
        shared = self.dice.normals(f"{name}/genus", columns=self.genus.max() + 1)
        noise *= np.sqrt(1 - GENUS_SHARE)
        noise += np.sqrt(GENUS_SHARE) * shared[:, self.genus]
        return noise * sd

    def step(self, month: int) -> tuple[np.ndarray, np.ndarray]:
        """Live on to the next visit; return the parts of abundance and of carriage."""
        sharing = self.design.household_sharing
        dice = self.dice.within(f"month{month}")
        gut = draw_gut(dice, sharing, len(self.template.loadings))
        return tuple(self._step(kind, month, dice, gut) for kind in ("abundance", "carriage"))

    def _step(self, kind: str, month: int, dice: Dice, gut: Gut) -> np.ndarray:
        v, keeps = self.stays[kind], self.keeps
        name = f"community/{self.name}/{kind}"
        fresh = draw_own(dice, name, self.likeness[kind], gut, self.design.household_sharing)
        fresh *= self.spread[kind] * np.sqrt(v) * np.sqrt(1 - keeps**2)
        self.lasting[kind] = keeps * self.lasting[kind] + fresh
        return self.lasting[kind] + np.sqrt(1 - v) * self._noise(kind, month)


def read_stability(template: Template) -> np.ndarray:
    """Return the share of the individual variance of log abundance that lasts, per taxon.

    That of the genus where it was measured (`template/stability.tsv`); other genera have fixed
    places in a normal distribution around the median.
    """
    known = read_template("stability").set_index("genus")["stays"].to_dict()
    genera = genera_of(template)
    stays = {name: known.get(name) or _place(name) for name in np.unique(genera)}
    return np.array([stays[name] for name in genera])


def genera_of(template: Template) -> np.ndarray:
    """Return the genus of each taxon; a taxon without one is its own."""
    genus = template.table["genus"].to_numpy(dtype=str)
    return np.where(genus == schema.UNCLASSIFIED, template.taxa.to_numpy(dtype=str), genus)


def _place(genus: str) -> float:
    score = stream(0, f"stool/stability/{genus}").standard_normal()
    return float(np.clip(MEDIAN_STABILITY + SPREAD_OF_STABILITY * score, 0.1, 0.95))


def antibiotic_effects(template: Template) -> np.ndarray:
    """Return the log fold of each taxon in the months after a course; our illustration."""
    scores = [stream(0, f"stool/antibiotics/{name}").standard_normal() for name in template.taxa]
    return ANTIBIOTIC_MEAN + ANTIBIOTIC_SD * np.array(scores)


def list_stool_effects(template: Template, assay: str) -> pd.DataFrame:
    """Return the planted effects of antibiotics, as in `effects.tsv`."""
    effects = pd.DataFrame([antibiotic_effects(template)], columns=template.taxa)
    table = lengthen(effects.set_axis(["antibiotics:last 3 months"]), "later visits", "log")
    return table.assign(assay=assay)


def age_asvs(
    scores: np.ndarray, pool: AsvPool, dice: Dice, design: StudyDesign, months: tuple[int, ...]
) -> Iterator[np.ndarray]:
    """Yield how the ASVs of a genus divide it at each later visit, people x ASVs.

    A year leaves most coordinates as they are and draws the others anew.
    """
    shape = ASV_CONCENTRATION * pool.weight
    stays = np.clip(1 - design.drift * (1 - ASV_STAYS), 0, 1)
    for month in months:
        scores = scores.copy()
        for block in walk(dice, f"amplicons/month{month}"):
            moved = block.rng.random((block.size, len(shape)), dtype=np.float32) >= stays
            drawn = np.zeros(moved.shape)
            drawn[moved] = block.rng.standard_gamma(np.broadcast_to(shape, moved.shape)[moved])
            old, new, theirs = scores[block.rows], drawn[block.inside], moved[block.inside]
            scores[block.rows] = np.where(theirs, new, old)
        yield scores
