"""How many features each covariate of one model touches."""

import numpy as np
import pandas as pd

from cohabit.stats.mixed import fit_household_model
from cohabit.stats.multiplicity import adjust_p
from cohabit.stats.tails import t_quantile


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
    rng = np.random.default_rng(rng)
    homes = np.array(sorted(metadata["household_id"].unique()))
    group = pd.Series(rng.permutation(np.arange(len(homes)) % n_groups), homes)
    place = metadata["household_id"].map(group).loc[values.index]
    counts = count_touched(values, metadata, formula)
    left = [count_touched(values[place != g], metadata, formula) for g in range(n_groups)]
    differences = np.array([count[first] - count[second] for count in left])
    spread = np.square(differences - differences.mean()).sum()
    error = t_quantile(0.975, n_groups - 1) * np.sqrt((n_groups - 1) / n_groups * spread)
    estimate = float(counts[first] - counts[second])
    return pd.Series({"estimate": estimate, "low": estimate - error, "high": estimate + error})
