"""Networks of features: compositional correlation, edges, modules, and labels swapped."""

from cohabit.networks.compare import beyond_swaps, compare_networks, swap_labels
from cohabit.networks.correlation import proportionality, sparcc
from cohabit.networks.describe import (
    describe_features,
    describe_network,
    find_modules,
    list_edges,
    specific_edges,
)
from cohabit.networks.network import DIFFERENCES, PROPERTIES
from cohabit.networks.ties import ties_within

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
