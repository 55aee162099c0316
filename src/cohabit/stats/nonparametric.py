"""Permutation and rank tests of pair differences."""

import numpy as np
import pandas as pd
import scipy

from cohabit.stats.alignment import align_values
from cohabit.stats.inference import add_notes, adjust_p, normal_quantile, two_sided_normal
from cohabit.stats.paired import PAIRED_COLUMNS, count_nonzero, find_pairs, subtract

_BLOCK = 2048
"""Number of sign patterns processed at a time."""

_EXACT_PAIRS = 50
"""Largest number of pairs for which the exact distribution of the rank sum is used."""


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
        Sign patterns to draw. When the patterns that exist, ``2 ** (n_pairs - 1)`` up to
        a common sign, are no more than this, all are counted and p is exact.
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
    notes = np.full(y.shape[1], "", dtype=object)
    moved = np.nansum(np.abs(y), axis=0) > 0
    notes[~moved] = "constant: every pair difference is zero"
    filled = np.nan_to_num(y[:, moved])
    exact = 2 ** (len(y) - 1) <= n_permutations
    if moved.any():
        p_values[moved] = _flip_all(filled) if exact else _flip(filled, n_permutations, rng)
    notes[moved] = "exact" if exact else f"{n_permutations} sign patterns"
    present = np.isfinite(y).sum(axis=0)
    return _tidy(table.columns, contrast, "sign_flip", p_values, notes, moved).assign(
        **_moments(y, moved), n_pairs=present, n_nonzero=(np.nan_to_num(y) != 0).sum(axis=0)
    )


def _flip_all(y: np.ndarray) -> np.ndarray:
    """Return exact p-values from all sign patterns of all pairs but the first."""
    patterns = np.arange(2 ** (len(y) - 1))
    bits = (patterns[:, None] >> np.arange(len(y) - 1)) & 1
    signs = np.column_stack([np.ones(len(bits)), 1.0 - 2.0 * bits])
    return _as_extreme(signs, y) / len(signs)


def _flip(y: np.ndarray, n_permutations: int, rng: np.random.Generator) -> np.ndarray:
    extreme = np.ones(y.shape[1])
    for start in range(0, n_permutations, _BLOCK):
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
    values: pd.DataFrame | pd.Series, metadata: pd.DataFrame, **names: str
) -> pd.DataFrame:
    """Compare case and control within households by Wilcoxon's signed rank test.

    Parameters
    ----------
    values, metadata, **names
        As in `paired.fit_paired_model`.

    Returns
    -------
    DataFrame, one row per feature
        Pairs that do not differ are left out (Wilcoxon's rule, as in R; `n_pairs` counts
        them still). `estimate` is the Hodges-Lehmann pseudo-median of the other
        differences and `low`, `high` the order statistics of the pairwise means that
        bound it at 95%; `statistic` is the signed rank sum; no `std_error`, no `df`.

    Notes
    -----
    Exact when there are at most 50 pairs and no ties or zeros, else the normal
    approximation with ties in its variance (scipy). Nothing is adjusted for: where sex is
    bound to disease this test finds sex. Interval: Hollander, Wolfe and Chicken (2014),
    Nonparametric Statistical Methods, section 3.3.
    """
    table, people = align_values(values, metadata)
    pairs = find_pairs(people, **names)
    differences = subtract(table, pairs).to_numpy()
    found = [_signed_rank(column[~np.isnan(column)]) for column in differences.T]
    rows = pd.DataFrame(found, columns=["low", "estimate", "high", "statistic", "p_value"])
    tested = rows["p_value"].notna().to_numpy()
    reason = np.where(tested, "", "constant: every pair difference is zero")
    notes = add_notes(reason, pairs.note)
    tidy = _tidy(table.columns, pairs.contrast, "paired_wilcoxon", rows["p_value"], notes, tested)
    n_pairs = (~np.isnan(differences)).sum(axis=0)
    return tidy.assign(
        **rows.drop(columns="p_value"), n_pairs=n_pairs, n_nonzero=count_nonzero(table, pairs)
    )


def _signed_rank(d: np.ndarray) -> tuple[float, ...]:
    """Return low, estimate, high, statistic and p; NaN when no pair differs."""
    moved = d[d != 0]
    if not len(moved):
        return (np.nan,) * 5
    ranks = scipy.stats.rankdata(np.abs(moved))
    statistic = float((np.sign(moved) * ranks).sum())
    return *_pseudo_median(moved), statistic, float(_signed_rank_test(moved, ranks))


def _signed_rank_test(d: np.ndarray, ranks: np.ndarray) -> float:
    n, sizes = len(d), np.unique(ranks, return_counts=True)[1]
    if n <= _EXACT_PAIRS and len(sizes) == n:
        return scipy.stats.wilcoxon(d).pvalue
    variance = n * (n + 1) * (2 * n + 1) / 24 - (sizes**3 - sizes).sum() / 48
    return two_sided_normal((ranks[d > 0].sum() - n * (n + 1) / 4) / np.sqrt(variance))


def _pseudo_median(d: np.ndarray) -> tuple[float, float, float]:
    """Return the Hodges-Lehmann estimate between its lower and upper 95% bound."""
    means = np.concatenate([d[row:] + d[row] for row in range(len(d))]) / 2
    reach = _rank_sum_quantile(len(d), 0.025)
    middle = [(len(means) - 1) // 2, len(means) // 2]
    ends = [max(reach - 1, 0), len(means) - max(reach, 1)]
    means.partition([*middle, *ends])
    low, high = means[ends] if reach >= 1 else (-np.inf, np.inf)
    return float(low), float(means[middle].mean()), float(high)


def _rank_sum_quantile(n: int, probability: float) -> int:
    """Return a quantile of the signed rank sum under the null hypothesis."""
    if n > _EXACT_PAIRS:
        spread = np.sqrt(n * (n + 1) * (2 * n + 1) / 24)
        return int(np.floor(n * (n + 1) / 4 + normal_quantile(probability) * spread))
    chance = np.ones(1)
    for rank in range(1, n + 1):
        chance = (np.pad(chance, (0, rank)) + np.pad(chance, (rank, 0))) / 2
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
