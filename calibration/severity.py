"""The reference population of the severity score, ranked by Roxburgh's rule.

The study's score compares each patient with a reference population that is not public. This one is
simulated; its five constants were solved so that the study preset gives the released mean, spread,
correlations with EDSS and duration, and means by course and site.

References
----------
Roxburgh et al. 2005, Neurology 64:1144-1151.
"""

import numpy as np
import pandas as pd
from scipy.special import ndtr

from cohabit.simulate.clinic import EDSS_STEPS
from cohabit.simulate.dice import stream

YEARS = 61  # durations of 0 to 60 years
WINDOW = 2  # years to either side that are compared
LONGEST = 30  # years; patients ill for longer are compared with each other


def simulate_reference(n_patients: int = 122_000) -> pd.DataFrame:
    """Simulate the reference population: EDSS by years since onset.

    Parameters
    ----------
    n_patients : int
        Spread evenly over 0 to 60 years.

    Returns
    -------
    DataFrame, one row per patient
        Columns duration (whole years) and edss.
    """
    duration = np.arange(n_patients) % YEARS
    years = np.clip(duration, 1, LONGEST)
    steps = np.array(EDSS_STEPS)
    upper = -2.804 + 1.4309 * ((steps[1:] + steps[:-1]) / 2) ** np.exp(-0.6962)
    progress = 0.9133 * (np.log(years + np.exp(1.6122)) - np.log(14 + np.exp(1.6122)))
    reached = ndtr(upper[None] - progress[:, None])
    u = stream(0, "people/severity/reference").random(n_patients)
    edss = steps[(u[:, None] > reached).sum(axis=1)]
    return pd.DataFrame({"duration": duration, "edss": edss})


def rank_severity(reference: pd.DataFrame) -> pd.DataFrame:
    """Return MSSS by duration and EDSS: 10 x mean rank / (number compared + 1).

    Parameters
    ----------
    reference : DataFrame, one row per patient
        Columns duration (whole years) and edss. Compared are those within two years of the
        same duration; below one year counts as one, and beyond 30 years all are pooled.

    Returns
    -------
    DataFrame
        Index duration (years 0 to 60); one column for each step of the EDSS, in points.
    """
    step = np.searchsorted(EDSS_STEPS, reference["edss"])
    years = np.clip(reference["duration"].to_numpy(), 1, LONGEST + 1)
    shape = (LONGEST + 2, len(EDSS_STEPS))
    count = np.bincount(years * shape[1] + step, minlength=shape[0] * shape[1]).reshape(shape)
    table = np.array([_mean_rank(count, year) for year in range(YEARS)])
    index = pd.RangeIndex(YEARS, name="duration")
    return pd.DataFrame(np.round(table, 2), index, [f"{step:g}" for step in EDSS_STEPS])


def _mean_rank(count: np.ndarray, year: int) -> np.ndarray:
    year = max(year, 1)
    low, high = (year - WINDOW, year + WINDOW) if year <= LONGEST else (LONGEST + 1,) * 2
    compared = count[max(low, 1) : min(high, LONGEST + 1) + 1].sum(axis=0)
    below = np.cumsum(compared) - compared
    return 10 * (below + (compared + 1) / 2) / (compared.sum() + 1)
