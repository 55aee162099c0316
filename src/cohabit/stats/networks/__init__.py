"""Networks of features: compositional correlation, edges, modules, and labels swapped."""

from cohabit.stats.networks.compare import beyond_swaps, compare_networks, swap_labels
from cohabit.stats.networks.correlation import proportionality, sparcc
from cohabit.stats.networks.describe import (
    describe_features,
    describe_network,
    find_modules,
    list_edges,
    specific_edges,
)
from cohabit.stats.networks.network import DIFFERENCES, PROPERTIES
from cohabit.stats.networks.ties import ties_within

__all__ = [
    "DIFFERENCES",
    "PROPERTIES",
    "beyond_swaps",
    "compare_networks",
    "describe_features",
    "describe_network",
    "find_modules",
    "list_edges",
    "proportionality",
    "sparcc",
    "specific_edges",
    "swap_labels",
    "ties_within",
]
