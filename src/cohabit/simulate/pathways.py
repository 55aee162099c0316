"""MetaCyc pathways: what the species of a gut carry, and how much of it is expressed.

A pathway's level follows the summed share of its carriers; site, sex, age, BMI and, for the
planted pathways, MS act beside it (expression). Its relative abundance is a share of all output,
unmapped included, of which pathways are 2.4%; so nothing is closed, and the truth of the log
level is the truth of the share.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from scipy import sparse

from cohabit.simulate.community import Community
from cohabit.simulate.design import StudyDesign
from cohabit.simulate.dice import Dice
from cohabit.simulate.effects import build_coefficients
from cohabit.simulate.gene_content import build_content
from cohabit.simulate.panel import Panel, draw_panel
from cohabit.simulate.taxa import Template, read_taxa

FLOOR = 1e-6  # share that stands in where no carrier is there
SHARPNESS = 0.7  # correlation of detection with the level


@dataclass(frozen=True)
class Pathways:
    """The pathways of every person."""

    panel: Panel
    blur: np.ndarray
    """What detection depends on apart from the level, people x pathways."""

    @cached_property
    def detected(self) -> np.ndarray:
        """Whether a pathway is seen: its level, blurred, lies above a limit."""
        template = self.panel.template
        standard = (self.panel.level - template.column("typical")) / template.column("total_sd")
        seen = SHARPNESS * standard + np.sqrt(1 - SHARPNESS**2) * self.blur
        return seen > template.column("limit")

    @property
    def people(self) -> pd.Index:
        """IDs of the people."""
        return self.panel.exposures.index

    def table(self) -> pd.DataFrame:
        """Return relative abundances, people x pathways."""
        return pd.DataFrame(self.share, self.people, list(self.panel.features))

    def scales(self) -> dict[str, np.ndarray]:
        """Return the log level, the arcsine square root of the share, and detection."""
        asin = np.arcsin(np.sqrt(self.share))
        return {"latent": self.panel.level, "asin": asin, "prevalence": self.detected.astype(float)}

    @cached_property
    def share(self) -> np.ndarray:
        """Relative abundance among all output, people x pathways; 0 where not detected."""
        return np.where(self.detected, np.exp(self.panel.level), 0.0)

    def expose(self, exposures: pd.DataFrame, species: Community) -> "Pathways":
        """Return the same people under other exposures, with the species these make."""
        moved = self.panel.expose(exposures, inherit(species, self.panel.template))
        return replace(self, panel=moved)


def draw_pathways(
    species: Community, dice: Dice, design: StudyDesign, template: Template | None = None
) -> Pathways:
    """Draw the pathways of everyone in a community."""
    template = read_taxa("pathways") if template is None else template
    dice = dice.within("pathways")
    panel = draw_panel(
        template,
        species.exposures,
        build_coefficients(template, design),
        inherit(species, template),
        dice,
        design,
    )
    return Pathways(panel, dice.normals("blur", columns=len(template.taxa)))


def inherit(species: Community, template: Template) -> np.ndarray:
    """Return what species make of each pathway: its following times the carriers' log share."""
    following = template.column("following") * log_carriers(species, template)
    return following - template.column("following") * template.column("carriers_typical")


def log_carriers(species: Community, template: Template) -> np.ndarray:
    """Return the log of the summed share of each pathway's carriers, people x pathways."""
    carried = sparse.csr_array(species.composition) @ build_content(
        species.template.table, template.table
    )
    return np.log(carried + FLOOR)


def carried_coefficients(species: Community, template: Template) -> pd.DataFrame:
    """Return to first order what each factor does to pathways through their carriers.

    Factors x pathways: the carriers' coefficients averaged by their mean share, times the
    pathway's following.
    """
    content = build_content(species.template.table, template.table)
    weight = content * species.template.column("mean")[:, None]
    weight = weight / np.maximum(weight.sum(axis=0), 1e-12)
    effect = np.einsum("qj,jp->qp", species.coefficients.to_numpy(), weight)
    index = species.coefficients.index
    return pd.DataFrame(effect * template.column("following"), index, template.taxa)
