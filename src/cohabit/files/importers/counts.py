"""A feature table as it was read: any file in, features x samples out."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from cohabit.files.importers.log import ImportLog


@dataclass(frozen=True)
class Counts:
    """Counts, not yet checked against anybody's metadata."""

    name: str
    """The file's name."""

    matrix: sparse.csr_matrix
    """Features x samples, float64."""

    features: pd.Index
    samples: pd.Index
    lineages: Mapping[str, object]
    """Feature -> lineage as it was written; empty when the file has none."""

    def turned(self) -> "Counts":
        """Return the same with rows and columns exchanged."""
        matrix = self.matrix.T.tocsr()
        return Counts(self.name, matrix, self.samples, self.features, {})


def check_counts(counts: Counts, log: ImportLog) -> None:
    """Write down what cannot be a count, and ids that repeat or are empty."""
    for axis, ids in {"feature": counts.features, "sample": counts.samples}.items():
        check_ids(ids, f"{counts.name}, {axis} ids", log)
    if not counts.matrix.shape[0] or not counts.matrix.shape[1]:
        log.error(counts.name, f"the table is empty, {counts.matrix.shape}", "export again")
        return
    values = counts.matrix.tocoo()
    for what, wrong, remedy in _impossible(values.data):
        if wrong.any():
            n = int(wrong.sum())
            cells = _cells(counts, values, wrong)
            log.error(counts.name, f"{n} {what}", cells, remedy(counts), n)


def _impossible(data: np.ndarray):
    """Yield what is wrong, where, and what to say about it."""
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


def _advise_on_fractions(counts: Counts) -> str:
    sums = np.asarray(counts.matrix.sum(axis=0)).ravel()
    for total, words in ((1.0, "shares"), (100.0, "percentages")):
        if np.allclose(sums, total, rtol=0.01):
            return f"samples sum to {total:g}: these are {words}; give the counts they came from"
    return "give raw counts, not normalised or rarefied averages"


def _cells(counts: Counts, values: sparse.coo_matrix, wrong: np.ndarray) -> list[str]:
    """Return where the first few wrong values stand."""
    where = np.flatnonzero(wrong)[:6]
    return [
        f"{counts.features[values.row[i]]} in {counts.samples[values.col[i]]}: {values.data[i]:g}"
        for i in where
    ]


def check_ids(ids: pd.Index, where: str, log: ImportLog) -> None:
    """Write down ids that are empty, repeated, or a spreadsheet's ruins."""
    ids = pd.Index(ids.astype(str))
    empty = np.flatnonzero(ids.str.strip() == "")
    if len(empty):
        log.error(
            where,
            f"{len(empty)} empty id(s)",
            [f"number {i + 1}" for i in empty],
            "name them or leave them out",
        )
    repeated = ids[ids.duplicated()].unique()
    if len(repeated):
        log.error(
            where,
            f"{len(repeated)} id(s) repeat",
            repeated,
            "ids must be unique: rename or merge them",
        )
    ruins = ids[ids.str.fullmatch(r"#(?:N/A|REF!|NAME\?|VALUE!|DIV/0!|NUM!|NULL!)")].unique()
    if len(ruins):
        log.error(
            where,
            "error values of a spreadsheet stand where ids should",
            ruins,
            "restore the ids from the original file",
        )
    dates = ids[ids.str.fullmatch(r"\d{1,2}-(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)")]
    powers = ids[ids.str.fullmatch(r"\d(?:\.\d+)?E\+\d+")]
    if len(dates) or len(powers):
        log.warn(
            where,
            "id(s) that look as if a spreadsheet had turned them into dates or powers",
            dates.append(powers).unique(),
            "compare with the original",
        )


def overlap(ids: Collection, known: Collection) -> int:
    """Return how many ids are known."""
    return len(set(ids) & set(known))


def choose_orientation(counts: Counts, known: Collection[str], log: ImportLog) -> Counts:
    """Turn a table so that samples are its columns, found by the ids of the metadata.

    Parameters
    ----------
    counts : Counts
        Rows taken for features.
    known : collection of str
        Sample ids of the metadata.
    """
    across, down = overlap(counts.samples, known), overlap(counts.features, known)
    if down > across:
        log.note(counts.name, f"read with samples as rows: {down} row ids are in the metadata")
        return counts.turned()
    if across:
        log.note(counts.name, f"read with samples as columns: {across} are in the metadata")
    return counts
