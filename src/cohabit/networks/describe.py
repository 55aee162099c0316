"""Networks of features: compositional correlation, edges, modules, and labels swapped."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cohabit.alignment import align_values, household_codes, split_levels
from cohabit.composition import clr
from cohabit.formula import model_matrix
from cohabit.networks.correlation import correlate_basis, residuals
from cohabit.networks.graph import PROPERTIES, betweenness, closeness, merge_greedily


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
        (share of the features).
    """
    links = _link(correlation.to_numpy(), threshold)
    return pd.Series({name: find(links) for name, find in PROPERTIES.items()})


def describe_features(correlation: pd.DataFrame, threshold: float = 0.4) -> pd.DataFrame:
    """Return how central each feature is in the network of |correlation| >= threshold.

    Returns
    -------
    DataFrame, index feature
        degree; closeness (features reached over the sum of steps to them, times the share of
        all others reached); betweenness (share of shortest paths between two others that lead
        through it, Freeman 1977). 0 for a feature without an edge.
    """
    links = _link(correlation.to_numpy(), threshold)
    columns = {
        "degree": links.sum(axis=0).astype(int),
        "closeness": closeness(links),
        "betweenness": betweenness(links),
    }
    return pd.DataFrame(columns, index=correlation.columns)


def specific_edges(
    first: pd.DataFrame, second: pd.DataFrame, threshold: float = 0.4, reach: float = 2.0
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
    rows, columns = np.triu_indices(len(first), 1)
    names = first.columns.to_numpy()
    table = pd.DataFrame(
        {
            "source": names[rows],
            "target": names[columns],
            "first": first.to_numpy()[rows, columns],
            "second": second.to_numpy()[rows, columns],
        }
    )
    table["difference"] = table["second"] - table["first"]
    lower, upper = table["difference"].quantile([0.25, 0.75])
    margin = reach * (upper - lower)
    outside = (table["difference"] < lower - margin) | (table["difference"] > upper + margin)
    strong = table[["first", "second"]].abs().max(axis=1) >= threshold
    found = table[outside & strong]
    order = found["difference"].abs().sort_values(ascending=False, kind="stable").index
    return found.loc[order].reset_index(drop=True)


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
    links = np.where(correlation.to_numpy() >= threshold, 1.0, 0.0)
    np.fill_diagonal(links, 0)
    modules, modularity = merge_greedily(links)
    sizes = pd.Series(modules).value_counts(sort=True)
    lonely = links.sum(axis=0) == 0
    names = {label: rank + 1 for rank, label in enumerate(sizes.index[sizes > 1])}
    labels = [0 if alone else names[label] for alone, label in zip(lonely, modules, strict=True)]
    result = pd.Series(labels, index=correlation.columns, name="module")
    result.attrs["modularity"] = modularity
    return result


def compare_networks(
    counts: pd.DataFrame,
    metadata: pd.DataFrame,
    group: str = "group",
    *,
    within: str | None = "household_id",
    covariates: str | None = "age + sex + bmi",
    threshold: float = 0.4,
    n_permutations: int = 999,
    n_exclusions: int = 10,
    properties: Sequence[str] = tuple(PROPERTIES),
    rng: int | np.random.Generator | None = None,
) -> pd.DataFrame:
    """Compare the networks of two groups with labels swapped as the design allows.

    Parameters
    ----------
    counts : DataFrame, shape (n_samples, n_features)
        Filter first: the study takes a total of 100 counts and 5% prevalence.
    metadata : DataFrame
        `group` with two levels, `within` and the covariates; index as `counts`.
    group : str
        The second level's network minus the first's.
    within : str or None
        Column in whose levels labels are permuted: the household when patients are compared
        with their own partners, the site (or None, freely) when patients are with patients.
    covariates : str, optional
        Regressed out of the CLR values of each group.
    threshold : float
        Of |correlation|, for an edge.
    n_permutations, n_exclusions : int
    properties : sequence of str
        Of `PROPERTIES`.
    rng : int or Generator, optional

    Returns
    -------
    DataFrame, one row a property
        property, contrast, first, second, difference, null_low, null_high (95% of the swapped
        differences), p_value (two-sided, the observed one counted), n_permutations, note.

    Raises
    ------
    ValueError
        When the group has not two levels, or no swap within `within` changes a label.
    """
    rng = np.random.default_rng(rng)
    counts = counts.loc[sorted(counts.index, key=str)]  # draws belong to IDs, not to rows
    _, people = align_values(counts, metadata)
    labels, levels = split_levels(people, group)
    blocks = np.zeros(len(people), int) if within is None else household_codes(people, within)
    _check_swaps(labels, blocks, within)
    matrix = None if covariates is None else model_matrix(covariates, people).values.to_numpy()
    values = clr(counts).to_numpy()

    def describe_both(labels: np.ndarray) -> np.ndarray:
        return np.array(
            [
                _describe(values, matrix, rows, threshold, n_exclusions, properties)
                for rows in (~labels, labels)
            ]
        )

    first, second = describe_both(labels)
    swapped = [describe_both(drawn) for drawn in _swap(labels, blocks, n_permutations, rng)]
    null = np.array([after - before for before, after in swapped])
    return _tidy(first, second, null, levels, properties)


def _check_swaps(labels: np.ndarray, blocks: np.ndarray, within: str | None) -> None:
    table = pd.DataFrame({"block": blocks, "label": labels}).groupby("block")["label"].nunique()
    if (table < 2).all():
        raise ValueError(
            f"within={within!r}: no level holds both groups, so no swap changes anything; "
            "compare patients with patients within the site, or freely with within=None"
        )


def _swap(labels: np.ndarray, blocks: np.ndarray, n_permutations: int, rng: np.random.Generator):
    """Yield labels permuted inside each block."""
    home = np.argsort(blocks, kind="stable")
    for _ in range(n_permutations):
        drawn = np.lexsort((rng.random(len(labels)), blocks))
        swapped = np.empty_like(labels)
        swapped[home] = labels[drawn]
        yield swapped


def _describe(values, matrix, rows, threshold, n_exclusions, properties) -> list[float]:
    part = values[rows] if matrix is None else residuals(values[rows], matrix[rows])
    links = _link(correlate_basis(part, n_exclusions), threshold)
    return [PROPERTIES[name](links) for name in properties]


def _link(correlation: np.ndarray, threshold: float) -> np.ndarray:
    links = (np.abs(correlation) >= threshold).astype(float)
    np.fill_diagonal(links, 0)
    return links


def _tidy(
    first: np.ndarray, second: np.ndarray, null: np.ndarray, levels: list[str], properties
) -> pd.DataFrame:
    difference = second - first
    unknown = ~np.isfinite(difference) | ~np.isfinite(null).all(axis=0)
    extreme = (np.abs(null) >= np.abs(difference) - 1e-12).sum(axis=0)
    low, high = np.quantile(null, [0.025, 0.975], axis=0)
    return pd.DataFrame(
        {
            "property": list(properties),
            "contrast": f"{levels[1]} - {levels[0]}",
            "first": first,
            "second": second,
            "difference": difference,
            "null_low": low,
            "null_high": high,
            "p_value": np.where(unknown, np.nan, (extreme + 1) / (len(null) + 1)),
            "n_permutations": len(null),
            "note": np.where(unknown, "a network without edges has no such property", ""),
        }
    )
