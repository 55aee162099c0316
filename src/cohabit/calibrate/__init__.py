"""Solve the template's constants and score a cohort against the real study's figures."""

from cohabit.calibrate.distinguish import distinguish
from cohabit.calibrate.fit import fit_template
from cohabit.calibrate.score import score

__all__ = ["distinguish", "fit_template", "score"]
