"""How often the analyses err in simulated studies where MS does nothing.

Two worlds: ``null_clean`` (nothing acts on the community but place, home and batch) and
``null`` (sex, age, BMI, diet and lifestyle act, MS does not). One species is tested in each
cohort, so rejections are independent and their count is binomial: the first of a random order
that the test can test, among common species, or for presence among those that some carry and
some do not. Not owed: `paired_wilcoxon` and PERMANOVA alone where sex acts, since they leave sex
out and partners differ in it; `ancombc`, which is blind to pairs and too cautious for it, and
slow: one cohort in ten is asked.
"""

import numpy as np
import pandas as pd

from cohabit.simulate import StudyDesign, simulate_shotgun
from cohabit.stats import composition, diversity
from cohabit.stats.abundance import METHODS, compare_abundance
from cohabit.stats.permanova import permanova
from cohabit.stats.permanova.analysis import innermost_row
from validation import gates

TITLE = "Error rates where MS does nothing"
WORLDS = ("null_clean", "null")
COHORTS_PER_PART = 10
N_PARTS = 200
SHARE_OF_STUDY = 1 / 8
COVARIATES = "sex + age + bmi + site"
COMMON, VARYING = (0.5, 1.0), (0.1, 0.9)
"""Prevalence of the species whose abundance, and whose presence, is tested."""

ONE_BY_ONE = (
    *("paired_wilcoxon", "presence_clogit", "nbinom", "zinb", "presence_logit", "nonzero_log"),
    *("two_parts", "matched_sets"),
)
"""Methods that test a species whatever the others: those never asked after are left out."""

TERMS = {
    "permanova, alone": "group",
    "permanova, adjusted": "site + age + bmi + sex + group",
}
UNADJUSTED = ("paired_wilcoxon", "permanova, alone")
BLIND = ("ancombc",)
CAUTIOUS = ("presence_logit", "two_parts")
"""Methods that shrink the odds of presence, and so reject less than they may."""

BLIND_EVERY = 10


def parts() -> list[str]:
    """Return the names of the blocks of cohorts, the worlds by turns."""
    return [f"{world}-{block:03d}" for block in range(N_PARTS) for world in WORLDS]


def measure(part: str) -> pd.DataFrame:
    """Return the p-values of one block of cohorts."""
    world, block = part.rsplit("-", 1)
    seeds = range(COHORTS_PER_PART * int(block), COHORTS_PER_PART * (int(block) + 1))
    return pd.concat([ask_cohort(world, 50_000 + seed) for seed in seeds], ignore_index=True)


def ask_cohort(world: str, seed: int) -> pd.DataFrame:
    """Return one p-value a test, of one cohort an eighth of the study's size."""
    design = StudyDesign.preset(world)
    sizes = {site: max(2, round(n * SHARE_OF_STUDY)) for site, n in design.pairs_per_site.items()}
    cohort = simulate_shotgun(design.replace(pairs_per_site=sizes), seed=seed)
    people = cohort.participants.dropna(subset=["age", "bmi", "sex"])
    counts = cohort.table("shotgun").loc[lambda table: table.index.isin(people.index)]
    asked = [name for name in METHODS if name not in BLIND or seed % BLIND_EVERY == 0]
    rows = [(name, *_test_species(counts, people, name, seed)) for name in asked]
    distances = diversity.bray_curtis(composition.relative_abundance(counts))
    for name, formula in TERMS.items():
        tested = permanova(distances, people, formula, n_permutations=199, rng=seed)
        rows.append((name, "", innermost_row(tested, "group")["p_value"]))
    columns = ["test", "species", "p_value"]
    return pd.DataFrame(rows, columns=columns).assign(world=world, seed=seed)


def _test_species(counts, people, method: str, seed: int) -> tuple[str, float]:
    asked = VARYING if method.startswith("presence") else COMMON
    filters = {"min_prevalence": asked[0]} if method in ONE_BY_ONE else {}
    table = compare_abundance(
        counts, people, "group", covariates=COVARIATES, method=method, **filters
    )
    order = order_species(counts, asked, seed)
    tested = table.set_index("feature")["p_value"].reindex(order).dropna()
    return (tested.index[0], tested.iloc[0]) if len(tested) else ("", np.nan)


def order_species(counts: pd.DataFrame, prevalence: tuple[float, float], seed: int) -> pd.Index:
    """Return the species within a range of prevalence in the order of a seed."""
    shares = composition.prevalence(counts)
    chosen = counts.columns[shares.between(*prevalence)].sort_values()
    return chosen[np.random.default_rng([seed, 1]).permutation(len(chosen))]


def summarise(measured: pd.DataFrame) -> pd.DataFrame:
    """Return one row a world and test: rejection rate and whether it holds."""
    tests = measured.dropna(subset="p_value").groupby(["world", "test"], sort=False)["p_value"]
    counts = {"rejected": lambda p: int((p <= gates.LEVEL).sum()), "n_replicates": "size"}
    table = tests.agg(**counts).reset_index()
    excused = (table["world"] == "null") & table["test"].isin(UNADJUSTED)
    return gates.judge(table.assign(owed=~excused & ~table["test"].isin([*BLIND, *CAUTIOUS])))


def conclude(summary: pd.DataFrame) -> str:
    """Say how many tests hold where they owe it."""
    return gates.conclude(summary, ("world", "test"))
