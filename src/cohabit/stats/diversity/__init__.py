"""Alpha and beta diversity, ordination, and how much closer partners are than strangers."""

from cohabit.stats.diversity.households import compare_distances, nearest_partner
from cohabit.stats.diversity.measures import (
    Ordination,
    aitchison,
    bray_curtis,
    chao1,
    faith_pd,
    jaccard,
    observed,
    pcoa,
    rarefy,
    shannon,
    unweighted_unifrac,
    weighted_unifrac,
)

__all__ = [
    "Ordination",
    "aitchison",
    "bray_curtis",
    "chao1",
    "compare_distances",
    "faith_pd",
    "jaccard",
    "nearest_partner",
    "observed",
    "pcoa",
    "rarefy",
    "shannon",
    "unweighted_unifrac",
    "weighted_unifrac",
]
