"""What a shared home does: partners beside strangers, as a study sees it, and beside themselves."""

import numpy as np
import pandas as pd

from cohabit.experiments.two_worlds.differences import see
from cohabit.experiments.two_worlds.world import World
from cohabit.simulate.community import Community
from cohabit.stats.composition import clr, filter_features


def compare_partners(apart: World, world: World, counts: pd.DataFrame) -> pd.Series:
    """Return how much nearer a home brings two people: as a study would say, and exactly.

    Parameters
    ----------
    apart, world : World
        The same people as strangers (`make_strangers`), and as they live.
    counts : DataFrame, people x species
        The cohort, sequenced from `world`.

    Returns
    -------
    Series
        Per cent of a mean squared distance of log-ratios. ``observed``: partners against two
        people of one site; ``observed, adjusted``: against as many women and men of one site as
        partners are; ``exact``: the same partners against themselves without the home, before
        sequencing.

    Raises
    ------
    ValueError
        When no two people of `counts` share a home.
    """
    people = world.people.loc[counts.index]
    home, site, sexes = _same(people["household_id"]), _same(people["site"]), ~_same(people["sex"])
    strangers = site & ~home
    home &= ~np.eye(len(people), dtype=bool)
    if not home.any():
        raise ValueError("counts: expected two people of one home at least once; got none")
    seen = _square(clr(filter_features(counts)).to_numpy())
    two = sexes[home].mean()
    alike = two * _mean(seen, strangers & sexes) + (1 - two) * _mean(seen, strangers & ~sexes)
    couples = _same(world.people["household_id"]) & ~np.eye(len(world.people), dtype=bool)
    then = _mean(_square(_logs(apart.species)), couples)
    nearer = {
        "observed": 1 - _mean(seen, home) / _mean(seen, strangers),
        "observed, adjusted": 1 - _mean(seen, home) / alike,
        "exact": 1 - _mean(_square(_logs(world.species)), couples) / then,
    }
    return 100 * pd.Series(nearer)


def _same(column: pd.Series) -> np.ndarray:
    values = column.to_numpy(str)
    return values[:, None] == values


def _mean(square: np.ndarray, pairs: np.ndarray) -> float:
    """Return the mean over pairs of people; 0 of none, which weighs nothing."""
    return float(square[pairs].mean()) if pairs.any() else 0.0


def _logs(community: Community) -> np.ndarray:
    return see(community, "clr", np.flatnonzero(community.template.column("tail") == 0))


def _square(logs: np.ndarray) -> np.ndarray:
    """Return squared distances between the rows."""
    gram = logs @ logs.T
    size = np.diag(gram)
    return np.maximum(size[:, None] + size - 2 * gram, 0)
