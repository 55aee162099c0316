"""Studies with known truth: their settings, their data and the generator interface."""

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
import pandas as pd

from cohabit.simulate.design import OURS, Dials, dial
from cohabit.stats.composition import arcsine_root
from cohabit.stats.formula import COVARIATES, usable_terms, variables

PLANTED_FROM = 0.2
"""Smallest prevalence of a taxon that an effect is planted in."""


@dataclass(frozen=True, kw_only=True)
class TrialDesign(Dials):
    """The dials of a study, with the same meaning for every generator."""

    presets: ClassVar = {
        "taxa": {},
        "community": {"effect": 0.3},
    }

    n_pairs: int = dial(100, 8, 5000, "pairs", OURS, "households recruited")
    effect: float = dial(0.8, 0.0, 3.0, "natural log", OURS, "size of every planted effect")
    changed: float = dial(0.2, 0.0, 0.6, "share of taxa", OURS, "common taxa with an effect")
    pull: float = dial(
        0.0, 0.0, 1.0, "share", OURS, "0: as many go up as down; 1: all go up, and closure pulls"
    )
    household_sharing: float = dial(
        1.0, 0.0, 3.0, "1 = as observed, 0 = off", OURS, "what people of one household share"
    )
    missing_partners: float = dial(
        0.0, 0.0, 0.9, "share of households", OURS, "households whose control is missing"
    )
    depth: float = dial(200_000, 500, 1e8, "reads a person", OURS, "median depth")
    spillover: float = dial(
        0.0, 0.0, 0.6, "share of the effect", OURS, "effect that the partner catches"
    )

    def __post_init__(self):
        self.validate()


@dataclass(frozen=True)
class Trial:
    """A study drawn by a generator."""

    counts: pd.DataFrame
    """People x taxa."""

    people: pd.DataFrame
    """Rows as in `counts`: household_id, group and the available covariates."""

    truth: pd.DataFrame
    """One row per taxon: `planted` (bool) and the mean effect in these patients before
    sequencing: `latent` (natural log), `asin` (asin-sqrt share), `log_share` (natural log, half
    a read added; minus its mean over the taxa tested this is the effect on CLR)."""

    @property
    def covariates(self) -> str:
        """Formula of the covariates that are known for everybody and vary."""
        return " + ".join(usable_terms(self.people, variables(COVARIATES), most_unknown=0.0))


class Generator(Protocol):
    """Interface of everything that draws studies: a name and one method."""

    name: str

    def draw(self, setting: TrialDesign, seed: int) -> Trial:
        """Draw a study; equal settings and seeds give equal studies."""
        ...


def choose_effects(prevalence: np.ndarray, setting: TrialDesign, rng: np.random.Generator):
    """Draw effects as natural logs; 0 where nothing is planted, as in rare taxa."""
    effects = np.zeros(len(prevalence))
    common = np.flatnonzero(prevalence >= PLANTED_FROM)
    chosen = rng.permutation(common)[: round(setting.changed * len(common))]
    n_up = round(len(chosen) * (1 + setting.pull) / 2)
    effects[chosen] = np.where(np.arange(len(chosen)) < n_up, setting.effect, -setting.effect)
    return effects


def describe_truth(
    before: np.ndarray, after: np.ndarray, effects: np.ndarray, taxa: pd.Index, half_read: float
) -> pd.DataFrame:
    """Return the truth of a trial from patients' amounts with and without effects.

    Amounts are patients x taxa, of any total; `half_read` is the share that replaces zero.
    """
    one, other = (x / x.sum(axis=1, keepdims=True) for x in (before, after))
    arcs = arcsine_root(other) - arcsine_root(one)
    logs = np.log(other + half_read) - np.log(one + half_read)
    columns = {
        "planted": effects != 0,
        "latent": effects,
        "asin": arcs.mean(axis=0),
        "log_share": logs.mean(axis=0),
    }
    return pd.DataFrame(columns, index=taxa)
