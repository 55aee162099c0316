"""How sure a simulated power is, and when enough cohorts were simulated.

Cohorts are looked at in a fixed order, `FIRST` of them and then batch by batch; a question is
done at the first look at which its interval is narrow enough. Clopper and Pearson's interval
at 96% is used: after this stopping rule it holds the true power at least 95% of the time,
whatever the power (exact enumeration; tests/test_power_intervals.py).
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats

LEVEL = 0.96
FIRST = 50
"""Cohorts at the first look."""


@dataclass(frozen=True)
class Stop:
    """When to stop: how narrow an interval has to be, and how many cohorts at most."""

    half_width: float = 0.05
    most: int = 600

    def __post_init__(self):
        if not 0.005 <= self.half_width <= 0.5:
            raise ValueError(f"half_width: expected 0.005 to 0.5; got {self.half_width!r}")
        if not self.most >= FIRST:
            raise ValueError(f"most: expected at least {FIRST} cohorts; got {self.most!r}")


def exact_interval(hits: np.ndarray, trials: np.ndarray, level: float = LEVEL):
    """Return Clopper and Pearson's interval of a proportion, low and high.

    Parameters
    ----------
    hits, trials : array of int
    level : float
    """
    hits, trials = np.asarray(hits, dtype=float), np.asarray(trials, dtype=float)
    tail = (1 - level) / 2
    with np.errstate(invalid="ignore"):
        low = stats.beta.ppf(tail, hits, trials - hits + 1)
        high = stats.beta.ppf(1 - tail, hits + 1, trials - hits)
    return np.where(hits == 0, 0.0, low), np.where(hits == trials, 1.0, high)


def looks(stop: Stop, step: int) -> np.ndarray:
    """Return after how many cohorts the interval is looked at."""
    return np.unique([*range(FIRST, stop.most, step), stop.most])


def find_end(answers: np.ndarray, stop: Stop, step: int) -> int | None:
    """Return after how many cohorts a question is done; None when there are too few yet.

    Parameters
    ----------
    answers : array of bool
        Of the cohorts in their order, as many as there are.
    stop : Stop
    step : int
        Cohorts from one look to the next.
    """
    places = looks(stop, step)
    known = places[places <= len(answers)]
    hits = np.cumsum(answers)[known - 1] if len(known) else np.array([])
    low, high = exact_interval(hits, known)
    narrow = (high - low) / 2 <= stop.half_width
    done = known[narrow | (known == stop.most)]
    return int(done[0]) if len(done) else None


def foresee_end(answers: np.ndarray, stop: Stop, step: int) -> int:
    """Return after how many cohorts a question will be done if its power is as seen so far."""
    places = looks(stop, step)
    places = places[places > len(answers)]
    share = (answers.sum() + 0.5) / (len(answers) + 1)
    low, high = exact_interval(share * places, places)
    narrow = (high - low) / 2 <= stop.half_width
    return int(places[narrow][0]) if narrow.any() else stop.most
