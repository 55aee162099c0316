"""Properties of a network of features and differences between two networks."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.sparse import csgraph

N_HUBS = 20
REACH = 2.0


@dataclass(frozen=True, eq=False)
class Network:
    """Correlations of features and the edges that they define."""

    correlation: np.ndarray
    """Shape (n_features, n_features); the diagonal is ignored."""

    threshold: float
    """Smallest absolute correlation of an edge."""

    @cached_property
    def links(self) -> np.ndarray:
        """Adjacency matrix (0/1) of edges of either sign."""
        return self._above(np.abs(self.correlation))

    @cached_property
    def attractions(self) -> np.ndarray:
        """Adjacency matrix (0/1) of positive edges, which define the modules."""
        return self._above(self.correlation)

    @cached_property
    def modules(self) -> np.ndarray:
        """Module of each feature, 1 for the largest; 0 for features without a positive edge."""
        return find_groups(self.attractions)[0]

    @cached_property
    def sparse_links(self) -> sparse.csr_matrix:
        """Adjacency matrix of edges of either sign as a sparse matrix."""
        return sparse.csr_matrix(self.links)

    @cached_property
    def steps(self) -> np.ndarray:
        """Number of steps between every two features; 0 without a path."""
        steps = csgraph.shortest_path(self.sparse_links, unweighted=True, directed=False)
        steps[~np.isfinite(steps)] = 0
        return steps

    def _above(self, strength: np.ndarray) -> np.ndarray:
        links = (strength >= self.threshold).astype(float)
        np.fill_diagonal(links, 0)
        return links


def density(network: Network) -> float:
    """Return the share of feature pairs that have an edge."""
    size = len(network.links)
    return float(network.links.sum() / (size * (size - 1)))


def clustering(network: Network) -> float:
    """Return the transitivity, the share of closed connected triples; 0 without any."""
    degree = network.links.sum(axis=0)
    triples = (degree * (degree - 1)).sum()
    tied = network.sparse_links
    return float((tied @ tied).multiply(tied).sum() / triples) if triples else 0.0


def path_length(network: Network) -> float:
    """Return the mean path length between connected pairs; NaN without any."""
    steps = network.steps[network.steps > 0]
    return float(steps.mean()) if len(steps) else np.nan


def largest_component(network: Network) -> float:
    """Return the share of the features in the largest connected component."""
    component = csgraph.connected_components(network.sparse_links, directed=False)[1]
    return float(np.bincount(component).max() / len(component))


def count_lost_hubs(first: Network, second: Network) -> int:
    """Return how many of the first's 20 best connected features are not among the second's.

    Ties follow the order of the features.
    """
    return len(_hubs(first) - _hubs(second))


PROPERTIES = {
    "n_edges": lambda network: network.links.sum() / 2,
    "density": density,
    "clustering": clustering,
    "path_length": path_length,
    "largest_component": largest_component,
    "n_tied": lambda network: network.attractions.any(axis=0).sum(),
    "n_modules": lambda network: network.modules.max(),
    "largest_module": lambda network: (network.modules == 1).sum(),
}
"""Property name -> function of a `Network`; `describe_network` explains them."""

DIFFERENCES = {
    "distance": lambda first, second: np.sqrt(np.mean(_differences(first, second) ** 2)),
    "specific_edges": lambda first, second: find_specific(first, second, REACH).sum(),
    "hubs_lost": count_lost_hubs,
}
"""Difference name -> function of two networks of the same features; 0 means alike."""


def find_specific(first: Network, second: Network, reach: float) -> np.ndarray:
    """Return which pairs (upper triangle by rows) are `specific_edges`."""
    differences = _differences(first, second)
    lower, upper = np.quantile(differences, [0.25, 0.75])
    margin = reach * (upper - lower) + 1e-9  # rounding of equal networks is no difference
    outside = (differences < lower - margin) | (differences > upper + margin)
    corner = np.triu_indices(len(first.links), 1)
    return outside & (first.links[corner] + second.links[corner] > 0)


def describe_network(correlation: pd.DataFrame, threshold: float = 0.4) -> pd.Series:
    """Return the properties of the network with |correlation| >= threshold.

    Returns
    -------
    Series
        n_edges; density (share of all pairs); clustering (share of connected triples that
        close); path_length (mean over connected pairs, NaN without any); largest_component
        (share of the features); and of the modules (`find_modules`) n_tied (features in one),
        n_modules and largest_module (features in the largest).
    """
    network = Network(correlation.to_numpy(), threshold)
    return pd.Series({name: float(find(network)) for name, find in PROPERTIES.items()})


def describe_features(correlation: pd.DataFrame, threshold: float = 0.4) -> pd.DataFrame:
    """Return the centrality of each feature in the network with |correlation| >= threshold.

    Returns
    -------
    DataFrame, index feature
        degree; closeness (features reached over the sum of steps to them, times the share of
        all others reached); betweenness (share of shortest paths between two others that lead
        through it, Freeman 1977). 0 for a feature without an edge.
    """
    network = Network(correlation.to_numpy(), threshold)
    links = network.links
    columns = {
        "degree": links.sum(axis=0).astype(int),
        "closeness": _closeness(network.steps),
        "betweenness": _betweenness(links),
    }
    return pd.DataFrame(columns, index=correlation.columns)


def specific_edges(
    first: pd.DataFrame, second: pd.DataFrame, threshold: float = 0.4, reach: float = REACH
) -> pd.DataFrame:
    """Return the edges found in only one of two networks, by the study's rule.

    An edge of either network is specific when its difference in correlation lies more than `reach`
    interquartile ranges outside the quartiles of all differences. The rule is descriptive: it
    ignores sampling error, and two halves of one group also have such edges.

    Parameters
    ----------
    first, second : DataFrame, features x features
        Correlations of the same features.

    Returns
    -------
    DataFrame
        source, target, first, second, difference (second minus first), strongest first.
    """
    second = second.loc[first.index, first.columns]
    networks = [Network(table.to_numpy(), threshold) for table in (first, second)]
    found = find_specific(*networks, reach)
    rows, columns = (ends[found] for ends in np.triu_indices(len(first), 1))
    before, after = (network.correlation[rows, columns] for network in networks)
    names = first.columns.to_numpy()
    table = pd.DataFrame(
        {"source": names[rows], "target": names[columns], "first": before, "second": after}
    ).assign(difference=after - before)
    return table.sort_values(
        "difference", key=lambda gap: -gap.abs(), kind="stable", ignore_index=True
    )


def find_modules(correlation: pd.DataFrame, threshold: float = 0.4) -> pd.Series:
    """Split the network into modules by greedy modularity (Clauset, Newman and Moore 2004).

    Parameters
    ----------
    correlation : DataFrame, features x features
    threshold : float
        Edges are positive correlations of at least this; negative ones tie nothing.

    Returns
    -------
    Series
        Feature -> module, 1 the largest; 0 for a feature without an edge. Ties of the merge
        are settled by the order of the features. ``attrs["modularity"]`` is its Q.
    """
    modules, modularity = find_groups(Network(correlation.to_numpy(), threshold).attractions)
    result = pd.Series(modules, index=correlation.columns, name="module")
    result.attrs["modularity"] = modularity
    return result


def _closeness(steps: np.ndarray) -> np.ndarray:
    """Return nodes reached / sum of their distances, times the share of other nodes reached."""
    reached, total = (steps > 0).sum(axis=0), steps.sum(axis=0)
    near = np.divide(reached, total, out=np.zeros(len(steps)), where=total > 0)
    return near * reached / (len(steps) - 1)


def _betweenness(links: np.ndarray) -> np.ndarray:
    """Return the share of shortest paths between other nodes that pass through each node.

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
    """Return each node's group by `merge_greedily` and the modularity.

    Group 1 is the largest; 0 a node without an edge, which is not looked at.
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
    """Merge the pair of modules that increases modularity most until none does.

    From symmetric weights of at least 0, diagonal empty, to a module label per node and Q, the
    sum over modules of (share of edge ends inside - squared share of all ends).
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


def _differences(first: Network, second: Network) -> np.ndarray:
    corner = np.triu_indices(len(first.correlation), 1)
    return second.correlation[corner] - first.correlation[corner]


def _hubs(network: Network) -> set[int]:
    degree = network.links.sum(axis=0)
    first = np.argsort(-degree, kind="stable")[:N_HUBS]
    return {int(feature) for feature in first if degree[feature] > 0}
