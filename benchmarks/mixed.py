"""Household mixed model of many features, beside lme4, lmerTest and statsmodels MixedLM.

The peers fit one feature at a time; a few are timed and scaled to the number of features.
Everybody has one BLAS thread: the matrices are small, and idle threads get in the way.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read once, when numpy is imported
# ruff: noqa: E402

import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd

from cohabit.stats.mixed import fit_household_model

FORMULA = "group + site + age + bmi + sex"
N_FEATURES = 1000
N_PAIRS = 576
TARGETS = {"lme4": 500, "statsmodels": 1000}


def measure() -> list[dict]:
    values, people = make_data(N_PAIRS, N_FEATURES)
    peers = [*time_r(values.iloc[:, :20], people), time_statsmodels(values.iloc[:, :4], people)]
    ours = time_ours(values, people)
    rows = [
        row("household model", values, ours, **peer) | {"target": TARGETS.get(peer["peer"])}
        for peer in peers
    ]
    return rows + curve_over_samples() + curve_over_features(values, people, peers[0])


def curve_over_samples() -> list[dict]:
    rows = []
    for n_pairs in (72, 144, 288, N_PAIRS, 1152, 2304):
        values, people = make_data(n_pairs, N_FEATURES)
        ours = time_ours(values, people)
        rows += [
            row("household model, by n", values, ours, **peer)
            for peer in time_r(values.iloc[:, :8], people)[:1]
        ]
    return rows


def curve_over_features(values: pd.DataFrame, people: pd.DataFrame, peer: dict) -> list[dict]:
    """Time other numbers of features; the peer's seconds a feature stay those measured."""
    rows = []
    for n_features in (1, 10, 100, N_FEATURES, 10_000):
        copies = -(-n_features // values.shape[1])
        some = pd.concat([values] * copies, axis=1).iloc[:, :n_features]
        some.columns = range(n_features)
        rows.append(row("household model, by features", some, time_ours(some, people), **peer))
    return rows


def row(
    name: str, values: pd.DataFrame, ours: float, *, peer: str, timed: int, each: float, agrees=None
) -> dict:
    n, n_features = values.shape
    return {
        "name": name,
        "peer": peer,
        "n": n,
        "n_features": n_features,
        "ours_seconds": ours,
        "peer_seconds": each * n_features,
        "ratio": each * n_features / ours,
        "target": None,
        "agrees": agrees,
        "note": f"peer: {timed} features timed, scaled",
    }


def make_data(n_pairs: int, n_features: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(1)
    household = np.repeat(np.arange(n_pairs), 2)
    people = pd.DataFrame(
        {
            "household_id": household,
            "group": ["MS", "control"] * n_pairs,
            "site": np.repeat(rng.choice(list("abcdefg"), n_pairs), 2),
            "age": rng.normal(50, 10, 2 * n_pairs),
            "bmi": rng.normal(26, 5, 2 * n_pairs),
            "sex": rng.choice(["male", "female"], 2 * n_pairs),
        }
    )
    share = rng.uniform(0.05, 0.5, n_features)
    shared = rng.normal(size=(n_pairs, n_features))[household] * np.sqrt(share)
    own = rng.normal(size=(2 * n_pairs, n_features)) * np.sqrt(1 - share)
    return pd.DataFrame(shared + own).add_prefix("taxon"), people


def time_ours(values: pd.DataFrame, people: pd.DataFrame, repeats: int = 7) -> float:
    """Return the median of several calls, after one that loads what is loaded once."""
    fit_household_model(values.iloc[:, :1], people, FORMULA)
    return median(
        seconds(lambda: fit_household_model(values, people, FORMULA)) for _ in range(repeats)
    )


def time_r(values: pd.DataFrame, people: pd.DataFrame) -> list[dict]:
    """Return seconds a feature of lme4 and lmerTest; nothing where R is not there."""
    with tempfile.TemporaryDirectory() as folder:
        people.to_csv(Path(folder, "people.tsv"), sep="\t", index=False)
        values.to_csv(Path(folder, "values.tsv"), sep="\t", index=False)
        command = ["Rscript", str(Path(__file__).with_name("lmer.R")), folder]
        try:
            subprocess.run(command, check=True, capture_output=True)
        except FileNotFoundError:
            return []
        times = pd.read_csv(Path(folder, "seconds.tsv"), sep="\t")
        theirs = pd.read_csv(Path(folder, "lmer.tsv"), sep="\t").to_numpy()
    timed = values.shape[1]
    agrees = difference(values, people, theirs)
    return [
        {"peer": peer, "timed": timed, "each": spent / timed, "agrees": agrees}
        for peer, spent in times.itertuples(index=False)
    ]


def time_statsmodels(values: pd.DataFrame, people: pd.DataFrame) -> dict:
    from statsmodels.regression.mixed_linear_model import MixedLM

    levels = people.assign(group=people["group"] == "MS", sex=people["sex"] == "male")
    x = pd.get_dummies(levels.drop(columns="household_id"), columns=["site"], drop_first=True)
    x = x.astype(float).assign(constant=1.0)
    found = []

    def fit_each() -> None:
        for name in values:
            fit = MixedLM(values[name], x, groups=people["household_id"]).fit(reml=True)
            found.append((fit.params["group"], fit.bse["group"]))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        spent = seconds(fit_each)
    timed = values.shape[1]
    agrees = difference(values, people, np.array(found))
    return {"peer": "statsmodels", "timed": timed, "each": spent / timed, "agrees": agrees}


def difference(values: pd.DataFrame, people: pd.DataFrame, theirs: np.ndarray) -> float:
    """Return the largest difference of estimate or standard error, in standard errors."""
    ours = fit_household_model(values, people, FORMULA)
    ours = ours[ours["coefficient"] == "group[MS]"][["estimate", "std_error"]].to_numpy()
    return float(np.abs((ours - theirs) / theirs[:, 1:]).max())


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
