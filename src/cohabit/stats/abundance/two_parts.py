"""Presence and abundance told apart: one model of who has a feature, one of how much.

After MaAsLin 3 (Nickols et al. 2024, doi 10.1101/2024.12.13.628459), with the household as a random
intercept in both models.
"""

from itertools import product

import numpy as np
import pandas as pd

from cohabit.stats.abundance.count_models import fit_with_homes
from cohabit.stats.abundance.densities import Bernoulli
from cohabit.stats.abundance.methods import METHOD_COLUMNS, Comparison, fit_mixed
from cohabit.stats.least_squares import find_independent

_REPORTED = ("estimate", "low", "high", "p_value")
PART_COLUMNS = tuple(f"{part}_{name}" for part in ("presence", "amount") for name in _REPORTED)
"""Columns of `fit_two_parts` about each of its models."""


def fit_presence_logit(comparison: Comparison) -> pd.DataFrame:
    """Fit presence by logistic regression, with k / 2n of each outcome added to every person.

    n people and k coefficients; the addition keeps odds finite where a level has no
    feature, or all have it. Its amount is a choice of this project.
    """
    present = (comparison.counts[comparison.kept] > 0).astype(float)
    added = len(find_independent(comparison.matrix.values).kept) / (2 * len(present))
    return fit_with_homes(comparison, Bernoulli(added), present, offset=False)


def fit_nonzero_log(comparison: Comparison) -> pd.DataFrame:
    """Fit the log share of each feature among those who have it."""
    counts = comparison.counts
    shares = counts[comparison.kept].div(counts.sum(axis=1), axis=0)
    return fit_mixed(np.log(shares.where(shares > 0)), comparison)


def fit_two_parts(comparison: Comparison) -> pd.DataFrame:
    """Test presence and amount together by the smaller of their p-values.

    Given presence the two are independent where neither moves, so the chance of a smaller one
    below m is ``1 - (1 - m)^2``. There is no single estimate; each part has its own columns.
    """
    presence, amount = fit_presence_logit(comparison), fit_nonzero_log(comparison)
    amount = amount.set_index(["feature", "contrast"])
    amount = amount.loc[pd.MultiIndex.from_frame(presence[["feature", "contrast"]])].reset_index()
    table = presence[["feature", "contrast", "n_pairs"]].copy()
    parts = (("presence", presence), ("amount", amount))
    for (part, found), name in product(parts, _REPORTED):
        table[f"{part}_{name}"] = found[name]
    p_values = table[["presence_p_value", "amount_p_value"]]
    least, n_parts = p_values.min(axis=1), p_values.notna().sum(axis=1)
    table["p_value"] = (1 - (1 - least) ** n_parts).where(n_parts > 0)
    table["note"] = [
        "; ".join(f"{part}: {note}" for part, note in both if note)
        for both in zip(*(product([part], found["note"]) for part, found in parts), strict=True)
    ]
    return table.reindex(columns=[*METHOD_COLUMNS, *PART_COLUMNS])
