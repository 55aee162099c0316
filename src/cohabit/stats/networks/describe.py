"""What a network of features holds: edges, centrality, modules."""

import numpy as np
import pandas as pd

from cohabit.stats.networks.graph import betweenness, closeness, find_groups
from cohabit.stats.networks.network import PROPERTIES, REACH, Network, find_specific


def list_edges(correlation: pd.DataFrame, threshold: float = 0.4) -> pd.DataFrame:
    """Return pairs of features with |correlation| >= threshold: source, target, weight, sign."""
    rows, columns = np.triu_indices(len(correlation), 1)
    weight = correlation.to_numpy()[rows, columns]
    kept = np.abs(weight) >= threshold
    names = correlation.columns.to_numpy()
    table = pd.DataFrame(
        {"source": names[rows[kept]], "target": names[columns[kept]], "weight": weight[kept]}
    )
    table["sign"] = np.sign(table["weight"]).astype(int)
    order = table["weight"].abs().sort_values(ascending=False, kind="stable").index
    return table.loc[order].reset_index(drop=True)


def describe_network(correlation: pd.DataFrame, threshold: float = 0.4) -> pd.Series:
    """Return the properties of the network of |correlation| >= threshold.

    Returns
    -------
    Series
        n_edges; density (share of all pairs); clustering (share of connected triples that
        close); path_length (mean over connected pairs, NaN without any); largest_component
        (share of the features); and of the modules (`find_modules`) n_tied (features in one),
        n_modules and largest_module (features in the largest).
    """
    network = Network(correlation.to_numpy(), threshold)
    return pd.Series({name: find(network) for name, find in PROPERTIES.items()})


def describe_features(correlation: pd.DataFrame, threshold: float = 0.4) -> pd.DataFrame:
    """Return how central each feature is in the network of |correlation| >= threshold.

    Returns
    -------
    DataFrame, index feature
        degree; closeness (features reached over the sum of steps to them, times the share of
        all others reached); betweenness (share of shortest paths between two others that lead
        through it, Freeman 1977). 0 for a feature without an edge.
    """
    links = Network(correlation.to_numpy(), threshold).links
    columns = {
        "degree": links.sum(axis=0).astype(int),
        "closeness": closeness(links),
        "betweenness": betweenness(links),
    }
    return pd.DataFrame(columns, index=correlation.columns)


def specific_edges(
    first: pd.DataFrame, second: pd.DataFrame, threshold: float = 0.4, reach: float = REACH
) -> pd.DataFrame:
    """Return the edges that one of two networks has to itself, by the study's rule.

    An edge of either network is specific when its difference in correlation lies more than
    `reach` interquartile ranges outside the quartiles of all differences. That describes; the
    error of a correlation is not in it, and two halves of one group have such edges too.

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
    rows, columns = np.triu_indices(len(first), 1)
    found = find_specific(*networks, reach)
    rows, columns, names = rows[found], columns[found], first.columns.to_numpy()
    before, after = (network.correlation[rows, columns] for network in networks)
    table = pd.DataFrame(
        {"source": names[rows], "target": names[columns], "first": before, "second": after}
    )
    table["difference"] = table["second"] - table["first"]
    order = table["difference"].abs().sort_values(ascending=False, kind="stable").index
    return table.loc[order].reset_index(drop=True)


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
