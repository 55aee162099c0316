"""Comparison of two groups' networks by permutation of their labels."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from cohabit.data.schema import check_choice
from cohabit.stats.alignment import align_by_id, household_codes, split_levels
from cohabit.stats.composition import clr
from cohabit.stats.formula import model_matrix
from cohabit.stats.inference import t_quantile
from cohabit.stats.networks.correlation import LEAST_SAMPLES, correlate_rows
from cohabit.stats.networks.network import DIFFERENCES, PROPERTIES, Network


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
    properties: Sequence[str] = (*PROPERTIES, *DIFFERENCES),
    rng: int | np.random.Generator | None = None,
) -> pd.DataFrame:
    """Compare the networks of two groups by permuting labels within households.

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
        Of `PROPERTIES` (each network's own; `describe_network` explains them) and of
        `DIFFERENCES` (of both together, larger where they are less alike): distance (root mean
        square difference of the correlations), specific_edges (their number, `specific_edges`),
        hubs_lost (of the first's 20 features with most edges, how many are not the second's).
    rng : int or Generator, optional

    Returns
    -------
    DataFrame, one row per property
        property, contrast, first, second (missing for `DIFFERENCES`), difference, null_mean,
        null_sd, null_low, null_high (mean, standard deviation and 95% of the swapped
        differences), p_value (the observed one counted; one-sided for `DIFFERENCES`, else
        two-sided about the mean of all), n_permutations, note (a property that is not there, or
        how many households hold one group only). Where groups differ in size the
        swapped differences are not centred at 0: correlations of fewer people scatter more, and
        more of them pass.

    Raises
    ------
    ValueError
        When a property is unknown, the group has not two levels or too few people, or no swap
        within `within` changes a label.
    """
    rng = np.random.default_rng(rng)
    counts, people = align_by_id(counts, metadata)
    labels, levels = split_levels(people, group)
    blocks = _blocks(people, within)
    kept = _keep_labels(labels, blocks, within)
    for name in properties:
        check_choice("no property", name, [*PROPERTIES, *DIFFERENCES])
    matrix = None if covariates is None else model_matrix(covariates, people).values.to_numpy()
    _check_sizes(labels, levels, 0 if matrix is None else matrix.shape[1])
    values = clr(counts).to_numpy()

    def measure(labels: np.ndarray) -> np.ndarray:
        pair = [
            Network(correlate_rows(values, matrix, rows, n_exclusions), threshold)
            for rows in (~labels, labels)
        ]
        return np.array([_measure(name, *pair) for name in properties])

    observed = measure(labels)
    null = np.array([measure(drawn) for drawn in _swap(labels, blocks, n_permutations, rng)])
    return _tidy(observed, null, levels, properties, kept)


def swap_labels(
    metadata: pd.DataFrame,
    group: str = "group",
    *,
    within: str | None = "household_id",
    rng: int | np.random.Generator | None = None,
) -> pd.Series:
    """Return a column's labels permuted within each level of another column."""
    people = metadata.loc[sorted(metadata.index, key=str)]
    codes = np.arange(len(people))
    drawn = next(_swap(codes, _blocks(people, within), 1, np.random.default_rng(rng)))
    swapped = people[group].iloc[drawn].set_axis(people.index)
    return swapped.loc[metadata.index]


def beyond_swaps(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of `compare_networks` with each difference minus its mean under permutation.

    Columns estimate, low and high: on either side t times the standard deviation of the swapped
    differences, which is what the difference of two networks of the same people scatters by.
    """
    n_swaps = table["n_permutations"]
    estimate = table["difference"] - table["null_mean"]
    margin = t_quantile(0.975, n_swaps - 1) * np.sqrt(1 + 1 / n_swaps) * table["null_sd"]
    return table.assign(estimate=estimate, low=estimate - margin, high=estimate + margin)


def _blocks(people: pd.DataFrame, within: str | None) -> np.ndarray:
    return np.zeros(len(people), int) if within is None else household_codes(people, within)


def _keep_labels(labels: np.ndarray, blocks: np.ndarray, within: str | None) -> str:
    """Return a note on blocks with a single group; raise ValueError when all are such."""
    kept = pd.Series(labels).groupby(blocks).nunique() < 2
    if kept.all():
        raise ValueError(
            f"within={within!r}: no level holds both groups, so no swap changes anything; "
            "compare patients with patients within the site, or freely with within=None"
        )
    alike = f"{kept.sum()} of {len(kept)} levels of {within} hold one group only"
    return f"{alike}: their labels stay" if kept.any() else ""


def _check_sizes(labels: np.ndarray, levels: list[str], n_coefficients: int) -> None:
    for level, size in zip(levels, np.bincount(labels, minlength=2), strict=True):
        if size < n_coefficients + LEAST_SAMPLES:
            raise ValueError(
                f"{level}: {size} people are too few for correlations after "
                f"{n_coefficients} coefficients of covariates"
            )


def _measure(name: str, first: Network, second: Network) -> tuple[float, float, float]:
    """Return a property of both networks and the difference; of `DIFFERENCES` the last alone."""
    if name in DIFFERENCES:
        return np.nan, np.nan, DIFFERENCES[name](first, second)
    before, after = (PROPERTIES[name](network) for network in (first, second))
    return before, after, after - before


def _swap(
    labels: np.ndarray, blocks: np.ndarray, n_permutations: int, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """Yield labels permuted within each block."""
    home = np.argsort(blocks, kind="stable")
    for _ in range(n_permutations):
        drawn = np.lexsort((rng.random(len(labels)), blocks))
        swapped = np.empty_like(labels)
        swapped[home] = labels[drawn]
        yield swapped


def _tidy(
    observed: np.ndarray, null: np.ndarray, levels: list[str], properties: Sequence[str], kept: str
) -> pd.DataFrame:
    first, second, difference = observed.T
    swapped = null[:, :, 2]
    unknown = ~np.isfinite(difference) | ~np.isfinite(swapped).all(axis=0)
    drawn = np.vstack([difference, swapped])
    one_sided = np.isin(list(properties), list(DIFFERENCES))
    far = np.where(one_sided, drawn, np.abs(drawn - drawn.mean(axis=0)))
    p_value = (far >= far[0] - 1e-12).mean(axis=0)
    low, high = np.quantile(swapped, [0.025, 0.975], axis=0)
    return pd.DataFrame(
        {
            "property": list(properties),
            "contrast": f"{levels[1]} - {levels[0]}",
            "first": first,
            "second": second,
            "difference": difference,
            "null_mean": swapped.mean(axis=0),
            "null_sd": swapped.std(axis=0, ddof=1),
            "null_low": low,
            "null_high": high,
            "p_value": np.where(unknown, np.nan, p_value),
            "n_permutations": len(swapped),
            "note": np.where(unknown, "a network without edges has no such property", kept),
        }
    )
