"""Properties and modules of an undirected graph given as a square matrix."""

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph


def count_edges(links: np.ndarray) -> float:
    """Return the number of edges of a symmetric 0/1 matrix."""
    return float(links.sum() / 2)


def density(links: np.ndarray) -> float:
    """Return the share of all pairs that are tied."""
    return float(links.sum() / (len(links) * (len(links) - 1)))


def clustering(links: np.ndarray) -> float:
    """Return the share of connected triples that close (transitivity); 0 without any."""
    degree = links.sum(axis=0)
    triples = (degree * (degree - 1)).sum()
    tied = sparse.csr_matrix(links)
    return float((tied @ tied).multiply(tied).sum() / triples) if triples else 0.0


def path_length(links: np.ndarray) -> float:
    """Return the mean number of steps between connected pairs; NaN without any."""
    steps = csgraph.shortest_path(sparse.csr_matrix(links), unweighted=True, directed=False)
    reached = np.isfinite(steps) & (steps > 0)
    return float(steps[reached].mean()) if reached.any() else np.nan


def largest_component(links: np.ndarray) -> float:
    """Return the share of the nodes in the largest connected component."""
    component = csgraph.connected_components(sparse.csr_matrix(links), directed=False)[1]
    return float(np.bincount(component).max() / len(links))


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


PROPERTIES = {
    "n_edges": count_edges,
    "density": density,
    "clustering": clustering,
    "path_length": path_length,
    "largest_component": largest_component,
}
"""Name -> function of a symmetric 0/1 matrix with an empty diagonal."""


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
    alive = share > 0
    quality = -(share**2).sum()
    while alive.sum() > 1:
        gain = 2 * (between - np.outer(share, share))
        gain[~(alive[:, None] & alive)] = -np.inf
        np.fill_diagonal(gain, -np.inf)
        keep, drop = np.unravel_index(gain.argmax(), gain.shape)
        if gain[keep, drop] <= 1e-12:
            break
        quality += gain[keep, drop]
        modules[modules == drop] = keep
        between[keep] += between[drop]
        between[:, keep] += between[:, drop]
        share[keep] += share[drop]
        alive[drop] = False
    return modules, float(quality)
