"""Feature tables of any kind, set beside the metadata: whose samples these are."""

import os

import pandas as pd

from cohabit.files.importers.biom import read_biom_hdf5, read_biom_json
from cohabit.files.importers.counts import Counts, check_counts, choose_orientation, overlap
from cohabit.files.importers.inputs import MAX_BYTES, read_source
from cohabit.files.importers.log import ImportLog
from cohabit.files.importers.mapping import Mapping
from cohabit.files.importers.qza import open_artifact
from cohabit.files.importers.tsv import read_counts_tsv

PathLike = str | os.PathLike
ID_RULES = (
    ({"-": "."}, ""),
    ({".": "-"}, ""),
    ({"_": "."}, ""),
    ({"-": "_"}, ""),
    ({" ": "."}, ""),
    ({}, "X"),
    ({"-": ".", "_": ".", " ": "."}, "X"),
)
"""Ways in which programs rewrite ids: (characters exchanged, prefix taken off)."""


def read_counts(path: PathLike, log: ImportLog, *, max_bytes: int = MAX_BYTES) -> Counts:
    """Read a feature table of any kind understood; rows are taken for features."""
    source = read_source(path, max_bytes=max_bytes)
    if source.kind == "zip":
        source = open_artifact(source, "FeatureTable", max_bytes=max_bytes)
    readers = {"hdf5": read_biom_hdf5, "json": read_biom_json}
    if source.kind in readers:
        return readers[source.kind](source)
    return read_counts_tsv(source, log)


def read_table(
    path: PathLike, ids: pd.Series, mapping: Mapping, max_bytes: int, log: ImportLog
) -> Counts:
    """Read a feature table, its samples across, and compare them with the metadata's ids."""
    counts = read_counts(path, log, max_bytes=max_bytes)
    renamed = (mapping.rename_ids([*map(str, axis)]) for axis in (counts.features, counts.samples))
    rows, columns = (pd.Index(names, dtype=object) for names in renamed)
    turned = overlap(rows, ids) > overlap(columns, ids)
    samples, given = (rows, counts.features) if turned else (columns, counts.samples)
    counts = choose_orientation(counts, given[samples.isin(ids)], log)
    changed = int((samples != counts.samples).sum())
    if changed:
        log.change(counts.name, f"{changed} sample id(s) rewritten by [ids]")
    counts = Counts(counts.name, counts.matrix, counts.features, samples, counts.lineages)
    check_counts(counts, log)
    _compare_ids(counts, ids, log)
    return counts


def _compare_ids(counts: Counts, ids: pd.Series, log: ImportLog) -> None:
    """Compare a table's sample ids with the metadata's; look for the rule that would join them."""
    here, there = set(counts.samples), set(ids)
    common = len(here & there)
    rule, joined = find_id_rule(here, there)
    strangers, without = sorted(here - there, key=str), sorted(there - here, key=str)
    if joined > common:
        log.error(
            counts.name,
            f"{common} of {len(here)} sample ids are in the metadata; {rule} would join {joined}",
            strangers,
            f"add {rule} to the mapping",
            len(strangers),
        )
    elif not common:
        log.error(
            counts.name,
            f"no sample id is in the metadata (here {strangers[:2]}, there {without[:2]})",
            [],
            "give the metadata of this very table, or name its sample_id column",
        )
    else:
        if strangers:
            log.change(
                counts.name, f"{len(strangers)} sample(s) without metadata left out", strangers
            )
        if without:
            log.warn(
                counts.name,
                f"{len(without)} sample(s) of the metadata are not in the table",
                without,
                "their people stay, without counts",
            )


def find_id_rule(here: set[str], there: set[str]) -> tuple[str, int]:
    """Return the [ids] rule that joins most ids of two files, and how many it joins."""
    best, joined = "", 0
    for replace, prefix in ID_RULES:
        rule = Mapping({}, replace=replace, strip_prefix=prefix)
        both = len(set(rule.rename_ids([*here])) & set(rule.rename_ids([*there])))
        if both > joined:
            pairs = ", ".join(f'"{old}" = "{new}"' for old, new in replace.items())
            parts = [f"replace = {{ {pairs} }}"] if replace else []
            parts += [f'strip_prefix = "{prefix}"'] if prefix else []
            best, joined = f"[ids] {' and '.join(parts)}", both
    return best, joined
