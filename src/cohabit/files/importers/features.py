"""The features of a cohort: lineages, tree and feature tables."""

import re
from collections.abc import Collection, Mapping

import biom
import numpy as np
import pandas as pd
from scipy import sparse

from cohabit.data import schema
from cohabit.data.lineage import (
    Lineage,
    find_taxa,
    has_confidence,
    is_rest,
    lineage_of,
    looks_like_lineage,
)
from cohabit.data.schema import RANKS, UNCLASSIFIED
from cohabit.files.importers.counts import Counts
from cohabit.files.importers.layouts import RANK_NAMES, find_lineages
from cohabit.files.importers.log import ImportLog, clean_text, inert
from cohabit.files.importers.sources import Source
from cohabit.files.importers.tsv import read_grid

MAX_NODES, MAX_DEPTH = 500_000, 5_000
"""Largest number of nodes and depth of a tree; trees of 16S variants are far smaller."""


def read_taxonomy(source: Source, log: ImportLog) -> dict[str, str]:
    """Read a taxonomy: feature and lineage in one column, or one column per rank.

    Raises
    ------
    ValueError
        When a feature has two lineages, or no column looks like a lineage.
    """
    grid = _with_header(read_grid(source, log))
    ids = grid.iloc[:, 0].str.strip()
    repeated = ids[ids.duplicated()].unique()
    if len(repeated):
        raise ValueError(
            f"{source.name}: {len(repeated)} feature(s) have two lineages, first "
            f"{', '.join(clean_text(name) for name in repeated[:5])}; keep one each"
        )
    written = find_lineages({name: grid[name].tolist() for name in grid.columns[1:]})
    if written is None:
        raise ValueError(
            f"{source.name}: expected a column Taxon or taxonomy, or one column per rank "
            f"({', '.join(RANK_NAMES)}); got {', '.join(map(clean_text, grid.columns[:8]))}"
        )
    return dict(zip(ids, written, strict=True))


def _with_header(grid: pd.DataFrame) -> pd.DataFrame:
    """Return the grid with a header where its first line is a row, as in mothur's .taxonomy."""
    if grid.columns.size != 2 or grid.columns[1].count(";") < 2:
        return grid
    first = pd.DataFrame([grid.columns], [0], grid.columns)
    return pd.concat([first, grid]).set_axis(["feature", "taxonomy"], axis=1)


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
    if not seen.any():
        log.error(counts.name, "no sample of the metadata has a read", None, "export it again")
        log.stop_on_errors()
    log.change(counts.name, "{n} sample(s) without a single read left out", samples[~seen])
    found = np.asarray(matrix.sum(axis=1)).ravel() > 0
    log.change(counts.name, "{n} feature(s) without counts left out", counts.features[~found])
    matrix, features = matrix[found][:, seen], counts.features[found]
    written = {name: name for name in features if looks_like_lineage(name)}
    written |= {**counts.lineages, **lineages}
    if assay == "shotgun":
        matrix, features = _leave_out_rest(matrix, features, written, counts.name, log)
    _count_lineages(features, written, counts.name, log)
    names = _make_names_inert(features, counts.name, log)
    lineage = _read_lineages(names, [written.get(feature) for feature in features], assay)
    _count_organelles(lineage, counts.name, log)
    _count_nameless(lineage, counts.name, log)
    if assay == "shotgun":
        matrix, lineage = _sum_species(matrix, lineage, counts.name, log)
    metadata = [{"taxonomy": row} for row in lineage.to_numpy().tolist()]
    return biom.Table(matrix, lineage.index, samples[seen], metadata)


def _read_lineages(names: list[str], written: list, assay: str) -> pd.DataFrame:
    """Return features x ranks of a cohort."""
    both = zip(names, written, strict=True)
    rows = [map(inert, lineage_of(name, text, assay)) for name, text in both]
    columns = list(RANKS if assay == "16s" else RANKS[:-1])
    return pd.DataFrame(rows, pd.Index(names, dtype=object), columns)


def _leave_out_rest(
    matrix: sparse.csr_matrix, features: pd.Index, written: Mapping, name: str, log: ImportLog
) -> tuple[sparse.csr_matrix, pd.Index]:
    """Leave out rows such as ``UNCLASSIFIED``, which count reads of no taxon."""
    none = (
        is_rest(str(feature)) and not Lineage.parse(written.get(feature)).known
        for feature in features
    )
    rest = np.fromiter(none, bool, len(features))
    reads = matrix[rest].sum()
    words = f"{{n}} row(s) for reads of no taxon left out, {reads:,.0f} of {matrix.sum():,.0f}"
    log.change(name, words, [feature or "a row without a name" for feature in features[rest]])
    return matrix[~rest], features[~rest]


def _sum_species(
    matrix: sparse.csr_matrix, lineage: pd.DataFrame, name: str, log: ImportLog
) -> tuple[sparse.csr_matrix, pd.DataFrame]:
    """Return counts and lineages of species, named by their labels."""
    taxa = find_taxa(lineage, "species")
    labels = taxa.lineage.index
    several = labels[np.bincount(taxa.codes, minlength=len(labels)) > 1]
    log.change(name, "rows of one species summed, in {n} species", several)
    renamed = lineage.index[lineage.index != labels[taxa.codes]]
    log.change(name, "{n} feature(s) named by their species", renamed)
    order = pd.unique(taxa.codes)
    return (taxa.members().T @ matrix).tocsr()[order], taxa.lineage.iloc[order]


def _count_organelles(lineage: pd.DataFrame, name: str, log: ImportLog) -> None:
    theirs = lineage.isin(["Chloroplast", "Mitochondria", "mitochondria"]).any(axis=1)
    words, remedy = "{n} feature(s) are of organelles", "they stay; leave them out of the table"
    log.warn(name, words, lineage.index[theirs], f"{remedy} if only bacteria are meant")


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
    sure = [feature for feature in features if has_confidence(written.get(feature))]
    log.change(name, "confidences in brackets of {n} lineage(s) left out", sure)


def _count_nameless(lineage: pd.DataFrame, name: str, log: ImportLog) -> None:
    """Log features whose lineage ends above the genus."""
    known = (lineage.loc[:, :"family"] != UNCLASSIFIED).any(axis=1)
    above = lineage.index[known & (lineage["genus"] == UNCLASSIFIED)]
    words = "{n} feature(s) without a genus are counted under the last rank with a name"
    log.warn(name, words, above, "as in `Lachnospiraceae unclassified`")


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
