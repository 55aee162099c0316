"""Two worlds: the same people and random numbers with one thing changed."""

# ruff: noqa: F401
from cohabit.experiments.two_worlds.changes import (
    CHANGES,
    change_all,
    enrich_diet,
    give_drug,
    make_strangers,
    recall_world,
    remove_disease,
    stop_smoking,
    stop_therapy,
    transfer_species,
)
from cohabit.experiments.two_worlds.differences import (
    compare_partners,
    differ,
    split_difference,
    summarise_change,
)
from cohabit.experiments.two_worlds.observed import (
    observe_change,
    set_beside_exact,
    summarise_errors,
)
from cohabit.experiments.two_worlds.progress import (
    EDGES,
    cut_edges,
    gain_disability,
    mediate,
    observe_mediation,
    observe_progress,
    trace,
)
