"""Features against severity: partial Spearman, ordinal and linear models, all tidy tables."""

from cohabit.stats.association.models import (
    COLUMNS,
    fit_linear_model,
    fit_ordinal,
    partial_spearman,
)

__all__ = ["COLUMNS", "fit_linear_model", "fit_ordinal", "partial_spearman"]
