"""Epidemiology: risk ratios, interaction, rates, clusters, migration, polygenic scores."""

# ruff: noqa: F401
from cohabit.stats.epidemiology.families import (
    Liability,
    count_pairs,
    fit_liability,
    pool_recurrence,
    predict_by_score,
    recurrence,
)
from cohabit.stats.epidemiology.places import (
    latitude_slope,
    map_cases,
    risk_by_age_at_move,
    scan_map,
    standardise_rates,
)
from cohabit.stats.epidemiology.ratios import (
    attributable_fraction,
    conditional_logit,
    draw_controls,
    find_interaction,
    fit_logistic,
    mantel_haenszel,
    odds_ratio,
    risk_ratio,
    share_with_interval,
)
