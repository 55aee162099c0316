"""A large reference population with its communities, for solving the molecules."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from cohabit.simulate.community import Community
from cohabit.simulate.design import StudyDesign
from cohabit.simulate.effects import DRUGS
from cohabit.simulate.template import SITES
from cohabit.simulate.world import World, draw_world

SEED = 20_150_901
TIMES = 3  # pairs at each site, relative to the study


@dataclass(frozen=True)
class Reference:
    """People of a large study with their true communities."""

    world: World

    @classmethod
    def draw(cls) -> "Reference":
        """Draw the population."""
        study = StudyDesign.preset("study")
        pairs = {site: TIMES * n for site, n in study.pairs_per_site.items()}
        return cls(draw_world(study.replace(pairs_per_site=pairs), SEED))

    @property
    def species(self) -> Community:
        """The true species of everyone."""
        return self.world.species

    @property
    def genera(self) -> Community:
        """The true genera of everyone."""
        return self.world.genera

    @property
    def patient(self) -> np.ndarray:
        """True for patients."""
        return self.species.exposures["group:MS"].to_numpy() == 1

    @cached_property
    def fixed(self) -> np.ndarray:
        """Design matrix of the fixed effects, from site to treatment."""
        exposures = self.species.exposures
        treated = exposures[[f"treatment:{drug}" for drug in DRUGS]].sum(axis=1)
        names = [*(f"site:{site}" for site in SITES), "sex:female", "age", "bmi", "group:MS"]
        return np.column_stack([exposures[names].to_numpy(), treated])

    def fit(self, values: np.ndarray) -> tuple[pd.DataFrame, np.ndarray]:
        """Return coefficients (names x features) and residuals of values on `fixed`."""
        coefficients = np.linalg.lstsq(self.fixed, values, rcond=None)[0]
        names = [*SITES, "sex", "age", "bmi", "ms", "treated"]
        return pd.DataFrame(coefficients, names), values - self.fixed @ coefficients

    def shared(self, residuals: np.ndarray) -> np.ndarray:
        """Return the covariance of partners for each feature."""
        order = np.argsort(self.species.people["household_id"].to_numpy(), kind="stable")
        pairs = residuals[order].reshape(-1, 2, residuals.shape[1])
        return (pairs[:, 0] * pairs[:, 1]).mean(axis=0)

    def label(self, **changes: float) -> tuple[Community, Community, pd.DataFrame]:
        """Return species, genera and exposures of everyone under other labels."""
        none = {f"treatment:{drug}": 0.0 for drug in DRUGS}
        exposures = self.species.exposures.assign(**none | changes)
        other = self.world.expose(exposures)
        return other.species, other.genera, exposures


def site_variance(coefficients: pd.DataFrame, reference: Reference) -> np.ndarray:
    """Return the variance over people of the fitted site effects on each feature."""
    weight = reference.fixed[:, : len(SITES)].mean(axis=0)
    offsets = coefficients.loc[SITES].to_numpy()
    centred = offsets - (offsets * weight[:, None]).sum(axis=0)
    return (centred**2 * weight[:, None]).sum(axis=0)
