"""Is a simulated cohort like the real one? Templates fitted, figures scored, people told apart."""

from cohabit.experiments.realism.fit import fit_template, plant_effects
from cohabit.experiments.realism.scorecard import distinguish, score

__all__ = ["distinguish", "fit_template", "plant_effects", "score"]
