"""Exposures: smoke, body mass, infections, vitamin D, and what never mattered."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from cohabit.simulate.dice import stream

INFECTIONS = {"measles": 0.6, "hhv6": 0.85, "chlamydia_pneumoniae": 0.5, "canine_distemper": 0.1}
"""Candidate infections without effect, and the share of people who had them (our choice)."""

MYTHS = {"allergies": 0.3, "pets": 0.5, "heavy_metals": 0.2, "solvents": 0.12}
"""Disproved theories: true effect zero, and the share exposed (our choice)."""

EVER_SMOKED, EVER_INFECTED, MONONUCLEOSIS = 0.45, 0.942, 0.35
BMI_AT_20, BMI_LOG_SD = 22.8, 0.13  # kg/m2, and on the log scale (our choice)
OVERWEIGHT_AT_20 = 27.0  # kg/m2, the cut of Hedstrom 2014
VITAMIN_D_PER_LIGHT = 45.0  # nmol/L from no light to that of the equator (our choice)
KINDRED_SHARE, SIBLING_SHARE = 0.1, 0.2


@dataclass(frozen=True)
class Circles:
    """Whom each person shares habits with."""

    kindred: np.ndarray
    sibship: np.ndarray
    seed: int

    def normals(self, name: str, *, shared: bool = True) -> np.ndarray:
        """Return standard normals, alike within kindreds and more so among siblings."""
        own = self._draw(name, len(self.kindred))
        if not shared:
            return own
        kin = self._draw(f"{name}/kindred", self.kindred[-1] + 1)[self.kindred]
        home = self._draw(f"{name}/sibship", self.sibship.max() + 1)[self.sibship]
        rest = 1 - KINDRED_SHARE - SIBLING_SHARE
        return np.sqrt(KINDRED_SHARE) * kin + np.sqrt(SIBLING_SHARE) * home + np.sqrt(rest) * own

    def uniforms(self, name: str, *, shared: bool = False) -> np.ndarray:
        """Return uniforms, by default each person's own."""
        if shared:
            return ndtr(self.normals(name))
        return stream(self.seed, f"population/{name}").random(len(self.kindred))

    def _draw(self, name: str, size: int) -> np.ndarray:
        return stream(self.seed, f"population/{name}").standard_normal(size)


def draw_exposures(circles: Circles, sex: np.ndarray, light: np.ndarray) -> pd.DataFrame:
    """Draw everyone's exposures, one row a person; ages in years, missing when never.

    Parameters
    ----------
    circles : Circles
    sex : array of str
    light : array of float
        Of the place where the person grew up.
    """
    habits = [_smoke(circles, sex), _grow(circles), _infect(circles)]
    table = pd.concat([pd.DataFrame(part) for part in habits], axis=1)
    table["vitamin_d"] = np.maximum(
        35 + VITAMIN_D_PER_LIGHT * light + 22 * circles.normals("vitamin_d"), 8
    )
    for name, share in {**INFECTIONS, **MYTHS}.items():
        table[name] = circles.uniforms(name, shared=True) < share
    return table


def _smoke(circles: Circles, sex: np.ndarray) -> dict[str, np.ndarray]:
    """Return when each person would start and stop; `smoker` says whether they did."""
    lean = np.where(sex == "male", 0.1, -0.1)
    start = 13 + 9 * circles.uniforms("smoking/start") ** 1.5
    years = -22 * np.log1p(-circles.uniforms("smoking/years"))
    smoker = circles.normals("smoking") + lean > -ndtri(EVER_SMOKED)
    return {"smoker": smoker, "smoking_start": start, "smoking_stop": start + years}


def _grow(circles: Circles) -> dict[str, np.ndarray]:
    """Return BMI as a child, an adolescent and at 20 (kg/m2), each leaning on the one before."""
    child = circles.normals("bmi/child")
    adolescent = 0.75 * child + np.sqrt(1 - 0.75**2) * circles.normals("bmi/adolescent")
    adult = 0.85 * adolescent + np.sqrt(1 - 0.85**2) * circles.normals("bmi/adult")
    return {
        "bmi_child": np.exp(np.log(16.5) + 0.12 * child),
        "bmi_adolescent": np.exp(np.log(20.5) + 0.13 * adolescent),
        "bmi_20": np.exp(np.log(BMI_AT_20) + BMI_LOG_SD * adult),
    }


def _infect(circles: Circles) -> dict[str, np.ndarray]:
    """Return the age at which EBV would come, whether it did, and mononucleosis after it."""
    u, late = circles.uniforms("ebv/age"), circles.uniforms("ebv/late") < 0.45
    age = np.where(late, 12 + 12 * u, 12 * u)
    infected = circles.uniforms("ebv") < EVER_INFECTED
    glandular = late & (circles.uniforms("mononucleosis") < MONONUCLEOSIS)
    return {"ebv_age": age, "ebv": infected, "mononucleosis": infected & glandular}
