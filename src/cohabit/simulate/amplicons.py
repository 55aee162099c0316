"""The 16S assay: genera that follow their species, and ASVs within genera.

A genus with species in the shotgun template follows the sum of its species, less so if the genus
has members that the template lacks, plus effects of the assay; other genera have effects of their
own. Within a genus, a person's ASVs are a Dirichlet draw, some of whose coordinates the household
shares.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from cohabit.simulate.community import Community, draw_richness
from cohabit.simulate.design import StudyDesign
from cohabit.simulate.dice import Dice, stream
from cohabit.simulate.sequencing import Block, walk
from cohabit.simulate.template import Template

ASV_CONCENTRATION = 2.8  # Dirichlet concentration of a genus's ASVs within a person
ASV_POWER = 1.57  # of the weights of a genus: how much its commonest ASVs outweigh the rest
RICHER_IS_EVENER = 0.2  # log exponent of ASV weights per SD of how rich a gut is
ASV_HOUSEHOLD_SHARE = 0.17  # share of ASV coordinates that partners have in common


def follow_species(own: Community, species: Community) -> Community:
    """Add the effect of the same people's species to the log abundance of genera.

    A followed genus carries what its species carry.
    """
    followed, summed = sum_species(species, own.template)
    log_abundance, liability = own.log_abundance.copy(), own.liability.copy()
    level = own.template.column("species_level")[followed]
    following = own.template.column("following")[followed]
    present = np.isfinite(summed)
    log_abundance[:, followed] += np.where(present, following * (summed - level), 0.0)
    liability[:, followed] = np.where(present, liability[:, followed], -np.inf)
    return replace(own, log_abundance=log_abundance, liability=liability)


def sum_species(community: Community, template: Template) -> tuple[np.ndarray, np.ndarray]:
    """Return which genera have species in the template, and the log sum of those species.

    It is minus infinity where a person carries none of the genus's species.
    """
    genus = community.template.table["genus"].to_numpy()
    real = community.template.column("tail") == 0
    followed = np.flatnonzero(template.taxa.isin(genus[real]))
    summed = np.empty((len(community.people), len(followed)))
    for column, name in enumerate(template.taxa[followed]):
        members = np.flatnonzero(real & (genus == name))
        carried = community.carried[:, members]
        amounts = np.where(carried, np.exp(community.log_abundance[:, members]), 0.0).sum(axis=1)
        with np.errstate(divide="ignore"):
            summed[:, column] = np.log(amounts)
    return followed, summed


@dataclass(frozen=True)
class AsvPool:
    """The ASVs of every genus with their frequencies in the population."""

    genus: np.ndarray
    """Position of the genus of each ASV."""

    weight: np.ndarray
    """Expected share of the genus; the weights of a genus add up to 1."""

    @property
    def names(self) -> list[str]:
        """Names of the ASVs."""
        return [f"asv_{number:05d}" for number in range(1, len(self.genus) + 1)]


def build_pool(template: Template) -> AsvPool:
    """Return the ASVs of a template, with power law weights within each genus."""
    sizes = template.column("n_asvs").astype(int)
    genus = np.repeat(np.arange(len(sizes)), sizes)
    rank = np.concatenate([np.arange(1, size + 1) for size in sizes])
    raw = rank.astype(float) ** -ASV_POWER
    return AsvPool(genus, raw / np.bincount(genus, raw)[genus])


def draw_asv_scores(pool: AsvPool, dice: Dice, design: StudyDesign) -> np.ndarray:
    """Draw the Dirichlet coordinates of every person, people x ASVs.

    Each coordinate is copied from the household with the probability given by the dial, so the
    marginal distribution is the same for everybody.
    """
    share = np.clip(ASV_HOUSEHOLD_SHARE * design.household_sharing, 0, 1)
    shape = ASV_CONCENTRATION * pool.weight
    scores = np.empty((len(dice.person), len(shape)))
    homes = Homes(dice, shape, share)
    for block in walk(dice, "amplicons/person"):
        drawn = block.rng.standard_gamma(shape, (block.size, len(shape)))[block.inside]
        scores[block.rows] = homes.copy_into(drawn, block)
    return scores


def split_genera(
    genera: Community, pool: AsvPool, scores: np.ndarray, dice: Dice, design: StudyDesign
) -> np.ndarray:
    """Return the true ASV shares of every person, people x ASVs.

    `scores` are the coordinates of the ASVs within their genus; in rich guts they are more even.
    """
    first = np.searchsorted(pool.genus, np.arange(len(genera.taxa)))
    richness = sum(draw_richness(dice, design.household_sharing).values())
    unevenness = np.exp(-RICHER_IS_EVENER * richness)
    shares = scores ** unevenness[:, None] + 1e-300
    scale = genera.composition / np.add.reduceat(shares, first, axis=1)
    shares *= scale[:, pool.genus]
    return shares


class Homes:
    """The Dirichlet coordinates of households, drawn site by site."""

    def __init__(self, dice: Dice, shape: np.ndarray, share: float):
        self.dice, self.shape, self.share = dice, shape, share
        sizes = np.cumsum([0, *dice.pairs_per_site.values()])
        self.first = dict(zip(dice.pairs_per_site, sizes, strict=False))
        self.site = None

    def copy_into(self, drawn: np.ndarray, block: Block) -> np.ndarray:
        """Copy the coordinates shared with the household into a block's draws."""
        if block.site != self.site:
            self._draw(block.site)
        home = self.dice.household[block.rows] - self.first[block.site]
        return np.where(self.copied[home], self.common[home], drawn)

    def _draw(self, site: str) -> None:
        rng = stream(self.dice.seed, f"amplicons/household/{site}")
        size = (self.dice.pairs_per_site[site], len(self.shape))
        self.site, self.common = site, rng.standard_gamma(self.shape, size)
        self.copied = rng.random(size) < self.share


def build_tree(lineage: pd.DataFrame) -> str:
    """Return a Newick tree of the ASVs by taxonomy, from their lineages, phylum to genus.

    Branches: 0.1 from root to phylum, class, order, family and genus each, 0.05 to the ASV.
    An illustration: the shape of the taxonomy, not of evolution.
    """
    return f"{_clade(lineage, list(lineage.columns))};\n"


def _clade(lineage: pd.DataFrame, ranks: list[str]) -> str:
    if not ranks:
        tips = ",".join(f"{name}:0.05" for name in lineage.index)
        return f"({tips})"
    inner = (f"{_clade(part, ranks[1:])}:0.1" for _, part in lineage.groupby(ranks[0], sort=True))
    return f"({','.join(inner)})"
