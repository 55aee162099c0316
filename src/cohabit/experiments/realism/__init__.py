"""Realism of simulated cohorts: fitted templates, a scorecard and a classifier test."""

# ruff: noqa: F401
from cohabit.experiments.realism.fit import fit_template, plant_effects
from cohabit.experiments.realism.scorecard import distinguish, score
