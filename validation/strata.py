"""PERMANOVA by default where nothing is planted: sizes, shares of the household, sex and status.

Gaussian worlds of 15 to 600 pairs. Members of a household share a part of their variance; women are
75% of patients and 30% of controls (tied), or half of each. Every row of each default table
counts: what differs within households, and what differs between them.
"""

from itertools import product

import numpy as np
import pandas as pd

from cohabit.stats.permanova.analysis import analyse
from cohabit.stats.permanova.geometry import FeatureGeometry
from cohabit.stats.permanova.model import Options, prepare_model
from validation import gates

TITLE = "PERMANOVA: error strata without an effect"
N_PARTS, REPLICATES_PER_PART, SEED = 80, 25, 20240301
N_FEATURES, N_PERMUTATIONS = 6, 99
SIZES = (15, 100, 600)
SHARES = (0.0, 0.39, 0.5, 0.8, 0.9)
STATUS, FULL = "sex + group", "site + age + sex + group"
CELLS = [*product(SIZES, ("tied", "not tied"))]
WOMEN = {"tied": (0.75, 0.30), "not tied": (0.5, 0.5)}


def simulate_people(n_pairs: int, sex: str, rng: np.random.Generator) -> pd.DataFrame:
    """Return pairs in four places, with as many women as `sex` says."""
    woman = rng.random(2 * n_pairs) < np.tile(WOMEN[sex], n_pairs)
    return pd.DataFrame(
        {
            "household_id": np.repeat([f"H{i:03d}" for i in range(n_pairs)], 2),
            "group": ["MS", "control"] * n_pairs,
            "site": np.repeat(rng.choice(list("abcd"), n_pairs, p=[0.4, 0.3, 0.2, 0.1]), 2),
            "sex": np.where(woman, "female", "male"),
            "age": np.repeat(rng.normal(50, 8, n_pairs), 2) + rng.normal(0, 4, 2 * n_pairs),
        },
        index=[f"p{i:04d}" for i in range(2 * n_pairs)],
    )


def parts() -> list[str]:
    """Return the names of the blocks of replicates."""
    return [f"block-{number:02d}" for number in range(N_PARTS)]


def measure(part: str) -> pd.DataFrame:
    """Return what one block rejects in every cell; each replicate has people of its own."""
    number = int(part.removeprefix("block-"))
    return pd.concat(
        [
            count_rejections(n_pairs, sex, REPLICATES_PER_PART, [SEED, number, place])
            for place, (n_pairs, sex) in enumerate(CELLS)
        ],
        ignore_index=True,
    )


def count_rejections(n_pairs: int, sex: str, n_replicates: int, seed) -> pd.DataFrame:
    """Return the rejections of every row of the default tables, by share and formula."""
    rng, rows = np.random.default_rng(seed), []
    for _ in range(n_replicates):
        people = simulate_people(n_pairs, sex, rng)
        home = rng.normal(size=(n_pairs, N_FEATURES)).repeat(2, axis=0)
        own = rng.normal(size=(2 * n_pairs, N_FEATURES))
        for formula, shares in ((STATUS, SHARES), (FULL, SHARES[:4:3])):
            model = prepare_model(people, formula, Options(n_permutations=N_PERMUTATIONS))
            for share in shares:
                values = np.sqrt(share) * home + np.sqrt(1 - share) * own
                table = analyse(model, FeatureGeometry(values - values.mean(axis=0)), rng)
                tested = table[table["p_value"].notna()].reset_index()
                rows.append(
                    tested[["term", "stratum", "p_value"]].assign(formula=formula, share=share)
                )
    found = pd.concat(rows).assign(n_pairs=n_pairs, sex=sex)
    found["rejected"] = found["p_value"] <= gates.LEVEL
    keys = ["n_pairs", "sex", "formula", "share", "term", "stratum"]
    counts = found.groupby(keys, sort=False)["rejected"].agg(rejected="sum", n_replicates="count")
    return counts.reset_index().assign(owed=True)


def summarise(measured: pd.DataFrame) -> pd.DataFrame:
    """Return one row a cell with its exact interval, judged at the nominal level."""
    return gates.judge(gates.add_up(measured), highest=gates.LEVEL)


def conclude(summary: pd.DataFrame) -> str:
    """Say how many cells hold."""
    return gates.conclude(summary, ("n_pairs", "sex", "formula", "share", "term", "stratum"))
