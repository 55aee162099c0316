"""How often the analyses err in simulated studies where MS does nothing.

Two worlds: ``null_clean`` (nothing acts on the community but place, home and batch) and
``null`` (sex, age, BMI, diet and lifestyle act, MS does not). One species is tested in each
cohort, so rejections are independent and their count is binomial.
"""

import numpy as np
import pandas as pd
from scipy.stats import binom

from cohabit import composition, diversity
from cohabit.abundance import METHODS, compare_abundance
from cohabit.permanova import permanova
from cohabit.simulate import StudyDesign, simulate_cohort

TITLE = "Error rates where MS does nothing"
WORLDS = ("null_clean", "null")
COHORTS_PER_PART = 50
N_PARTS = 40
SHARE_OF_STUDY = 1 / 8
COVARIATES = "sex + age + bmi + site"
LEVEL, CONFIDENCE, ASYMPTOTIC_LIMIT = 0.05, 0.999, 0.065
TERMS = {
    "permanova, alone": "group",
    "permanova, adjusted": "site + age + bmi + sex + group",
}
OWED_IN_BOTH_WORLDS = ("permanova, adjusted", *METHODS)


def parts() -> list[str]:
    """Return the names of the blocks of cohorts; each can be resumed."""
    return [f"{world}-{block:02d}" for world in WORLDS for block in range(N_PARTS)]


def measure(part: str) -> pd.DataFrame:
    """Return the p-values of one block of cohorts."""
    world, block = part.rsplit("-", 1)
    seeds = range(COHORTS_PER_PART * int(block), COHORTS_PER_PART * (int(block) + 1))
    return pd.concat([_test_cohort(world, 50_000 + seed) for seed in seeds])


def _test_cohort(world: str, seed: int) -> pd.DataFrame:
    design = StudyDesign.preset(world)
    sizes = {site: max(2, round(n * SHARE_OF_STUDY)) for site, n in design.pairs_per_site.items()}
    cohort = simulate_cohort(design.replace(pairs_per_site=sizes), seed=seed)
    counts, people = cohort.table("shotgun"), cohort.participants
    common = counts.loc[:, composition.prevalence(counts) > 0.5]
    species = common.columns[seed % common.shape[1]]
    rows = [(name, _test_species(counts, people, species, name)) for name in METHODS]
    distances = diversity.bray_curtis(composition.relative_abundance(counts))
    for name, formula in TERMS.items():
        tested = permanova(distances, people, formula, n_permutations=199, rng=seed)
        rows.append((name, tested.loc["group", "p_value"]))
    return pd.DataFrame(rows, columns=["test", "p_value"]).assign(world=world, seed=seed)


def _test_species(counts: pd.DataFrame, people: pd.DataFrame, species: str, method: str) -> float:
    table = compare_abundance(counts, people, "group", covariates=COVARIATES, method=method)
    return table.set_index("feature").at[species, "p_value"]


def summarise(measured: pd.DataFrame) -> pd.DataFrame:
    """Return one row a world and test: rejection rate and whether it holds."""
    tests = measured.dropna(subset="p_value").groupby(["world", "test"], sort=False)["p_value"]
    table = tests.agg(cohorts="size", rejected=lambda p: int((p <= LEVEL).sum())).reset_index()
    table["rejection"] = table["rejected"] / table["cohorts"]
    alpha = (1 - CONFIDENCE) / len(table)
    low, high = binom.interval(1 - alpha, table["cohorts"], LEVEL)
    limit = np.maximum(high, ASYMPTOTIC_LIMIT * table["cohorts"])
    owed = (table["world"] == "null_clean") | table["test"].isin(OWED_IN_BOTH_WORLDS)
    table["owed"] = owed
    table["verdict"] = np.select(
        [table["rejected"] > limit, table["rejected"] < low],
        ["rejects too often", "rejects too seldom"],
        "holds",
    )
    return table


def conclude(summary: pd.DataFrame) -> str:
    """Say how many tests hold where they owe it."""
    owed = summary[summary["owed"]]
    broken = owed[owed["verdict"] != "holds"]
    names = "; ".join(f"{row.test} ({row.world}: {row.verdict})" for row in broken.itertuples())
    return (
        f"{len(owed) - len(broken)} of {len(owed)} tests keep the level where they owe it."
        f"{' Not: ' + names + '.' if names else ''}"
    )
