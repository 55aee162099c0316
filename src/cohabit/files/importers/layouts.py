"""Which columns of a text table hold counts, names and lineages, by the program that wrote it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

LINEAGE_COLUMNS = ("taxonomy", "consensus lineage", "consensuslineage", "taxon", "lineage")
RANK_NAMES = ("superkingdom", "kingdom", "domain", "phylum", "class", "order", "family")
RANK_NAMES += ("genus", "species")
"""Names of columns that hold one rank each; phyloseq also writes Rank1 to Rank7."""

_BESIDE = {"ncbi_tax_id", "clade_taxid", "taxonomy_id", "tax_id", "taxid", "confidence"}
_BESIDE |= {"clade", "subspecies", "additional_species"}
_PREFIX = re.compile(r"^\s*(?:[A-Za-z]|sk|D_\d+)__")
_ENDINGS = re.compile(
    r"([._-](bracken|kraken2?|kreport2?|report|species|genus|metaphlan|profile|profiled|k2))*"
    r"(\.(txt|tsv|out|report|kreport2?|bracken|gz))*$",
    re.IGNORECASE,
)
"""What pipelines append to the names of samples."""


@dataclass(frozen=True)
class Layout:
    """Places of a table's columns."""

    feature: int
    """Column with the name of a row."""

    counts: tuple[int, ...]
    columns: tuple[str, ...]
    """Names of the columns with counts."""

    lineage: int | None = None
    """Column with a whole lineage."""

    ranks: tuple[tuple[str, int], ...] = ()
    """Prefix of a rank and its column."""

    level: int | None = None
    """Column with Kraken's letter of a row's rank, whose name is the feature."""

    constant: int | None = None
    """Column that must have one value: mothur's label of a distance, Bracken's rank."""

    program: str = ""
    left_out: tuple[str, ...] = field(default=())
    """Names of columns that are not read."""


def find_layout(header: Sequence[str], before: Sequence[Sequence[str]] = ()) -> Layout:
    """Return the layout of a table with this header.

    Parameters
    ----------
    header : sequence of str
    before : sequence of sequence of str
        Cells of the comments before it.

    Raises
    ------
    ValueError
        When one program writes such a table for each sample, with the remedy.
    """
    low = [name.lower() for name in header]
    if low[:3] == ["label", "group", "numotus"]:
        return _take(header, 1, range(3, len(header)), program="mothur", constant=0)
    if {"taxonomy_id", "taxonomy_lvl"} <= set(low):
        return _of_bracken(header, low)
    if low[-3:] == ["lvl_type", "taxid", "name"]:
        return _of_kraken(header, before)
    return _of_any(header, low)


def _take(header: Sequence[str], feature: int, counts: Sequence[int], **options) -> Layout:
    named = {feature, *counts, options.get("lineage"), options.get("level")}
    named |= {place for _, place in options.get("ranks", ())}
    left_out = tuple(name for place, name in enumerate(header) if place not in named)
    columns = options.pop("columns", tuple(header[place] for place in counts))
    return Layout(feature, tuple(counts), columns, left_out=left_out, **options)


def _of_bracken(header: Sequence[str], low: list[str]) -> Layout:
    counts = [place for place, name in enumerate(low) if name.endswith("_num")]
    if not counts:
        raise ValueError(
            "Bracken's output of one sample; join those of all samples with its "
            "combine_bracken_outputs.py, or give the folder of their Kraken reports"
        )
    columns = tuple(plain_sample(header[place][: -len("_num")]) for place in counts)
    place = low.index("name")
    level = low.index("taxonomy_lvl")
    options = {"level": level, "constant": level, "program": "Bracken"}
    return _take(header, place, counts, columns=columns, **options)


def _of_kraken(header: Sequence[str], before: Sequence[Sequence[str]]) -> Layout:
    files = {cells[0].lstrip("#"): cells[1] for cells in before if len(cells) == 2}
    own = [i for i, name in enumerate(header) if name.endswith("_lvl") and name != "tot_lvl"]
    codes = [header[place].removesuffix("_lvl") for place in own]
    columns = tuple(plain_sample(files.get(c, files.get(f"S{c}", c))) for c in codes)
    end = len(header) - 1
    return _take(header, end, own, columns=columns, level=end - 2, program="Kraken")


def plain_sample(name: str) -> str:
    """Return the name of a sample from that of its file."""
    return _ENDINGS.sub("", re.split(r"[\\/]", name)[-1])


def _of_any(header: Sequence[str], low: list[str]) -> Layout:
    lettered = [(_rank_letter(name), place) for place, name in enumerate(low)]
    ranks = tuple((letter, place) for letter, place in lettered if letter)
    ranks = ranks if len(ranks) > 1 else ()
    lineage = next((i for i, name in enumerate(low) if i and name in LINEAGE_COLUMNS), None)
    beside = {i for i, name in enumerate(low) if name in _BESIDE and (ranks or name != "clade")}
    taken = {0, lineage, *beside, *(place for _, place in ranks)}
    counts = [place for place in range(len(header)) if place not in taken]
    return _take(header, 0, counts, lineage=lineage, ranks=ranks)


def _rank_letter(name: str) -> str:
    """Return the prefix of the rank that a column of this name holds, or an empty string."""
    if numbered := re.fullmatch(r"(?:rank|taxonomy)[ _.]?([1-7])", name.lower()):
        return "kpcofgs"[int(numbered[1]) - 1]
    letter = name.lower()[0] if name.lower() in RANK_NAMES else ""
    return "k" if name.lower() == "superkingdom" else letter


def join_ranks(names: Iterable[tuple[str, str]]) -> str:
    """Return one lineage from (prefix, name), so that missing ranks do not shift others."""
    return "; ".join(f"{rank}__{_PREFIX.sub('', name)}" for rank, name in names)


def find_lineages(columns: Mapping[str, Sequence]) -> list | None:
    """Return the lineage of each row of a table that describes features, or None.

    Parameters
    ----------
    columns : mapping
        Name -> values: one column with whole lineages, or one per rank.
    """
    low = {str(name).lower(): name for name in columns}
    for known in LINEAGE_COLUMNS:
        if known in low:
            return list(columns[low[known]])
    ranks = [(letter, name) for name in columns if (letter := _rank_letter(str(name)))]
    if len(ranks) < 2:
        return None
    values = [[(letter, str(value)) for value in columns[name]] for letter, name in ranks]
    return [join_ranks(row) for row in zip(*values, strict=True)]
