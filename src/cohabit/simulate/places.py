"""Places: regions by latitude, towns, light, moves and access to care."""

import numpy as np
import pandas as pd

from cohabit.simulate.design import PopulationDesign
from cohabit.simulate.dice import stream
from cohabit.simulate.genes import ANCESTRIES

N_REGIONS, TOWNS_PER_REGION = 40, 10
HIGH, LOW = 54.0, 16.0
"""Latitudes (degrees) above and below which a region counts as an end of the map."""

WINDOW_OPENS_BEFORE = 2.0  # years before it closes: only the last years of childhood count
NEIGHBOURHOOD = 3.0  # degrees of latitude on either side of a clinic
CLUSTER_RADIUS = 3.0  # degrees around the town in the middle of the planted cluster


def list_towns() -> pd.DataFrame:
    """Return the map with one row per town.

    region, latitude and longitude (degrees), light (0 to 1, the square of the cosine of latitude:
    ultraviolet light over a year, relative to the equator), weight (share of people born there),
    zone ("high", "middle" or "low" latitude).
    """
    draws = stream(0, "population/map")
    region = np.repeat(np.arange(N_REGIONS), TOWNS_PER_REGION)
    centre = np.linspace(5, 64, N_REGIONS)[region]
    latitude = centre + draws.uniform(-0.7, 0.7, len(region))
    weight = (np.exp(-0.5 * ((centre - 52) / 11) ** 2) + 0.06) * draws.uniform(
        0.5, 1.5, len(region)
    )
    towns = pd.DataFrame(
        {
            "region": region,
            "latitude": latitude,
            "longitude": draws.uniform(0, 40, len(region)),
            "light": np.cos(np.radians(latitude)) ** 2,
            "weight": weight / weight.sum(),
        }
    )
    towns["zone"] = np.select([centre >= HIGH, centre <= LOW], ["high", "low"], "middle")
    return towns.rename_axis("town")


def draw_kindreds(
    n_kindreds: int, design: PopulationDesign, seed: int, near: float | None = None
) -> pd.DataFrame:
    """Draw the origin of each kindred: town, ancestry and whether it moves far.

    With `near`, a latitude in degrees, only towns in its `NEIGHBOURHOOD` are used.
    """
    towns = list_towns()
    u = stream(seed, "population/kindreds").random((n_kindreds, 4))
    weight = (
        towns["weight"]
        if near is None
        else towns["weight"].where(is_in_neighbourhood(towns, near), 0.0)
    )
    town = _choose(weight.to_numpy(), u[:, 0])
    far = u[:, 1] < design.far_moves
    ends = np.where(
        u[:, 2] < 0.5, _in_zone(towns, "high", u[:, 0]), _in_zone(towns, "low", u[:, 0])
    )
    town = np.where(far, ends, town)
    latitude = towns["latitude"].to_numpy()[town]
    ancestry = _draw_ancestry(latitude, design.ancestry_gradient, u[:, 3])
    return pd.DataFrame({"town": town, "far": far, "ancestry": ancestry})


def is_in_neighbourhood(places: pd.DataFrame, latitude: float) -> pd.Series:
    """Return True for rows whose `latitude` is in the neighbourhood of the given one."""
    return (places["latitude"] - latitude).abs() <= NEIGHBOURHOOD


def _choose(weights: np.ndarray, u: np.ndarray) -> np.ndarray:
    edges = np.cumsum(weights) / weights.sum()
    return np.minimum(np.searchsorted(edges, u, side="right"), len(weights) - 1)


def _in_zone(towns: pd.DataFrame, zone: str, u: np.ndarray) -> np.ndarray:
    return _choose(towns["weight"].where(towns["zone"] == zone, 0.0).to_numpy(), u)


def _draw_ancestry(latitude: np.ndarray, gradient: float, u: np.ndarray) -> np.ndarray:
    """Return ancestry, which follows latitude by logistic curves around 40 and 22 degrees."""
    lean = gradient * (latitude - 40) / 7
    north = 1 / (1 + np.exp(-lean - 0.3))
    tropical = (1 - north) / (1 + np.exp(gradient * (latitude - 22) / 6 + 0.5 * (1 - gradient)))
    return np.array(ANCESTRIES)[np.where(u < north, 0, np.where(u < 1 - tropical, 1, 2))]


def move_people(
    kindreds: pd.DataFrame, kindred: np.ndarray, design: PopulationDesign, seed: int
) -> pd.DataFrame:
    """Draw each person's move, if any, and the light in the critical years.

    town_of_birth, birth_latitude, move_age (years, missing when never), town, region, latitude
    (where they live as adults), light (of the window), grew_up_in (town).
    """
    towns = list_towns()
    u = stream(seed, "population/moves").random((len(kindred), 3))
    birth = kindreds["town"].to_numpy()[kindred]
    far = kindreds["far"].to_numpy()[kindred]
    zone = towns["zone"].to_numpy()[birth]
    opposite = np.where(
        zone == "high", _in_zone(towns, "low", u[:, 1]), _in_zone(towns, "high", u[:, 1])
    )
    elsewhere = np.where(far, opposite, _choose(towns["weight"].to_numpy(), u[:, 1]))
    moves = u[:, 0] < design.migrant_share
    age = np.where(moves, 45 * u[:, 2], np.nan)
    home = np.where(moves, elsewhere, birth)
    latitude, light = towns["latitude"].to_numpy(), towns["light"].to_numpy()
    kept = share_before_move(age, design.window_closes)
    return pd.DataFrame(
        {
            "town_of_birth": birth.astype(np.int16),
            "birth_latitude": latitude[birth],
            "move_age": age,
            "town": home.astype(np.int16),
            "region": towns["region"].to_numpy()[home].astype(np.int16),
            "latitude": latitude[home],
            "light": kept * light[birth] + (1 - kept) * light[home],
            "grew_up_in": np.where(kept > 0.5, birth, home).astype(np.int16),
        }
    )


def share_before_move(move_age: np.ndarray, closes: float) -> np.ndarray:
    """Return the share of the critical period spent at the place of birth; 1 without a move."""
    opens = closes - WINDOW_OPENS_BEFORE
    return np.nan_to_num(np.clip((move_age - opens) / WINDOW_OPENS_BEFORE, 0, 1), nan=1.0)


def find_cluster() -> pd.Index:
    """Return the towns of the planted cluster, those around a town in the middle."""
    towns = list_towns()
    middle = towns.loc[(towns["latitude"] - 46).abs().idxmin()]
    east, north = towns["longitude"] - middle["longitude"], towns["latitude"] - middle["latitude"]
    return towns.index[np.hypot(east, north) <= CLUSTER_RADIUS]


def draw_care(latitude: np.ndarray, design: PopulationDesign) -> np.ndarray:
    """Return the probability of a diagnosis of MS: 0.98 at 60 degrees latitude, less below."""
    away = np.clip((60 - latitude) / 60, 0, 1)
    return 0.98 * (1 - design.care_gradient * away)
