"""Every way against the truth of its own scale: one row a study, way, scale and rule."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cohabit.experiments.arena.methods import FAST, compare
from cohabit.experiments.arena.prepared import Prepared
from cohabit.experiments.arena.trial import Trial
from cohabit.stats.abundance import lenient_rule
from cohabit.stats.multiplicity import adjust_p

FDR = 0.05
RULES = ("FDR", "lenient")
OWN_TRUTH = {"asin-sqrt": "asin", "CLR": "clr", "CLR, corrected": "latent"}
"""Scale -> column of the truth; the other scales have a sign, and a unit of their own."""

SIGNS = {"log counts, corrected": "latent", "presence": "latent", "ranks of shares": "asin"}
METRICS = (
    "n_called",
    "sensitivity",
    "false_discovery",
    "sign_errors",
    "bias",
    "coverage",
    "seconds",
)


def score_trial(trial: Trial, ways: Sequence[str] = FAST) -> pd.DataFrame:
    """Analyse one study in every way and open its truth.

    Parameters
    ----------
    trial : Trial
    ways : sequence of str
        Names of `methods.WAYS`.

    Returns
    -------
    DataFrame, one row a way, scale and rule
        n_tested, n_planted; `METRICS`: n_called, sensitivity (share of the planted taxa tested that
        are called), false_discovery (share of the calls where nothing was planted; 0 without a
        call), sign_errors (share of right calls with the wrong sign), bias (mean of estimate minus
        truth over planted taxa, in the direction of the truth), coverage (share of 95% intervals
        that hold the truth), seconds (of processor time, for all taxa).
    """
    prepared = Prepared.of(trial)
    truth = _own_truth(trial.truth.loc[prepared.counts.columns])
    rows = []
    for (way, scale), found in compare(prepared, tuple(ways)).groupby(["way", "scale"], sort=False):
        here = truth.loc[found["feature"]]
        accuracy = _measure_accuracy(found, here, scale) | {"seconds": found["seconds"].iloc[0]}
        for rule, called in _call(found).items():
            named = {"way": way, "scale": scale, "rule": rule}
            rows.append(named | _count_calls(found, called, here, scale) | accuracy)
    return pd.DataFrame(rows)


def _own_truth(truth: pd.DataFrame) -> pd.DataFrame:
    """Add what CLR among the taxa tested should find."""
    return truth.assign(clr=truth["log_share"] - truth["log_share"].mean())


def _call(found: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return rule -> which taxa it calls; the lenient rule is FDR where FDR calls any."""
    q_value = adjust_p(found["p_value"])
    strict = np.asarray(q_value) <= FDR
    if strict.any():
        return dict.fromkeys(RULES, strict)
    judged = lenient_rule(found.assign(contrast="MS - control", q_value=q_value))
    return dict(zip(RULES, [strict, judged["called"].to_numpy(bool)], strict=True))


def _count_calls(
    found: pd.DataFrame, called: np.ndarray, truth: pd.DataFrame, scale: str
) -> dict[str, float]:
    planted = truth["planted"].to_numpy()
    value = truth[OWN_TRUTH.get(scale) or SIGNS[scale]].to_numpy()
    right = called & planted
    wrong_sign = right & (np.sign(found["estimate"].to_numpy()) != np.sign(value))
    return {
        "n_tested": len(found),
        "n_planted": int(planted.sum()),
        "n_called": int(called.sum()),
        "sensitivity": _ratio(right.sum(), planted.sum()),
        "false_discovery": (called & ~planted).sum() / max(1, called.sum()),
        "sign_errors": _ratio(wrong_sign.sum(), right.sum()),
    }


def _measure_accuracy(found: pd.DataFrame, truth: pd.DataFrame, scale: str) -> dict[str, float]:
    if scale not in OWN_TRUTH:
        return {"bias": np.nan, "coverage": np.nan}
    value, planted = truth[OWN_TRUTH[scale]].to_numpy(), truth["planted"].to_numpy()
    error = (found["estimate"].to_numpy() - value) * np.sign(value)
    low, high = found["low"].to_numpy(), found["high"].to_numpy()
    given = np.isfinite(low)
    held = (low <= value) & (value <= high)
    return {
        "bias": float(np.nanmean(error[planted])) if planted.any() else np.nan,
        "coverage": _ratio(held[given].sum(), given.sum()),
    }


def _ratio(hits: int, of: int) -> float:
    return float(hits / of) if of else np.nan
