"""Ordinal and conditional logistic models of many features, beside statsmodels.

The peers fit one feature at a time; a few are timed and scaled to the number of features.
"""

import time
import warnings
from collections.abc import Callable
from statistics import median

import numpy as np
import pandas as pd

from cohabit.stats.association import fit_ordinal
from cohabit.stats.logistic import fit_matched_pairs

N_PATIENTS = 209
N_PAIRS = 576
N_FEATURES = 400
N_TIMED = 4


def measure() -> list[dict]:
    return [ordinal(), presence()]


def ordinal() -> dict:
    """EDSS of the untreated on each feature and two covariates."""
    from statsmodels.miscmodels.ordinal_model import OrderedModel

    rng = np.random.default_rng(1)
    people = [f"P{number}" for number in range(N_PATIENTS)]
    values = pd.DataFrame(rng.normal(size=(N_PATIENTS, N_FEATURES)), index=people)
    who = pd.DataFrame(rng.normal(size=(N_PATIENTS, 2)), index=people, columns=["age", "bmi"])
    edss = pd.Series(np.minimum(rng.gamma(2, 1.3, N_PATIENTS).round(), 8), people, name="edss")
    table = fit_ordinal(values, edss, who)

    def peer(feature: int) -> float:
        columns = np.column_stack([values[feature], who])
        outcome = edss.astype(pd.CategoricalDtype(ordered=True))
        fit = OrderedModel(outcome, columns, distr="logit").fit(method="bfgs", disp=0, maxiter=500)
        return fit.params.iloc[0]

    return row(
        "proportional odds",
        "statsmodels OrderedModel",
        N_PATIENTS,
        lambda: fit_ordinal(values, edss, who),
        peer,
        table["estimate"],
    )


def presence() -> dict:
    """Presence within pairs on status and two covariates."""
    from statsmodels.discrete.conditional_models import ConditionalLogit

    rng = np.random.default_rng(2)
    design = np.column_stack([np.ones(N_PAIRS), rng.normal(size=(N_PAIRS, 2))])
    present = rng.random((2, N_PAIRS, N_FEATURES)) < 0.4
    sign = present[0].astype(float) - present[1]

    def peer(feature: int) -> float:
        varied = np.flatnonzero(sign[:, feature])
        outcome = present[:, varied, feature].ravel().astype(int)
        columns = np.vstack([design[varied], np.zeros((len(varied), 3))])
        model = ConditionalLogit(outcome, columns, groups=np.tile(varied, 2))
        return model.fit(disp=0, method="newton").params[0]

    estimate = fit_matched_pairs(design, sign)["estimate"]
    return row(
        "presence in pairs",
        "statsmodels ConditionalLogit",
        2 * N_PAIRS,
        lambda: fit_matched_pairs(design, sign),
        peer,
        estimate,
    )


def row(name, peer_name, n, ours: Callable[[], object], peer, estimate) -> dict:
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = [peer(feature) for feature in range(N_TIMED)]
    each = (time.perf_counter() - start) / N_TIMED
    times = []
    for _ in range(3):
        start = time.perf_counter()
        ours()
        times.append(time.perf_counter() - start)
    seconds = median(times)
    return {
        "name": name,
        "peer": peer_name,
        "n": n,
        "n_features": N_FEATURES,
        "ours_seconds": seconds,
        "peer_seconds": each * N_FEATURES,
        "ratio": each * N_FEATURES / seconds,
        "agrees": float(np.abs(np.asarray(estimate)[:N_TIMED] - theirs).max()),
        "note": f"peer: {N_TIMED} features timed, scaled",
    }
