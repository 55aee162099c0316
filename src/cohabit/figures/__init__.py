"""Figures: ``draw_*(data, *, ax)`` only draws, on axes it is given, and returns them."""

from cohabit.figures.arena import draw_calibration, draw_levels, draw_true_share, draw_ways
from cohabit.figures.causes import (
    draw_latitude,
    draw_map,
    draw_migrants,
    draw_ratios,
    draw_recurrence,
    draw_score,
    draw_scores_of,
    draw_two_studies,
)
from cohabit.figures.communities import (
    draw_distances,
    draw_ordination,
    draw_prevalence,
    draw_r2,
)
from cohabit.figures.effects import (
    draw_agreement,
    draw_forest,
    draw_forest_by,
    draw_hits,
    draw_power,
)
from cohabit.figures.equivalence import draw_by_site, draw_equivalence
from cohabit.figures.followup import (
    draw_attendance,
    draw_before_after,
    draw_changes,
    draw_likeness,
)
from cohabit.figures.function import (
    draw_beside_published,
    draw_shift,
    draw_therapies,
    draw_volcano,
)
from cohabit.figures.networks import draw_edges, draw_swaps, draw_two_networks
from cohabit.figures.people import (
    draw_correlations,
    draw_counts,
    draw_depth,
    draw_pairs,
    draw_shared,
)
from cohabit.figures.planning import draw_designs, draw_power_curves
from cohabit.figures.replication import draw_replication
from cohabit.figures.scorecard import draw_scorecard
from cohabit.figures.style import (
    COUNTRY_COLOURS,
    GROUP_COLOURS,
    SITE_COLOURS,
    VERDICT_COLOURS,
    colours_for,
    readable,
    use_style,
)
from cohabit.figures.tolerance import draw_tolerance
from cohabit.figures.traps import draw_trap
from cohabit.figures.verdicts import draw_claims, draw_recovery, draw_scores, draw_verdicts
from cohabit.figures.worlds import (
    draw_beside_exact,
    draw_individual_effects,
    draw_mediation,
    draw_power_by_people,
    draw_sizes,
    draw_split,
)

__all__ = [
    "COUNTRY_COLOURS",
    "GROUP_COLOURS",
    "SITE_COLOURS",
    "VERDICT_COLOURS",
    "colours_for",
    "draw_agreement",
    "draw_split",
    "draw_sizes",
    "draw_power_by_people",
    "draw_power_curves",
    "draw_mediation",
    "draw_individual_effects",
    "draw_beside_exact",
    "draw_attendance",
    "draw_before_after",
    "draw_beside_published",
    "draw_by_site",
    "draw_calibration",
    "draw_changes",
    "draw_claims",
    "draw_correlations",
    "draw_counts",
    "draw_depth",
    "draw_designs",
    "draw_distances",
    "draw_edges",
    "draw_equivalence",
    "draw_forest",
    "draw_forest_by",
    "draw_hits",
    "draw_latitude",
    "draw_levels",
    "draw_likeness",
    "draw_map",
    "draw_migrants",
    "draw_ordination",
    "draw_pairs",
    "draw_power",
    "draw_prevalence",
    "draw_r2",
    "draw_replication",
    "draw_scorecard",
    "draw_ratios",
    "draw_recurrence",
    "draw_score",
    "draw_scores_of",
    "draw_shift",
    "draw_therapies",
    "draw_swaps",
    "draw_tolerance",
    "draw_trap",
    "draw_two_networks",
    "draw_two_studies",
    "draw_volcano",
    "draw_recovery",
    "draw_scores",
    "draw_shared",
    "draw_true_share",
    "draw_verdicts",
    "draw_ways",
    "readable",
    "use_style",
]
