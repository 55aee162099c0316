"""MetaCyc pathways from the species that carry them and their expression.

A pathway's level follows the summed share of its carriers; site, sex, age, BMI and, for planted
pathways, MS also affect it directly (expression). Its relative abundance is a share of all output
including unmapped reads, of which pathways make up 2.4%, so shares are not closed and the true
effect on the log level is also that on the share.

Which species carry which pathway follows stated rules, without random numbers. Carriers are named
by genus, family or phylum. Besides, a pathway can have a breadth between 0 and 1: a family carries
it when its hash falls below the breadth, and every second genus decides for itself by its own
hash. A species without a genus or a family is hashed by its own name or its genus. Named carriers
and breadths are columns of the template, solved by ``calibration/pathways.py``.
"""

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np
import pandas as pd
from scipy import sparse

from cohabit.data import schema
from cohabit.simulate.community import Community
from cohabit.simulate.design import StudyDesign
from cohabit.simulate.dice import Dice
from cohabit.simulate.effects import build_coefficients
from cohabit.simulate.molecules import MoleculeLevels, draw_molecule_levels
from cohabit.simulate.template import Template, read_taxa

FLOOR = 1e-6  # share that stands in where no carrier is there
SHARPNESS = 0.7  # correlation of detection with the level


@dataclass(frozen=True)
class Pathways:
    """The pathways of every person."""

    levels: MoleculeLevels
    blur: np.ndarray
    """The part of detection that does not depend on the level, people x pathways."""

    @cached_property
    def detected(self) -> np.ndarray:
        """True where a pathway is detected: its level plus noise is above the limit."""
        template = self.levels.template
        standard = (self.levels.level - template.column("typical")) / template.column("total_sd")
        seen = SHARPNESS * standard + np.sqrt(1 - SHARPNESS**2) * self.blur
        return seen > template.column("limit")

    @property
    def people(self) -> pd.Index:
        """IDs of the people."""
        return self.levels.exposures.index

    def table(self) -> pd.DataFrame:
        """Return relative abundances, people x pathways."""
        return pd.DataFrame(self.share, self.people, list(self.levels.features))

    def scales(self) -> dict[str, np.ndarray]:
        """Return the log level, the arcsine square root of the share, and detection."""
        asin = np.arcsin(np.sqrt(self.share))
        return {
            "latent": self.levels.level,
            "asin": asin,
            "prevalence": self.detected.astype(float),
        }

    @cached_property
    def share(self) -> np.ndarray:
        """Share of all output, people x pathways; 0 where not detected."""
        return np.where(self.detected, np.exp(self.levels.level), 0.0)

    def expose(self, exposures: pd.DataFrame, species: Community) -> "Pathways":
        """Return the same people under other exposures, with the species that result."""
        moved = self.levels.expose(exposures, inherit_from_species(species, self.levels.template))
        return replace(self, levels=moved)


def draw_pathways(
    species: Community, dice: Dice, design: StudyDesign, template: Template | None = None
) -> Pathways:
    """Draw the pathways of everyone in a community."""
    template = read_taxa("pathways") if template is None else template
    dice = dice.within("pathways")
    levels = draw_molecule_levels(
        template,
        species.exposures,
        build_coefficients(template, design),
        inherit_from_species(species, template),
        dice,
        design,
    )
    return Pathways(levels, dice.normals("blur", columns=len(template.taxa)))


def inherit_from_species(species: Community, template: Template) -> np.ndarray:
    """Return the effect of species on each pathway: following times the carriers' log share."""
    following = template.column("following") * log_carriers(species, template)
    return following - template.column("following") * template.column("carriers_typical")


def log_carriers(species: Community, template: Template) -> np.ndarray:
    """Return the log of the summed share of each pathway's carriers, people x pathways."""
    carried = sparse.csr_array(species.composition) @ build_content(
        species.template.table, template.table
    )
    return np.log(carried + FLOOR)


def carried_coefficients(species: Community, template: Template) -> pd.DataFrame:
    """Return the first-order effect of factors on pathways through their carriers.

    Factors x pathways: the carriers' coefficients averaged by their mean share, times the
    pathway's following.
    """
    content = build_content(species.template.table, template.table)
    weight = content * species.template.column("mean")[:, None]
    weight = weight / np.maximum(weight.sum(axis=0), 1e-12)
    effect = np.einsum("qj,jp->qp", species.coefficients.to_numpy(), weight)
    index = species.coefficients.index
    return pd.DataFrame(effect * template.column("following"), index, template.taxa)


OWN_WAY = 0.5  # share of genera that differ from their family


def build_content(species: pd.DataFrame, pathways: pd.DataFrame) -> np.ndarray:
    """Return a species x pathways matrix of carriage, 0 or 1; the rare tail carries nothing.

    `species` has the columns phylum, family, genus, tail; `pathways` carriers and breadth.
    """
    real = np.flatnonzero(species["tail"].to_numpy() == 0)
    content = np.zeros((len(species), len(pathways)))
    rules = zip(pathways.index, pathways["carriers"], pathways["breadth"], strict=True)
    content[real] = _decide_all(_find_homes(species.iloc[real]), tuple(rules))
    return content


def _find_homes(species: pd.DataFrame) -> tuple[tuple[str, str, str], ...]:
    """Return phylum, family and genus of each species, filled from the next lower name."""
    lower, names = species.index.to_series(), {}
    for rank in ("genus", "family", "phylum"):
        known = species[rank].astype(str)
        lower = names[rank] = known.mask(known.isin(["", schema.UNCLASSIFIED]), lower)
    return tuple(zip(names["phylum"], names["family"], names["genus"], strict=True))


@lru_cache(maxsize=4)
def _decide_all(homes: tuple, rules: tuple) -> np.ndarray:
    """Return a matrix of carriage, lineages x pathways."""
    distinct = list(dict.fromkeys(homes))
    found = np.zeros((len(distinct), len(rules)))
    for column, (pathway, carriers, breadth) in enumerate(rules):
        named = set(carriers.split(";")) - {""}
        has = {family: hash_uniform(f"{family} has {pathway}") for _, family, _ in distinct}
        for row, home in enumerate(distinct):
            found[row, column] = not named.isdisjoint(home) or (
                breadth > 0 and _decide(has[home[1]], home[2], pathway) < breadth
            )
    position = {home: row for row, home in enumerate(distinct)}
    return found[[position[home] for home in homes]]


def _decide(family: float, genus: str, pathway: str) -> float:
    """Return the hash that decides for a genus: that of its family or one of its own."""
    own_way, own = hash_uniforms(f"{genus} has {pathway}")
    return own if own_way < OWN_WAY else family


def hash_uniform(text: str) -> float:
    """Return a number from 0 to 1 that depends only on the text."""
    return hash_uniforms(text)[0]


def hash_uniforms(text: str) -> tuple[float, float]:
    """Return two numbers from 0 to 1 that depend only on the text."""
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return int.from_bytes(digest[:6], "big") / 2**48, int.from_bytes(digest[6:12], "big") / 2**48
