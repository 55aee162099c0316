"""Lineages: the dialects of other programs, the form kept in a cohort, and taxa with labels.

A cohort keeps names from phylum to species, for 16S down to the feature itself, ``unclassified``
where there is none. A taxon is its whole lineage; its label is its name, made unique by a higher
rank where needed.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import biom
import numpy as np
import pandas as pd
from scipy import sparse

from cohabit.data.schema import RANKS, UNCLASSIFIED

_PREFIX = re.compile(r"^(?:(sk|[kdpcofgst])|D_(\d))__", re.IGNORECASE)
_PLACES = {"p": 0, "c": 1, "o": 2, "f": 3, "g": 4, "s": 5}
_CONFIDENCE = re.compile(r"\s*\(\d+(\.\d+)?\)$")
_ROOTS = {"root", "cellular organisms", "cellular_organisms", "life"}
_DOMAINS = {
    *("bacteria", "archaea", "eukaryota", "eukarya", "viruses", "fungi", "metazoa"),
    *("viridiplantae", "animalia", "plantae", "protista", "chromista"),
}
_NAMELESS = re.compile(
    r"|_+|na|n/a|nan|none|null|unassigned|unmapped|no.?hit"
    r"|un(cultured|identified|known|classified)([ _].*)?|ambiguous[ _]taxa"
    r"|(.*[ _])?(metagenome|unclassified)|([^\W_]+[ _])?incertae[ _]sedis",
    re.IGNORECASE,
)
"""What stands where a taxon has no name, as Greengenes, SILVA, RDP, mothur and MetaPhlAn write."""

_OF_HIGHER = re.compile(r".+[ _]unclassified", re.IGNORECASE)
"""A label that names the last rank known."""

_BINOMIAL = re.compile(r"\W?[A-Z]\S* \S")


def looks_like_lineage(name: str) -> bool:
    """Return True when a feature's name is a complete lineage."""
    return any(mark in name for mark in ";|") and "__" in name


def is_nameless(text: str) -> bool:
    """Return True when text says that a taxon has no name, for example ``uncultured``."""
    return _NAMELESS.fullmatch(text.strip()) is not None


def is_rest(text: str) -> bool:
    """Return True for what counts reads of no taxon, unlike ``Dorea unclassified``."""
    return is_nameless(text) and not _OF_HIGHER.fullmatch(text)


@dataclass(frozen=True)
class Lineage:
    """The names of one taxon from phylum to species."""

    names: tuple[str, ...]
    """Six names, ``unclassified`` where there is none."""

    @classmethod
    def parse(cls, written: str | Sequence[str] | None) -> "Lineage":
        """Read a lineage in any dialect.

        Parameters
        ----------
        written : str, sequence of str or None
            For example ``"k__Bacteria; p__Firmicutes; ...; s__prausnitzii"``; with prefixes the
            order does not matter, without them ranks are counted from the domain, or from the
            phylum when no domain is named. Confidences in brackets and a root are left out;
            square brackets stay.

        Examples
        --------
        >>> Lineage.parse("k__Bacteria; p__Firmicutes; c__; g__Dorea; s__longicatena").names
        ('Firmicutes', 'unclassified', 'unclassified', 'unclassified', 'Dorea', 'Dorea longicatena')
        """
        if written is None:
            return cls((UNCLASSIFIED,) * 6)
        parts = [_CONFIDENCE.sub("", " ".join(p.split()).strip("\"'")) for p in _split(written)]
        names = _by_prefix(parts) or _by_place(parts)
        names[5] = _full_species(names[4], names[5])
        return cls(tuple(names))

    @property
    def known(self) -> bool:
        """True when any rank has a name."""
        return any(name != UNCLASSIFIED for name in self.names)


def _split(written: str | Sequence[str]) -> list[str]:
    if isinstance(written, str):
        return re.split(r"[;|]", written.strip().removesuffix(";"))
    return [str(part) for part in written]


def has_confidence(written: str | Sequence[str] | None) -> bool:
    """Return True when a name of a lineage is followed by a number in round brackets."""
    return any(_CONFIDENCE.search(part) for part in _split(written or ""))


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
    if parts and parts[0].lower() in _ROOTS:
        parts = parts[1:]
    if parts and (parts[0].lower() in _DOMAINS or is_nameless(parts[0])) or len(parts) == 7:
        parts = parts[1:]
    names = [_named(part) for part in parts[:6]]
    return names + [UNCLASSIFIED] * (6 - len(names))


def _named(text: str) -> str:
    own = text.endswith(f" {UNCLASSIFIED}")  # a label of ours, which tells what is above
    return UNCLASSIFIED if is_nameless(text) and not own else text.strip()


def _full_species(genus: str, species: str) -> str:
    """Return a species' name with its genus: an epithet gets it, a binomial has one."""
    if species == UNCLASSIFIED:
        return species
    written = species if " " in species else species.replace("_", " ")
    whole = genus in (UNCLASSIFIED, species) or _BINOMIAL.match(written)
    return written if whole else f"{genus} {written}"


def lineage_of(feature: str, written: object, assay: str) -> list[str]:
    """Return a feature's lineage in a cohort: to species, and to ASV for 16S.

    Without a lineage all ranks are ``unclassified``; a shotgun feature is then its own species.
    """
    if isinstance(written, list) and len(written) == len(RANKS) and written[-1] == feature:
        written = written[:-1]  # a table of cohabit's own: phylum to species, then the ASV
    lineage = Lineage.parse(written)
    if assay == "shotgun":
        bare = not (lineage.known or is_rest(feature) or looks_like_lineage(feature))
        return [*lineage.names[:5], feature if bare else lineage.names[5]]
    return [*lineage.names, feature]


def lineage_table(table: biom.Table) -> pd.DataFrame:
    """Return the lineage of each feature, features x ranks; ``unclassified`` if unknown."""
    lineages = [list(record["taxonomy"]) for record in table.metadata(axis="observation")]
    lineage = pd.DataFrame(lineages, pd.Index(table.ids("observation"), name="feature"))
    lineage.columns = list(RANKS[: lineage.shape[1]])
    return lineage.fillna("").replace("", UNCLASSIFIED)


@dataclass(frozen=True)
class Taxa:
    """The taxa of one rank, and which feature belongs to which."""

    codes: np.ndarray
    """Position of each feature's taxon in `lineage`."""

    lineage: pd.DataFrame
    """Taxa x ranks down to theirs, sorted by label, ``unclassified`` where there is no name;
    index: labels, which are unique."""

    def members(self) -> sparse.csr_matrix:
        """Return features x taxa, 1 where the feature belongs to the taxon."""
        n = len(self.codes)
        places = (np.arange(n), self.codes)
        return sparse.csr_matrix((np.ones(n), places), (n, len(self.lineage)))

    @property
    def named(self) -> bool:
        """True when any taxon has a name at this rank."""
        return bool((self.lineage.iloc[:, -1] != UNCLASSIFIED).any())


def find_taxa(lineage: pd.DataFrame, rank: str) -> Taxa:
    """Return the taxa of a rank: features with one lineage down to it are one taxon.

    A label is the name at the rank, or the last name above it and ``unclassified``. Where
    two taxa would share a label, the next rank up that differs follows in brackets, as in
    ``Ruminococcus (Lachnospiraceae)``.

    Parameters
    ----------
    lineage : DataFrame, features x ranks
        As from `lineage_table`.
    rank : str
        One of its columns.
    """
    paths = lineage.loc[:, :rank].astype(object)
    above = pd.Series(False, paths.index)
    for column in paths:
        nameless = paths[column].map({n: is_nameless(n) for n in paths[column].unique()})
        of_higher = paths[column].str.fullmatch(_OF_HIGHER) & ~above  # all that is known of it
        paths[column] = paths[column].where(~nameless | of_higher, UNCLASSIFIED)
        above |= paths[column] != UNCLASSIFIED
    distinct = paths.drop_duplicates()
    labelled = distinct.set_axis(_label(distinct), axis=0).sort_index()
    places = {path: place for place, path in enumerate(labelled.itertuples(index=False, name=None))}
    codes = np.array([places[path] for path in paths.itertuples(index=False, name=None)], dtype=int)
    return Taxa(codes, labelled.rename_axis(rank))


def _label(paths: pd.DataFrame) -> pd.Index:
    """Return unique labels of distinct lineages."""
    plain = _name_plainly(paths)
    labels = plain.iloc[:, -1].copy()
    for _, group in plain.groupby(labels.to_numpy(), sort=False):
        if len(group) > 1:
            higher = [column for column in plain.columns[-2::-1] if group[column].nunique() > 1]
            best = next((c for c in higher if group[c].is_unique), None)
            apart = group[best] if best else group[higher[::-1]].agg(", ".join, axis=1)
            labels[group.index] = labels[group.index] + " (" + apart + ")"
    return pd.Index(labels, dtype=object)


def _name_plainly(paths: pd.DataFrame) -> pd.DataFrame:
    """Return the name at each rank, or the last name above it and ``unclassified``."""
    plain = paths.set_axis(range(len(paths)), axis=0)
    above = pd.Series(UNCLASSIFIED, plain.index)
    for column in plain:
        known = plain[column] != UNCLASSIFIED
        plain[column] = plain[column].where(known, above)
        above = (plain[column] + f" {UNCLASSIFIED}").where(known, above)
    return plain
