"""The questions asked of every cohort, and batches of cohorts that answer them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import pandas as pd

from cohabit.data.schema import nearest
from cohabit.experiments.planner.analysis import (
    ADJUST,
    DISTANCES,
    community_p_value,
    draw_measured,
    taxa_p_values,
)
from cohabit.experiments.planner.cohorts import Recipe, TemplateArrays
from cohabit.experiments.planner.scenario import Scenario
from cohabit.simulate.design import OURS, Dials, choice, dial
from cohabit.stats.inference import adjust_p

ASKED = {
    "community": "PERMANOVA of status rejects at `alpha`",
    "taxon": "status of `taxon` has p at most `alpha`, tested alone",
    "discoveries": "at least `least` taxa that truly differ pass the FDR `fdr`",
}
BATCH = 25
"""Number of cohorts in a batch, the unit of work and of storage."""


@dataclass(frozen=True, kw_only=True)
class Questions(Dials):
    """The outcomes whose power is wanted; each cohort answers yes or no."""

    presets: ClassVar[Mapping[str, dict]] = {"study": {}}

    ask: tuple[str, ...] = field(
        default=tuple(ASKED),
        metadata={"unit": "some of " + ", ".join(ASKED), "source": OURS, "doc": "what is asked"},
    )
    taxon: str = field(
        default="Faecalibacterium prausnitzii",
        metadata={"unit": "name", "source": OURS, "doc": "the taxon asked about"},
    )
    alpha: float = dial(0.05, 0.001, 0.5, "level", OURS, "level of a single test")
    fdr: float = dial(0.05, 0.001, 0.5, "share", OURS, "false discovery rate of the list of taxa")
    least: int = dial(10, 1, 1000, "taxa", OURS, "true discoveries wanted")
    n_permutations: int = dial(199, 19, 9999, "permutations", OURS, "of each PERMANOVA")
    distance: str = choice("aitchison", DISTANCES, "distance of PERMANOVA")
    adjust: tuple[str, ...] = field(
        default=ADJUST,
        metadata={"unit": "some of " + ", ".join(ADJUST), "source": OURS, "doc": "model terms"},
    )

    def __post_init__(self):
        self.validate()
        for name, known in (("ask", ASKED), ("adjust", ADJUST)):
            object.__setattr__(self, name, tuple(getattr(self, name)))
            for item in getattr(self, name):
                if item not in known:
                    raise ValueError(f"{name}: no {item!r}; {nearest(item, known)}")
        if not self.ask:
            raise ValueError(f"ask: expected at least one of {', '.join(ASKED)}; got none")

    def answer(self, cohorts: pd.DataFrame) -> pd.DataFrame:
        """Return yes or no for each question, cohorts x questions, given the p of `run_batch`."""
        yes = {
            "community": lambda: cohorts["community_p"] <= self.alpha,
            "taxon": lambda: cohorts["taxon_p"] <= self.alpha,
            "discoveries": lambda: cohorts["found_true"] >= self.least,
        }
        return pd.DataFrame({question: yes[question]() for question in self.ask})


@dataclass(frozen=True, eq=False)
class Batch:
    """Several cohorts of one scenario, reproducible from their number."""

    scenario: Scenario
    questions: Questions
    seed: int
    setting: str
    """Hash of everything that determines the cohorts, part of the seed of their draws."""

    number: int
    template: pd.DataFrame | None = None
    """A template table, or None for the study's species."""


def run_batch(batch: Batch) -> pd.DataFrame:
    """Draw and analyse the cohorts of a batch, one row each.

    Columns: ``community_p``: PERMANOVA of status; ``taxon_p``: status of the taxon asked about,
    missing where the filter dropped it; ``found``, ``found_true``: taxa at the FDR, and those
    among them that truly differ. What is not asked is left out.
    """
    recipe = Recipe.of(TemplateArrays.of(batch.template), batch.scenario)
    key = (int(batch.setting[:8], 16), batch.number)
    sequence = np.random.SeedSequence(batch.seed, spawn_key=key)
    rngs = [np.random.default_rng(child) for child in sequence.spawn(BATCH)]
    return pd.DataFrame([_examine(recipe, batch.questions, rng) for rng in rngs])


def _examine(recipe: Recipe, questions: Questions, rng: np.random.Generator) -> dict[str, float]:
    measured, found = draw_measured(recipe, rng), {}
    if "community" in questions.ask:
        found["community_p"] = community_p_value(
            measured, questions.n_permutations, rng, questions.adjust, questions.distance
        )
    if {"taxon", "discoveries"} & set(questions.ask):
        p = np.full(len(recipe.taxa.names), np.nan)
        p[measured.kept] = taxa_p_values(measured, questions.adjust)
        listed = adjust_p(p) <= questions.fdr
        if "taxon" in questions.ask:
            found["taxon_p"] = p[recipe.taxa.find(questions.taxon)]
        found |= {"found": listed.sum(), "found_true": (listed & recipe.planted).sum()}
    return found
