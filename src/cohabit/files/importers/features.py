"""The features of a cohort: lineages, tree and feature tables."""

import re
from collections.abc import Collection, Mapping

import biom
import numpy as np
import pandas as pd

from cohabit.data import schema
from cohabit.data.lineage import lineage_of, looks_like_lineage
from cohabit.files.importers.counts import Counts
from cohabit.files.importers.log import ImportLog, clean_text, inert
from cohabit.files.importers.sources import Source
from cohabit.files.importers.tsv import LINEAGE_COLUMNS, read_grid

MAX_NODES, MAX_DEPTH = 500_000, 5_000
"""Largest number of nodes and depth of a tree; trees of 16S variants are far smaller."""

_RANK_COLUMNS = ("kingdom", "domain", "phylum", "class", "order", "family", "genus", "species")


def read_taxonomy(source: Source, log: ImportLog) -> dict[str, str]:
    """Read a taxonomy: feature and lineage in one column, or one column per rank.

    Raises
    ------
    ValueError
        When a feature has two lineages, or no column looks like a lineage.
    """
    grid = read_grid(source, log)
    ids = grid.iloc[:, 0].str.strip()
    repeated = ids[ids.duplicated()].unique()
    if len(repeated):
        raise ValueError(
            f"{source.name}: {len(repeated)} feature(s) have two lineages, first "
            f"{', '.join(clean_text(name) for name in repeated[:5])}; keep one each"
        )
    names = {name.lower(): name for name in grid.columns[1:]}
    for known in LINEAGE_COLUMNS:
        if known in names:
            return dict(zip(ids, grid[names[known]], strict=True))
    ranks = [names[rank] for rank in _RANK_COLUMNS if rank in names]
    if len(ranks) < 2:
        raise ValueError(
            f"{source.name}: expected a column Taxon or taxonomy, or one column per rank "
            f"({', '.join(_RANK_COLUMNS)}); got {', '.join(map(clean_text, grid.columns[:8]))}"
        )
    return {i: _join_ranks(row) for i, row in zip(ids, grid[ranks].to_dict("records"), strict=True)}


def _join_ranks(row: dict[str, str]) -> str:
    """Return one lineage with rank prefixes, so that missing ranks do not shift others."""
    parts = []
    for rank, name in row.items():
        letter = rank[0].lower()
        bare = re.sub(r"^\s*(?:\w|sk|D_\d+)__", "", name)
        parts.append(f"{letter}__{bare}")
    return "; ".join(parts)


def read_tree(source: Source, features: Collection[str], log: ImportLog) -> str:
    """Return the text of a Newick tree after comparing its tips with a table's features.

    Features that are not tips are logged as a warning, because UniFrac ignores them.

    Raises
    ------
    ValueError
        When the text is not one whole tree, or too large or too deep.
    """
    text = source.text().strip()
    tips = _read_tips(text, source.name, log)
    known = set(tips)
    if not known & set(features):
        remedy = "give the tree of this very table"
        log.error(
            source.name, "no tip of the tree is a feature of the table", sorted(known), remedy
        )
    absent = sorted(set(features) - known)
    if len(absent) < len(set(features)):
        words, remedy = (
            "{n} feature(s) are not tips of the tree",
            "what needs the tree leaves them out",
        )
        log.warn(source.name, words, absent, remedy)
    return text + "\n"


def _read_tips(text: str, name: str, log: ImportLog) -> list[str]:
    """Return the names of a tree's tips, logging repeated names and impossible lengths."""
    from skbio import TreeNode
    from skbio.io import NewickFormatError

    _check_size(text, name)
    try:
        tree = TreeNode.read([text], "newick", verify=False, convert_underscores=False)
    except (NewickFormatError, IndexError) as error:  # as it meets a `)` too many
        raise ValueError(f"{name}: not a whole Newick tree ({error}); export it again") from None
    if not _ends_once(text):
        raise ValueError(f"{name}: text after the `;` that ends the tree; give one tree")
    nodes = list(tree.traverse())
    wrong = [node.name or "a branch" for node in nodes if not 0 <= (node.length or 0) < np.inf]
    log.error(
        name, "{n} branch length(s) negative, infinite or not a number", wrong, "correct the tree"
    )
    tips = pd.Index([node.name for node in nodes if node.is_tip() and node.name], dtype=object)
    repeated = tips[tips.duplicated()].unique()
    log.error(name, "{n} tip(s) of the tree repeat", repeated, "tips must be unique: rename them")
    return list(tips)


def _check_size(text: str, name: str) -> None:
    """Raise an error for a tree larger than any table needs; brackets in names count too."""
    codes = np.frombuffer(text.encode(), dtype=np.uint8)
    opened, closed = codes == ord("("), codes == ord(")")
    depth = np.cumsum(opened.astype(np.int32) - closed).max(initial=0)
    nodes = int(opened.sum() + (codes == ord(",")).sum()) + 1
    if depth > MAX_DEPTH or nodes > MAX_NODES:
        raise ValueError(
            f"{name}: a tree of {nodes:,} nodes, {depth:,} deep; at most {MAX_NODES:,} and "
            f"{MAX_DEPTH:,} are read"
        )


def _ends_once(text: str) -> bool:
    """Return True when nothing follows the final ``;`` outside names and comments."""
    awaited = ""
    for found in re.finditer(r"['\[\];]", text):
        mark = found[0]
        if awaited:
            awaited = "" if mark == awaited else awaited
        elif mark == ";":
            return not text[found.end() :].strip()
        else:
            awaited = {"'": "'", "[": "]"}.get(mark, "")
    return False


def finish_tables(
    counts: Mapping[str, Counts], samples: pd.DataFrame, lineages: dict, log: ImportLog
) -> tuple[dict[str, biom.Table], pd.DataFrame]:
    """Return tables in the form of a cohort, and their libraries.

    Parameters
    ----------
    counts : mapping
        Assay -> counts, samples across.
    samples : DataFrame, one row per sample
        Those of the metadata; samples of nobody are left out.
    lineages : dict
        Feature -> lineage as it was written; before those of the tables themselves.
    log : ImportLog
        Receives changes and warnings.
    """
    features = {
        assay: _finish_table(found, samples.index, assay, lineages, log)
        for assay, found in counts.items()
    }
    given = {assay: table.ids("sample") for assay, table in features.items()}
    if len(pd.unique(np.concatenate([*given.values()]))) < sum(map(len, given.values())):
        features = {assay: _name_libraries(table, assay) for assay, table in features.items()}
    return features, _join_samples(samples, features, given)


def _finish_table(
    counts: Counts, known: pd.Index, assay: str, lineages: dict, log: ImportLog
) -> biom.Table:
    """Remove unknown samples and unobserved features, add lineages and return a table."""
    matrix = counts.matrix[:, counts.samples.isin(known)]
    samples = counts.samples[counts.samples.isin(known)]
    seen = np.asarray(matrix.sum(axis=0)).ravel() > 0
    log.change(counts.name, "{n} sample(s) without a single read left out", samples[~seen])
    found = np.asarray(matrix.sum(axis=1)).ravel() > 0
    log.change(counts.name, "{n} feature(s) without counts left out", counts.features[~found])
    features = counts.features[found]
    as_names = {name: name for name in features if looks_like_lineage(name)}
    written = {**as_names, **counts.lineages, **lineages}
    _count_lineages(features, written, counts.name, log)
    names = _make_names_inert(features, counts.name, log)
    both = zip(names, features, strict=True)
    lineages = [lineage_of(name, written.get(given), assay) for name, given in both]
    metadata = [{"taxonomy": [inert(name) for name in lineage]} for lineage in lineages]
    return biom.Table(matrix[found][:, seen], names, samples[seen], metadata)


def _make_names_inert(features: pd.Index, table: str, log: ImportLog) -> list[str]:
    names = [inert(name) for name in features]
    changed = [old for old, new in zip(features, names, strict=True) if old != new]
    log.change(table, "{n} feature name(s) made inert", changed)
    for kind, wrong in (("equal", len(set(names)) < len(names)), ("empty", "" in names)):
        if wrong:
            log.error(
                table, f"feature names are {kind} once they are inert", changed, "rename them"
            )
    log.stop_on_errors()
    return names


def _count_lineages(features: pd.Index, written: dict, name: str, log: ImportLog) -> None:
    without = [feature for feature in features if feature not in written]
    if len(without) == len(features):
        words = "no feature has a lineage: what needs genera or families will be skipped"
        log.warn(name, words, None, "give --taxonomy")
    else:
        log.warn(name, "{n} feature(s) have no lineage", without)


def _name_libraries(table: biom.Table, assay: str) -> biom.Table:
    """Add the assay to sample names, for samples with two libraries."""
    names = {name: f"{name}.{assay}" for name in table.ids("sample")}
    return table.update_ids(names, axis="sample", inplace=False)


def _join_samples(
    samples: pd.DataFrame, features: dict[str, biom.Table], given: Mapping[str, np.ndarray]
) -> pd.DataFrame:
    """Return one row per library: its sample's columns with assay and depth."""
    parts = []
    for assay, table in features.items():
        names = pd.Index(table.ids("sample"), name="sample_id")
        part = samples.loc[given[assay]].assign(assay=assay).set_axis(names)
        parts.append(part.assign(depth=table.sum("sample").astype(int)))
    joined = pd.concat(parts)
    order = list(schema.SAMPLE_COLUMNS)
    return joined[order + [name for name in joined if name not in order]]
