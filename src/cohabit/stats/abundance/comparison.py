"""What every method of differential abundance is given."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from cohabit.stats.composition import arcsine_sqrt, clr
from cohabit.stats.formula import ModelMatrix, model_matrix


@dataclass(frozen=True)
class Comparison:
    """Counts, people and the question, aligned and checked."""

    counts: pd.DataFrame
    """All features: shares are shares of everything seen."""

    kept: pd.Index
    """Features to test."""

    people: pd.DataFrame
    """Rows as in `counts`."""

    factor: str
    covariates: str | None
    household: str
    pseudocount: float | None

    @property
    def formula(self) -> str:
        """The factor and the covariates."""
        return " + ".join(filter(None, [self.factor, self.covariates]))

    @cached_property
    def matrix(self) -> ModelMatrix:
        """The model matrix of the formula."""
        matrix = model_matrix(self.formula, self.people)
        if not matrix.terms.get(self.factor):
            raise ValueError(f"column {self.factor!r}: expected at least two levels, got one")
        return matrix

    @cached_property
    def household_sizes(self) -> np.ndarray:
        """People in each household."""
        return self.people[self.household].value_counts().to_numpy()

    @cached_property
    def levels(self) -> tuple[str, str]:
        """Control and case level of a factor with two."""
        labels = [self.matrix.contrasts[name] for name in self.matrix.terms[self.factor]]
        if len(labels) != 1 or " - " not in labels[0]:
            raise ValueError(
                f"column {self.factor!r}: a paired method needs two levels, one in each half of "
                f"a pair; got {len(labels) + 1} levels or a number: {', '.join(labels)}"
            )
        level = self.matrix.terms[self.factor][0].partition("[")[2].rstrip("]")
        return labels[0].removeprefix(f"{level} - "), level

    @property
    def pair_names(self) -> dict[str, str]:
        """Keywords of `paired.find_pairs`."""
        control, case = self.levels
        return {
            "household": self.household,
            "group": self.factor,
            "case": case,
            "control": control,
        }

    def clr(self) -> pd.DataFrame:
        """Centred log-ratios among the features kept."""
        return clr(self.counts[self.kept], self.pseudocount)

    def asin(self) -> pd.DataFrame:
        """asin(sqrt(share)) of the features kept."""
        return arcsine_sqrt(self.counts)[self.kept]


def join_notes(*notes: str) -> str:
    """Return what there is to say, separated by semicolons."""
    return "; ".join(note for note in notes if note)
