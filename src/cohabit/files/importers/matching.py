"""Sample ids of a feature table compared with those of the metadata."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from os.path import commonprefix

import pandas as pd

from cohabit.files.importers.counts import Counts, check_whole_counts, multiply_shares
from cohabit.files.importers.hierarchy import make_disjoint
from cohabit.files.importers.log import ImportLog
from cohabit.files.importers.mapping import Mapping, quote

_REPLACED = ({}, {"-": "."}, {".": "-"}, {"_": "."}, {"-": "_"}, {"_": "-"}, {" ": "."})
_REPLACED += ({"-": ".", "_": ".", " ": "."},)
"""Characters that other programs exchange in ids."""


def match_samples(
    counts: Counts,
    ids: Collection[str],
    mapping: Mapping,
    log: ImportLog,
    *,
    reads: pd.Series | None = None,
) -> Counts:
    """Return a table with samples as columns and rewritten ids, compared with the metadata.

    Parameters
    ----------
    counts : Counts
        Rows taken for features.
    ids : collection of str
        Sample ids of the metadata.
    mapping : Mapping
        How ids are rewritten.
    log : ImportLog
        Receives problems and changes.
    reads : Series of float, optional
        Sample id -> number of reads, by which shares and percentages are multiplied.
    """
    renamed = (mapping.rename_ids([*map(str, axis)]) for axis in (counts.features, counts.samples))
    rows, columns = (pd.Index(names, dtype=object) for names in renamed)
    across, down = _overlap(columns, ids), _overlap(rows, ids)
    samples = columns
    if down > across:
        log.note(counts.name, f"read with samples as rows: {down} row ids are in the metadata")
        counts, samples = counts.turned(), rows
    elif across:
        log.note(counts.name, f"read with samples as columns: {across} are in the metadata")
    changed = int((samples != counts.samples).sum())
    if changed:
        log.change(counts.name, f"{changed} sample id(s) rewritten by [ids]")
    counts = make_disjoint(replace(counts, samples=samples), log)
    if reads is not None:
        counts = multiply_shares(counts, reads, log)
    check_whole_counts(counts, log)
    _compare_ids(counts, ids, log)
    return counts


def _overlap(ids: Collection, known: Collection) -> int:
    """Return the number of known ids."""
    return len(set(ids) & set(known))


def _compare_ids(counts: Counts, ids: Collection[str], log: ImportLog) -> None:
    """Compare a table's sample ids with the metadata's and look for a rule that joins them."""
    here, there = set(counts.samples), set(ids)
    common = len(here & there)
    rule, joined = find_id_rule(here, there)
    strangers, without = sorted(here - there, key=str), sorted(there - here, key=str)
    if joined > common:
        found = f"{common} of {len(here)} sample ids are in the metadata"
        words, remedy = f"{found}; {rule} would join {joined}", f"add {rule} to the mapping"
        log.error(counts.name, words, strangers, remedy)
    elif not common:
        words = f"no sample id is in the metadata (here {strangers[:2]}, there {without[:2]})"
        remedy = "give the metadata of this very table, or name its sample_id column"
        log.error(counts.name, words, None, remedy)
    else:
        log.change(counts.name, "{n} sample(s) without metadata left out", strangers)
        words = "{n} sample(s) of the metadata are not in the table"
        log.warn(counts.name, words, without, "their people stay, without counts")


def find_id_rule(here: Collection[str], there: Collection[str]) -> tuple[str, int]:
    """Return the [ids] rule that matches most ids of two files, and how many it matches."""
    here, there = sorted({*map(str, here)}), sorted({*map(str, there)})
    best, joined = "", len(set(here) & set(there))
    for options in _list_rules(here, there):
        if joined == min(len(here), len(there)):
            break
        rule = Mapping({}, **options)
        both = len({*map(rule.rewrite, here)} & {*map(rule.rewrite, there)})
        if both > joined:
            best, joined = _write_rule(options), both
    return best, joined


def _list_rules(here: list[str], there: list[str]) -> Iterator[dict]:
    """Yield options of a `Mapping` that rewrite ids, the plainest first."""
    ends = [end for ids in (here, there) for end in _list_ends(ids)]
    begins = [end[::-1] for ids in (here, there) for end in _list_ends([n[::-1] for n in ids])]
    parts = [{}, {"strip_suffix": ".0"}, {"strip_zeros": True}, {"ignore_case": True}]
    parts += [{"strip_prefix": "X"}, {"strip_suffix": ".0", "strip_zeros": True}]
    parts += [{"strip_prefix": "X", "strip_zeros": True}]
    parts += [{"strip_suffix": end} for end in ends] + [{"strip_prefix": end} for end in begins]
    for part in parts:
        for exchanged in _REPLACED:
            yield {**({"replace": exchanged} if exchanged else {}), **part}


def _list_ends(ids: list[str]) -> list[str]:
    """Return what all ids end with: from the first separator on, from later ones, and all."""
    common = commonprefix([name[::-1] for name in ids])[::-1] if len(ids) > 1 else ""
    marks = [place for place, mark in enumerate(common) if not mark.isalnum()][:4]
    return [common[place:] for place in dict.fromkeys([*marks, 0]) if common]


def _write_rule(options: dict) -> str:
    """Return the lines of a mapping that give these options."""
    return "[ids] " + " and ".join(f"{name} = {_write(value)}" for name, value in options.items())


def _write(value: object) -> str:
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{quote(old)} = {quote(new)}' for old, new in value.items())} }}"
    return quote(value) if isinstance(value, str) else "true"
