"""Networks of features: compositional correlation, edges, modules, and labels swapped."""

from cohabit.networks.correlation import proportionality, sparcc
from cohabit.networks.describe import (
    compare_networks,
    describe_features,
    describe_network,
    find_modules,
    list_edges,
    specific_edges,
)
from cohabit.networks.graph import PROPERTIES

__all__ = [
    "PROPERTIES",
    "compare_networks",
    "describe_features",
    "describe_network",
    "find_modules",
    "list_edges",
    "proportionality",
    "sparcc",
    "specific_edges",
]
