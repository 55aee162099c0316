"""The same people in two worlds: one thing changed, every random number shared."""

from cohabit.worlds.changes import (
    CHANGES,
    Change,
    enrich_diet,
    give_drug,
    make_strangers,
    remove_disease,
    stop_therapy,
    transfer_species,
)
from cohabit.worlds.differences import SCALES, differ
from cohabit.worlds.world import World, draw_world, recall_world

__all__ = [
    "CHANGES",
    "SCALES",
    "Change",
    "World",
    "differ",
    "draw_world",
    "enrich_diet",
    "give_drug",
    "make_strangers",
    "recall_world",
    "remove_disease",
    "stop_therapy",
    "transfer_species",
]
