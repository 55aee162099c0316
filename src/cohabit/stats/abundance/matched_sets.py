"""Permutation tests of features within homes, on three scales joined by their smallest p-value.

The linear decomposition model (Hu and Satten 2020, doi 10.1093/bioinformatics/btaa260), projected
off the homes (Zhu, Satten, Mitchell and Hu 2021, Microbiome 9:133), with the three scales of Zhu,
Satten and Hu (2022, Bioinformatics 38:2915).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import gammaln
from scipy.stats import rankdata

from cohabit.stats.abundance.methods import METHOD_COLUMNS, Comparison
from cohabit.stats.alignment import household_codes
from cohabit.stats.composition import relative_abundance
from cohabit.stats.inference import NUMBERS
from cohabit.stats.least_squares import find_independent, residuals
from cohabit.stats.permanova.exchange import Shuffle

_SCALES = ("share", "asin", "presence")
SCALE_COLUMNS = tuple(f"{scale}_p_value" for scale in _SCALES)
"""Columns of `fit_matched_sets` about each scale."""

N_SWAPS = 9_999
_SEED = 20211101
_ROWS_AT_ONCE = 1_000
_FEWEST = 1_000
"""Number of permutations below which a row says how many there are."""


def fit_matched_sets(comparison: Comparison) -> pd.DataFrame:
    """Permute the factor within homes, with homes and covariates taken out of both sides.

    The same permutations serve every feature and scale; they depend on the IDs alone.
    The p-value of the whole community is in the table's `attrs`.
    """
    setting = _Setting.of(comparison)
    parts, community = [], {}
    for name in comparison.matrix.terms[comparison.factor]:
        contrast = comparison.matrix.contrasts[name]
        table, community[contrast] = _test_column(setting, comparison, name)
        parts.append(table.assign(contrast=contrast))
    table = pd.concat(parts, ignore_index=True).reindex(columns=[*METHOD_COLUMNS, *SCALE_COLUMNS])
    table["n_pairs"] = comparison.count_pairs(table["contrast"])
    table.attrs["community_p_value"] = community
    return table


@dataclass(frozen=True)
class _Setting:
    """The features on three scales side by side, and the permutations, people sorted by home."""

    values: np.ndarray
    """Shape (n_people, n_scales x n_features); no home differs from another on average."""

    matrix: pd.DataFrame
    """Columns of the model matrix within homes."""

    orders: np.ndarray
    """Permutations within homes, the first the identity, shape (n_permutations, n_people)."""

    constant: np.ndarray
    """True for features that do not vary."""

    @classmethod
    def of(cls, comparison: Comparison) -> "_Setting":
        """Sort people by home and ID, and subtract the mean of each home."""
        people = comparison.people
        homes = people[comparison.household].astype(str).to_numpy()
        order = np.lexsort((people.index.astype(str).to_numpy(), homes))
        codes = household_codes(people.iloc[order], comparison.household)
        scales = _three_scales(comparison)[order]
        matrix = comparison.matrix.values.iloc[order].drop(columns="Intercept")
        return cls(
            _within(scales, codes),
            pd.DataFrame(_within(matrix.to_numpy(float), codes), columns=matrix.columns),
            _list_orders(codes),
            np.ptp(comparison.counts[comparison.kept].to_numpy(float), axis=0) == 0,
        )


def _three_scales(comparison: Comparison) -> np.ndarray:
    """Return shares, arcsine-root shares and the expected presence at the least depth."""
    counts = comparison.counts
    share = relative_abundance(counts)[comparison.kept].to_numpy()
    presence = expect_presence(counts)[comparison.kept].to_numpy()
    return np.hstack([share, comparison.asin().to_numpy(), presence])


def expect_presence(counts: pd.DataFrame) -> pd.DataFrame:
    """Return the chance that a feature is seen when each sample is rarefied to the least depth.

    ``1 - C(N - y, d) / C(N, d)`` for y of N reads and depth d, the mean over all rarefactions;
    to six decimals.
    """
    y = np.round(counts.to_numpy(float))
    total = y.sum(axis=1, keepdims=True)
    depth = total.min()
    left = np.maximum(total - y - depth, 0)
    log_unseen = (
        gammaln(total - y + 1) - gammaln(left + 1) - gammaln(total + 1) + gammaln(total - depth + 1)
    )
    unseen = np.where(total - y >= depth, np.exp(np.minimum(log_unseen, 0)), 0)
    return pd.DataFrame((1 - unseen).round(6), counts.index, counts.columns)


def _within(values: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Subtract the mean of each home."""
    sums = np.zeros((codes.max() + 1, values.shape[1]))
    np.add.at(sums, codes, values)
    inside = values - (sums / np.bincount(codes)[:, None])[codes]
    return np.where(np.abs(inside) > 1e-10 * np.abs(values).max(axis=0), inside, 0.0)


def _list_orders(codes: np.ndarray) -> np.ndarray:
    """Return every permutation within homes if they are few, else random ones."""
    shuffle = Shuffle(codes)
    if shuffle.count <= N_SWAPS:
        return np.array(list(shuffle.every()))
    drawn = shuffle.draw(N_SWAPS, np.random.default_rng(_SEED))
    return np.vstack([np.arange(len(codes)), drawn])


def _test_column(
    setting: _Setting, comparison: Comparison, name: str
) -> tuple[pd.DataFrame, float]:
    """Return the tests of one column of the model matrix, and that of the community."""
    blank = {"note": "", **dict.fromkeys((*NUMBERS, *SCALE_COLUMNS), np.nan)}
    table = pd.DataFrame({"feature": comparison.kept, **blank})
    asked = setting.matrix.columns == name
    reason = find_independent(setting.matrix).reason(asked.astype(float))
    if not setting.matrix.to_numpy()[:, asked].any():
        reason = "not estimable: the same for all members of every household"
    if reason:
        return table.assign(note=reason), np.nan
    others = setting.matrix.to_numpy()[:, ~asked]
    values = residuals(setting.values, others)
    moved = residuals(setting.matrix.to_numpy()[:, asked], others)[:, 0]
    found = _permute(values, moved, setting.orders)
    table[list(SCALE_COLUMNS)] = found.by_scale
    table["p_value"] = found.joint
    table["estimate"] = np.split(moved @ values / (moved @ moved), len(_SCALES))[1]
    if len(setting.orders) < _FEWEST:
        table["note"] = (
            f"{len(setting.orders)} swaps are all: no p-value is smaller than one in so many"
        )
    table.loc[setting.constant, [*NUMBERS, *SCALE_COLUMNS]] = np.nan
    table.loc[setting.constant, "note"] = "constant: the feature does not vary"
    return table, found.community


@dataclass(frozen=True)
class _Permuted:
    """P-values of the features on each scale and jointly, and of the community jointly."""

    by_scale: np.ndarray
    joint: np.ndarray
    community: float


def _permute(values: np.ndarray, moved: np.ndarray, orders: np.ndarray) -> _Permuted:
    """Compare the share of each feature's variance that is explained with the permuted ones."""
    squares = np.empty((len(orders), values.shape[1]))
    for start in range(0, len(orders), _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        squares[rows] = (moved[orders[rows]] @ values) ** 2
    total = (values**2).sum(axis=0) * (moved @ moved)
    still = total <= 1e-20 * (moved @ moved)
    squares[:, still] = 0
    features = _rank(squares / np.where(still, 1, total))
    whole = squares.reshape(len(orders), len(_SCALES), -1).sum(axis=2)
    community = whole / np.maximum(whole.max(axis=0), 1e-300)
    by_scale = np.where(still, np.nan, features[0]).reshape(len(_SCALES), -1).T
    joint = _join(features.reshape(len(orders), len(_SCALES), -1))
    return _Permuted(by_scale, joint, float(_join(_rank(community)[..., None])[0]))


def _rank(statistic: np.ndarray) -> np.ndarray:
    """Return the p-value of every permutation among all of them, in each column."""
    return rankdata(-statistic.round(12), method="max", axis=0) / len(statistic)


def _join(p_values: np.ndarray) -> np.ndarray:
    """Return the p-values of the smallest over the second axis, ranked among permutations."""
    least = p_values.min(axis=1)
    return (least <= least[0]).mean(axis=0)
