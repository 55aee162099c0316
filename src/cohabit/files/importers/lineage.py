"""Lineages as people write them: Greengenes, SILVA, GTDB, QIIME 2, bare names."""

import re

from cohabit.data.schema import RANKS, UNCLASSIFIED

_PREFIX = re.compile(r"^(?:(sk|[kdpcofgst])|D_(\d))__", re.IGNORECASE)
_PLACES = {"p": 0, "c": 1, "o": 2, "f": 3, "g": 4, "s": 5}
_NOTHING = {"", "na", "nan", "none", "null", "unassigned", "unclassified", "unknown"}
_DOMAINS = {"bacteria", "archaea", "eukaryota", "eukarya", "viruses", "fungi"}


def looks_like_lineage(name: str) -> bool:
    """Say whether a feature's name is its whole lineage."""
    return any(mark in name for mark in ";|") and "__" in name


def parse_lineage(written: str | list | tuple) -> list[str]:
    """Return the names from phylum to species; ``unclassified`` where there is none.

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
    """Return a feature's lineage as a cohort keeps it: to species, and to the ASV for 16S.

    Without a lineage every rank is ``unclassified``; a shotgun feature is its own species.
    """
    if isinstance(written, list) and len(written) == len(RANKS) and written[-1] == feature:
        written = written[:-1]  # a table of cohabit's own: phylum to species, then the ASV
    names = parse_lineage(written) if written is not None else [UNCLASSIFIED] * 6
    if assay == "shotgun":
        return [*names[:5], feature if names[5] == UNCLASSIFIED else names[5]]
    return [*names, feature]
