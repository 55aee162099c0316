"""How often household models and paired tests reject when nothing is there, and when something is.

Gaussian worlds of pairs, some of them short of a partner. A cell is a method, a term and a
formula. Cells that should hold in a world are a gate; the others show how a test fails that
leaves out the household, or the sex of a partner, and in which direction.

``python benchmarks/validity_mixed.py --replicates 2000 --out validity_mixed.tsv``
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy import stats

from cohabit.formula import model_matrix
from cohabit.mixed import fit_household_model, test_household_variance
from cohabit.paired import fit_paired_model, paired_differences, paired_wilcoxon, sign_flip_test

LEVEL = 0.05
HIGHEST = 0.065
"""What an asymptotic test may reach; all of these but the sign flips are."""

CONFIDENCE = 0.999
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


def count_rejections(world: World, cell: Cell, effect: float, n_replicates: int, seed: int) -> int:
    rng = np.random.default_rng(seed)
    rejected = 0
    for start in range(0, n_replicates, REPLICATES_PER_DESIGN):
        n = min(REPLICATES_PER_DESIGN, n_replicates - start)
        people = simulate_people(world, rng)
        values = simulate_values(people, world, n, cell, effect, rng)
        rejected += int((cell.p_values(values, people, cell) <= LEVEL).sum())
    return rejected


def run(n_replicates: int, seed: int, effect: float = 0.3) -> pd.DataFrame:
    """Return the table: rejection under no effect in each world, and under an effect."""
    rows = []
    for number, (world, cell) in enumerate(product(WORLDS, CELLS)):
        for size in (0.0, effect):
            if size == 0 and cell.term == "household" and world.household_share:
                continue
            rejected = count_rejections(world, cell, size, n_replicates, seed + 2 * number)
            rows.append(
                {
                    "world": world.name,
                    "effect": size,
                    "method": cell.method,
                    "term": cell.term,
                    "formula": cell.formula or "",
                    "owed": cell.owed(world),
                    "rejected": rejected,
                    "n_replicates": n_replicates,
                }
            )
    return judge(pd.DataFrame(rows))


def judge(table: pd.DataFrame) -> pd.DataFrame:
    """Add the rejection rate with its exact interval and, without effect, a verdict.

    A cell holds when its count is no surprise at `CONFIDENCE`, Bonferroni over the cells
    without effect, for some rate between `LEVEL` and `HIGHEST`.
    """
    null = table["effect"] == 0
    tail = (1 - CONFIDENCE) / null.sum() / 2
    n, hits = table["n_replicates"], table["rejected"]
    verdict = np.select(
        [
            ~null,
            hits > stats.binom.isf(tail, n, HIGHEST),
            hits < stats.binom.ppf(tail, n, LEVEL),
        ],
        ["", "rejects too often", "rejects too seldom"],
        "holds",
    )
    bounds = pd.DataFrame(
        [
            stats.binomtest(int(k), int(m)).proportion_ci(CONFIDENCE)
            for k, m in zip(hits, n, strict=True)
        ],
        columns=["low", "high"],
        index=table.index,
    )
    return table.assign(rejection=hits / n, verdict=verdict).join(bounds)


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=20240611)
    parser.add_argument("--out", type=Path, default=Path("validity_mixed.tsv"))
    arguments = parser.parse_args()
    table = run(arguments.replicates, arguments.seed)
    table.round(5).to_csv(arguments.out, sep="\t", index=False)
    broken = table[table["owed"] & (table["effect"] == 0) & (table["verdict"] != "holds")]
    print(f"{len(table)} cells written to {arguments.out}; {len(broken)} break what is owed")


if __name__ == "__main__":
    main()
