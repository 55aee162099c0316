"""Permutation and rank tests of pair differences."""

from functools import cache

import numpy as np
import pandas as pd
import scipy

from cohabit.data.schema import nearest
from cohabit.stats.alignment import align_values
from cohabit.stats.inference import add_notes, adjust_p, normal_quantile, two_sided_normal
from cohabit.stats.paired import PAIRED_COLUMNS, count_nonzero, find_pairs, subtract

_BLOCK = 2048
"""Number of sign patterns processed at a time."""

_EXACT_PAIRS = 50
"""Largest number of pairs for which the exact distribution of the rank sum is used."""

_ZEROS = ("pratt", "wilcox")


def sign_flip_test(
    differences: pd.DataFrame | pd.Series,
    n_permutations: int = 9999,
    *,
    rng: np.random.Generator | int | None = None,
    contrast: str = "MS - control",
) -> pd.DataFrame:
    """Test whether pair differences are symmetric about zero by flipping their signs.

    Parameters
    ----------
    differences : DataFrame, shape (n_pairs, n_features), or Series
        From `paired_differences`; NaN drops the pair for that feature only.
    n_permutations : int
        Sign patterns to draw. Where the patterns of a feature that exist, ``2 ** (m - 1)`` up to
        a common sign for m pairs that differ, are no more than this, all are counted and its p is
        exact.
    rng : Generator or int, optional
    contrast : str
        What the differences are, for the output.

    Returns
    -------
    DataFrame, one row per feature
        `estimate` is the mean difference, `std_error` its standard error, `statistic` the
        ratio (ordering sign patterns by it or by the mean is the same); no `df` and no
        interval, the reference being the flips. `note` tells an exact p from a drawn one,
        which is (1 + patterns at least as extreme) / (1 + patterns drawn).
    """
    table = differences.to_frame() if isinstance(differences, pd.Series) else differences
    rng = np.random.default_rng(rng)
    y = table.to_numpy(dtype=float)
    p_values = np.full(y.shape[1], np.nan)
    notes = np.full(y.shape[1], "constant: every pair difference is zero", dtype=object)
    filled = np.nan_to_num(y)
    n_differ = (filled != 0).sum(axis=0)
    moved = n_differ > 0
    exact = moved & (n_differ <= 1 + np.log2(n_permutations))
    drawn = moved & ~exact
    p_values[exact], notes[exact] = _flip_all(filled[:, exact]), "exact"
    p_values[drawn] = _flip(filled[:, drawn], n_permutations, rng)
    notes[drawn] = f"{n_permutations} sign patterns"
    present = np.isfinite(y).sum(axis=0)
    return _tidy(table.columns, contrast, "sign_flip", p_values, notes, moved).assign(
        **_moments(y, moved), n_pairs=present, n_nonzero=n_differ
    )


def _flip_all(y: np.ndarray) -> np.ndarray:
    """Return exact p-values from all sign patterns of the pairs that differ but one."""
    n_differ = (y != 0).sum(axis=0).max(initial=1)
    first = np.argsort(y == 0, axis=0, kind="stable")[:n_differ]
    patterns = np.arange(2 ** (n_differ - 1))
    bits = (patterns[:, None] >> np.arange(n_differ - 1)) & 1
    signs = np.column_stack([np.ones(len(bits)), 1.0 - 2.0 * bits])
    return _as_extreme(signs, np.take_along_axis(y, first, axis=0)) / len(signs)


def _flip(y: np.ndarray, n_permutations: int, rng: np.random.Generator) -> np.ndarray:
    extreme = np.ones(y.shape[1])
    for start in range(0, n_permutations if y.shape[1] else 0, _BLOCK):
        shape = (min(_BLOCK, n_permutations - start), len(y))
        signs = 1.0 - 2.0 * rng.integers(0, 2, size=shape, dtype=np.int8)
        extreme += _as_extreme(signs, y)
    return extreme / (n_permutations + 1)


def _as_extreme(signs: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Count the patterns whose sum is at least as far from zero as the observed sum."""
    observed = np.abs(y.sum(axis=0))
    return (np.abs(signs @ y) >= observed - 1e-10 * np.abs(y).sum(axis=0)).sum(axis=0)


def _moments(y: np.ndarray, moved: np.ndarray) -> dict[str, np.ndarray]:
    estimate, std_error = np.full(y.shape[1], np.nan), np.full(y.shape[1], np.nan)
    chosen = y[:, moved]
    n = np.isfinite(chosen).sum(axis=0)
    estimate[moved] = np.nanmean(chosen, axis=0)
    squares = np.nansum((chosen - estimate[moved]) ** 2, axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        std_error[moved] = np.where(n > 1, np.sqrt(squares / (n - 1) / n), np.nan)
        statistic = np.where(std_error > 0, estimate / std_error, np.nan)
    return {"estimate": estimate, "std_error": std_error, "statistic": statistic}


def paired_wilcoxon(
    values: pd.DataFrame | pd.Series,
    metadata: pd.DataFrame,
    *,
    zeros: str = "pratt",
    **names: str,
) -> pd.DataFrame:
    """Compare case and control within households by Wilcoxon's signed rank test.

    Parameters
    ----------
    values, metadata, **names
        As in `paired.fit_paired_model`.
    zeros : str
        What pairs that do not differ do: ``"pratt"`` ranks them with the others and then leaves
        them out, ``"wilcox"`` leaves them out before ranking, as R does.

    Returns
    -------
    DataFrame, one row per feature
        `n_pairs` counts all pairs. `estimate` is the Hodges-Lehmann pseudo-median of the
        differences that are not zero and `low`, `high` the order statistics of the pairwise
        means that bound it at 95%; `statistic` is the signed rank sum; no `std_error`, no `df`.

    Notes
    -----
    Given the ranks, ties at their mean, every sign is as likely as the other. Up to 50 pairs that
    differ all signs are counted, so p is exact with ties and zeros; beyond, p is from the
    normal distribution with that variance. Nothing is adjusted for: where sex is bound to
    disease this test finds sex. Zeros: Pratt (1959), Journal of the American Statistical
    Association 54:655. Interval: Hollander, Wolfe and Chicken (2014), Nonparametric
    Statistical Methods, section 3.3, which knows no ties.
    """
    if zeros not in _ZEROS:
        raise ValueError(f"zeros: no {zeros!r}; {nearest(zeros, _ZEROS)}")
    table, people = align_values(values, metadata)
    pairs = find_pairs(people, **names)
    differences = subtract(table, pairs).to_numpy()
    found = [_signed_rank(column[~np.isnan(column)], zeros) for column in differences.T]
    rows = pd.DataFrame(found, columns=["low", "estimate", "high", "statistic", "p_value"])
    tested = rows["p_value"].notna().to_numpy()
    reason = np.where(tested, "", "constant: every pair difference is zero")
    notes = add_notes(reason, pairs.note)
    tidy = _tidy(table.columns, pairs.contrast, "paired_wilcoxon", rows["p_value"], notes, tested)
    n_pairs = (~np.isnan(differences)).sum(axis=0)
    return tidy.assign(
        **rows.drop(columns="p_value"), n_pairs=n_pairs, n_nonzero=count_nonzero(table, pairs)
    )


def _signed_rank(d: np.ndarray, zeros: str) -> tuple[float, ...]:
    """Return low, estimate, high, statistic and p; NaN when no pair differs."""
    moved = d[d != 0]
    if not len(moved):
        return (np.nan,) * 5
    ranked = scipy.stats.rankdata(np.abs(d if zeros == "pratt" else moved))
    ranks = ranked[d != 0] if zeros == "pratt" else ranked
    statistic = float((np.sign(moved) * ranks).sum())
    return *_pseudo_median(moved), statistic, _signed_rank_test(statistic, ranks)


def _signed_rank_test(statistic: float, ranks: np.ndarray) -> float:
    """Return the p-value of a sum of ranks with random signs."""
    if len(ranks) > _EXACT_PAIRS:
        return float(two_sided_normal(statistic / np.sqrt((ranks**2).sum())))
    chance = _positive_sums(np.rint(2 * ranks).astype(int))
    sums = 2 * np.arange(len(chance)) - (len(chance) - 1)
    return min(float(chance[np.abs(sums) >= round(2 * abs(statistic))].sum()), 1.0)


def _positive_sums(ranks: np.ndarray) -> np.ndarray:
    """Return the distribution of the sum of the ranks of positive sign, from 0 to all."""
    chance = np.zeros(ranks.sum() + 1)
    chance[0] = 1.0
    for rank in ranks:
        chance[rank:] += chance[: len(chance) - rank].copy()
        chance /= 2
    return chance


def _pseudo_median(d: np.ndarray) -> tuple[float, float, float]:
    """Return the Hodges-Lehmann estimate between its lower and upper 95% bound."""
    means = np.concatenate([d[row:] + d[row] for row in range(len(d))]) / 2
    reach = _rank_sum_quantile(len(d), 0.025)
    middle = [(len(means) - 1) // 2, len(means) // 2]
    ends = [max(reach - 1, 0), len(means) - max(reach, 1)]
    means.partition([*middle, *ends])
    low, high = means[ends] if reach >= 1 else (-np.inf, np.inf)
    return float(low), float(means[middle].mean()), float(high)


@cache
def _rank_sum_quantile(n: int, probability: float) -> int:
    """Return a quantile of the signed rank sum under the null hypothesis."""
    if n > _EXACT_PAIRS:
        spread = np.sqrt(n * (n + 1) * (2 * n + 1) / 24)
        return int(np.floor(n * (n + 1) / 4 + normal_quantile(probability) * spread))
    chance = _positive_sums(np.arange(1, n + 1))
    return int(np.searchsorted(np.cumsum(chance), probability))


def _tidy(features, contrast, method, p_values, notes, tested) -> pd.DataFrame:
    table = pd.DataFrame(np.nan, index=range(len(features)), columns=list(PAIRED_COLUMNS))
    return table.assign(
        feature=features.to_numpy(),
        contrast=contrast,
        method=method,
        p_value=np.asarray(p_values, dtype=float),
        q_value=adjust_p(p_values),
        converged=tested,
        note=notes,
    )
