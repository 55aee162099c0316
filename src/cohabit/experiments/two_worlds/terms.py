"""Why two groups of people differ: their difference, split exactly into the terms of the world."""

import numpy as np
import pandas as pd

from cohabit.experiments.two_worlds.world import World

TERMS = {
    "disease": ("group:",),
    "therapy": ("treatment:",),
    "severity": ("msss",),
    "spillover": ("spillover",),
    "site": ("site:",),
    "sex": ("sex:",),
    "age and BMI": ("age", "bmi"),
    "diet and smoking": ("diet:", "smoking:"),
}
"""Words -> how the names of the factors begin."""

CHANCE = {"household": "home", "person": "own gut"}
"""Terms that nobody planted -> what their column is called."""


def split_difference(world: World, first: pd.Series, second: pd.Series) -> pd.DataFrame:
    """Split the raw difference of two groups into what each term of the world adds to it.

    Parameters
    ----------
    world : World
    first, second : Series of bool, index participant_id
        Who belongs to the groups; the difference is mean of `first` minus mean of `second`.

    Returns
    -------
    DataFrame, one row a species of the template
        Log abundance before closure: one column a term of `TERMS` and `CHANCE`, and
        ``difference``, the raw difference of the latent means. The terms add up to it.

    Raises
    ------
    ValueError
        When a group is empty.
    """
    community = world.species
    weights = _weigh(first, world) - _weigh(second, world)
    exposures = np.einsum("i,iq->q", weights, community.exposures.to_numpy())
    by_factor = community.coefficients.mul(exposures, axis=0)
    split = {
        words: by_factor[by_factor.index.str.startswith(starts)].sum()
        for words, starts in TERMS.items()
    }
    for term, words in CHANCE.items():
        split[words] = np.einsum("i,ij->j", weights, community.term(term))
    split["difference"] = np.einsum("i,ij->j", weights, community.log_abundance)
    table = pd.DataFrame(split, community.taxa).rename_axis("feature")
    return table[community.template.column("tail") == 0]


def _weigh(group: pd.Series, world: World) -> np.ndarray:
    inside = group.reindex(world.people.index).fillna(False).to_numpy(dtype=bool)
    if not inside.any():
        raise ValueError("a group is empty: expected at least one person who is in this world")
    return inside / inside.sum()
