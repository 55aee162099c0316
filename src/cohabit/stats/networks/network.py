"""A network of features and its properties; two networks and what sets them apart."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from cohabit.stats.networks.graph import find_groups

N_HUBS = 20
REACH = 2.0


@dataclass(frozen=True, eq=False)
class Network:
    """Correlations of features, and the edges among them."""

    correlation: np.ndarray
    """Shape (n_features, n_features); the diagonal is not looked at."""

    threshold: float
    """Least absolute correlation of an edge."""

    @cached_property
    def links(self) -> np.ndarray:
        """Edges of either sign, 0/1."""
        return self._above(np.abs(self.correlation))

    @cached_property
    def attractions(self) -> np.ndarray:
        """Positive edges, 0/1: modules are made of these."""
        return self._above(self.correlation)

    @cached_property
    def modules(self) -> np.ndarray:
        """Module of each feature, 1 the largest; 0 without a positive edge."""
        return find_groups(self.attractions)[0]

    @cached_property
    def sparse_links(self) -> sparse.csr_matrix:
        """Edges of either sign."""
        return sparse.csr_matrix(self.links)

    def _above(self, strength: np.ndarray) -> np.ndarray:
        links = (strength >= self.threshold).astype(float)
        np.fill_diagonal(links, 0)
        return links


def count_edges(network: Network) -> float:
    """Return the number of edges."""
    return float(network.links.sum() / 2)


def density(network: Network) -> float:
    """Return the share of all pairs that are tied."""
    size = len(network.links)
    return float(network.links.sum() / (size * (size - 1)))


def clustering(network: Network) -> float:
    """Return the share of connected triples that close (transitivity); 0 without any."""
    degree = network.links.sum(axis=0)
    triples = (degree * (degree - 1)).sum()
    tied = network.sparse_links
    return float((tied @ tied).multiply(tied).sum() / triples) if triples else 0.0


def path_length(network: Network) -> float:
    """Return the mean number of steps between connected pairs; NaN without any."""
    steps = csgraph.shortest_path(network.sparse_links, unweighted=True, directed=False)
    reached = np.isfinite(steps) & (steps > 0)
    return float(steps[reached].mean()) if reached.any() else np.nan


def largest_component(network: Network) -> float:
    """Return the share of the features in the largest connected component."""
    component = csgraph.connected_components(network.sparse_links, directed=False)[1]
    return float(np.bincount(component).max() / len(component))


def count_tied(network: Network) -> float:
    """Return the number of features with a positive edge, so in a module."""
    return float(network.attractions.any(axis=0).sum())


def count_modules(network: Network) -> float:
    """Return the number of modules."""
    return float(network.modules.max())


def largest_module(network: Network) -> float:
    """Return the number of features in the largest module; 0 without any."""
    return float((network.modules == 1).sum())


PROPERTIES = {
    "n_edges": count_edges,
    "density": density,
    "clustering": clustering,
    "path_length": path_length,
    "largest_component": largest_component,
    "n_tied": count_tied,
    "n_modules": count_modules,
    "largest_module": largest_module,
}
"""Name -> function of a `Network`."""


def distance(first: Network, second: Network) -> float:
    """Return the root mean square difference of the correlations."""
    return float(np.sqrt(np.mean(_differences(first, second) ** 2)))


def count_specific(first: Network, second: Network) -> float:
    """Return the number of edges that one has to itself, by the study's rule."""
    return float(find_specific(first, second, REACH).sum())


def count_lost_hubs(first: Network, second: Network) -> float:
    """Return how many of the first's hubs, the 20 features with most edges, are not the second's.

    Ties follow the order of the features.
    """
    return float(len(_hubs(first) - _hubs(second)))


DIFFERENCES = {
    "distance": distance,
    "specific_edges": count_specific,
    "hubs_lost": count_lost_hubs,
}
"""Name -> function of two networks of the same features; larger is less alike."""


def find_specific(first: Network, second: Network, reach: float) -> np.ndarray:
    """Return which pairs (upper triangle, row by row) are edges of one network alone.

    See `specific_edges`.
    """
    differences = _differences(first, second)
    lower, upper = np.quantile(differences, [0.25, 0.75])
    margin = reach * (upper - lower)
    outside = (differences < lower - margin) | (differences > upper + margin)
    corner = np.triu_indices(len(first.links), 1)
    return outside & (first.links[corner] + second.links[corner] > 0)


def _differences(first: Network, second: Network) -> np.ndarray:
    corner = np.triu_indices(len(first.correlation), 1)
    return second.correlation[corner] - first.correlation[corner]


def _hubs(network: Network) -> set[int]:
    degree = network.links.sum(axis=0)
    first = np.argsort(-degree, kind="stable")[:N_HUBS]
    return {int(feature) for feature in first if degree[feature] > 0}
