"""Sequencing: depth, technical batches, kits, replicate libraries and counts.

Reads of a library follow a negative binomial around depth times share. Each count comes from one
uniform by the inverse distribution function, so a change in one taxon does not affect the draws of
others.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse, special

from cohabit.simulate.design import StudyDesign
from cohabit.simulate.dice import Dice, QuickDice, stream
from cohabit.simulate.template import read_template

KIT_LETTERS = {"dry swab": "Q1", "snap frozen": "S1"}
KITS = tuple(KIT_LETTERS)
BATCHES = ("A", "B")
YEAR_BATCHES = {12: "C", 24: "D", 36: "E"}
DEPTH_NAMES = {"16s": "16S", "shotgun": "shotgun"}
DEPTH_HOUSEHOLD_SHARE = {"16s": 0.6, "shotgun": 0.0}
"""Share of a site's log-depth variance that partners have in common."""
LIBRARY_LOG_SD = 0.25  # between a person's libraries: split of the person's reads
DISPERSION = 0.02  # squared coefficient of variation between replicate libraries
KIT_LOG_SD = 0.1  # between kits, per taxon
NORMAL_FROM = 50.0  # reads; above, counts come from the Cornish-Fisher expansion
YEAR_BATCH = 0.5  # size of a later year's batch effect, relative to that of the second batch
SECOND_BATCH_SHARE = 0.75  # of households; Odoribacter is in 23% of people, 88% of one batch
ALL_ROWS = slice(None)
PEOPLE_A_BLOCK = 1000  # people whose uniforms are held at once


@dataclass(frozen=True)
class Libraries:
    """The libraries of one assay and their counts."""

    samples: pd.DataFrame
    """One row per library; index sample_id."""

    counts: sparse.csr_matrix
    """Libraries x features."""


def stack_libraries(parts: list[Libraries]) -> Libraries:
    """Return the libraries of several visits as one table."""
    counts = sparse.vstack([part.counts for part in parts], format="csr")
    return Libraries(pd.concat([part.samples for part in parts]), counts)


def draw_batches(dice: Dice | QuickDice) -> np.ndarray:
    """Return 1 for people in the second technical batch, the same for partners."""
    uniform = dice.uniforms("sequencing/batch", per="household")
    return (uniform < SECOND_BATCH_SHARE).astype(float)


def draw_depths(
    people: pd.DataFrame, dice: Dice, design: StudyDesign, assay: str, month: int = 0
) -> np.ndarray:
    """Draw the expected number of reads of every library, shape (n_kits, n_people).

    At later visits one kit gets all reads of a person.
    """
    occasion = _occasion(month)
    table = read_template("depth").query("assay == @DEPTH_NAMES[@assay]").set_index("site")
    table = table[["log_mu", "log_sigma"]].astype(float)
    per_site = table.reindex(people["site"]).fillna(table.loc["ALL"]).to_numpy()
    log_mu, log_sigma = per_site.T
    if assay == "shotgun":
        log_mu = np.full(len(people), np.log(design.shotgun_depth))
    else:
        log_mu = log_mu + np.log(design.sixteen_s_depth)
    share = DEPTH_HOUSEHOLD_SHARE[assay]
    common = dice.normals(f"sequencing/{assay}/depth{occasion}", per="household")
    own = dice.normals(f"sequencing/{assay}/depth/own{occasion}")
    person = log_mu + log_sigma * (np.sqrt(share) * common + np.sqrt(1 - share) * own)
    person += design.depth_confounding * (people["group"] == "MS").to_numpy()
    if month:
        return np.exp(person)[None]
    split = dice.normals(f"sequencing/{assay}/depth/kits", columns=len(KITS))
    weights = np.exp(LIBRARY_LOG_SD * split).T
    return np.exp(person) * weights / weights.sum(axis=0)


def _occasion(month: int) -> str:
    return f"/month{month}" if month else ""


def sequence(
    people: pd.DataFrame,
    dice: Dice,
    design: StudyDesign,
    composition: np.ndarray,
    batch_effect: np.ndarray,
    assay: str,
    month: int = 0,
) -> Libraries:
    """Draw every library of one assay, ``"shotgun"`` or ``"16s"``, at one visit.

    `composition` holds the true shares, people x features, in rows that add up to 1; `batch_effect`
    the log fold by which the second technical batch sees each feature. The stool of a later year is
    a batch of its own and a library of its own, from snap frozen stool.
    """
    batches = np.ones(len(people)) if month else draw_batches(dice)
    if month:
        order = stream(0, f"sequencing/{assay}/batch/month{month}").permutation(len(batch_effect))
        batch_effect = YEAR_BATCH * batch_effect[order]
    depth = draw_depths(people, dice, design, assay, month)
    kits = KITS[1:] if month else KITS
    kit_effect = stream(0, f"sequencing/{assay}/kit").standard_normal(composition.shape[1])
    counts = []
    for number, kit in enumerate(kits):
        sign = KITS.index(kit) - 0.5
        view = Viewing(batches, design.batch * batch_effect, sign * KIT_LOG_SD * kit_effect)
        name = f"sequencing/{assay}/{kit}{_occasion(month)}"
        counts.append(_count_library(composition, view, depth[number], dice, name))
    stacked = sparse.vstack(counts, format="csr")
    order = np.arange(len(kits) * len(people)).reshape(len(kits), -1).T.ravel()
    stacked = stacked[order]
    names = np.array(BATCHES)[batches.astype(int)] if not month else YEAR_BATCHES[month]
    return Libraries(_list_samples(people, names, stacked, assay, kits, month), stacked)


@dataclass(frozen=True)
class Viewing:
    """The effects of each person's batch and of the kit on the observed shares."""

    batches: np.ndarray
    batch_effect: np.ndarray
    kit_effect: np.ndarray | float = 0.0

    def expected(
        self, composition: np.ndarray, rows: np.ndarray | slice = slice(None)
    ) -> np.ndarray:
        """Return the expected shares in libraries of these people."""
        first, second = np.zeros_like(self.batch_effect), self.batch_effect
        gain = np.exp(np.stack([first, second]) + self.kit_effect)
        seen = composition[rows] * gain[self.batches[rows].astype(int)]
        return seen / seen.sum(axis=1, keepdims=True)


def _count_library(composition, view: Viewing, depth, dice, name) -> sparse.csr_matrix:
    """Draw the counts of one library per person, one block of people at a time."""
    blocks, order = [], []
    for block in walk(dice, name):
        uniform = block.rng.random((block.size, composition.shape[1]))[block.inside]
        mean = view.expected(composition, block.rows) * depth[block.rows, None]
        blocks.append(sparse.csr_matrix(count_reads(mean, uniform)))
        order.append(block.rows)
    return sparse.vstack(blocks, format="csr")[np.argsort(np.concatenate(order))]


@dataclass(frozen=True)
class Block:
    """Some people of one site, and the generator of their next draws."""

    site: str
    rng: np.random.Generator
    rows: np.ndarray
    """Positions of these people in the participant table."""

    inside: np.ndarray
    """Positions of these people in the block."""

    size: int
    """Number of places in the block, taken or not."""


def walk(dice: Dice, name: str) -> Iterator[Block]:
    """Yield the people in blocks.

    Each site has its own stream with a place for everyone enrolled, so missing people do not change
    the draws of others.
    """
    first = 0
    for site, pairs in dice.pairs_per_site.items():
        rng = stream(dice.seed, f"{name}/{site}")
        for start in range(first, first + 2 * pairs, PEOPLE_A_BLOCK):
            size = min(PEOPLE_A_BLOCK, first + 2 * pairs - start)
            rows = np.flatnonzero((dice.person >= start) & (dice.person < start + size))
            yield Block(site, rng, rows, dice.person[rows] - start, size)
        first += 2 * pairs


def count_reads(mean: np.ndarray, uniform: np.ndarray, dispersion: float = DISPERSION):
    """Return negative binomial counts at uniform draws, in the shape of `mean`.

    `mean` is 0 where a taxon is not carried; the variance is ``mean + dispersion * mean**2``.
    """
    counts = np.zeros(mean.shape, dtype=np.int64)
    seen = (mean > 0) & (uniform > 1 - mean)  # P(0) is above 1 - mean: most cells end here
    none = np.exp(-np.log1p(dispersion * mean[seen]) / dispersion)
    seen[seen] = uniform[seen] > none
    few = seen & (mean < NORMAL_FROM)
    many = seen & (mean >= NORMAL_FROM)
    counts[few] = _invert_by_sum(mean[few], uniform[few], dispersion)
    counts[many] = _invert_by_expansion(mean[many], uniform[many], dispersion)
    return counts


def _invert_by_sum(mean, uniform, dispersion) -> np.ndarray:
    """Find quantiles by adding up the probabilities of 0, 1, 2 ..."""
    counts = np.zeros(len(mean), dtype=np.int64)
    active = np.arange(len(mean))
    size = 1 / dispersion
    ratio = mean / (mean + size)
    probability = np.exp(-size * np.log1p(mean / size))
    left = uniform - probability
    count = 0
    while len(active):
        going = (left > 0) & (probability > 1e-16)
        counts[active[~going]] = count
        active, left, probability, ratio = (
            values[going] for values in (active, left, probability, ratio)
        )
        probability = probability * ratio * (count + size) / (count + 1)
        left = left - probability
        count += 1
    return counts


def _invert_by_expansion(mean, uniform, dispersion) -> np.ndarray:
    """Approximate quantiles by a third-order Cornish-Fisher expansion."""
    deviate = special.ndtri(np.clip(uniform, 1e-15, 1 - 1e-15))
    variance = mean + dispersion * mean**2
    skewness = (1 + 2 * dispersion * mean) / np.sqrt(variance)
    kurtosis = 6 * dispersion + 1 / variance
    adjusted = (
        deviate
        + (deviate**2 - 1) * skewness / 6
        + (deviate**3 - 3 * deviate) * kurtosis / 24
        - (2 * deviate**3 - 5 * deviate) * skewness**2 / 36
    )
    quantile = mean + np.sqrt(variance) * adjusted
    return np.maximum(np.ceil(quantile - 0.5), 1).astype(np.int64)


def _list_samples(people, batches, counts, assay, kits, month) -> pd.DataFrame:
    owner = np.repeat(people.index.to_numpy(), len(kits))
    columns = {
        "participant_id": owner,
        "visit": month,
        "assay": assay,
        "kit": np.tile(kits, len(people)),
        "replicate": 1,
        "batch": np.repeat(batches, len(kits)) if month == 0 else batches,
        "depth": np.asarray(counts.sum(axis=1)).ravel().astype(np.int64),
    }
    visit = f".m{month}" if month else ""
    letter = np.tile([KIT_LETTERS[kit] for kit in kits], len(people))
    names = [f"{person}{visit}.{assay}.{code}" for person, code in zip(owner, letter, strict=True)]
    return pd.DataFrame(columns, index=pd.Index(names, name="sample_id"))
