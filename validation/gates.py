"""One judge of rejections: exact binomial gates, the same for every check."""

import numpy as np
import pandas as pd
from scipy import stats

LEVEL = 0.05
"""What a test promises, and what a 95% interval may miss."""

HIGHEST = 0.065
"""What an asymptotic test may reach, however many replicates could tell it from `LEVEL`."""

CONFIDENCE = 0.999
OFTEN, SELDOM, HOLDS = "rejects too often", "rejects too seldom", "holds"


def limits(n: pd.Series, n_gates: int, rate: float = LEVEL) -> tuple[np.ndarray, np.ndarray]:
    """Return the lowest and highest counts of n that are no surprise at a rate.

    Parameters
    ----------
    n : Series of int
        Replicates of each row.
    n_gates : int
        Rows judged together: `CONFIDENCE` holds for all of them (Bonferroni).
    rate : float
        The rate promised.
    """
    return stats.binom.interval(1 - (1 - CONFIDENCE) / max(1, n_gates), n, rate)


def judge(table: pd.DataFrame, highest: float = HIGHEST) -> pd.DataFrame:
    """Add the rejection rate, its exact interval of `CONFIDENCE`, and a verdict.

    Parameters
    ----------
    table : DataFrame
        `rejected` and `n_replicates`; `effect`, where it is there: rows with an effect show
        power and get no verdict. Rows without a replicate were refused.
    highest : float
        A rate up to this always holds; `LEVEL` for exact tests.

    Returns
    -------
    DataFrame
        As given, with `rejection`, `low`, `high` and `verdict`.
    """
    hits, n = table["rejected"].astype(int), table["n_replicates"].astype(int)
    effect = table.get("effect", pd.Series(0, index=table.index)).astype(float) != 0
    fewest, most = limits(n.clip(lower=1), int((~effect & (n > 0)).sum()))
    most = np.maximum(most, highest * n)
    chosen = [n == 0, effect, hits > most, hits < fewest]
    verdict = np.select(chosen, ["refused", "", OFTEN, SELDOM], HOLDS)
    bounds = pd.DataFrame(
        [_interval(*pair) for pair in zip(hits, n, strict=True)],
        columns=["low", "high"],
        index=table.index,
    )
    return table.assign(rejection=hits / n.where(n > 0), verdict=verdict).join(bounds)


def _interval(hits: int, n: int) -> tuple[float, float]:
    return stats.binomtest(hits, n).proportion_ci(CONFIDENCE) if n else (np.nan, np.nan)


def add_up(measured: pd.DataFrame) -> pd.DataFrame:
    """Return counts of rejections summed over the parts, one row a cell, in the first order."""
    counts = ["rejected", "n_replicates"]
    pooled = [name for name in ("pooled_rejected", "pooled_n") if name in measured]
    cells = [name for name in measured if name not in counts + pooled]
    return measured.groupby(cells, sort=False, dropna=False, as_index=False)[counts + pooled].sum()


def conclude(summary: pd.DataFrame, names: tuple[str, ...] = ("world", "method", "term")) -> str:
    """Say how many cells hold of those that owe it, and which do not."""
    owed = summary[summary["owed"] & ~summary["verdict"].isin(["", "refused"])]
    broken = owed[owed["verdict"] != HOLDS]
    cells = [f"{', '.join(row[list(names)])} ({row['verdict']})" for _, row in broken.iterrows()]
    return (
        f"{len(owed) - len(broken)} of {len(owed)} cells keep what they owe, in up to "
        f"{summary['n_replicates'].max():,} replicates."
        f"{' Not: ' + '; '.join(cells) + '.' if cells else ''}"
    )
