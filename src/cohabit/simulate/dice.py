"""Random numbers by position: a person's draws do not depend on the design."""

import hashlib
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from cohabit.data import schema
from cohabit.simulate.design import StudyDesign

MANY = 200.0
"""Expected reads above which quick dice draw counts as rounded lognormals."""


@dataclass(frozen=True)
class Dice:
    """Draws for given people, each at a fixed position in a named stream of the site.

    Each site has its own streams, so more pairs at one site do not change draws at others, nor
    those of the pairs already enrolled at this site.
    """

    seed: int
    pairs_per_site: dict[str, int]
    """Pairs of the sites that have any, in the order of the vocabulary."""

    person: np.ndarray
    """Position of each row's person among all people enrolled."""

    household: np.ndarray
    """Position of each row's household, by `household_id`."""

    prefix: str = "people"
    """First part of the names of all streams."""

    def within(self, part: str) -> "Dice":
        """Return dice for the same people with another part added to the stream names."""
        return replace(self, prefix=f"{self.prefix}/{part}")

    def take(self, rows: np.ndarray) -> "Dice":
        """Return the dice of some of these people."""
        return replace(self, person=self.person[rows], household=self.household[rows])

    @property
    def home(self) -> np.ndarray:
        """Position of the household in which each person really lives."""
        return self.person // 2

    @classmethod
    def of(cls, people: pd.DataFrame, design: StudyDesign, seed: int) -> "Dice":
        """Return the dice of `people` (indexed by participant_id), enrolled by `design`.

        Raises
        ------
        ValueError
            When somebody is not of this design.
        """
        households = household_ids(design)
        person = pd.Index(np.repeat(households, 2) + np.tile(["-a", "-b"], len(households)))
        dice = cls(
            seed=seed,
            pairs_per_site=sites_of(design),
            person=person.get_indexer(people.index),
            household=pd.Index(households).get_indexer(people["household_id"]),
        )
        strange = people.index[(dice.person < 0) | (dice.household < 0)]
        if len(strange):
            raise ValueError(
                f"people: {len(strange)} of them are not enrolled by this design, first "
                f"{strange[:5].tolist()}; pass the design the people were drawn with"
            )
        return dice

    def normals(self, name: str, per: str = "person", columns: int | None = None) -> np.ndarray:
        """Return standard normal draws, one per row, or rows x columns.

        With the site, `name` names the stream. Draws are per ``"person"``; per ``"household"``, the
        same for all rows of one `household_id`; or per ``"home"``, the same for two people who
        really live together.
        """
        return self._draw(name, per, columns, lambda rng, shape: rng.standard_normal(shape))

    def uniforms(self, name: str, per: str = "person", columns: int | None = None) -> np.ndarray:
        """Return uniform draws, arranged as in `normals`."""
        return self._draw(name, per, columns, lambda rng, shape: rng.random(shape))

    def quotas(self, name: str, per: str = "household") -> np.ndarray:
        """Return uniforms spread evenly over each site in random order.

        Of n values n·p lie below a share p, to within one: this is how recruitment fills a quota.
        """
        return self._draw(name, per, None, _spread)

    def _draw(self, name: str, per: str, columns: int | None, draw) -> np.ndarray:
        position = {"person": self.person, "household": self.household, "home": self.home}[per]
        size = 2 if per == "person" else 1
        tail = () if columns is None else (columns,)
        drawn = [
            draw(stream(self.seed, f"{self.prefix}/{name}/{site}"), (pairs * size, *tail))
            for site, pairs in self.pairs_per_site.items()
        ]
        return np.concatenate(drawn)[position]


@dataclass(frozen=True)
class QuickDice:
    """Draws in single precision from one generator, in the order of the calls.

    For cohorts by the thousand: it takes the place of `Dice` where nobody has to keep the same
    draws from one world to another. Names say nothing to it.
    """

    rng: np.random.Generator
    household: np.ndarray
    """Code of the household of each row: 0, 1, ..."""

    def normals(self, name: str, per: str = "person", columns: int | None = None) -> np.ndarray:
        """Return standard normal draws, arranged as in `Dice.normals`."""
        drawn = self.rng.standard_normal(self._shape(per, columns), dtype=np.float32)
        return drawn if per == "person" else drawn[self.household]

    def uniforms(self, name: str, per: str = "person", columns: int | None = None) -> np.ndarray:
        """Return uniform draws, arranged as in `Dice.normals`."""
        drawn = self.rng.random(self._shape(per, columns))
        return drawn if per == "person" else drawn[self.household]

    def _shape(self, per: str, columns: int | None) -> tuple[int, ...]:
        size = len(self.household) if per == "person" else self.household.max() + 1
        return (size,) if columns is None else (size, columns)

    def counts(self, mean: np.ndarray, dispersion: float) -> np.ndarray:
        """Return negative binomial counts of variance ``mean + dispersion * mean**2``.

        From `MANY` on they are rounded lognormals of equal mean and variance.
        """
        counts = np.zeros_like(mean)
        few, many = (mean > 0) & (mean < MANY), mean >= MANY
        size, low, high = 1 / dispersion, mean[few], mean[many]
        rate = low * self.rng.standard_gamma(size, low.shape, dtype=np.float32) / size
        counts[few] = self.rng.poisson(rate)
        variance = np.log1p(1 / size + 1 / high)
        noise = self.rng.standard_normal(high.shape, dtype=np.float32)
        counts[many] = np.rint(high * np.exp(np.sqrt(variance) * noise - variance / 2))
        return counts


def sites_of(design: StudyDesign) -> dict[str, int]:
    """Return the sites that enrol at least one pair, in the order of the vocabulary."""
    pairs = design.pairs_per_site
    return {site: pairs[site] for site in schema.SITE_COUNTRY if pairs.get(site, 0) > 0}


SITE_PREFIX = {
    "San Francisco": "SF",
    "Boston": "BO",
    "New York": "NY",
    "Pittsburgh": "PI",
    "Buenos Aires": "BA",
    "Edinburgh": "ED",
    "San Sebastian": "SS",
}


def household_ids(design: StudyDesign) -> np.ndarray:
    """Return the household IDs of a design, site by site: ``SF-001``, ``SF-002``, ..."""
    names = [
        f"{SITE_PREFIX[site]}-{number:03d}"
        for site, pairs in sites_of(design).items()
        for number in range(1, pairs + 1)
    ]
    return np.array(names, dtype=object)


def _spread(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    size = shape[0]
    return (rng.permutation(size) + rng.random(size)) / size


def stream(seed: int, name: str) -> np.random.Generator:
    """Return a new random generator for the component called `name`.

    The same seed and path-like name, as ``"community/household"``, always give the same draws,
    whatever else is drawn in whatever order; different names give independent draws. A changed dial
    of one component therefore leaves the random numbers of all others unchanged.
    """
    key = int.from_bytes(hashlib.sha256(name.encode("utf-8")).digest()[:8], "big")
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(key,)))
