"""Tables with the same reads at every rank, made disjoint.

Kraken's and MetaPhlAn's tables, collapsed tables of QIIME 2 and stratified ones of HUMAnN can
hold a row for a taxon and rows for its parts. A row whose name begins another's, up to a
separator, stands above it.
"""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import sparse

from cohabit.files.importers.counts import Counts
from cohabit.files.importers.log import ImportLog

TOLERANCE = 1e-3
"""Largest rounding error of a sum of shares or percentages, relative to the row above."""


def make_disjoint(counts: Counts, log: ImportLog) -> Counts:
    """Return a table in which every read is counted once.

    Where each row above others is at least their sum in every sample, it keeps what goes
    beyond that sum, reads known no deeper, or is left out when that is nothing. Where rows
    above others are less than their sum, they are taxa known no deeper, and stay.

    Parameters
    ----------
    counts : Counts
        Features x samples.
    log : ImportLog
        Receives the rows changed, or an error when only some of the rows above are sums.
    """
    above = _find_parents(counts.features)
    parents = np.unique(above[above >= 0])
    if not len(parents):
        return counts
    whole = counts.matrix[parents].toarray()
    beyond = whole - (_adder(above) @ counts.matrix)[parents].toarray()
    least = TOLERANCE * whole.max(axis=1, keepdims=True)
    exact = (abs(beyond) <= least).all(axis=1) & whole.any(axis=1)
    if (beyond >= -least).all() and (exact.any() or len(parents) > 1):
        return _subtract(counts, parents, np.where(abs(beyond) <= least, 0, beyond), log)
    if exact.any():
        words = "{n} row(s) are the sums of the rows below them, and others of that form are not"
        remedy = "leave out the rows that are sums"
        log.error(counts.name, words, counts.features[parents[exact]], remedy)
    return counts


def _subtract(counts: Counts, parents: np.ndarray, beyond: np.ndarray, log: ImportLog) -> Counts:
    """Return counts whose parents keep only what goes beyond the rows below them."""
    some = beyond.any(axis=1)
    kept = np.setdiff1d(np.arange(len(counts.features)), parents[~some])
    own = counts.matrix.tolil()
    own[parents] = beyond
    words = "{n} row(s) held the sums of the rows below them and were left out"
    log.change(counts.name, words, counts.features[parents[~some]])
    words = "{n} row(s) keep only the reads beyond the sums of the rows below them"
    log.change(counts.name, words, counts.features[parents[some]])
    return replace(counts, matrix=own.tocsr()[kept], features=counts.features[kept])


def _find_parents(features: pd.Index) -> np.ndarray:
    """Return the place of the nearest row above each row, -1 for none."""
    places = {tuple(_split(str(name))): i for i, name in enumerate(features)}
    parents = np.full(len(features), -1)
    for parts, i in places.items():
        for depth in range(len(parts) - 1, 0, -1):
            if (parent := places.get(parts[:depth])) is not None:
                parents[i] = parent
                break
    return parents


def _split(name: str) -> list[str]:
    return [part.strip() for part in re.split(r"[|;]", name)]


def _adder(above: np.ndarray) -> sparse.csr_matrix:
    """Return the matrix that sums the rows right below each row."""
    below = np.flatnonzero(above >= 0)
    places = (above[below], below)
    return sparse.csr_matrix((np.ones(len(below)), places), (len(above),) * 2)
