"""The rank at which a cohort can be analysed, and its counts there."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cohabit.data.lineage import find_taxa

PLURALS = {"species": "species", "genus": "genera", None: "features without a lineage"}


@dataclass(frozen=True)
class Resolution:
    """The counts of highest resolution in a cohort and the rank of their features."""

    counts: pd.DataFrame
    """People x features, without people who have no library."""

    assay: str
    """``"shotgun"`` or ``"16s"``."""

    rank: str | None
    """As for `Cohort.table`: ``"species"``, ``"genus"`` where only 16S was measured, which
    cannot distinguish species, or None, features as they are, where 16S has no lineages."""

    lineage: pd.DataFrame
    """Features x higher ranks; ``unclassified`` where unknown or ambiguous."""

    @property
    def plural(self) -> str:
        """Plural noun for the features."""
        return PLURALS[self.rank]

    @property
    def why_not(self) -> str:
        """Reason why a claim about a species cannot be estimated, or an empty string."""
        return "" if self.rank == "species" else f"species: not testable on {self.plural}"

    def describe(self) -> str:
        """Return what the features are and, if not species, which claims cannot be tested."""
        size = f"{self.counts.shape[1]:,} {self.plural} of {self.assay}.biom"
        if self.rank == "species":
            return f"Features here: {size}."
        return (
            f"This cohort has no shotgun counts. Features here: {size}.\n"
            f"Where the text says species, read {self.plural}.\n"
            f"Published claims about species are not testable on {self.plural}: no estimate."
        )

    def species_only(self, estimates: pd.DataFrame) -> pd.DataFrame:
        """Return estimates of claims about species, blanked if the features are not species.

        Parameters
        ----------
        estimates : DataFrame, one row per claim
            As for `Run.estimate_table`.
        """
        if not self.why_not:
            return estimates
        empty = dict.fromkeys(("estimate", "low", "high", "p_value"), np.nan)
        return estimates.assign(**empty, n=0, note=self.why_not)

    def find(self, species: Iterable[str], among: Iterable[str] | None = None) -> list[str]:
        """Return the features that match these species, or their genera, without repeats.

        ``["Roseburia intestinalis", "[Eubacterium] rectale"]`` match themselves if the features are
        species, and ``["Roseburia", "Eubacterium"]`` if they are genera.

        Parameters
        ----------
        species : iterable of str
        among : iterable of str, optional
            Features to choose from; all by default.
        """
        labels: dict[str, list[str]] = {}
        for label in self.counts if among is None else among:
            name = label if self.rank == "species" else label.partition(" (")[0]
            labels.setdefault(name, []).append(label)
        names = [name if self.rank == "species" else _genus_of(name) for name in species]
        return [label for name in dict.fromkeys(names) for label in labels.get(name, ())]


def find_main_rank(assay: str, lineage: pd.DataFrame) -> tuple[str | None, pd.DataFrame]:
    """Return the rank at which an assay's features can be analysed, with their lineages.

    Parameters
    ----------
    assay : str
        ``"shotgun"`` or ``"16s"``.
    lineage : DataFrame, features x ranks
        As from `Cohort.taxonomy`.
    """
    if assay == "shotgun":
        return "species", lineage
    taxa = find_taxa(lineage, "genus")
    return ("genus", taxa.lineage.loc[:, :"family"]) if taxa.named else (None, lineage)


def _genus_of(species: str) -> str:
    return species.split()[0].strip("[]")
