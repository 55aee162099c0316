"""The same people in two worlds: one thing changed, every random number shared."""

from cohabit.worlds.changes import (
    CHANGES,
    Change,
    enrich_diet,
    give_drug,
    make_strangers,
    remove_disease,
    stop_smoking,
    stop_therapy,
    transfer_species,
)
from cohabit.worlds.differences import SCALES, differ
from cohabit.worlds.observed import set_beside_exact, summarise_errors
from cohabit.worlds.progress import (
    EDGES,
    cut_edges,
    follow_butyrate,
    gain_disability,
    mediate,
    observe_progress,
)
from cohabit.worlds.terms import TERMS, split_difference
from cohabit.worlds.world import World, draw_world, recall_world

__all__ = [
    "CHANGES",
    "EDGES",
    "SCALES",
    "TERMS",
    "Change",
    "World",
    "cut_edges",
    "differ",
    "draw_world",
    "enrich_diet",
    "follow_butyrate",
    "gain_disability",
    "give_drug",
    "make_strangers",
    "mediate",
    "observe_progress",
    "recall_world",
    "remove_disease",
    "set_beside_exact",
    "split_difference",
    "stop_smoking",
    "stop_therapy",
    "summarise_errors",
    "transfer_species",
]
