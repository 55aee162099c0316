"""Asking people: what a questionnaire hears, before and after the diagnosis."""

import numpy as np
import pandas as pd

from cohabit.simulate.dice import stream
from cohabit.simulate.population import Population
from cohabit.simulate.population_design import PopulationDesign

REMEMBERED = 0.85
"""Share of true exposures that a healthy person reports when asked years later (our choice)."""

FALSE_MEMORIES = 0.15
"""Share of unexposed patients who report one after all, at a recall bias of 1 (our choice)."""


def ask_before(population: Population, people: pd.Index, exposures: list[str]) -> pd.DataFrame:
    """Return what was written down at enrolment, while everybody was healthy.

    Parameters
    ----------
    population : Population
    people : Index
        Whom to ask.
    exposures : list of str
        Columns of true and false.
    """
    return population.people.loc[people, exposures]


def ask_after(
    population: Population,
    people: pd.Index,
    exposures: list[str],
    *,
    design: PopulationDesign | None = None,
) -> pd.DataFrame:
    """Return what patients and healthy people tell when asked after the diagnosis.

    Everyone forgets a little. Two dials of the design tell patients apart: `recall_bias`, by
    which they search their memory harder and find what was not there, and
    `reverse_causation`, by which first signs made some take up the exposure. Another `design`
    asks the same people with other dials.
    """
    design = design or population.design
    truth = population.people.loc[people, exposures].to_numpy()
    ill = population.people.loc[people, "ms"].to_numpy()[:, None]
    u = _uniforms(population, people, exposures)
    exposed = truth | (ill & (u[0] < design.reverse_causation))
    bias = design.recall_bias * ill
    remembered = u[1] < REMEMBERED + (1 - REMEMBERED) * bias
    invented = u[2] < FALSE_MEMORIES * bias
    return pd.DataFrame((exposed & remembered) | (~exposed & invented), people, exposures)


def _uniforms(population: Population, people: pd.Index, exposures: list[str]) -> np.ndarray:
    """Return three draws a person and question; whoever else is asked changes none of them."""
    drawn = [
        stream(population.seed, f"population/survey/{name}").random((3, len(population.people)))
        for name in exposures
    ]
    return np.stack(drawn, axis=-1)[:, people]
