"""Studies of the simulated world, with effects planted in taxa drawn anew for every study."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from cohabit.experiments.arena.trial import Trial, TrialDesign, choose_effects, describe_truth
from cohabit.simulate import StudyDesign, draw_world
from cohabit.simulate.community import Community
from cohabit.simulate.dice import stream
from cohabit.simulate.effects import DRUGS
from cohabit.simulate.taxa import Template, read_taxa


@dataclass(frozen=True)
class SimulatedWorld:
    """The world of `simulate` with one change: which taxa MS moves, and by how much."""

    name: str = "simulated"
    tail_df: float = 0.0
    """Degrees of freedom of Student's t for what is a person's own; 0 for a normal."""

    patient_spread: float = 1.0
    """Standard deviation of what is a patient's own, relative to a control's."""

    design: StudyDesign = StudyDesign(treatment=0.0, severity=0.0)
    """Every dial that `TrialDesign` does not turn."""

    def draw(self, setting: TrialDesign, seed: int) -> Trial:
        """Draw one study.

        Parameters
        ----------
        setting : TrialDesign
        seed : int
        """
        design = fit_design(self.design, setting)
        template = read_taxa("species")
        common = np.where(template.column("tail") == 0, template.column("prevalence"), 0.0)
        effects = choose_effects(common, setting, stream(seed, "arena/effects"))
        return self.draw_planted(design, effects, seed)

    def draw_planted(self, design: StudyDesign, effects: np.ndarray, seed: int) -> Trial:
        """Draw one study of a design with given effects of MS.

        Parameters
        ----------
        design : StudyDesign
        effects : ndarray, shape (n_taxa,)
            Natural logs, in the order of the species template.
        seed : int
        """
        template = plant(read_taxa("species"), effects)
        world = draw_world(design.replace(diet=0.0), seed).with_template(template, "species")
        if self.tail_df:
            rng = stream(seed, "arena/tails")
            world = world.with_species(
                spread_out(world.species, self.tail_df, self.patient_spread, rng)
            )
        return Trial(world.count(), world.people, find_truth(world.species, effects, design))


PATIENT_SPREAD = 1.07
"""Gives the released ratio of Bray-Curtis distances among patients of one site to those among
controls, 0.777 / 0.749 (iMSMS released data, re-analysed)."""

TAIL_DF = 5.0
"""Ours: heavier than a normal, and no single taxon fills a gut."""


def heavy_tails() -> SimulatedWorld:
    """Return the world with heavier tails, in which patients lie further apart than controls."""
    return SimulatedWorld("heavy tails", tail_df=TAIL_DF, patient_spread=PATIENT_SPREAD)


def spread_out(
    community: Community, tail_df: float, patient_spread: float, rng: np.random.Generator
) -> Community:
    """Return the community with heavier tails and patients further apart, in the common taxa.

    What is a person's own becomes Student's t of the same variance, then wider in patients.
    """
    patient = (community.people["group"] == "MS").to_numpy()
    scale = np.sqrt((tail_df - 2) / rng.chisquare(tail_df, community.person.shape))
    scale[patient] *= patient_spread
    common = community.template.column("tail") == 0
    more = np.where(common, community.person * (scale - 1), 0.0)
    person, log_abundance = community.person + more, community.log_abundance + more
    return replace(community, person=person, log_abundance=log_abundance)


def fit_design(design: StudyDesign, setting: TrialDesign) -> StudyDesign:
    """Return the design with the dials of a setting."""
    return design.with_pairs(setting.n_pairs).replace(
        household_sharing=setting.household_sharing,
        missing_partners=setting.missing_partners,
        shotgun_depth=float(setting.depth),
        spillover=setting.spillover,
    )


def plant(template: Template, effects: np.ndarray) -> Template:
    """Return the template with these effects of MS and no others of disease or therapy."""
    silent = dict.fromkeys([*DRUGS, "severity", "carriage_ms"], 0.0)
    return Template(template.table.assign(ms=effects, **silent))


def find_truth(community: Community, effects: np.ndarray, design: StudyDesign) -> pd.DataFrame:
    """Return what the effects did to these patients, before sequencing."""
    patient = (community.people["group"] == "MS").to_numpy()
    well = community.expose(community.exposures.assign(**{"group:MS": 0.0}))
    return describe_truth(
        well.composition[patient],
        community.composition[patient],
        effects * design.disease,
        community.taxa,
        0.5 / design.shotgun_depth,
    )
