"""How often tests of abundance and severity reject when nothing is there, and when something is.

Counts of pairs: negative binomial, overdispersed, partly shared at home, of unequal depth. One
feature of each cohort, drawn at random, enters the count, so that replicates are independent
whatever closure does among features; `pooled` is the share over all features tested.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd

from cohabit.stats.abundance import METHODS, compare_abundance
from cohabit.stats.association import fit_linear_model, fit_ordinal, partial_spearman
from cohabit.stats.composition import clr, filter_features, relative_abundance
from validation import gates

TITLE = "Abundance and severity: error and power"
N_PARTS, REPLICATES_PER_PART, SEED, EFFECT = 200, 10, 20240612, 0.7
COVARIATES = "sex + age + bmi + site"
N_FEATURES = 120
"""With half as many linda rejects 0.065 to 0.069: the error of its mode is not in its tests."""

N_CHANGED = 24
"""Features that carry the effect, where there is one."""


@dataclass(frozen=True)
class World:
    """What is true where the disease does nothing."""

    name: str
    n_pairs: int
    sex: float = 0.0
    missing: float = 0.0


WORLDS = (
    World("clean", n_pairs=80),
    World("covariates", n_pairs=80, sex=0.6),
    World("missing partners", n_pairs=80, sex=0.6, missing=0.2),
)


@dataclass(frozen=True)
class Cell:
    """One test; `owed` says in which worlds it must hold."""

    method: str
    term: str
    formula: str
    p_values: Callable[[pd.DataFrame, pd.DataFrame], pd.Series]
    owed: Callable[[World], bool]


def _abundance(method: str, formula: str) -> Callable[[pd.DataFrame, pd.DataFrame], pd.Series]:
    def p_values(counts, people):
        table = compare_abundance(counts, people, "group", formula, method)
        return table.set_index("feature")["p_value"]

    return p_values


def _patients(people: pd.DataFrame) -> pd.DataFrame:
    return people[people["group"] == "MS"]


def _spearman(counts, people):
    who = _patients(people)
    table = partial_spearman(
        relative_abundance(counts), who["msss"], who[["age", "bmi"]], zeros_removed=True
    )
    return table.set_index("feature")["p_value"]


def _ordinal(counts, people):
    who = _patients(people)
    values = clr(filter_features(counts)).loc[who.index]
    table = fit_ordinal(values, (who["msss"] // 1.5).rename("grade"), who[["age", "sex"]])
    return table.set_index("feature")["p_value"]


def _linear(counts, people):
    who = _patients(people)
    values = clr(filter_features(counts)).loc[who.index]
    table = fit_linear_model(values, who, "msss + age + sex")
    return table[table["coefficient"] == "msss"].set_index("feature")["p_value"]


def _always(world: World) -> bool:
    return True


def _without_sex(world: World) -> bool:
    return world.sex == 0


def _never(world: World) -> bool:
    return False


OWED = {
    **{"paired_wilcoxon": _without_sex, "ancombc": _never},
    **dict.fromkeys(["presence_logit", "two_parts"], _never),  # cautious: their odds are shrunk
}
CELLS = (
    *(
        Cell(name, "group[MS]", COVARIATES, _abundance(name, COVARIATES), OWED.get(name, _always))
        for name in METHODS
    ),
    Cell("lmm_clr", "group[MS]", "age", _abundance("lmm_clr", "age"), _without_sex),
    Cell("partial_spearman", "msss", "age + bmi", _spearman, _always),
    Cell("fit_ordinal", "msss", "age + sex", _ordinal, _always),
    Cell("fit_linear_model", "msss", "age + sex", _linear, _always),
)


def simulate(world: World, effect: float, rng) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return counts and people; `effect` is on the disease and the severity of some features."""
    n, size = world.n_pairs, 2 * world.n_pairs
    woman = rng.random(n) < 0.7
    female = np.column_stack([woman, woman ^ (rng.random(n) < 0.92)]).ravel()
    people = pd.DataFrame(
        {
            "household_id": np.repeat(np.arange(n), 2),
            "group": ["MS", "control"] * n,
            "site": np.repeat(rng.choice(["north", "south", "west"], n), 2),
            "sex": np.where(female, "female", "male"),
            "age": np.repeat(rng.normal(48, 11, n), 2) + rng.normal(0, 4, size),
            "bmi": rng.normal(26, 5, size),
            "msss": rng.uniform(0, 10, size),
        }
    )
    is_case = (people["group"] == "MS").to_numpy(float)
    logs = rng.normal(1, 1.7, N_FEATURES) + rng.normal(0, 1, (size, N_FEATURES))
    logs += np.repeat(rng.normal(0, 0.5, (n, N_FEATURES)), 2, axis=0)
    logs += world.sex * female[:, None] * (np.arange(N_FEATURES) % 2)
    severity = is_case * (people["msss"].to_numpy() - 5) / 2.9
    logs[:, :N_CHANGED] += effect * (is_case + severity)[:, None]
    mean = np.exp(logs) * rng.lognormal(0, 0.4, (size, 1))
    counts = pd.DataFrame(rng.negative_binomial(1.5, 1.5 / (1.5 + mean))).add_prefix("taxon_")
    kept = ~((is_case == 0) & (rng.random(size) < world.missing)) & (counts.sum(axis=1) > 0)
    return counts[kept], people[kept]


def parts() -> list[str]:
    """Return the names of the blocks of replicates."""
    return [f"block-{number:03d}" for number in range(N_PARTS)]


def measure(part: str) -> pd.DataFrame:
    """Return what one block rejects in every world and cell, without an effect and with one."""
    return run(REPLICATES_PER_PART, [SEED, int(part.removeprefix("block-"))])


def run(n_replicates: int, seed: list[int]) -> pd.DataFrame:
    """Return one row a world, effect and cell: rejections of one feature, and of all."""
    parts = []
    for (place, world), effect in product(enumerate(WORLDS), (0.0, EFFECT)):
        counted = np.zeros((len(CELLS), 4), int)
        for replicate in range(n_replicates):
            rng = np.random.default_rng([*seed, place, int(effect > 0), replicate])
            counts, people = simulate(world, effect, rng)
            order = rng.permutation(N_CHANGED if effect else N_FEATURES)
            counted += [count(cell.p_values(counts, people), order) for cell in CELLS]
        parts.append(_name_cells(world, effect).join(pd.DataFrame(counted, columns=COUNTS)))
    return pd.concat(parts, ignore_index=True)


COUNTS = ["rejected", "n_replicates", "pooled_rejected", "pooled_n"]


def _name_cells(world: World, effect: float) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "world": world.name,
            "effect": effect,
            "method": [cell.method for cell in CELLS],
            "term": [cell.term for cell in CELLS],
            "formula": [cell.formula for cell in CELLS],
            "owed": [cell.owed(world) for cell in CELLS],
        }
    )


def count(p_values: pd.Series, order: np.ndarray) -> list[int]:
    """Return rejections and tests: of the first feature tested in the order, and of all in it."""
    tested = p_values.reindex([f"taxon_{number}" for number in order]).dropna()
    rejected = tested <= gates.LEVEL
    return [int(rejected[:1].sum()), len(tested[:1]), int(rejected.sum()), len(tested)]


def summarise(measured: pd.DataFrame) -> pd.DataFrame:
    """Return one row a world, effect and cell, judged where nothing is there."""
    table = gates.judge(gates.add_up(measured))
    pooled = table.pop("pooled_rejected") / table.pop("pooled_n")
    return table.assign(pooled=pooled)


def conclude(summary: pd.DataFrame) -> str:
    """Say how many cells hold where they owe it."""
    return gates.conclude(summary)
