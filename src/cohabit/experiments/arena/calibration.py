"""How often the verdicts on sealed worlds were right, with intervals that resample worlds."""

from collections.abc import Callable

import numpy as np
import pandas as pd

BINS = {
    "all": (-np.inf, np.inf),
    "power": (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0),
    "n_pairs": (0, 50, 90, 160, 400),
    "prior": (0.0, 0.5, 0.7, 1.0),
    "heavy": (-0.5, 0.5, 1.5),
}
"""By what the claims are sorted, and where the bins end (the upper end belongs to a bin)."""

SHARES = {
    "agrees_true": (lambda c: c["verdict"] == "agrees", lambda c: c["true_here"]),
    "disagrees_untrue": (lambda c: c["verdict"] == "disagrees", lambda c: ~c["true_here"]),
    "true_upheld": (lambda c: c["true_here"], lambda c: c["verdict"] == "agrees"),
    "true_undecided": (lambda c: c["true_here"], lambda c: c["verdict"] == "cannot tell"),
    "undecided": (lambda c: c["true_here"].notna(), lambda c: c["verdict"] == "cannot tell"),
}
"""Share -> which claims it is a share of, and which of them count."""


def calibrate_verdicts(
    claims: pd.DataFrame, *, n_bootstrap: int = 999, seed: int = 1
) -> pd.DataFrame:
    """Tabulate how often verdicts were right.

    Parameters
    ----------
    claims : DataFrame
        One row a world, analysis and claim, from `sealed.run_world`.
    n_bootstrap : int
        Resamples of whole worlds, for the 95% intervals: the claims of one world share a study.
    seed : int

    Returns
    -------
    DataFrame, one row an analysis, kind of claim, sorting (`by`) and bin
        n_claims, mean (of what they are sorted by), and for each of `SHARES` its value, ``_low``,
        ``_high`` and ``_n``, the claims it is a share of: agrees_true (of the verdicts "agrees",
        how many are true), disagrees_untrue, true_upheld and true_undecided (of the true claims,
        how many "agrees" and "cannot tell"), undecided (of all).
    """
    decided = claims[claims["verdict"] != "not estimated"].astype({"true_here": bool})
    both = pd.concat([decided, decided.assign(kind="both")], ignore_index=True)
    rows = []
    for (analysis, kind), found in both.groupby(["analysis", "kind"], sort=False):
        for by, ends in BINS.items():
            values = found[by].astype(float) if by in found else pd.Series(0.0, found.index)
            place = pd.cut(values, ends, include_lowest=True, labels=False)
            for number, chosen in found.groupby(place):
                named = {"analysis": analysis, "kind": kind, "by": by, "bin": int(number)}
                more = {"n_claims": len(chosen), "mean": values[chosen.index].mean()}
                rows.append(named | more | _measure(chosen, n_bootstrap, seed))
    return pd.DataFrame(rows)


def _measure(claims: pd.DataFrame, n_bootstrap: int, seed: int) -> dict[str, float]:
    world, codes = np.unique(claims["world"], return_inverse=True)
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(len(world), np.full(len(world), 1 / len(world)), n_bootstrap)
    found = {}
    for name, (of_these, count) in SHARES.items():
        found |= _share(name, claims, codes, weights, of_these, count)
    return found


def _share(
    name: str,
    claims: pd.DataFrame,
    codes: np.ndarray,
    weights: np.ndarray,
    of_these: Callable[[pd.DataFrame], pd.Series],
    count: Callable[[pd.DataFrame], pd.Series],
) -> dict[str, float]:
    """Return a share and its interval; missing when it is a share of nothing."""
    of = of_these(claims).to_numpy(bool)
    hits = of & count(claims).to_numpy(bool)
    n_worlds = weights.shape[1]
    per_world = [np.bincount(codes, which, n_worlds) for which in (hits, of)]
    with np.errstate(invalid="ignore"):
        drawn = (weights @ per_world[0]) / (weights @ per_world[1])
    known = drawn[np.isfinite(drawn)]
    low, high = np.quantile(known, [0.025, 0.975]) if len(known) else (np.nan, np.nan)
    value = hits.sum() / of.sum() if of.any() else np.nan
    return {name: value, f"{name}_low": low, f"{name}_high": high, f"{name}_n": int(of.sum())}
