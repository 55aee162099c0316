"""Comparison of analyses on simulated studies with known truth, from three generators."""

# ruff: noqa: F401
from cohabit.experiments.arena.generators import SimulatedWorld, SpikeIn, heavy_tails
from cohabit.experiments.arena.sweep import (
    COMMUNITY_LEVELS,
    COMMUNITY_NULL_LEVELS,
    DIALS,
    METRICS,
    TAXA_LEVELS,
    list_settings,
    run_arena,
    score_trial,
    summarise_trials,
)
from cohabit.experiments.arena.trial import Generator, Trial, TrialDesign
from cohabit.experiments.arena.ways import COMMUNITY_WAYS, FAST, WAYS, compare_communities
