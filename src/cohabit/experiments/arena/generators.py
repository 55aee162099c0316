"""Generators of studies: the simulated world, and effects added to resampled households."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from cohabit.data.cohort import Cohort
from cohabit.data.schema import MissingInput
from cohabit.experiments.arena.trial import Trial, TrialDesign, choose_effects, describe_truth
from cohabit.simulate import StudyDesign, draw_world
from cohabit.simulate.community import Community
from cohabit.simulate.dice import stream
from cohabit.simulate.effects import DRUGS
from cohabit.simulate.template import Template, read_taxa
from cohabit.stats.formula import COVARIATES, variables

PATIENT_SPREAD = 1.07
"""Spread that gives the released ratio of Bray-Curtis distances among patients of one site to
those among controls, 0.777 / 0.749 (iMSMS released data, re-analysed)."""

TAIL_DF = 5.0
"""Our choice: heavier than a normal, but no single taxon dominates a gut."""


@dataclass(frozen=True)
class SimulatedWorld:
    """The simulation of `simulate` with other effects of MS on taxa."""

    name: str = "simulated"
    tail_df: float = 0.0
    """Degrees of freedom of Student's t for individual variation; 0 for a normal."""

    patient_spread: float = 1.0
    """Standard deviation of individual variation in patients, relative to controls."""

    design: StudyDesign = StudyDesign(treatment=0.0, severity=0.0)
    """All dials that are not part of `TrialDesign`."""

    def draw(self, setting: TrialDesign, seed: int) -> Trial:
        """Draw a study."""
        effects = draw_effects(setting, stream(seed, "arena/effects"))
        return self.draw_planted(fit_design(self.design, setting), effects, seed)

    def draw_planted(self, design: StudyDesign, effects: np.ndarray, seed: int) -> Trial:
        """Draw a study with given effects of MS: natural logs, by species of the template."""
        template = plant(read_taxa("species"), effects)
        world = draw_world(design.replace(diet=0.0), seed).with_template(template, "species")
        if self.tail_df:
            rng = stream(seed, "arena/tails")
            world = world.with_species(
                spread_out(world.species, self.tail_df, self.patient_spread, rng)
            )
        return Trial(world.count(), world.people, find_truth(world.species, effects, design))


def heavy_tails() -> SimulatedWorld:
    """Return a generator with heavier tails and larger distances between patients."""
    return SimulatedWorld("heavy tails", tail_df=TAIL_DF, patient_spread=PATIENT_SPREAD)


def spread_out(
    community: Community, tail_df: float, patient_spread: float, rng: np.random.Generator
) -> Community:
    """Return the community with heavier tails and larger spread of patients in common taxa.

    Individual variation becomes Student's t of the same variance and is then widened in patients.
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


def draw_effects(setting: TrialDesign, rng: np.random.Generator) -> np.ndarray:
    """Draw the effects of MS on the species of the template, without the rare tail."""
    template = read_taxa("species")
    common = np.where(template.column("tail") == 0, template.column("prevalence"), 0.0)
    return choose_effects(common, setting, rng)


def plant(template: Template, effects: np.ndarray) -> Template:
    """Return the template with these effects of MS and none of therapy or severity."""
    silent = dict.fromkeys([*DRUGS, "severity", "carriage_ms"], 0.0)
    return Template(template.table.assign(ms=effects, **silent))


def find_truth(community: Community, effects: np.ndarray, design: StudyDesign) -> pd.DataFrame:
    """Return the true effects in these patients before sequencing."""
    patient = (community.people["group"] == "MS").to_numpy()
    well = community.expose(community.exposures.assign(**{"group:MS": 0.0}))
    return describe_truth(
        well.composition[patient],
        community.composition[patient],
        effects * design.disease,
        community.taxa,
        0.5 / design.shotgun_depth,
    )


@dataclass(frozen=True)
class SpikeIn:
    """Resampled households of a cohort in which the patient is chosen at random."""

    counts: np.ndarray
    """Counts of the two people in each complete pair, shape (n_households, 2, n_taxa)."""

    people: pd.DataFrame
    """Covariates, two rows per household in the order of `counts`."""

    taxa: pd.Index
    name: str = "spike-in"

    @classmethod
    def of(cls, cohort: Cohort, assay: str | None = None) -> "SpikeIn":
        """Take the complete pairs of a simulated, imported or real cohort.

        Parameters
        ----------
        cohort : Cohort
            Its truth, if it has one, is not used. Covariates known for less than half of
            the people are left out, and so are people who lack one of the others.
        assay : str, optional
            By default shotgun species where they are measured, else 16S genera.

        Raises
        ------
        MissingInput
            When fewer than 8 households are complete pairs.
        """
        assay = assay or ("shotgun" if "shotgun" in cohort.features else "16s")
        table = cohort.table(assay, rank="genus" if assay == "16s" else None)
        people = cohort.participants.loc[table.index]
        asked = [name for name in variables(COVARIATES) if name in people]
        known = [name for name in asked if people[name].notna().mean() > 0.5]
        people = people.loc[people[known].notna().all(axis=1), ["household_id", "group", *known]]
        size = people["household_id"].map(people["household_id"].value_counts())
        kinds = people.groupby("household_id")["group"].transform("nunique")
        people = people[(size == 2) & (kinds == 2)].sort_values(["household_id", "group"])
        n_pairs = len(people) // 2
        if n_pairs < 8:
            raise MissingInput(
                f"cohort: expected at least 8 complete pairs to draw from; it has {n_pairs}"
            )
        counts = table.loc[people.index].to_numpy(float)
        kept = counts.sum(axis=0) > 0
        shape = (n_pairs, 2, int(kept.sum()))
        return cls(counts[:, kept].reshape(shape), people, table.columns[kept])

    def draw(self, setting: TrialDesign, seed: int) -> Trial:
        """Draw a study.

        `household_sharing` below 1 replaces partners by strangers of the site; above 1 it has no
        effect, since sharing cannot exceed that in the cohort.
        """
        rng = stream(seed, "arena/spike-in")
        prevalence = (self.counts > 0).mean(axis=(0, 1))
        effects = choose_effects(prevalence, setting, stream(seed, "arena/effects"))
        rows = self._recruit(setting, rng)
        people = self._describe(rows, rng)
        before = self.counts.reshape(-1, len(self.taxa))[rows.ravel()]
        patient = (people["group"] == "MS").to_numpy()
        strength = np.where(patient, 1.0, setting.spillover)
        after = before * np.exp(np.outer(strength, effects))
        truth = describe_truth(
            before[patient], after[patient], effects, self.taxa, self._half_read(before[patient])
        )
        present = patient | (rng.random(len(people)) >= setting.missing_partners)
        counts = pd.DataFrame(_count(after, before, setting.depth, rng), people.index, self.taxa)
        present &= counts.sum(axis=1).to_numpy() > 0
        return Trial(counts[present], people[present], truth)

    def _recruit(self, setting: TrialDesign, rng: np.random.Generator) -> np.ndarray:
        """Return rows of two people per household, shape (n_pairs, 2)."""
        n_homes = len(self.counts)
        homes = rng.integers(n_homes, size=setting.n_pairs)
        rows = np.column_stack([2 * homes, 2 * homes + 1])
        apart = np.flatnonzero(rng.random(len(rows)) >= setting.household_sharing)
        site = self._site[::2]
        for place in apart:
            near = np.flatnonzero(site == site[homes[place]])
            rows[place, 1] = 2 * rng.choice(near) + 1
        return rows

    @property
    def _site(self) -> np.ndarray:
        if "site" in self.people:
            return self.people["site"].astype(str).to_numpy()
        return np.zeros(len(self.people), int)

    def _describe(self, rows: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
        """Return the people; patients of mixed pairs are women as often as in the cohort."""
        first = rng.random(len(rows)) < 0.5
        if "sex" in self.people:
            female = (self.people["sex"] == "female").to_numpy()[rows]
            mixed = female[:, 0] != female[:, 1]
            woman = rng.random(len(rows)) < self._women()
            first = np.where(mixed, female[:, 0] == woman, first)
        people = self.people.iloc[rows.ravel()].copy()
        case = np.column_stack([first, ~first]).ravel()
        people["group"] = pd.Categorical(
            np.where(case, "MS", "control"), ["control", "MS"], ordered=True
        )
        people["household_id"] = np.repeat([f"H{n:05d}" for n in range(len(rows))], 2)
        people.index = pd.Index(people["household_id"] + np.where(case, "-a", "-b"))
        people.index.name = "participant_id"
        return people

    def _women(self) -> float:
        """Return how often the patient is the woman in pairs of a woman and a man."""
        female = (self.people["sex"] == "female").to_numpy().reshape(-1, 2)
        case = (self.people["group"] == "MS").to_numpy().reshape(-1, 2)
        mixed = female[:, 0] != female[:, 1]
        return float((female & case)[mixed].any(axis=1).mean()) if mixed.any() else 0.5

    def _half_read(self, counts: np.ndarray) -> float:
        return 0.5 / float(np.median(counts.sum(axis=1)))


def _count(
    amounts: np.ndarray, before: np.ndarray, depth: float, rng: np.random.Generator
) -> np.ndarray:
    """Return whole counts, no deeper than the original library and the requested depth."""
    whole = np.floor(amounts + rng.random(amounts.shape))
    total = whole.sum(axis=1)
    wanted = np.minimum(before.sum(axis=1), depth)
    share = np.minimum(1.0, wanted / np.maximum(total, 1))
    return rng.binomial(whole.astype(np.int64), share[:, None])
