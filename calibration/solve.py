"""Solution of intercepts, spreads, carriage and household shares by simulation.

Everything is solved as observed: after closure and, for detection and household shares, after
sequencing with the usual batch effects. Draws stay the same from step to step, so that only the
constants change.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special

from cohabit.experiments.realism.fit import SITE_COLUMNS
from cohabit.simulate.amplicons import follow_species
from cohabit.simulate.community import Community
from cohabit.simulate.design import PAIRS_PER_SITE, StudyDesign
from cohabit.simulate.sequencing import count_reads
from cohabit.simulate.template import LOADINGS, Template
from cohabit.simulate.world import World, draw_recorded_world
from cohabit.stats.composition import arcsine_root
from cohabit.stats.formula import model_matrix
from cohabit.stats.least_squares import residuals

SEED = 1_000_001  # of the population the constants are solved on; no study uses it
TIMES = 5  # as many pairs as the study
DAMPING = 0.7
MIN_SPREAD, MAX_SPREAD = 0.15, 3.0  # log units
MOSTLY_PRESENT = 0.8
FOLLOWED_NOISE = 0.3  # least spread of a followed genus about its species, log units
SITE_LIMIT = 2.0  # largest offset of a site, log units
CARRIAGE_SITES = [f"carriage_{name}" for name in SITE_COLUMNS]
MODEL = "group + sex + age + bmi + site"


@dataclass(frozen=True)
class LargeStudy:
    """The people for whom the constants are solved."""

    world: World

    @classmethod
    def draw(cls, times: int = TIMES) -> "LargeStudy":
        """Draw several times the pairs of the study."""
        pairs = {site: times * n for site, n in PAIRS_PER_SITE.items()}
        design = StudyDesign(pairs_per_site=pairs)
        return cls(draw_recorded_world(design, SEED))

    @property
    def people(self) -> pd.DataFrame:
        """One row per person."""
        return self.world.people

    @property
    def controls(self) -> np.ndarray:
        """Rows of the controls, whose means the template describes."""
        return (self.people["group"] == "control").to_numpy()

    def assemble(self, table: pd.DataFrame, name: str) -> Community:
        """Draw the community of an unsolved template."""
        return self.world.with_template(Template(table), name).species

    def count(self, community: Community, depth: float, label: str) -> np.ndarray:
        """Return counts at one depth with batch effects, people x taxa."""
        effect = np.outer(self.world.batches, community.template.column("batch"))
        seen = community.composition * np.exp(effect)
        seen *= depth / seen.sum(axis=1, keepdims=True)
        uniform = np.random.default_rng(SEED).random(seen.shape)
        return count_reads(seen, uniform)


@dataclass(frozen=True)
class Seen:
    """Observed statistics of each taxon in a population."""

    mean: np.ndarray
    log_sd: np.ndarray
    sd_asin: np.ndarray
    prevalence: np.ndarray
    icc: np.ndarray
    site_share: np.ndarray


def look(population: LargeStudy, counts: np.ndarray) -> Seen:
    """Measure the statistics for which the template has targets."""
    shares = counts / counts.sum(axis=1, keepdims=True)
    controls = shares[population.controls]
    logs = np.log(np.where(controls > 0, controls, np.nan))
    values = arcsine_root(shares)
    x = model_matrix(MODEL, population.people).values.to_numpy(float)
    left = residuals(values, x)
    variance = (left**2).sum(axis=0) / (len(x) - x.shape[1])
    variance = np.maximum(variance, 1e-30)
    log_sd = pd.DataFrame(logs).std(ddof=0).to_numpy()
    return Seen(
        mean=controls.mean(axis=0),
        log_sd=np.nan_to_num(log_sd, nan=1.0),
        sd_asin=np.sqrt(variance),
        prevalence=(controls > 0).mean(axis=0),
        icc=(left[::2] * left[1::2]).mean(axis=0) / variance,
        site_share=_explain_by_site(values, population.people["site"]),
    )


def _explain_by_site(values: np.ndarray, site: pd.Series) -> np.ndarray:
    """Return the bias-adjusted R² of site for each taxon."""
    codes, levels = pd.factorize(site.astype(str))
    member = np.eye(len(levels))[codes]
    size = member.sum(axis=0)[:, None]
    means = member.T @ values / size
    total = ((values - values.mean(axis=0)) ** 2).sum(axis=0)
    between = (size * (means - values.mean(axis=0)) ** 2).sum(axis=0)
    n, df = len(values), len(levels) - 1
    return 1 - (1 - between / np.maximum(total, 1e-30)) * (n - 1) / (n - 1 - df)


@dataclass(frozen=True)
class Grouping:
    """The similarity within taxon groups (families or genera) and their site differences."""

    member: pd.Series
    """Taxon -> name of its group."""

    targets: pd.DataFrame
    """Group -> site_share and, if the correlation is to be solved, sd_asin."""

    def look(self, population: LargeStudy, counts: np.ndarray) -> pd.DataFrame:
        """Return the observed statistics of the groups."""
        summed = pd.DataFrame(counts.T).groupby(self.member.to_numpy()).sum()
        seen = look(population, summed.to_numpy().T)
        columns = {"site_share": seen.site_share, "sd_asin": seen.sd_asin}
        return pd.DataFrame(columns, index=summed.index)

    def move(self, table: pd.DataFrame, seen: pd.DataFrame) -> pd.DataFrame:
        """Scale the site offsets and the shared loadings of each group towards its targets."""
        table = table.copy()
        wanted = self.targets.reindex(seen.index)
        ratio = np.sqrt(wanted["site_share"].clip(1e-4) / seen["site_share"].clip(1e-4))
        if "follows" in table:
            ratio = ratio.where(table["follows"].reindex(ratio.index) == 0, 1.0)
        self._scale(table, [*SITE_COLUMNS, *CARRIAGE_SITES], ratio.clip(0.8, 1.25), SITE_LIMIT)
        if "sd_asin" in wanted:
            ratio = (wanted["sd_asin"] / seen["sd_asin"]).clip(0.8, 1.2)
            loadings = [*LOADINGS, "group_loading"]
            fixed = table["group"] == "Akkermansia"
            before = table.loc[fixed, loadings].copy()
            self._scale(table, loadings, ratio, 0.95)
            table.loc[fixed, loadings] = before
            size = np.sqrt((table[loadings] ** 2).sum(axis=1)).clip(lower=0.95) / 0.95
            table[loadings] = table[loadings].div(size, axis=0)
        return table

    def _scale(self, table: pd.DataFrame, columns: list, ratio: pd.Series, limit: float) -> None:
        factor = self.member.map(ratio).fillna(1.0).to_numpy()[:, None]
        table[columns] = (table[columns] * factor).clip(-limit, limit)


def solve_levels(
    table: pd.DataFrame, population: LargeStudy, observe, steps: int, group: Grouping
) -> pd.DataFrame:
    """Adjust the constants until the observed statistics equal the template's targets.

    Parameters
    ----------
    table : DataFrame
        A template; its columns mean, log_sd, sd_asin, prevalence and icc are the targets.
    population : LargeStudy
    observe : callable
        Template table -> counts, people x taxa.
    steps : int
        How often the constants are moved.
    group : Grouping
        Taxa that are also held to what they show together.
    """
    for _ in range(steps):
        counts = observe(table)
        together = group.look(population, counts)
        table = _move(table, look(population, counts))
        table = group.move(table, together)
    return table


def _move(table: pd.DataFrame, seen: Seen) -> pd.DataFrame:
    """Take one damped step; wider spread lowers the intercept to keep the mean."""
    table = table.copy()
    ratio = np.where(seen.mean > 0, table["mean"] / np.maximum(seen.mean, 1e-12), 1.0)
    missing = DAMPING * _missing_variance(table, seen)
    squared = table["spread"] ** 2 + missing
    if "following" in table:
        table["following"] = _follow_less(table, seen, squared - FOLLOWED_NOISE**2)
    least = np.where(table.get("follows", 0) == 1, FOLLOWED_NOISE, MIN_SPREAD)
    measured = table["sd_asin"].notna() & ("follows" not in table)
    largest = np.where(measured, MAX_SPREAD, 2.0 * table["log_sd"])
    spread = np.sqrt(np.clip(squared, least**2, np.minimum(largest, MAX_SPREAD) ** 2))
    table["intercept"] -= (spread**2 - table["spread"] ** 2) / 2
    table["spread"] = spread
    table["intercept"] += DAMPING * np.log(np.clip(ratio, 0.3, 3.0))
    wanted, have = (
        special.ndtri(np.clip(share, 0.001, 0.9995))
        for share in (table["prevalence"], seen.prevalence)
    )
    table["carriage"] = np.clip(table["carriage"] + DAMPING * (wanted - have), -3.2, 3.5)
    miss = table["icc"] - np.maximum(seen.icc, -0.02)
    table["household_share"] = np.clip(table["household_share"] + DAMPING * miss, 0.0, 0.95)
    table["carriage_share"] = np.clip(table["household_share"], 0.05, 0.6)
    return table


def _follow_less(table: pd.DataFrame, seen: Seen, left: pd.Series) -> pd.Series:
    """Return how far genera follow their species, less where that varies too much."""
    total = np.maximum(seen.log_sd**2, 0.3)
    factor = np.sqrt(np.clip(1 + np.minimum(left, 0.0) / total, 0.7, 1))
    regained = np.where(left > 0.1, 1.03, 1.0)
    return (table["following"] * factor * regained).clip(0.3, 1).where(table["follows"] == 1, 0.0)


def _missing_variance(table: pd.DataFrame, seen: Seen) -> np.ndarray:
    """Return the log variance still missing.

    Where the SD of the arcsine square root was released, from what a lognormal share with
    some zeros has on that scale: its square over the mean is 1 - prevalence * exp(-variance / 4).
    Near one it is not informative, and the ratio of the SDs is used instead.
    """
    present = np.clip(seen.prevalence, 0.01, 1)
    filled = [
        sd**2 / np.maximum(mean, 1e-12)
        for sd, mean in ((table["sd_asin"], table["mean"]), (seen.sd_asin, seen.mean))
    ]
    wanted, have = (-4 * np.log(np.clip(1 - part, 0.1, 1) / present) for part in filled)
    ratio = seen.log_sd**2 * (table["sd_asin"] / np.maximum(seen.sd_asin, 1e-9) - 1)
    by_asin = np.where(np.maximum(*filled) < 0.85, wanted - have, ratio)
    by_log = np.where(seen.prevalence > 0.02, table["log_sd"] ** 2 - seen.log_sd**2, 0.0)
    weight = table["sd_asin"].notna().astype(float)
    if "follows" in table:  # genera: the SD of logs was released too, and counts where zeros do
        weight *= np.where(table["prevalence"] > MOSTLY_PRESENT, 1.0, 0.5)
    mixed = weight * np.where(weight > 0, by_asin, 0.0) + (1 - weight) * by_log
    return np.clip(mixed, -1.5, 1.5)


def observe_genera(population: LargeStudy, species: Community):
    """Return the function that turns a genus template into counts at 10,000 reads."""

    def observe(table: pd.DataFrame) -> np.ndarray:
        own = population.assemble(table, "genera")
        return population.count(follow_species(own, species), 10_000, "16s")

    return observe


def observe_species(population: LargeStudy, depth: float):
    """Return the function that turns a species template into counts."""

    def observe(table: pd.DataFrame) -> np.ndarray:
        return population.count(population.assemble(table, "species"), depth, "shotgun")

    return observe
