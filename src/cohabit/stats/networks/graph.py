"""Centrality and modules of an undirected graph given as a square matrix."""

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph


def closeness(links: np.ndarray) -> np.ndarray:
    """Return nodes reached over the steps to them, times the share of the others reached."""
    steps = csgraph.shortest_path(sparse.csr_matrix(links), unweighted=True, directed=False)
    steps[~np.isfinite(steps)] = 0
    reached, total = (steps > 0).sum(axis=0), steps.sum(axis=0)
    near = np.divide(reached, total, out=np.zeros(len(links)), where=total > 0)
    return near * reached / (len(links) - 1)


def betweenness(links: np.ndarray) -> np.ndarray:
    """Return the share of shortest paths between two others through each node.

    Brandes (2001), Journal of Mathematical Sociology 25:163, one step outwards at a time.
    """
    through = np.zeros(len(links))
    for source in range(len(links)):
        layers = [np.arange(len(links)) == source]
        paths, seen = layers[0].astype(float), layers[0].copy()
        while layers[-1].any():
            arriving = links @ (paths * layers[-1])
            layers.append((arriving > 0) & ~seen)
            paths[layers[-1]] = arriving[layers[-1]]
            seen |= layers[-1]
        share = np.zeros(len(links))
        for nearer, further in zip(layers[-2::-1], layers[:0:-1], strict=True):
            passed = np.divide(1 + share, paths, out=np.zeros_like(share), where=further)
            share[nearer] += paths[nearer] * (links @ passed)[nearer]
        through += share * (np.arange(len(links)) != source)
    return through / ((len(links) - 1) * (len(links) - 2))


def find_groups(links: np.ndarray) -> tuple[np.ndarray, float]:
    """Split a graph by `merge_greedily`; nodes without an edge are not looked at.

    Returns
    -------
    groups : ndarray of int, shape (n_nodes,)
        1 the largest; 0 for a node without an edge.
    modularity : float
    """
    tied = np.flatnonzero(links.any(axis=0))
    merged, modularity = merge_greedily(links[np.ix_(tied, tied)])
    labels, positions, sizes = np.unique(merged, return_inverse=True, return_counts=True)
    rank = np.empty(len(labels), dtype=int)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(1, len(labels) + 1)
    groups = np.zeros(len(links), dtype=int)
    groups[tied] = rank[positions]
    return groups, modularity


def merge_greedily(links: np.ndarray) -> tuple[np.ndarray, float]:
    """Merge the two modules that raise modularity most until none does.

    Parameters
    ----------
    links : ndarray, shape (n_nodes, n_nodes)
        Symmetric weights of at least 0, diagonal empty.

    Returns
    -------
    modules : ndarray, shape (n_nodes,)
        A label a node.
    modularity : float
        Q = sum over modules of (share of edge ends inside - squared share of all ends).
    """
    total = links.sum()
    modules = np.arange(len(links))
    if total == 0:
        return modules, 0.0
    between = links / total
    share = between.sum(axis=0)
    quality = -(share**2).sum()
    gone = share == 0
    gain = 2 * (between - np.outer(share, share))
    gain[gone] = gain[:, gone] = -np.inf
    np.fill_diagonal(gain, -np.inf)
    while gain.max() > 1e-12:
        keep, drop = divmod(int(gain.argmax()), len(links))
        quality += gain[keep, drop]
        modules[modules == drop] = keep
        between[keep] += between[drop]
        between[:, keep] += between[:, drop]
        share[keep] += share[drop]
        gone[drop] = True
        merged = 2 * (between[keep] - share[keep] * share)
        merged[gone] = merged[keep] = -np.inf
        gain[keep] = gain[:, keep] = merged
        gain[drop] = gain[:, drop] = -np.inf
    return modules, float(quality)
