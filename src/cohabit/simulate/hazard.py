"""One hazard: genes and exposures multiply; risks and ages at onset follow from it.

The hazard of person i at age a is h(a) exp(score_i) m_i(a): a common course over age, a score
that genes, sex and childhood fix, and factors that come and go with EBV, mononucleosis and smoke.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtr, ndtri

from cohabit.simulate.population_design import PopulationDesign

AFTER_STOPPING = 5.0  # years for which smoke still counts
LATEST_ONSET = 75.0


@dataclass(frozen=True)
class Exposed:
    """What a hazard depends on, as arrays over people."""

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
        """Return the same people in a world where some exposures are set for everyone."""
        size = len(self.female)
        set_to = {name: np.broadcast_to(value, size) for name, value in values.items()}
        return replace(self, **set_to)


@dataclass(frozen=True)
class Hazard:
    """The hazard of a design, with the solved constants."""

    constants: Mapping[str, float]
    design: PopulationDesign

    def score(self, x: Exposed) -> np.ndarray:
        """Return what is fixed by the age of 20, on the log scale."""
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
        """Return the share of the common hazard met by an age: a lognormal, cut at 75."""
        z = (np.log(np.maximum(age, 1e-9)) - self._centre) / self.constants["onset_log_sd"]
        return np.minimum(ndtr(z) / ndtr(self._last), 1.0)

    def age_at(self, share: np.ndarray) -> np.ndarray:
        """Return the age by which a share of the common hazard is met."""
        z = ndtri(np.clip(share * ndtr(self._last), 1e-12, 1 - 1e-12))
        return np.exp(self._centre + self.constants["onset_log_sd"] * z)

    @property
    def _centre(self) -> float:
        return np.log(self.constants["onset_median"])

    @property
    def _last(self) -> float:
        return (np.log(LATEST_ONSET) - self._centre) / self.constants["onset_log_sd"]

    def stretches(self, x: Exposed) -> tuple[np.ndarray, np.ndarray]:
        """Cut each life where a factor changes.

        Returns
        -------
        edges : array, people x 5
            In shares of the common hazard, from 0 to 1.
        factors : array, people x 4
            m(a) in each stretch.
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
        """Return what comes and goes, m(a), averaged over the common hazard of a life."""
        edges, factors = self.stretches(x)
        return (np.diff(edges, axis=1) * factors).sum(axis=1)

    def lifetime_risk(self, x: Exposed) -> np.ndarray:
        """Return each person's risk of MS by the age of 75."""
        return -np.expm1(-np.exp(self.score(x)) * self.exposure(x))

    def draw_onset(self, x: Exposed, u: np.ndarray) -> np.ndarray:
        """Return each person's age at onset from uniforms; missing for who stays healthy."""
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
