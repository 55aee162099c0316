"""Alpha and beta diversity, ordination, and how much closer partners are than strangers.

Distances come as scikit-bio `DistanceMatrix`. The numbers are those of scikit-bio and vegan,
computed for all samples at once: 1,152 people and 1,341 species take seconds.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.spatial.distance import pdist, squareform
from scipy.special import xlogy

from cohabit.stats.composition import check_counts, clr
from cohabit.stats.diversity.households import square
from cohabit.stats.diversity.overlap import sum_minima

if TYPE_CHECKING:
    from skbio import DistanceMatrix, TreeNode

MOST_READS = 10**9
"""Of a sample that can be rarefied: the generator draws from no larger urn."""


def observed(counts: pd.DataFrame) -> pd.Series:
    """Return the number of features present in each sample."""
    present = check_counts(counts) > 0
    return pd.Series(present.sum(axis=1), index=counts.index, name="observed")


def shannon(counts: pd.DataFrame) -> pd.Series:
    """Return Shannon's entropy of each sample in nats, -sum p log p."""
    amounts = check_counts(counts)
    shares = amounts / amounts.sum(axis=1, keepdims=True)
    return pd.Series(-xlogy(shares, shares).sum(axis=1), index=counts.index, name="shannon")


def chao1(counts: pd.DataFrame) -> pd.Series:
    """Return Chao's bias-corrected richness, S + f1 (f1 - 1) / (2 (f2 + 1)).

    `f1` and `f2` are the numbers of features seen once and twice (Chao 1984, 1987), so it
    needs whole counts, and a denoiser that drops singletons drags it down to `observed`.
    """
    amounts = _check_whole(counts)
    once, twice = (amounts == 1).sum(axis=1), (amounts == 2).sum(axis=1)
    richness = (amounts > 0).sum(axis=1) + once * (once - 1) / (2 * (twice + 1))
    return pd.Series(richness, index=counts.index, name="chao1")


def faith_pd(counts: pd.DataFrame, tree: "str | TreeNode") -> pd.Series:
    """Return the branch length under the features of each sample, from the root (Faith 1992)."""
    branches, lengths = _branches(counts, tree)
    present = (check_counts(counts) @ branches) > 0
    return pd.Series(present @ lengths, index=counts.index, name="faith_pd")


def rarefy(
    counts: pd.DataFrame, depth: int, *, rng: int | np.random.Generator | None = None
) -> pd.DataFrame:
    """Draw `depth` reads without replacement from each sample.

    Samples with fewer reads are left out, as is usual; compare the index with the input's.
    The draw belongs to the sample, not to its row: the order of the rows does not matter.

    Parameters
    ----------
    counts : DataFrame of whole numbers, shape (n_samples, n_features)
    depth : int
        Reads a sample, at least 1.
    rng : int or Generator, optional

    Returns
    -------
    DataFrame of int64, shape (n_deep_enough, n_features)

    Raises
    ------
    ValueError
        When no sample reaches the depth, or counts are not whole.
    """
    rng = np.random.default_rng(rng)
    totals = _check_whole(counts).sum(axis=1)
    deep = counts.loc[totals >= depth]
    if depth < 1 or deep.empty:
        raise ValueError(
            f"depth: expected 1 to {int(totals.max())} (the deepest sample), got {depth}"
        )
    reads = deep.to_numpy(dtype=np.int64)
    if totals[totals >= depth].max() >= MOST_READS:
        raise ValueError(f"counts: expected fewer than {MOST_READS:,} reads a sample")
    drawn = np.zeros_like(reads)
    for row in np.argsort(deep.index.astype(str), kind="stable"):
        seen = np.flatnonzero(reads[row])
        drawn[row, seen] = rng.multivariate_hypergeometric(reads[row, seen], depth)
    return pd.DataFrame(drawn, index=deep.index, columns=deep.columns)


def bray_curtis(counts: pd.DataFrame) -> "DistanceMatrix":
    """Return sum |x - y| / sum (x + y) between samples (Bray and Curtis 1957).

    Taken on the table as it is: give shares or rarefied counts, or unequal depth becomes
    distance.
    """
    amounts = check_counts(counts)
    total = amounts.sum(axis=1)
    apart = 1 - 2 * sum_minima(amounts) / (total[:, None] + total)
    return _distances(apart, counts.index)


def jaccard(counts: pd.DataFrame) -> "DistanceMatrix":
    """Return the share of features present in one sample only, among those in either."""
    present = (check_counts(counts) > 0).astype(float)
    return _unshared(present, np.ones(present.shape[1]), counts.index)


def aitchison(counts: pd.DataFrame, pseudocount: float = 0.5) -> "DistanceMatrix":
    """Return the Euclidean distance between CLR-transformed samples (Aitchison 1986)."""
    return _distances(squareform(pdist(clr(counts, pseudocount).to_numpy())), counts.index)


def unweighted_unifrac(counts: pd.DataFrame, tree: "str | TreeNode") -> "DistanceMatrix":
    """Return the share of branch length that leads to one sample only (Lozupone 2005)."""
    branches, lengths = _branches(counts, tree)
    present = ((check_counts(counts) @ branches) > 0).astype(float)
    return _unshared(present, lengths, counts.index)


def weighted_unifrac(
    counts: pd.DataFrame, tree: "str | TreeNode", *, normalized: bool = False
) -> "DistanceMatrix":
    """Return the branch length times the difference in share (Lozupone 2007).

    Parameters
    ----------
    counts : DataFrame, shape (n_samples, n_features)
    tree : str or TreeNode
        Newick text, or a tree; its tips include every feature.
    normalized : bool
        Divide by the share-weighted distance of the features from the root: 0 to 1.
        The study's weighted UniFrac is not normalised.
    """
    branches, lengths = _branches(counts, tree)
    amounts = check_counts(counts)
    below = (amounts / amounts.sum(axis=1, keepdims=True)) @ branches * lengths
    height = below.sum(axis=1)
    both = height[:, None] + height
    apart = both - 2 * sum_minima(below)
    return _distances(apart / both if normalized else apart, counts.index)


@dataclass(frozen=True)
class Ordination:
    """Samples on principal coordinates."""

    coordinates: pd.DataFrame
    """Samples x axes PC1, PC2, ..."""

    explained: pd.Series
    """Share of each axis in the sum of the positive eigenvalues."""


def pcoa(distances: "DistanceMatrix | pd.DataFrame", n_axes: int = 2) -> Ordination:
    """Return principal coordinates of a distance matrix (Gower 1966).

    Eigenvectors of -J D² J / 2, scaled by the root of their eigenvalues. An axis has the sign
    that makes its largest coordinate positive. Negative eigenvalues, which non-Euclidean
    distances such as Bray-Curtis have, are left out of the sum (scikit-bio does so only when
    all axes are asked for).
    """
    matrix, ids = square(distances)
    gram = -0.5 * matrix**2
    gram -= gram.mean(axis=0)
    gram -= gram.mean(axis=1)[:, None]
    values, vectors = np.linalg.eigh((gram + gram.T) / 2)
    n_axes = min(n_axes, int((values > 1e-12 * values[-1]).sum()))
    if n_axes < 1:
        raise ValueError("distances: all are zero, there is nothing to ordinate")
    order = np.argsort(values)[::-1][:n_axes]
    points = vectors[:, order] * np.sqrt(values[order])
    points *= np.sign(points[np.abs(points).argmax(axis=0), np.arange(n_axes)])
    axes = [f"PC{number + 1}" for number in range(n_axes)]
    share = values[order] / values[values > 0].sum()
    return Ordination(
        pd.DataFrame(points, index=pd.Index(ids), columns=axes),
        pd.Series(share, index=axes, name="explained"),
    )


def _unshared(present: np.ndarray, weights: np.ndarray, ids: pd.Index) -> "DistanceMatrix":
    """Return 1 - weight shared / weight in either, of 0/1 rows."""
    shared = (present * weights) @ present.T
    total = np.diag(shared)
    apart = 1 - shared / (total[:, None] + total - shared)
    return _distances(apart, ids)


def _distances(apart: np.ndarray, ids: pd.Index) -> "DistanceMatrix":
    """Return distances by name; rounding below 0 and beside the diagonal is taken off."""
    from skbio import DistanceMatrix

    apart = np.maximum((apart + apart.T) / 2, 0)
    np.fill_diagonal(apart, 0)
    return DistanceMatrix(apart, [str(name) for name in ids])


def _check_whole(counts: pd.DataFrame) -> np.ndarray:
    amounts = check_counts(counts)
    broken = counts.index[(amounts != np.floor(amounts)).any(axis=1)]
    if len(broken):
        raise ValueError(
            f"counts: expected whole reads; {len(broken)} sample(s) hold fractions, first "
            f"{broken[:5].tolist()}: give counts, not shares"
        )
    return amounts


def _branches(counts: pd.DataFrame, tree: "str | TreeNode") -> tuple[sparse.csr_matrix, np.ndarray]:
    """Return which feature hangs below which branch (features x branches), and lengths.

    A length given to the root itself is above every sample and is no branch.
    """
    from skbio import TreeNode

    if isinstance(tree, str):
        tree = TreeNode.read([tree], convert_underscores=False)
    tips = {tip.name: tip for tip in tree.tips()}
    names = [str(name) for name in counts.columns]
    missing = [name for name in names if name not in tips]
    if missing:
        raise ValueError(
            f"tree: {len(missing)} feature(s) are no tip of the tree, first {missing[:5]}; "
            "drop them from the table or give the whole tree"
        )
    number, lengths, rows, columns = {}, [], [], []
    for row, name in enumerate(names):
        node = tips[name]
        while node.parent is not None:
            if id(node) not in number:
                number[id(node)] = len(lengths)
                lengths.append(node.length or 0.0)
            rows.append(row)
            columns.append(number[id(node)])
            node = node.parent
    below = sparse.csr_matrix((np.ones(len(rows)), (rows, columns)), (len(names), len(lengths)))
    return below, np.array(lengths)
