"""How many features each covariate of one model touches."""

import numpy as np
import pandas as pd

from cohabit.stats.inference import adjust_p, deal_groups, jackknife_interval, leave_out
from cohabit.stats.mixed import fit_household_model


def count_touched(
    values: pd.DataFrame, metadata: pd.DataFrame, formula: str, fdr: float = 0.05
) -> pd.Series:
    """Return the number of features that each coefficient of one model reaches.

    Parameters
    ----------
    values : DataFrame, shape (n_samples, n_features)
        Transformed values.
    metadata : DataFrame
    formula : str
        As for `fit_household_model`, the household a random intercept.
    fdr : float
        Bound of q over the features of one coefficient.

    Returns
    -------
    Series of int, index coefficient
    """
    fits = fit_household_model(values, metadata, formula)
    q_values = fits.groupby("coefficient")["p_value"].transform(adjust_p)
    return (q_values <= fdr).groupby(fits["coefficient"], sort=False).sum()


def compare_touched(
    values: pd.DataFrame,
    metadata: pd.DataFrame,
    formula: str,
    first: str,
    second: str,
    *,
    n_groups: int = 20,
    rng: int | np.random.Generator | None = None,
) -> pd.Series:
    """Return how many more features `first` touches than `second`, with its 95% interval.

    Parameters
    ----------
    values, metadata, formula
        As for `count_touched`.
    first, second : str
        Coefficients.
    n_groups : int
        Groups of households left out in turn.
    rng : int or Generator, optional

    Returns
    -------
    Series
        estimate, low, high: delete-group jackknife, t on ``n_groups - 1`` (Wolter 2007,
        chapter 4). A count of tests is no smooth function of the data: take the interval
        as a rough one.
    """

    def differ(rows: np.ndarray) -> float:
        counts = count_touched(values[rows], metadata, formula)
        return float(counts[first] - counts[second])

    homes = pd.Series(pd.factorize(metadata["household_id"], sort=True)[0], metadata.index)
    groups = pd.Series(deal_groups(homes.to_numpy(), n_groups, rng), metadata.index)
    found = leave_out(differ, groups[values.index].to_numpy())
    return pd.Series(jackknife_interval(*found))
