"""How often household models and paired tests reject when nothing is there, and when something is.

Gaussian worlds of pairs, some of them short of a partner. A cell is a method, a term and a
formula. Cells that should hold in a world are a gate; the others show how a test fails that
leaves out the household, or the sex of a partner, and in which direction.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy import stats

from cohabit.stats.formula import model_matrix
from cohabit.stats.mixed import fit_household_model, test_household_variance
from cohabit.stats.nonparametric import paired_wilcoxon, sign_flip_test
from cohabit.stats.paired import (
    fit_paired_model,
    paired_differences,
)
from validation import gates

TITLE = "Household models and paired tests: error and power"
N_PARTS, REPLICATES_PER_PART, SEED, EFFECT = 40, 50, 20240611, 0.3
REPLICATES_PER_DESIGN = 50


@dataclass(frozen=True)
class World:
    """What is true: how alike a household is, what sex does, and how many partners are missing."""

    name: str
    n_pairs: int
    household_share: float
    sex: float = 0.0
    missing: float = 0.0


WORLDS = (
    World("study", n_pairs=100, household_share=0.145, sex=0.4, missing=0.1),
    World("alike", n_pairs=60, household_share=0.5, sex=0.4),
    World("strangers", n_pairs=60, household_share=0.0, sex=0.4),
    World("clean", n_pairs=60, household_share=0.145),
    World("small", n_pairs=20, household_share=0.145, missing=0.2),
)


@dataclass(frozen=True)
class Cell:
    """One way to test one term; `owed` says in which worlds it must hold."""

    method: str
    term: str
    formula: str | None
    p_values: Callable[[pd.DataFrame, pd.DataFrame, "Cell"], np.ndarray]
    owed: Callable[[World], bool]


def _household(values, people, cell):
    table = fit_household_model(values, people, cell.formula)
    return table.loc[table["coefficient"] == cell.term, "p_value"].to_numpy()


def _variance(values, people, cell):
    return test_household_variance(values, people, cell.formula)["p_value"].to_numpy()


def _blind(values, people, cell):
    """Ordinary least squares: everybody a stranger."""
    x = model_matrix(cell.formula, people).values
    position = list(x.columns).index(cell.term)
    return np.array([sm.OLS(y, x).fit().pvalues.iloc[position] for y in values.to_numpy().T])


def _paired(values, people, cell):
    return fit_paired_model(values, people, cell.formula)["p_value"].to_numpy()


def _flips(values, people, cell):
    return sign_flip_test(paired_differences(values, people), 499, rng=1)["p_value"].to_numpy()


def _ranks(values, people, cell):
    return paired_wilcoxon(values, people)["p_value"].to_numpy()


def _always(world: World) -> bool:
    return True


def _without_sex(world: World) -> bool:
    return world.sex == 0


def _strangers(world: World) -> bool:
    return world.household_share == 0


ADJUSTED = "group + sex + age + income"
CELLS = (
    Cell("household model", "group[MS]", ADJUSTED, _household, _always),
    Cell("household model", "age", ADJUSTED, _household, _always),
    Cell("household model", "income", ADJUSTED, _household, _always),
    Cell("household model", "group[MS]", "group", _household, _without_sex),
    Cell("household variance", "household", ADJUSTED, _variance, _strangers),
    Cell("least squares", "group[MS]", ADJUSTED, _blind, _strangers),
    Cell("least squares", "income", ADJUSTED, _blind, _strangers),
    Cell("paired model", "group[MS]", "sex + age", _paired, _always),
    Cell("paired t", "group[MS]", None, _paired, _without_sex),
    Cell("sign flips", "group[MS]", None, _flips, _without_sex),
    Cell("signed ranks", "group[MS]", None, _ranks, _without_sex),
)


def simulate_people(world: World, rng: np.random.Generator) -> pd.DataFrame:
    """Return pairs, 92% of opposite sex, three patients in four women; some partners missing."""
    n = world.n_pairs
    woman, opposite = rng.random(n) < 0.75, rng.random(n) < 0.92
    female = np.column_stack([woman, woman ^ opposite]).ravel()
    shared = rng.normal(48, 11, n)
    people = pd.DataFrame(
        {
            "household_id": np.repeat(np.arange(n), 2),
            "group": ["MS", "control"] * n,
            "sex": np.where(female, "female", "male"),
            "age": np.repeat(shared, 2) + rng.normal(0, 4, 2 * n),
            "income": np.repeat(rng.normal(size=n), 2),
        }
    )
    gone = (people["group"] == "control") & (rng.random(2 * n) < world.missing)
    return people[~gone]


def simulate_values(
    people: pd.DataFrame, world: World, n: int, cell: Cell, effect: float, rng: np.random.Generator
) -> pd.DataFrame:
    """Return n features, total standard deviation 1, with `effect` on the term of the cell."""
    share = effect if cell.term == "household" and effect else world.household_share
    home = pd.factorize(people["household_id"])[0]
    values = np.sqrt(share) * rng.normal(size=(home.max() + 1, n))[home]
    values += np.sqrt(1 - share) * rng.normal(size=(len(people), n))
    moved = world.sex * (people["sex"] == "female").to_numpy(float)
    if cell.term == "group[MS]":
        moved += effect * (people["group"] == "MS").to_numpy()
    elif cell.term in people:
        moved += effect * stats.zscore(people[cell.term].to_numpy())
    return pd.DataFrame(values + moved[:, None], index=people.index)


def count_rejections(world: World, cell: Cell, effect: float, n_replicates: int, seed) -> int:
    """Return how many of the replicates a cell rejects at `LEVEL`."""
    rng = np.random.default_rng(seed)
    rejected = 0
    for start in range(0, n_replicates, REPLICATES_PER_DESIGN):
        n = min(REPLICATES_PER_DESIGN, n_replicates - start)
        people = simulate_people(world, rng)
        values = simulate_values(people, world, n, cell, effect, rng)
        rejected += int((cell.p_values(values, people, cell) <= gates.LEVEL).sum())
    return rejected


def parts() -> list[str]:
    """Return the names of the blocks of replicates."""
    return [f"block-{number:02d}" for number in range(N_PARTS)]


def measure(part: str) -> pd.DataFrame:
    """Return what one block rejects in every world and cell, without an effect and with one."""
    return run(REPLICATES_PER_PART, [SEED, int(part.removeprefix("block-"))])


def run(n_replicates: int, seed: list[int]) -> pd.DataFrame:
    """Return one row a world, effect and cell: rejections and replicates."""
    rows = []
    for number, (world, cell) in enumerate(product(WORLDS, CELLS)):
        for effect in (0.0, EFFECT):
            if effect == 0 and cell.term == "household" and world.household_share:
                continue
            own = [*seed, number, int(effect > 0)]
            rejected = count_rejections(world, cell, effect, n_replicates, own)
            rows.append(
                {
                    "world": world.name,
                    "effect": effect,
                    "method": cell.method,
                    "term": cell.term,
                    "formula": cell.formula or "nothing",
                    "owed": cell.owed(world),
                    "rejected": rejected,
                    "n_replicates": n_replicates,
                }
            )
    return pd.DataFrame(rows)


def summarise(measured: pd.DataFrame) -> pd.DataFrame:
    """Return one row a world, effect and cell, judged where nothing is there."""
    return gates.judge(gates.add_up(measured))


def conclude(summary: pd.DataFrame) -> str:
    """Say how many cells hold where they owe it."""
    return gates.conclude(summary)
