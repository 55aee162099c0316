"""Every way against the truth of its own scale: one row a study, way, scale and rule."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cohabit.abundance import lenient_rule
from cohabit.arena.methods import FAST, compare
from cohabit.arena.prepared import Prepared
from cohabit.arena.trial import Trial
from cohabit.multiplicity import adjust_p

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
    table = compare(prepared, tuple(ways)).assign(contrast="MS - control")
    groups = table.groupby(["way", "scale"], sort=False)
    table["q_value"] = groups["p_value"].transform(adjust_p)
    rows = []
    for (way, scale), found in groups:
        for rule in RULES:
            named = {"way": way, "scale": scale, "rule": rule}
            rows.append(named | _score(found, scale, rule, truth))
    return pd.DataFrame(rows)


def _own_truth(truth: pd.DataFrame) -> pd.DataFrame:
    """Add what CLR among the taxa tested should find."""
    return truth.assign(clr=truth["log_share"] - truth["log_share"].mean())


def _score(found: pd.DataFrame, scale: str, rule: str, truth: pd.DataFrame) -> dict[str, float]:
    truth = truth.loc[found["feature"]]
    planted = truth["planted"].to_numpy()
    called = _call(found, rule)
    value = truth[OWN_TRUTH.get(scale) or SIGNS[scale]].to_numpy()
    right = called & planted
    wrong_sign = right & (np.sign(found["estimate"].to_numpy()) != np.sign(value))
    shares = {
        "sensitivity": _ratio(right.sum(), planted.sum()),
        "false_discovery": (called & ~planted).sum() / max(1, called.sum()),
        "sign_errors": _ratio(wrong_sign.sum(), right.sum()),
    }
    counts = {
        "n_tested": len(found),
        "n_planted": int(planted.sum()),
        "n_called": int(called.sum()),
    }
    accuracy = _measure_accuracy(found, value, planted, known=scale in OWN_TRUTH)
    return counts | shares | accuracy | {"seconds": found["seconds"].iloc[0]}


def _call(found: pd.DataFrame, rule: str) -> np.ndarray:
    if rule == "lenient":
        return lenient_rule(found)["called"].to_numpy(bool)
    return (found["q_value"] <= FDR).to_numpy()


def _measure_accuracy(
    found: pd.DataFrame, value: np.ndarray, planted: np.ndarray, *, known: bool
) -> dict[str, float]:
    if not known:
        return {"bias": np.nan, "coverage": np.nan}
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
