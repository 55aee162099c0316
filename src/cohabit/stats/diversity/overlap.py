"""What pairs of samples share: sums of minima, cheap where most features are absent."""

import numpy as np
from scipy.spatial.distance import pdist, squareform

_DENSE = 0.25
"""A feature in a larger share of the samples goes through `pdist`."""

_BLOCK = 512
"""Features at a time, so that two samples fit into the processor's nearest cache."""


def sum_minima(values: np.ndarray) -> np.ndarray:
    """Return the sum over features of min(x, y) for every pair of samples.

    Bray-Curtis and weighted UniFrac are made of it, since |x - y| = x + y - 2 min(x, y).
    A rare feature costs only the pairs that both have it: thousands of sequence variants
    take seconds where comparing all of them in all pairs takes a minute.

    Parameters
    ----------
    values : ndarray, shape (n_samples, n_features)
        At least 0.

    Returns
    -------
    ndarray, shape (n_samples, n_samples)
    """
    n_present = (values > 0).sum(axis=0)
    dense = n_present > _DENSE * len(values)
    common = values[:, dense]
    apart = np.zeros(len(values) * (len(values) - 1) // 2)
    for start in range(0, common.shape[1], _BLOCK):
        apart += pdist(common[:, start : start + _BLOCK], "cityblock")
    total = common.sum(axis=1)
    shared = (total[:, None] + total - squareform(apart)) / 2
    for feature in np.flatnonzero(~dense & (n_present > 0)):
        rows = np.flatnonzero(values[:, feature])
        amounts = values[rows, feature]
        shared[np.ix_(rows, rows)] += np.minimum.outer(amounts, amounts)
    return shared
