"""Comparison of analyses on simulated studies with known truth, from three generators."""

from cohabit.experiments.arena.generators import SimulatedWorld, SpikeIn, heavy_tails
from cohabit.experiments.arena.sealed import calibrate_verdicts, decide, draw_sealed, run_sealed
from cohabit.experiments.arena.summary import (
    ADJUSTED,
    DIALS,
    contrast_ways,
    find_flips,
    judge_communities,
    judge_taxa,
    name_winners,
    summarise_trials,
)
from cohabit.experiments.arena.sweep import (
    COMMUNITY_LEVELS,
    COMMUNITY_NULL_LEVELS,
    METRICS,
    TAXA_LEVELS,
    list_settings,
    run_arena,
    score_trial,
)
from cohabit.experiments.arena.trial import Generator, Trial, TrialDesign
from cohabit.experiments.arena.ways import COMMUNITY_WAYS, FAST, WAYS, compare_communities

__all__ = [
    "ADJUSTED",
    "COMMUNITY_LEVELS",
    "COMMUNITY_NULL_LEVELS",
    "COMMUNITY_WAYS",
    "DIALS",
    "FAST",
    "METRICS",
    "Generator",
    "TAXA_LEVELS",
    "WAYS",
    "TrialDesign",
    "SimulatedWorld",
    "SpikeIn",
    "Trial",
    "calibrate_verdicts",
    "contrast_ways",
    "decide",
    "draw_sealed",
    "find_flips",
    "heavy_tails",
    "judge_communities",
    "judge_taxa",
    "list_settings",
    "name_winners",
    "run_arena",
    "run_sealed",
    "score_trial",
    "summarise_trials",
    "compare_communities",
]
