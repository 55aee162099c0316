"""Small Gaussian worlds of people who live in pairs, for tests of the statistics."""

import numpy as np
import pandas as pd
from scipy.spatial.distance import pdist, squareform


def people(n_pairs, rng, sites="abc"):
    """Return pairs with a within-household, two between- and two mixed terms."""
    site = [sites[i % len(sites)] for i in range(n_pairs)]
    return pd.DataFrame(
        {
            "household_id": np.repeat([f"H{i:03d}" for i in range(n_pairs)], 2),
            "group": ["MS", "control"] * n_pairs,
            "site": np.repeat(site, 2),
            "income": np.repeat(rng.normal(size=n_pairs), 2),
            "sex": rng.choice(["male", "female"], 2 * n_pairs),
            "age": rng.normal(50, 10, 2 * n_pairs),
        },
        index=[f"p{i:03d}" for i in range(2 * n_pairs)],
    )


def values_of(metadata, rng, n_features=4, household=1.0):
    """Return Gaussian features whose households are alike."""
    codes = pd.factorize(metadata["household_id"])[0]
    shared = rng.normal(size=(codes.max() + 1, n_features))[codes]
    noise = rng.normal(size=(len(metadata), n_features))
    return pd.DataFrame(household * shared + noise, index=metadata.index)


def euclidean(values):
    return pd.DataFrame(squareform(pdist(values)), values.index, values.index)
