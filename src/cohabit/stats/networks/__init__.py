"""Networks of features: compositional correlation, properties and permutation tests."""

# ruff: noqa: F401
from cohabit.stats.networks.compare import beyond_swaps, compare_networks, swap_labels
from cohabit.stats.networks.correlation import proportionality, sparcc, ties_within
from cohabit.stats.networks.network import (
    DIFFERENCES,
    PROPERTIES,
    describe_features,
    describe_network,
    find_modules,
    specific_edges,
)
