"""How much closer partners are than strangers; intervals resample whole households."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cohabit.stats.alignment import check_table

if TYPE_CHECKING:
    from skbio import DistanceMatrix

_COMPARISONS = ("same household", "same site, other household", "other site")


def square(distances: "DistanceMatrix | pd.DataFrame") -> tuple[np.ndarray, list]:
    """Return the matrix and the IDs of scikit-bio distances or of a square DataFrame."""
    if not isinstance(distances, pd.DataFrame):
        return np.asarray(distances.data, dtype=float), list(distances.ids)
    check_table(distances, "distances")
    if list(distances.index) != list(distances.columns):
        raise ValueError("distances: expected the same IDs in rows and columns, in one order")
    matrix = distances.to_numpy(dtype=float)
    if not np.isfinite(matrix).all() or not np.allclose(matrix, matrix.T):
        raise ValueError("distances: expected a symmetric matrix without missing values")
    return matrix, list(distances.index)


def compare_distances(
    distances: "DistanceMatrix | pd.DataFrame",
    participants: pd.DataFrame,
    *,
    n_bootstrap: int = 999,
    rng: int | np.random.Generator | None = None,
) -> pd.DataFrame:
    """Compare distances inside households, inside sites and between sites.

    Parameters
    ----------
    distances : DistanceMatrix or square DataFrame
        Its IDs are those of `participants`.
    participants : DataFrame, one row a person
        Needs `household_id`; without `site` everyone is taken to live at one.
    n_bootstrap : int
        Resamples of whole households; two copies of one household are no pair of strangers.
    rng : int or Generator, optional

    Returns
    -------
    DataFrame, three rows (those without a pair are left out)
        comparison, mean, low, high (95% percentile interval), sd, n_pairs, and `excess` with
        `excess_low`, `excess_high`: the mean minus that of the same household; and `ratio`
        with `ratio_low`, `ratio_high`: the mean of the row above divided by this one, below 1
        when those who share more are more alike.
    """
    rng = np.random.default_rng(rng)
    matrix, people = _align(distances, participants)
    homes, household = np.unique(people["household_id"].to_numpy(str), return_inverse=True)
    site = people["site"].to_numpy(str) if "site" in people else np.full(len(people), "")
    kinds = _kinds(household, site)
    draws = _resample(len(homes), n_bootstrap, rng)
    rows, replicates = [], []
    for kind, name in enumerate(_COMPARISONS):
        values = matrix[np.triu(kinds == kind, 1)]
        if len(values):
            sums, sizes = (_by_home(part, household) for part in _masked(matrix, kinds == kind))
            replicates.append(_weighted_mean(draws, sums, sizes, inside=kind == 0))
            rows.append((name, values.mean(), values.std(ddof=1), len(values)))
    table = pd.DataFrame(rows, columns=["comparison", "mean", "sd", "n_pairs"])
    return _with_intervals(table, np.array(replicates))


def nearest_partner(
    distances: "DistanceMatrix | pd.DataFrame",
    participants: pd.DataFrame,
    *,
    n_bootstrap: int = 999,
    rng: int | np.random.Generator | None = None,
) -> pd.Series:
    """Return how often somebody of the own household is the nearest of all others.

    Returns
    -------
    Series
        share, low, high (95% percentile interval over households), chance (what unrelated
        people would reach), n_people (those who share a household). Ties count in part.
    """
    rng = np.random.default_rng(rng)
    matrix, people = _align(distances, participants)
    household = pd.factorize(people["household_id"], sort=True)[0]
    partner = household[:, None] == household
    np.fill_diagonal(partner, False)
    others = matrix + np.diag(np.full(len(matrix), np.inf))
    nearest = others == others.min(axis=1, keepdims=True)
    paired = partner.any(axis=1)
    if not paired.any():
        raise ValueError("participants: nobody shares a household, so nobody has a partner")
    hits = (nearest & partner).sum(axis=1) / nearest.sum(axis=1)
    hits_by_home = np.bincount(household, hits * paired)
    people_by_home = np.bincount(household, paired)
    lived_in = people_by_home > 0
    draws = _resample(lived_in.sum(), n_bootstrap, rng)
    replicates = (draws @ hits_by_home[lived_in]) / (draws @ people_by_home[lived_in])
    low, high = _interval(replicates)
    chance = partner[paired].sum(axis=1).mean() / (len(matrix) - 1)
    values = [hits[paired].mean(), low, high, chance, int(paired.sum())]
    return pd.Series(values, index=["share", "low", "high", "chance", "n_people"])


def _align(distances, participants: pd.DataFrame) -> tuple[np.ndarray, pd.DataFrame]:
    matrix, ids = square(distances)
    check_table(participants, "participants")
    if "household_id" not in participants:
        raise ValueError("participants: no column 'household_id', which says who lives together")
    unknown = [name for name in ids if name not in participants.index]
    if unknown:
        raise ValueError(
            f"participants: {len(unknown)} ID(s) of the distances are missing, first {unknown[:5]}"
        )
    if not matrix.any():
        raise ValueError("distances: all zero, so nobody is nearer than anybody else")
    people = participants.loc[ids]
    for column in {"household_id", "site"} & set(people):
        empty = people.index[people[column].isna()]
        if len(empty):
            raise ValueError(f"participants: {column} is empty for {empty[:5].tolist()}")
    return matrix, people


def _kinds(household: np.ndarray, site: np.ndarray) -> np.ndarray:
    """Return 0, 1, 2 for each pair of people, the position in `_COMPARISONS`."""
    kinds = np.where(site[:, None] == site, 1, 2)
    return np.where(household[:, None] == household, 0, kinds)


def _masked(matrix: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    mask = np.triu(mask, 1)
    return np.where(mask, matrix, 0), mask.astype(float)


def _by_home(values: np.ndarray, household: np.ndarray) -> np.ndarray:
    """Sum a people x people matrix to households x households."""
    n_homes = household.max() + 1
    rows = np.zeros((n_homes, len(values)))
    np.add.at(rows, household, values)
    homes = np.zeros((n_homes, n_homes))
    np.add.at(homes.T, household, rows.T)
    return homes


def _resample(n_homes: int, n_bootstrap: int, rng: np.random.Generator) -> np.ndarray:
    return rng.multinomial(n_homes, np.full(n_homes, 1 / n_homes), size=n_bootstrap).astype(float)


def _weighted_mean(
    draws: np.ndarray, sums: np.ndarray, sizes: np.ndarray, inside: bool
) -> np.ndarray:
    """Return the mean distance of each resample; a pair weighs the product of its households."""
    if inside:
        total, size = draws @ np.diag(sums), draws @ np.diag(sizes)
    else:
        total = np.einsum("bi,bi->b", draws @ sums, draws)
        size = np.einsum("bi,bi->b", draws @ sizes, draws)
    with np.errstate(invalid="ignore"):
        return total / size


def _with_intervals(table: pd.DataFrame, replicates: np.ndarray) -> pd.DataFrame:
    table["low"], table["high"] = _interval(replicates)
    names = ["excess", "excess_low", "excess_high"]
    table[names] = np.nan
    if table["comparison"].iloc[0] == _COMPARISONS[0]:
        low, high = _interval(replicates[1:] - replicates[0])
        excess = table["mean"].iloc[1:] - table["mean"].iloc[0]
        table.loc[1:, names] = np.column_stack([excess, low, high])
    ratios = ["ratio", "ratio_low", "ratio_high"]
    table[ratios] = np.nan
    low, high = _interval(replicates[:-1] / replicates[1:])
    ratio = table["mean"].to_numpy()[:-1] / table["mean"].to_numpy()[1:]
    table.loc[1:, ratios] = np.column_stack([ratio, low, high])
    return table[["comparison", "mean", "low", "high", "sd", "n_pairs", *names, *ratios]]


def _interval(replicates: np.ndarray) -> np.ndarray:
    return np.nanquantile(replicates, [0.025, 0.975], axis=-1)
