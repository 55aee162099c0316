"""Ways compared on the same studies: differences, reversals and winners.

Differences are computed study by study. A winner or a reversal is reported only if the interval of
the difference at `CONFIDENCE` excludes zero.
"""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from cohabit.experiments.arena import DIALS, WAYS
from cohabit.experiments.arena.sweep import FDR
from cohabit.stats.inference import normal_quantile, t_quantile

CONFIDENCE = 0.999
LEAST = 10
"""Smallest number of studies for an estimate of false discovery in one setting."""

NEGLIGIBLE = 1 / 1000
"""Difference below which two ways count as equal, whatever its error."""

ADJUSTED = tuple(name for name, way in WAYS.items() if way.adjusted and not way.slow)
"""Ways that adjust for sex, age, BMI and site, the ones a study would choose from."""


def contrast_ways(
    trials: pd.DataFrame, metric: str = "gain", *, confidence: float = CONFIDENCE
) -> pd.DataFrame:
    """Compare each pair of ways on the same studies, by generator.

    Parameters
    ----------
    trials : DataFrame
        One row per generator, seed, setting and `way`; studies count as independent, so settings
        that share seeds are compared one at a time.
    metric : str
    confidence : float
        Of the interval of the mean difference, Student's t over studies.

    Returns
    -------
    DataFrame, one row per generator and two ways
        generator, first, second, difference (first minus second), low, high, n_trials.
    """
    rows = []
    for generator, found in trials.groupby("generator", sort=False):
        wide = found.pivot(index=[*DIALS, "seed"], columns="way", values=metric)
        for first, second in combinations(wide.columns, 2):
            compared = _difference(wide[first] - wide[second], first, second, confidence)
            rows.append({"generator": generator} | compared)
    return pd.DataFrame(rows)


def _difference(values: pd.Series, first: str, second: str, confidence: float) -> dict:
    values = values.dropna()
    mean, n = float(values.mean()), len(values)
    reach = t_quantile((1 + confidence) / 2, n - 1) * values.sem() if n > 1 else np.inf
    named = {"first": first, "second": second, "difference": mean}
    return named | {"low": mean - reach, "high": mean + reach, "n_trials": n}


def find_flips(trials: pd.DataFrame, metric: str = "gain") -> pd.DataFrame:
    """Find pairs of ways that win on one generator and lose on another.

    Parameters
    ----------
    trials, metric
        As for `contrast_ways`.

    Returns
    -------
    DataFrame, one row per flip
        better and worse (of the two ways, on `generator`), difference, low, high and n_trials
        there, and other_generator, other_difference, other_low, other_high where it is the
        other way round. Empty when no ranking flips.
    """
    compared = contrast_ways(trials, metric)
    two = compared.merge(compared, on=["first", "second"], suffixes=("", "_there"))
    flipped = (two["low"] > NEGLIGIBLE) & (two["high_there"] < -NEGLIGIBLE)
    names = {f"{name}_there": f"other_{name}" for name in ("difference", "low", "high")}
    names |= {"generator_there": "other_generator", "first": "better", "second": "worse"}
    columns = ["better", "worse", "generator", "difference", "low", "high", "n_trials"]
    columns += ["other_generator", "other_difference", "other_low", "other_high"]
    return two[flipped].rename(columns=names)[columns].reset_index(drop=True)


def name_winners(trials: pd.DataFrame, *, contenders: Sequence[str] | None = None) -> pd.DataFrame:
    """Return the best ways for each generator.

    Parameters
    ----------
    trials : DataFrame
        One row per generator, seed, setting and `way`, with `gain` (missing where nothing is
        planted) and `harm`; from `judge_taxa` or `judge_communities`.
    contenders : sequence of str, optional
        Ways that are compared; by default every way.

    Returns
    -------
    DataFrame, one row per generator and way
        n_trials; gain and harm over all settings with their errors; worst_harm, worst_error and
        worst_at, the setting where harm is highest; holds: neither the mean harm nor that of any
        setting with `LEAST` studies is above the `FDR` promised by more than its interval of
        `CONFIDENCE`; place: ``"best"`` for every way that holds and that no other such way
        beats, else ``"beaten by ..."`` or ``"breaks its promise"``.
    """
    chosen = trials if contenders is None else trials[trials["way"].isin(contenders)]
    parts = []
    for generator, here in chosen.groupby("generator", sort=False):
        wide = here.pivot(index=[*DIALS, "seed"], columns="way", values="gain")
        rows = [_judge(way, found) for way, found in here.groupby("way")]
        table = pd.DataFrame(rows).assign(generator=generator)
        parts.append(table.assign(place=_find_places(table, wide)))
    table = pd.concat(parts, ignore_index=True)
    columns = ["generator", *table.columns.drop("generator")]
    return table.sort_values(["generator", "gain"], ascending=[True, False])[columns]


def _judge(way: str, found: pd.DataFrame) -> dict:
    by_setting = found.groupby(DIALS)["harm"].agg(["mean", "sem", "count"])
    by_setting = by_setting[by_setting["count"] > 1]
    worst = by_setting["mean"].idxmax()
    harm, error = found["harm"].mean(), found["harm"].sem()
    z = normal_quantile((1 + CONFIDENCE) / 2)
    sure = by_setting[by_setting["count"] >= LEAST]
    lowest = [harm - z * error, *(sure["mean"] - z * sure["sem"])]
    base = found[DIALS].mode().iloc[0]
    turned = zip(DIALS, worst, strict=True)
    return {
        "way": way,
        "n_trials": len(found),
        "gain": found["gain"].mean(),
        "gain_error": found["gain"].sem(),
        "harm": harm,
        "harm_error": error,
        "worst_harm": by_setting["mean"].max(),
        "worst_error": by_setting.loc[worst, "sem"],
        "worst_at": ", ".join(f"{d} {v:g}" for d, v in turned if v != base[d]) or "base",
        "holds": max(lowest) <= FDR,
    }


def _find_places(table: pd.DataFrame, wide: pd.DataFrame) -> list[str]:
    """Return each way's place, given its gain in each study."""
    able = table[table["holds"]].sort_values("gain", ascending=False)["way"]
    places = []
    for way, holds in zip(table["way"], table["holds"], strict=True):
        others = (other for other in able if other != way)
        gaps = {o: _difference(wide[o] - wide[way], o, way, CONFIDENCE)["low"] for o in others}
        above = [other for other, low in gaps.items() if low > NEGLIGIBLE]
        place = f"beaten by {above[0]}" if above else "best"
        places.append(place if holds else "breaks its promise")
    return places


def judge_taxa(trials: pd.DataFrame) -> pd.DataFrame:
    """Return trials of taxa by FDR; `way` holds way and scale, gain is sensitivity."""
    found = trials[trials["rule"] == "FDR"]
    way = found["way"] + " · " + found["scale"]
    return found.assign(way=way, gain=found["sensitivity"], harm=found["false_discovery"])


def judge_communities(trials: pd.DataFrame) -> pd.DataFrame:
    """Return trials of PERMANOVA; `way` holds way and distance, gain is power."""
    planted = trials["effect"] > 0
    way = trials["way"] + " · " + trials["distance"]
    gain, harm = trials["rejected"].where(planted), trials["rejected"].where(~planted)
    return trials.assign(way=way, gain=gain, harm=harm)
