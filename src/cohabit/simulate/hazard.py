"""Exposures and the hazard of MS: smoking, weight, infections, vitamin D and genes.

The hazard of person i at age a is h(a) exp(score_i) m_i(a): a common curve over age, a score fixed
by genes, sex and childhood, and factors that change with EBV, mononucleosis and smoking.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from cohabit.simulate.design import PopulationDesign
from cohabit.simulate.dice import stream

INFECTIONS = {"measles": 0.6, "hhv6": 0.85, "chlamydia_pneumoniae": 0.5, "canine_distemper": 0.1}
"""Infections without an effect and the share of people who had them (our choice)."""

MYTHS = {"allergies": 0.3, "pets": 0.5, "heavy_metals": 0.2, "solvents": 0.12}
"""Disproved risk factors without an effect and the share exposed (our choice)."""

EVER_SMOKED, EVER_INFECTED, MONONUCLEOSIS = 0.45, 0.942, 0.35
BMI_AT_20, BMI_LOG_SD = 22.8, 0.13  # kg/m2, and on the log scale (our choice)
OVERWEIGHT_AT_20 = 27.0  # kg/m2, the cut of Hedstrom 2014
VITAMIN_D_PER_LIGHT = 45.0  # nmol/L from no light to that of the equator (our choice)
KINDRED_SHARE, SIBLING_SHARE = 0.1, 0.2


@dataclass(frozen=True)
class Circles:
    """The groups within which people share habits."""

    kindred: np.ndarray
    sibship: np.ndarray
    seed: int

    def normals(self, name: str, *, shared: bool = True) -> np.ndarray:
        """Return standard normals, correlated within kindreds and more among siblings."""
        own = self._draw(name, len(self.kindred))
        if not shared:
            return own
        kin = self._draw(f"{name}/kindred", self.kindred[-1] + 1)[self.kindred]
        home = self._draw(f"{name}/sibship", self.sibship.max() + 1)[self.sibship]
        rest = 1 - KINDRED_SHARE - SIBLING_SHARE
        return np.sqrt(KINDRED_SHARE) * kin + np.sqrt(SIBLING_SHARE) * home + np.sqrt(rest) * own

    def uniforms(self, name: str, *, shared: bool = False) -> np.ndarray:
        """Return uniforms, independent between people by default."""
        if shared:
            return ndtr(self.normals(name))
        return stream(self.seed, f"population/{name}").random(len(self.kindred))

    def _draw(self, name: str, size: int) -> np.ndarray:
        return stream(self.seed, f"population/{name}").standard_normal(size)


def draw_exposures(circles: Circles, sex: np.ndarray, light: np.ndarray) -> pd.DataFrame:
    """Draw everyone's exposures, one row per person; ages in years, missing if never.

    `light` is that of the place where the person grew up.
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
    """Return each person's possible age of starting and stopping, and who is a `smoker`."""
    lean = np.where(sex == "male", 0.1, -0.1)
    start = 13 + 9 * circles.uniforms("smoking/start") ** 1.5
    years = -22 * np.log1p(-circles.uniforms("smoking/years"))
    smoker = circles.normals("smoking") + lean > -ndtri(EVER_SMOKED)
    return {"smoker": smoker, "smoking_start": start, "smoking_stop": start + years}


def _grow(circles: Circles) -> dict[str, np.ndarray]:
    """Return BMI as a child, as an adolescent and at 20 (kg/m2), each based on the last."""
    child = circles.normals("bmi/child")
    adolescent = 0.75 * child + np.sqrt(1 - 0.75**2) * circles.normals("bmi/adolescent")
    adult = 0.85 * adolescent + np.sqrt(1 - 0.85**2) * circles.normals("bmi/adult")
    return {
        "bmi_child": np.exp(np.log(16.5) + 0.12 * child),
        "bmi_adolescent": np.exp(np.log(20.5) + 0.13 * adolescent),
        "bmi_20": np.exp(np.log(BMI_AT_20) + BMI_LOG_SD * adult),
    }


def _infect(circles: Circles) -> dict[str, np.ndarray]:
    """Return the possible age of EBV infection, who was infected, and who had mononucleosis."""
    u, late = circles.uniforms("ebv/age"), circles.uniforms("ebv/late") < 0.45
    age = np.where(late, 12 + 12 * u, 12 * u)
    infected = circles.uniforms("ebv") < EVER_INFECTED
    glandular = late & (circles.uniforms("mononucleosis") < MONONUCLEOSIS)
    return {"ebv_age": age, "ebv": infected, "mononucleosis": infected & glandular}


AFTER_STOPPING = 5.0  # years for which smoke still counts
LATEST_ONSET = 75.0


@dataclass(frozen=True)
class Exposed:
    """The variables that the hazard depends on, as arrays over people."""

    female: np.ndarray
    drb1: np.ndarray
    a0201: np.ndarray
    loci_score: np.ndarray
    unmeasured: np.ndarray
    combination: np.ndarray
    ancestry_risk: np.ndarray
    light: np.ndarray
    vitamin_d: np.ndarray
    overweight_child: np.ndarray
    overweight_20: np.ndarray
    in_cluster: np.ndarray
    ebv_age: np.ndarray
    ebv: np.ndarray
    mononucleosis: np.ndarray
    smoker: np.ndarray
    smoking_start: np.ndarray
    smoking_stop: np.ndarray

    def do(self, **values: object) -> "Exposed":
        """Return the same people with some exposures set to a given value for everyone."""
        size = len(self.female)
        set_to = {name: np.broadcast_to(value, size) for name, value in values.items()}
        return replace(self, **set_to)


@dataclass(frozen=True)
class Hazard:
    """The hazard of a design with its solved constants."""

    constants: Mapping[str, float]
    design: PopulationDesign

    def score(self, x: Exposed) -> np.ndarray:
        """Return the log hazard ratio of everything fixed by the age of 20."""
        c, d = self.constants, self.design
        genes = (
            c["drb1_1501"] * x.drb1
            + c["a0201"] * x.a0201
            + c["loci"] * x.loci_score
            + c["unmeasured"] * x.unmeasured
            + c["combination"] * x.combination
        )
        weight = np.where(x.female, c["overweight_women"], c["overweight_men"]) * x.overweight_20
        weight = weight + c["overweight_child"] * x.overweight_child
        sun = c["light"] * (x.light - 0.5) + c["vitamin_d"] * (x.vitamin_d - 60) / 50
        fixed = c["intercept"] + c["women"] * x.female + d.ancestry_effect * x.ancestry_risk
        cluster = np.log(d.cluster) * x.in_cluster
        return fixed + d.genes * genes + d.lifestyle * weight + d.sun_effect * sun + cluster

    def course(self, age: np.ndarray) -> np.ndarray:
        """Return the share of the common hazard reached by an age: lognormal, truncated at 75."""
        z = (np.log(np.maximum(age, 1e-9)) - self._centre) / self.constants["onset_log_sd"]
        return np.minimum(ndtr(z) / ndtr(self._last), 1.0)

    def age_at(self, share: np.ndarray) -> np.ndarray:
        """Return the age at which a share of the common hazard is reached."""
        z = ndtri(np.clip(share * ndtr(self._last), 1e-12, 1 - 1e-12))
        return np.exp(self._centre + self.constants["onset_log_sd"] * z)

    @property
    def _centre(self) -> float:
        return np.log(self.constants["onset_median"])

    @property
    def _last(self) -> float:
        return (np.log(LATEST_ONSET) - self._centre) / self.constants["onset_log_sd"]

    def stretches(self, x: Exposed) -> tuple[np.ndarray, np.ndarray]:
        """Split each life at the ages where a factor changes.

        Returns the edges of four stretches in shares of the common hazard, people x 5 from 0 to 1,
        and m(a) in each, people x 4.
        """
        size = len(x.female)
        infected = np.where(x.ebv, self.course(x.ebv_age), 1.0)
        start = np.where(x.smoker, self.course(x.smoking_start), 1.0)
        stop = np.where(x.smoker, self.course(x.smoking_stop + AFTER_STOPPING), 1.0)
        inner = np.sort(np.stack([infected, start, stop], axis=1), axis=1)
        edges = np.concatenate([np.zeros((size, 1)), inner, np.ones((size, 1))], axis=1)
        middle = (edges[:, 1:] + edges[:, :-1]) / 2
        c, d = self.constants, self.design
        after = d.virus * np.where(x.mononucleosis, c["mononucleosis"], 0.0)
        virus = np.where(middle < infected[:, None], d.virus * c["ebv_negative"], after[:, None])
        smoke = (middle >= start[:, None]) & (middle < stop[:, None])
        return edges, np.exp(virus + d.lifestyle * c["smoking"] * smoke)

    def exposure(self, x: Exposed) -> np.ndarray:
        """Return the time-varying factor m(a), averaged over the common hazard of a life."""
        edges, factors = self.stretches(x)
        return (np.diff(edges, axis=1) * factors).sum(axis=1)

    def lifetime_risk(self, x: Exposed) -> np.ndarray:
        """Return each person's risk of MS by the age of 75."""
        return -np.expm1(-np.exp(self.score(x)) * self.exposure(x))

    def draw_onset(self, x: Exposed, u: np.ndarray) -> np.ndarray:
        """Return the age at onset from uniform draws; missing for people who stay healthy."""
        edges, factors = self.stretches(x)
        met = np.cumsum(np.diff(edges, axis=1) * factors, axis=1)
        wanted = -np.log1p(-u) / np.exp(self.score(x))
        ill = np.flatnonzero(wanted < met[:, -1])
        stretch = (wanted[ill, None] >= met[ill]).sum(axis=1)
        before = np.where(stretch > 0, met[ill, np.maximum(stretch - 1, 0)], 0.0)
        share = edges[ill, stretch] + (wanted[ill] - before) / factors[ill, stretch]
        onset = np.full(len(u), np.nan)
        onset[ill] = self.age_at(share)
        return onset
