"""Counts of a cohort's feature tables: at a rank, of several visits, summed over people."""

from collections.abc import Sequence

import biom
import numpy as np
import pandas as pd
from scipy import sparse

from cohabit.data import schema
from cohabit.data.lineage import find_taxa, lineage_table


def gather_counts(
    tables: Sequence[biom.Table], rank: str | None, assay: str
) -> tuple[sparse.csr_matrix, pd.Index, pd.Index]:
    """Return counts (samples x features at the rank), the features and the sample IDs.

    Features of the first table come first; a table without a feature has none of it.
    """
    lineages = pd.concat([lineage_table(table) for table in tables])
    lineages = lineages[~lineages.index.duplicated()]
    counts = sparse.vstack([_spread(table, lineages.index) for table in tables], format="csr")
    ids = pd.Index(np.concatenate([table.ids("sample") for table in tables]))
    if rank is None or rank == lineages.columns[-1]:
        return counts, lineages.index.rename("feature"), ids
    if rank not in lineages:
        raise ValueError(f"rank: {assay} has no {rank!r}; {schema.nearest(rank, lineages)}")
    taxa = find_taxa(lineages, rank)
    if not taxa.named:
        raise schema.MissingInput(f"the features of {assay}.biom have no {rank}: no taxonomy")
    return counts @ taxa.members(), taxa.lineage.index, ids


def _spread(table: biom.Table, features: pd.Index) -> sparse.csr_matrix:
    """Return counts, samples x features, of which the table has some."""
    counts = table.matrix_data.T.tocsr()
    own = table.ids("observation")
    if np.array_equal(own, features):
        return counts
    return counts @ _indicator(features.get_indexer(own), len(features))


def _indicator(codes: np.ndarray, n_codes: int) -> sparse.csr_matrix:
    """Return rows x codes with a one at each row's code."""
    shape = (len(codes), n_codes)
    return sparse.csr_matrix((np.ones(len(codes)), (np.arange(len(codes)), codes)), shape)


def sum_libraries(
    counts: sparse.csr_matrix, samples: pd.DataFrame, participants: pd.Index, visit: int | None
) -> tuple[sparse.csr_matrix, pd.Index]:
    """Sum the libraries of each person at a visit, or at each visit, in order of participants.

    The index is participant_id, or (participant_id, visit) for ``visit=None``.
    """
    if visit is not None:
        chosen = np.flatnonzero(samples["visit"].to_numpy() == visit)
        counts, samples = counts[chosen], samples.iloc[chosen]
    place = participants.get_indexer(samples["participant_id"])
    if visit is not None:
        codes, found = pd.factorize(place, sort=True)
        index = participants[found].rename("participant_id")
    else:
        key = pd.MultiIndex.from_arrays([place, samples["visit"]])
        codes, found = pd.factorize(key, sort=True)
        owners = participants[found.get_level_values(0)]
        names = ["participant_id", "visit"]
        index = pd.MultiIndex.from_arrays([owners, found.get_level_values(1)], names=names)
    return _indicator(codes, len(index)).T @ counts, index
