"""A feature table as read, with checks of its ids and counts."""

from collections.abc import Mapping as MappingType
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import sparse

from cohabit.files.importers.log import ImportLog

MAX_VALUES = 50_000_000
"""Largest number of non-zero counts in a table."""

RUIN = r"#(?:N/A|REF!|NAME\?|VALUE!|DIV/0!|NUM!|NULL!)"
_DATE = r"\d{1,2}-(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_POWER = r"\d(?:\.\d+)?E\+\d+"


@dataclass(frozen=True)
class Counts:
    """Counts that have not been compared with the metadata."""

    name: str
    """Name of the file."""

    matrix: sparse.csr_matrix
    """Features x samples, float64."""

    features: pd.Index
    samples: pd.Index
    lineages: MappingType[str, object]
    """Feature -> lineage as written; empty when the file has none."""

    def turned(self) -> "Counts":
        """Return a copy with rows and columns exchanged."""
        matrix = self.matrix.T.tocsr()
        return Counts(self.name, matrix, self.samples, self.features, {})


def check_whole_counts(counts: Counts, log: ImportLog) -> None:
    """Log impossible counts and repeated or empty ids."""
    for axis, ids in {"feature": counts.features, "sample": counts.samples}.items():
        check_ids(ids, f"{counts.name}, {axis} ids", log)
    if not counts.matrix.shape[0] or not counts.matrix.shape[1]:
        words = f"the table is empty, {counts.matrix.shape}"
        log.error(counts.name, words, None, "export again")
        return
    values = counts.matrix.tocoo()
    for what, wrong, remedy in _impossible(values.data):
        if wrong.any():
            cells, n = _cells(counts, values, wrong), int(wrong.sum())
            log.error(counts.name, f"{n} {what}", cells, remedy(counts), n)


def _impossible(data: np.ndarray):
    """Yield the mask, description and remedy of each kind of impossible value."""
    with np.errstate(invalid="ignore"):
        finite = np.isfinite(data)
        yield "value(s) missing or infinite", ~finite, lambda _: "write 0 where nothing was seen"
        yield (
            "negative count(s)",
            finite & (data < 0),
            lambda _: "give raw counts, before any log or CLR transform",
        )
        broken = finite & (data >= 0) & (data != np.floor(data))
        yield "count(s) that are not whole numbers", broken, _advise_on_fractions
        yield "count(s) above 2^53", finite & (data > 2.0**53), lambda _: "check the file"


def _find_total(counts: Counts) -> float:
    """Return 1 for a table of shares, 100 for one of percentages, otherwise 0."""
    sums = np.asarray(counts.matrix.sum(axis=0)).ravel()
    sums = sums[sums > 0]
    return next((t for t in (1.0, 100.0) if len(sums) and np.allclose(sums, t, rtol=0.01)), 0.0)


def _advise_on_fractions(counts: Counts) -> str:
    if total := _find_total(counts):
        words = "shares" if total == 1 else "percentages"
        return (
            f"samples sum to {total:g}: these are {words}; give the counts they came from, or "
            'name the column with the reads of each sample, reads = "..." under [columns]'
        )
    return "give raw counts, not normalised or rarefied averages"


def multiply_shares(counts: Counts, reads: pd.Series, log: ImportLog) -> Counts:
    """Return shares or percentages as counts: times each sample's reads, rounded.

    Parameters
    ----------
    counts : Counts
        Features x samples; a table of counts is returned unchanged.
    reads : Series of float
        Index: sample id; the reads from which the shares were computed.
    log : ImportLog
    """
    total = _find_total(counts)
    if not total:
        return counts
    known = counts.samples.isin(reads.index[reads > 0])
    remedy = "fill in the number, above 0"
    strangers = counts.samples[counts.samples.isin(reads.index) & ~known]
    log.error("reads", "{n} sample(s) have no number of reads", strangers, remedy)
    factors = reads.reindex(counts.samples).where(known, 0).to_numpy() / total
    matrix = counts.matrix.multiply(factors[None, :]).tocsr()
    matrix.data = np.rint(matrix.data)
    matrix.eliminate_zeros()
    words = "shares" if total == 1 else "percentages"
    log.change(counts.name, f"{words} became counts: times the reads of each sample, rounded")
    return replace(counts, matrix=matrix)


def _cells(counts: Counts, values: sparse.coo_matrix, wrong: np.ndarray) -> list[str]:
    """Return the positions of the first few wrong values."""
    where = np.flatnonzero(wrong)[:6]
    return [
        f"{counts.features[values.row[i]]} in {counts.samples[values.col[i]]}: {values.data[i]:g}"
        for i in where
    ]


def check_ids(ids: pd.Index, where: str, log: ImportLog) -> None:
    """Log ids that are empty, repeated or damaged by a spreadsheet."""
    ids = pd.Index(ids.astype(str))
    empty = [f"number {i + 1}" for i in np.flatnonzero(ids.str.strip() == "")]
    log.error(where, "{n} empty id(s)", empty, "name them or leave them out")
    repeated, remedy = ids[ids.duplicated()].unique(), "ids must be unique: rename or merge them"
    log.error(where, "{n} id(s) repeat", repeated, remedy)
    ruins, remedy = ids[ids.str.fullmatch(RUIN)].unique(), "restore the ids from the original file"
    log.error(where, "ids contain error values of a spreadsheet", ruins, remedy)
    altered = ids[ids.str.fullmatch(_DATE)].append(ids[ids.str.fullmatch(_POWER)]).unique()
    words = "id(s) that look as if a spreadsheet had turned them into dates or powers"
    log.warn(where, words, altered, "compare with the original")
