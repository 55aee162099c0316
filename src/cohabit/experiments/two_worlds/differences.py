"""Exact differences of people between two worlds, and of groups within one world."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.spatial.distance import pdist, squareform

from cohabit.data.schema import nearest
from cohabit.simulate.community import Community
from cohabit.simulate.estimands import HALF_READ
from cohabit.simulate.world import World
from cohabit.stats.composition import arcsine_root, centre_logs, clr, filter_features

EFFECT_SCALES = {
    "latent": "log abundance before closure, carried or not; nothing moves but what is touched",
    "share": "share of the community",
    "asin": "arcsine of the square root of the share",
    "clr": "log share, half a read added, less its mean over the species",
    "carried": "whether the species is there: 1 arrived, -1 lost",
}
"""Scale -> meaning of a difference on it."""

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
"""Name of a term -> prefixes of its factors."""

CHANCE = {"household": "home", "person": "own gut"}
"""Random terms -> name of their column."""


def differ(
    after: World, before: World, scale: str = "latent", features: Sequence[str] | None = None
) -> pd.DataFrame:
    """Return each person's difference between two worlds, by species.

    Parameters
    ----------
    after, before : World
        Of the same people.
    scale : str
        One of `EFFECT_SCALES`.
    features : sequence of str, optional
        Species; by default all but the nameless rare tail. The mean of `clr` is over these.

    Returns
    -------
    DataFrame, people x species
        `after` minus `before`; exact, nothing is estimated.

    Raises
    ------
    ValueError
        When the people differ, or the scale is unknown; names the nearest.
    """
    if not after.people.index.equals(before.people.index):
        raise ValueError("after and before: expected two worlds of the same people; got others")
    if scale not in EFFECT_SCALES:
        raise ValueError(f"no scale {scale!r}: {nearest(scale, EFFECT_SCALES)}")
    community = before.species
    if features is None:
        features = community.taxa[community.template.column("tail") == 0]
    columns = community.taxa.get_indexer(list(features))
    if (columns < 0).any():
        raise ValueError(f"features: not in the template: {np.array(features)[columns < 0][:5]}")
    change = _see(after.species, scale, columns) - _see(community, scale, columns)
    return pd.DataFrame(change, before.people.index, pd.Index(features, name="feature"))


def summarise_change(after: World, before: World, concerned: pd.Series) -> dict[str, float]:
    """Summarise the size of a change in the people concerned.

    Returns
    -------
    dict
        ``people`` concerned; species ``touched`` (latent) and ``moved`` (share; closure moves
        the rest); ``own``, the mean squared length of a person's own difference, and
        ``in_common``, the squared length of the mean difference, both of log-ratios and in per
        cent of the mean squared distance between two people of `before`.
    """
    rows = concerned.to_numpy(dtype=bool)
    change = differ(after, before, "clr")[rows]
    columns = before.species.taxa.get_indexer(change.columns)
    apart = 2 * _see(before.species, "clr", columns).var(axis=0, ddof=1).sum()
    return {
        "people": int(rows.sum()),
        "touched": int((differ(after, before) != 0).any().sum()),
        "moved": int((differ(after, before, "share").abs() > 1e-12).any().sum()),
        "own": 100 * float((change**2).sum(axis=1).mean() / apart),
        "in_common": 100 * float((change.mean() ** 2).sum() / apart),
    }


def _see(community: Community, scale: str, columns: np.ndarray) -> np.ndarray:
    """Return people x species on a scale."""
    if scale == "latent":
        return community.log_abundance[:, columns]
    if scale == "carried":
        return community.carried[:, columns].astype(float)
    share = community.composition[:, columns]
    if scale == "share":
        return share
    if scale == "asin":
        return arcsine_root(share)
    return centre_logs(np.log(share + HALF_READ["shotgun"]))


def split_difference(world: World, first: pd.Series, second: pd.Series) -> pd.DataFrame:
    """Split the raw difference between two groups into the contributions of all terms.

    Parameters
    ----------
    world : World
    first, second : Series of bool, index participant_id
        The difference is mean of `first` minus mean of `second`.

    Returns
    -------
    DataFrame, one row per species of the template
        Log abundance before closure: one column per term of `TERMS` and `CHANCE`, and
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


def compare_partners(apart: World, world: World, counts: pd.DataFrame) -> pd.Series:
    """Return how much closer sharing a home makes partners, as observed and exactly.

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
    home, sexes = _share_home(people), ~_same(people["sex"])
    strangers = _same(people["site"]) & ~_same(people["household_id"])
    if not home.any():
        raise ValueError("counts: expected two people of one home at least once; got none")
    seen = _square(clr(filter_features(counts)).to_numpy())
    two = sexes[home].mean()
    alike = two * _mean(seen, strangers & sexes) + (1 - two) * _mean(seen, strangers & ~sexes)
    couples = _share_home(world.people)
    then = _mean(_square(_logs(apart.species)), couples)
    nearer = {
        "observed": 1 - _mean(seen, home) / _mean(seen, strangers),
        "observed, adjusted": 1 - _mean(seen, home) / alike,
        "exact": 1 - _mean(_square(_logs(world.species)), couples) / then,
    }
    return 100 * pd.Series(nearer)


def _share_home(people: pd.DataFrame) -> np.ndarray:
    return _same(people["household_id"]) & ~np.eye(len(people), dtype=bool)


def _same(column: pd.Series) -> np.ndarray:
    values = column.to_numpy(str)
    return values[:, None] == values


def _mean(square: np.ndarray, pairs: np.ndarray) -> float:
    """Return the mean over pairs of people, or 0 if there are none."""
    return float(square[pairs].mean()) if pairs.any() else 0.0


def _logs(community: Community) -> np.ndarray:
    return _see(community, "clr", np.flatnonzero(community.template.column("tail") == 0))


def _square(logs: np.ndarray) -> np.ndarray:
    return squareform(pdist(logs, "sqeuclidean"))
