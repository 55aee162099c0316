"""Exact effects: each person's own difference between two worlds, before any sequencing."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cohabit.data.schema import nearest
from cohabit.experiments.two_worlds.world import World
from cohabit.simulate.community import Community
from cohabit.simulate.estimands import HALF_READ

SCALES = {
    "latent": "log abundance before closure, carried or not; nothing moves but what is touched",
    "share": "share of the community",
    "asin": "arcsine of the square root of the share",
    "clr": "log share, half a read added, less its mean over the species",
    "carried": "whether the species is there: 1 arrived, -1 lost",
}
"""Scale -> what a difference on it means."""


def differ(
    after: World, before: World, scale: str = "latent", features: Sequence[str] | None = None
) -> pd.DataFrame:
    """Return each person's own difference between two worlds, species by species.

    Parameters
    ----------
    after, before : World
        Of the same people.
    scale : str
        One of `SCALES`.
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
    if scale not in SCALES:
        raise ValueError(f"no scale {scale!r}: {nearest(scale, SCALES)}")
    community = before.species
    if features is None:
        features = community.taxa[community.template.column("tail") == 0]
    columns = community.taxa.get_indexer(list(features))
    if (columns < 0).any():
        raise ValueError(f"features: not in the template: {np.array(features)[columns < 0][:5]}")
    change = see(after.species, scale, columns) - see(community, scale, columns)
    return pd.DataFrame(change, before.people.index, pd.Index(features, name="feature"))


def summarise_change(after: World, before: World, concerned: pd.Series) -> dict[str, float]:
    """Summarise how far a change moves the people it concerns.

    Parameters
    ----------
    after, before : World
    concerned : Series of bool, index participant_id

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
    apart = 2 * see(before.species, "clr", columns).var(axis=0, ddof=1).sum()
    return {
        "people": int(rows.sum()),
        "touched": int((differ(after, before) != 0).any().sum()),
        "moved": int((differ(after, before, "share").abs() > 1e-12).any().sum()),
        "own": 100 * float((change**2).sum(axis=1).mean() / apart),
        "in_common": 100 * float((change.mean() ** 2).sum() / apart),
    }


def see(community: Community, scale: str, columns: np.ndarray) -> np.ndarray:
    """Return people x species on a scale."""
    if scale == "latent":
        return community.log_abundance[:, columns]
    if scale == "carried":
        return community.carried[:, columns].astype(float)
    share = community.composition[:, columns]
    if scale == "share":
        return share
    if scale == "asin":
        return np.arcsin(np.sqrt(share))
    logs = np.log(share + HALF_READ["shotgun"])
    return logs - logs.mean(axis=1, keepdims=True)
