"""Adjusted R² of people in pairs: bias, and how often its 95% interval misses.

Six features of falling variance; partners share half or four fifths of it. Status differs within
households, site between them, age both ways; *status - site* is the difference of the two. Effects
are fixed, so the true value is known. A miss beyond 5% by chance alone is a fault; the intervals
are approximate, so 6.5% is allowed.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd
from scipy.spatial.distance import pdist, squareform

from cohabit.stats.explained import explain_alone
from validation import gates

TITLE = "Explained variation: bias and coverage"
N_PARTS, SEED = 40, 20240301
REPLICATES = {40: 50, 150: 25, 576: 5}
"""Number of pairs -> replicates of a part."""

SPREAD = 0.7 ** np.arange(6)
TERMS = ("group", "site", "age")


@dataclass(frozen=True)
class World:
    """What is true: the share of the household, and the strength of status, site and age."""

    name: str
    share: float
    strength: float = 0.0
    heavy: bool = False
    """Whether values have the tails of t with 5 degrees of freedom."""


WORLDS = (
    World("nothing, half shared", 0.5),
    World("nothing, four fifths shared", 0.8),
    World("nothing, heavy tails", 0.5, heavy=True),
    World("weak", 0.5, 0.4),
    World("strong", 0.5, 1.2),
)


def simulate_people(n_pairs: int) -> pd.DataFrame:
    """Return pairs in four places; the same people for every replicate."""
    rng = np.random.default_rng(n_pairs)
    age = np.repeat(rng.normal(size=n_pairs), 2) + 0.7 * rng.normal(size=2 * n_pairs)
    return pd.DataFrame(
        {
            "household_id": np.repeat([f"H{i:03d}" for i in range(n_pairs)], 2),
            "group": ["MS", "control"] * n_pairs,
            "site": np.repeat(np.array(list("abcd"))[np.arange(n_pairs) % 4], 2),
            "age": age,
        },
        index=[f"p{i:04d}" for i in range(2 * n_pairs)],
    )


def effects_of(people: pd.DataFrame, strength: float) -> np.ndarray:
    """Return what status, site and age do to the features, (n_people, 6)."""
    columns = np.column_stack(
        [people["group"] == "MS", pd.get_dummies(people["site"]).iloc[:, :3], people["age"]]
    ).astype(float)
    directions = np.zeros((columns.shape[1], len(SPREAD)))
    directions[0, :2] = directions[1, 1] = directions[2, 2] = directions[3, 0] = 1
    directions[4, 3] = 0.3
    added = strength * columns @ directions
    return added - added.mean(axis=0)


def draw_values(world: World, n_pairs: int, rng: np.random.Generator) -> np.ndarray:
    """Return features without effects, (n_people, 6)."""

    def draw(n: int) -> np.ndarray:
        size = (n, len(SPREAD))
        return rng.standard_t(5, size) * np.sqrt(0.6) if world.heavy else rng.normal(size=size)

    shared = np.repeat(draw(n_pairs), 2, axis=0)
    return (np.sqrt(world.share) * shared + np.sqrt(1 - world.share) * draw(2 * n_pairs)) * SPREAD


def true_r2(effects: np.ndarray, people: pd.DataFrame, world: World) -> pd.Series:
    """Return the expectation of what adjusted R² estimates: it is linear in inner products."""
    planted = float((effects**2).sum())
    if planted == 0:
        return pd.Series(0.0, TERMS)
    noise = float((SPREAD**2).sum()) * (len(people) - 1 - world.share)
    distances = pd.DataFrame(squareform(pdist(effects)), people.index, people.index)
    found = explain_alone(distances, people, TERMS).estimates["r2_adjusted"]
    return found * planted / (planted + noise)


def measure_cell(world: World, n_pairs: int, n_replicates: int, seed) -> pd.DataFrame:
    """Return one row a quantity: misses of its interval, and the sum of its errors."""
    rng, people = np.random.default_rng(seed), simulate_people(n_pairs)
    effects = effects_of(people, world.strength)
    truth = true_r2(effects, people, world)
    truth["status - site"] = truth["group"] - truth["site"]
    rows = []
    for _ in range(n_replicates):
        values = draw_values(world, n_pairs, rng) + effects
        distances = pd.DataFrame(squareform(pdist(values)), people.index, people.index)
        found = explain_alone(distances, people, TERMS)
        table = found.estimates[["r2_adjusted", "r2_adjusted_low", "r2_adjusted_high"]]
        table = table.set_axis(["estimate", "low", "high"], axis=1)
        table.loc["status - site"] = found.compare("group", "site")
        rows.append(table.assign(truth=truth, rejected=~truth.between(table["low"], table["high"])))
    table = pd.concat(rows).rename_axis("quantity").reset_index()
    table["error"] = table["estimate"] - table["truth"]
    table["squared"] = table["error"] ** 2
    sums = table.groupby("quantity", sort=False)[["rejected", "error", "squared"]].sum()
    cell = {"world": world.name, "n_pairs": n_pairs, "n_replicates": n_replicates, "owed": True}
    return sums.reset_index().assign(**cell, true_r2=truth.to_numpy())


def parts() -> list[str]:
    """Return the names of the blocks of replicates."""
    return [f"block-{number:02d}" for number in range(N_PARTS)]


def measure(part: str) -> pd.DataFrame:
    """Return the misses and errors of one block in every world and size."""
    number = int(part.removeprefix("block-"))
    cells = product(enumerate(WORLDS), REPLICATES.items())
    return pd.concat(
        [
            measure_cell(world, n_pairs, n_replicates, [SEED, number, place, n_pairs])
            for (place, world), (n_pairs, n_replicates) in cells
        ],
        ignore_index=True,
    )


def summarise(measured: pd.DataFrame) -> pd.DataFrame:
    """Return one row a world, size and quantity: bias in standard errors, and misses."""
    keys = ["world", "n_pairs", "quantity", "true_r2", "owed"]
    sums = measured.groupby(keys, sort=False, as_index=False).sum()
    n = sums["n_replicates"]
    bias = sums.pop("error") / n
    error = np.sqrt((sums.pop("squared") / n - bias**2) / n)
    return gates.judge(sums.assign(bias=bias, bias_in_errors=bias / error))


def conclude(summary: pd.DataFrame) -> str:
    """Say how many intervals hold and how far the estimates are from the truth."""
    most = summary["bias_in_errors"].abs().max()
    return (
        f"{gates.conclude(summary, ('world', 'n_pairs', 'quantity'))} Bias of adjusted R²: at "
        f"most {most:.1f} standard errors in {len(summary)} cells."
    )
