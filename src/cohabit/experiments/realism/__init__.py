"""Realism of simulated cohorts: fitted templates, a scorecard and a classifier test."""

from cohabit.experiments.realism.fit import fit_template, plant_effects
from cohabit.experiments.realism.scorecard import distinguish, score

__all__ = ["distinguish", "fit_template", "plant_effects", "score"]
