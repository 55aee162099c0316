"""What every analysis of one study shares: features kept, scales, design, pairs."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from cohabit.experiments.arena.trial import Trial
from cohabit.stats.composition import arcsine_sqrt, clr, filter_features
from cohabit.stats.formula import ModelMatrix, model_matrix
from cohabit.stats.paired import find_pairs

SCALES = ("asin-sqrt", "CLR")


@dataclass(frozen=True)
class Prepared:
    """A study, filtered and transformed once for all analyses."""

    trial: Trial

    @classmethod
    def of(cls, trial: Trial) -> "Prepared":
        """Prepare a study, without people in whom none of the taxa kept was seen."""
        seen = filter_features(trial.counts).sum(axis=1) > 0
        return cls(replace(trial, counts=trial.counts[seen], people=trial.people[seen]))

    @cached_property
    def counts(self) -> pd.DataFrame:
        """Counts of the taxa that pass the study's filter."""
        return filter_features(self.trial.counts)

    @property
    def people(self) -> pd.DataFrame:
        """One row a person, in the order of the counts."""
        return self.trial.people

    @cached_property
    def shares(self) -> pd.DataFrame:
        """asin-sqrt shares of the taxa kept; shares of everything seen."""
        return arcsine_sqrt(self.trial.counts)[self.counts.columns]

    @cached_property
    def values(self) -> pd.DataFrame:
        """Both scales side by side, people x (scale, taxon): one fit serves both."""
        both = np.hstack([self.shares, clr(self.counts)])
        names = [f"{scale}|{taxon}" for scale, taxon in zip(*self.labels.values(), strict=True)]
        return pd.DataFrame(both, self.people.index, names)

    @cached_property
    def labels(self) -> dict[str, np.ndarray]:
        """Scale and taxon of each column of `values`."""
        taxa = self.counts.columns
        scales = np.repeat(np.array(SCALES, dtype=object), len(taxa))
        return {"scale": scales, "feature": np.tile(taxa, len(SCALES))}

    @cached_property
    def matrix(self) -> ModelMatrix:
        """Model matrix of group and covariates."""
        return model_matrix(self.formula, self.people)

    def make_shared(self) -> None:
        """Make what all ways use, so that none of them is charged for it."""
        for name in ("values", "matrix", "positions"):
            getattr(self, name)

    @property
    def formula(self) -> str:
        """The group and the covariates."""
        return " + ".join(filter(None, ["group", self.trial.covariates]))

    @cached_property
    def positions(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows of cases and of controls, pair by pair."""
        pairs = find_pairs(self.people[["household_id", "group"]]).table
        index = self.people.index
        return index.get_indexer(pairs["case"]), index.get_indexer(pairs["control"])

    def subtract(self, values: np.ndarray) -> np.ndarray:
        """Return case minus control, pair by pair."""
        case, control = self.positions
        return values[case] - values[control]
