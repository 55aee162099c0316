"""Lineages: formats of other programs, the form kept in a cohort, and the analysed rank.

Greengenes, SILVA, GTDB, QIIME 2 and bare names are understood. A cohort keeps names from phylum
to species, for 16S down to the feature itself, ``unclassified`` where there is none.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

import biom
import numpy as np
import pandas as pd

from cohabit.data.schema import RANKS, UNCLASSIFIED

PLURALS = {"species": "species", "genus": "genera", None: "features without a lineage"}
_PREFIX = re.compile(r"^(?:(sk|[kdpcofgst])|D_(\d))__", re.IGNORECASE)
_PLACES = {"p": 0, "c": 1, "o": 2, "f": 3, "g": 4, "s": 5}
_NOTHING = {"", "na", "nan", "none", "null", "unassigned", "unclassified", "unknown"}
_DOMAINS = {"bacteria", "archaea", "eukaryota", "eukarya", "viruses", "fungi"}


def looks_like_lineage(name: str) -> bool:
    """Return True when a feature's name is a complete lineage."""
    return any(mark in name for mark in ";|") and "__" in name


def parse_lineage(written: str | list | tuple) -> list[str]:
    """Return the names from phylum to species, with ``unclassified`` for missing ones.

    Parameters
    ----------
    written : str or sequence of str
        For example ``"k__Bacteria; p__Firmicutes; ...; s__prausnitzii"``; with prefixes the
        order does not matter, without them ranks are counted from the domain, or from the
        phylum when no domain is named.

    Examples
    --------
    >>> parse_lineage("k__Bacteria; p__Firmicutes; c__; o__; f__; g__Dorea; s__longicatena")
    ['Firmicutes', 'unclassified', 'unclassified', 'unclassified', 'Dorea', 'Dorea longicatena']
    """
    parts = re.split(r"[;|]", written) if isinstance(written, str) else [*map(str, written)]
    parts = [" ".join(part.split()).strip("\"'") for part in parts]
    names = _by_prefix(parts) or _by_place(parts)
    genus, species = names[4], names[5]
    if species != UNCLASSIFIED and genus != UNCLASSIFIED and " " not in species:
        names[5] = (species if genus in species else f"{genus} {species}").replace("_", " ")
    return names


def _by_prefix(parts: list[str]) -> list[str] | None:
    found = [_PREFIX.match(part) for part in parts]
    if not any(found):
        return None
    names = [UNCLASSIFIED] * 6
    for part, mark in zip(parts, found, strict=True):
        if mark is None:
            continue
        place = int(mark[2]) - 1 if mark[2] else _PLACES.get(mark[1].lower())
        if place is not None and 0 <= place < 6:
            names[place] = _named(part[mark.end() :])
    return names


def _by_place(parts: list[str]) -> list[str]:
    if parts and parts[0].lower() in _DOMAINS | _NOTHING or len(parts) == 7:
        parts = parts[1:]
    names = [_named(part) for part in parts[:6]]
    return names + [UNCLASSIFIED] * (6 - len(names))


def _named(text: str) -> str:
    text = text.strip().strip("[]")
    return UNCLASSIFIED if text.lower() in _NOTHING else text


def lineage_of(feature: str, written: object, assay: str) -> list[str]:
    """Return a feature's lineage in a cohort: to species, and to ASV for 16S.

    Without a lineage all ranks are ``unclassified``; a shotgun feature is its own species.
    """
    if isinstance(written, list) and len(written) == len(RANKS) and written[-1] == feature:
        written = written[:-1]  # a table of cohabit's own: phylum to species, then the ASV
    names = parse_lineage(written) if written is not None else [UNCLASSIFIED] * 6
    if assay == "shotgun":
        return [*names[:5], feature if names[5] == UNCLASSIFIED else names[5]]
    return [*names, feature]


def lineage_table(table: biom.Table) -> pd.DataFrame:
    """Return the lineage of each feature, features x ranks; ``unclassified`` if unknown."""
    lineages = [list(record["taxonomy"]) for record in table.metadata(axis="observation")]
    lineage = pd.DataFrame(lineages, pd.Index(table.ids("observation"), name="feature"))
    lineage.columns = list(RANKS[: lineage.shape[1]])
    return lineage.fillna("").replace("", UNCLASSIFIED)


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
        known = set(self.counts if among is None else among)
        names = [name if self.rank == "species" else _genus_of(name) for name in species]
        return [name for name in dict.fromkeys(names) if name in known]


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
    if (lineage["genus"] == UNCLASSIFIED).all():
        return None, lineage
    return "genus", lineage.loc[:, :"family"].groupby(lineage["genus"]).agg(_only_one)


def _only_one(names: pd.Series) -> str:
    """Return the name if all are the same, otherwise ``unclassified``."""
    return names.iloc[0] if names.nunique() == 1 else UNCLASSIFIED


def _genus_of(species: str) -> str:
    return species.split()[0].strip("[]")
