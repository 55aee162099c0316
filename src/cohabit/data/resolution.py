"""At which rank a cohort can be analysed, and which published claims that leaves open."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cohabit.data.schema import UNCLASSIFIED

PLURALS = {"species": "species", "genus": "genera", None: "features without a lineage"}


@dataclass(frozen=True)
class Resolution:
    """The counts that resolve most in a cohort, and what their features are."""

    counts: pd.DataFrame
    """People x features; people without a library are left out."""

    assay: str
    """``"shotgun"`` or ``"16s"``."""

    rank: str | None
    """As for `Cohort.table`: ``"species"``; ``"genus"`` where only 16S was measured, which cannot
    tell species apart; None, features as they are, where 16S came without lineages."""

    lineage: pd.DataFrame
    """Features x ranks above them; ``unclassified`` where it is unknown or not one alone."""

    @property
    def plural(self) -> str:
        """What several features are called."""
        return PLURALS[self.rank]

    @property
    def why_not(self) -> str:
        """Why a claim about a species has no estimate; empty where it can have one."""
        return "" if self.rank == "species" else f"species: not testable on {self.plural}"

    def describe(self) -> str:
        """Say what the features are and, where they are no species, what that leaves open."""
        size = f"{self.counts.shape[1]:,} {self.plural} of {self.assay}.biom"
        if self.rank == "species":
            return f"Features here: {size}."
        return (
            f"This cohort has no shotgun counts. Features here: {size}.\n"
            f"Where the text says species, read {self.plural}.\n"
            f"Published claims about species are not testable on {self.plural}: no estimate."
        )

    def species_only(self, estimates: pd.DataFrame) -> pd.DataFrame:
        """Return estimates of claims about species, without numbers where features are none.

        Parameters
        ----------
        estimates : DataFrame, one row a claim
            As for `Run.write_estimates`.
        """
        if not self.why_not:
            return estimates
        empty = dict.fromkeys(("estimate", "low", "high", "p_value"), np.nan)
        return estimates.assign(**empty, n=0, note=self.why_not)

    def find(self, species: Iterable[str], among: Iterable[str] | None = None) -> list[str]:
        """Return the features that are these species, or else their genera, once each.

        ``["Roseburia intestinalis", "[Eubacterium] rectale"]`` are themselves among species, and
        ``["Roseburia", "Eubacterium"]`` among genera.

        Parameters
        ----------
        species : iterable of str
        among : iterable of str, optional
            Features to choose from; all by default.
        """
        known = set(self.counts if among is None else among)
        names = [name if self.rank == "species" else _genus_of(name) for name in species]
        return [name for name in dict.fromkeys(names) if name in known]


def resolve(assay: str, lineage: pd.DataFrame) -> tuple[str | None, pd.DataFrame]:
    """Return the rank at which an assay's features can be analysed, and the lineages there.

    Parameters
    ----------
    assay : str
        ``"shotgun"`` or ``"16s"``.
    lineage : DataFrame, features x ranks
        As from `Cohort.taxonomy`.
    """
    if assay == "shotgun":
        return "species", lineage
    if (lineage["genus"] == UNCLASSIFIED).all():
        return None, lineage
    return "genus", lineage.loc[:, :"family"].groupby(lineage["genus"]).agg(_only_one)


def _only_one(names: pd.Series) -> str:
    """Return the name that all share; ``unclassified`` where they differ."""
    return names.iloc[0] if names.nunique() == 1 else UNCLASSIFIED


def _genus_of(species: str) -> str:
    return species.split()[0].strip("[]")
