"""Effects spiked into resampled households of any cohort: its noise is the cohort's own."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cohabit.data.cohort import Cohort
from cohabit.data.schema import MissingInput
from cohabit.experiments.arena.trial import (
    Trial,
    TrialDesign,
    choose_effects,
    describe_truth,
)
from cohabit.simulate.dice import stream
from cohabit.stats.comparisons import COVARIATES
from cohabit.stats.formula import variables


@dataclass(frozen=True)
class SpikeIn:
    """Whole households of a cohort, drawn with replacement, who is the patient drawn anew."""

    counts: np.ndarray
    """Shape (n_households, 2, n_taxa): the two people of every complete pair."""

    people: pd.DataFrame
    """Two rows a household, in the order of `counts`: the covariates."""

    taxa: pd.Index
    name: str = "spike-in"

    @classmethod
    def of(cls, cohort: Cohort, assay: str | None = None) -> "SpikeIn":
        """Take the complete pairs of a cohort, simulated, imported or real.

        Parameters
        ----------
        cohort : Cohort
            Its truth, if it has one, is not looked at. Covariates known of less than half of
            the people are left out, and so is who lacks one of the others.
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
        """Draw one study.

        Parameters
        ----------
        setting : TrialDesign
            `household_sharing` below 1 replaces partners by strangers of the site; above 1 it
            says nothing here, since nobody can share more than the people at hand.
        seed : int
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
        """Return rows of two people a household, shape (n_pairs, 2)."""
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
        """Return the people; of two sexes the patient is a woman as often as in the cohort."""
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
        """Return how often the patient is the woman, of pairs of a woman and a man."""
        female = (self.people["sex"] == "female").to_numpy().reshape(-1, 2)
        case = (self.people["group"] == "MS").to_numpy().reshape(-1, 2)
        mixed = female[:, 0] != female[:, 1]
        return float((female & case)[mixed].any(axis=1).mean()) if mixed.any() else 0.5

    def _half_read(self, counts: np.ndarray) -> float:
        return 0.5 / float(np.median(counts.sum(axis=1)))


def _count(
    amounts: np.ndarray, before: np.ndarray, depth: float, rng: np.random.Generator
) -> np.ndarray:
    """Return whole counts: no library deeper than it was, nor than the depth asked for."""
    whole = np.floor(amounts + rng.random(amounts.shape))
    total = whole.sum(axis=1)
    wanted = np.minimum(before.sum(axis=1), depth)
    share = np.minimum(1.0, wanted / np.maximum(total, 1))
    return rng.binomial(whole.astype(np.int64), share[:, None])
