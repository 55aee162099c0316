"""Figures: each ``draw_*(data, *, ax)`` draws on the given axes and returns them."""

# ruff: noqa: F401
from cohabit.figures.causes import (
    draw_latitude,
    draw_map,
    draw_migrants,
    draw_ratios,
    draw_recurrence,
    draw_score,
    draw_scores_of,
    draw_tolerance,
    draw_two_studies,
)
from cohabit.figures.communities import (
    draw_by_site,
    draw_distances,
    draw_edges,
    draw_ordination,
    draw_pairs_ordination,
    draw_prevalence,
    draw_r2,
    draw_swaps,
    draw_two_networks,
)
from cohabit.figures.effects import (
    draw_agreement,
    draw_beside_published,
    draw_equivalence,
    draw_forest,
    draw_forest_by,
    draw_hits,
    draw_replication,
    draw_shift,
    draw_therapies,
    draw_volcano,
)
from cohabit.figures.experiments import (
    draw_beside_exact,
    draw_calibration,
    draw_designs,
    draw_individual_effects,
    draw_levels,
    draw_mediation,
    draw_power,
    draw_power_by_people,
    draw_power_curves,
    draw_sizes,
    draw_split,
    draw_trap,
    draw_true_share,
    draw_ways,
)
from cohabit.figures.judgement import draw_claims, draw_recovery, draw_scorecard, draw_scores
from cohabit.figures.people import (
    draw_attendance,
    draw_before_after,
    draw_changes,
    draw_correlations,
    draw_counts,
    draw_depth,
    draw_likeness,
    draw_occasions,
    draw_pairs,
    draw_shared,
)
from cohabit.figures.style import REGION, colours_for, readable, use_style
