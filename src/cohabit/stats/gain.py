"""What columns explain of distances among people who live together, by chance and beyond it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.optimize import brentq
from scipy.stats import f as f_distribution

from cohabit.stats.inference import normal_quantile, t_quantile
from cohabit.stats.permanova.terms import household_means

Projection = Callable[[np.ndarray], np.ndarray]
"""Projects columns on what differs between households, or within them."""


class HomeDistances:
    """Distances among people who live together, split into strata.

    Parameters
    ----------
    gram : array, shape (n, n)
        Inner products of people, ``-1/2 D^2`` up to terms of rows and columns.
    codes : array of int, shape (n,)
        Household of each person, 0, 1, ...
    """

    def __init__(self, gram: np.ndarray, codes: np.ndarray) -> None:
        self.gram, self.codes = gram, codes
        self.n_homes = codes.max() + 1
        alone = self.n_homes == len(codes)
        self.strata: list[Projection] = [_centre] if alone else [self._between, self._within]

    def _means(self, columns: np.ndarray) -> np.ndarray:
        return household_means(columns, self.codes)[self.codes]

    def _between(self, columns: np.ndarray) -> np.ndarray:
        return _centre(self._means(columns))

    def _within(self, columns: np.ndarray) -> np.ndarray:
        return columns - self._means(columns)

    @cached_property
    def totals(self) -> np.ndarray:
        """Sum of squares of each stratum: between and within households, or of all people."""
        everything, middle = np.trace(self.gram), self.gram.sum() / len(self.codes)
        if len(self.strata) == 1:
            return np.array([everything - middle])
        rows = np.arange(len(self.codes))
        inside = household_means(self.gram, self.codes)[self.codes, rows].sum()
        return np.array([inside - middle, everything - inside])

    @property
    def df(self) -> np.ndarray:
        """Degrees of freedom of each stratum."""
        n = len(self.codes)
        return np.array([self.n_homes - 1, n - self.n_homes][: len(self.strata)])


def _centre(columns: np.ndarray) -> np.ndarray:
    return columns - columns.mean(axis=0)


class LeftOver:
    """What a model leaves in each stratum; `bases` are the model's, orthonormal, (n, rank) each."""

    def __init__(self, homes: HomeDistances, bases: Sequence[np.ndarray]) -> None:
        self.homes, self.bases = homes, bases

    @property
    def total(self) -> float:
        """Total sum of squares."""
        return float(self.homes.totals.sum())

    @cached_property
    def df(self) -> np.ndarray:
        """Residual degrees of freedom of each stratum."""
        return self.homes.df - np.array([basis.shape[1] for basis in self.bases])

    @cached_property
    def mean_squares(self) -> np.ndarray:
        """Residual mean square of each stratum; nan without degrees of freedom."""
        explained = [np.einsum("ik,ik->", basis, self.homes.gram @ basis) for basis in self.bases]
        left = self.homes.totals - np.array(explained)
        return np.divide(left, self.df, out=np.full(len(left), np.nan), where=self.df > 0)

    def leave(self, place: int, columns: np.ndarray) -> np.ndarray:
        """Return the residual part of columns in a stratum."""
        basis, part = self.bases[place], self.homes.strata[place](columns)
        return part - basis @ (basis.T @ part)

    @cached_property
    def overlaps(self) -> np.ndarray:
        """Traces of products of two strata's covariances, shape (n_strata, n_strata).

        Those of one stratum with itself without the bias of an estimated covariance.
        """
        n_strata, df = len(self.bases), self.df
        left = [self.leave(place, self.homes.gram) for place in range(n_strata)]
        result = np.empty((n_strata, n_strata))
        for one in range(n_strata):
            for other in range(n_strata):
                shared = self.leave(other, left[one].T)
                result[one, other] = (shared**2).sum() / (df[one] * df[other])
        own = np.diag(result) - self.mean_squares**2 / df
        unbiased = own * df**2 / np.maximum((df - 1) * (df + 2), 1)
        np.fill_diagonal(result, np.maximum(unbiased, self.mean_squares**2 / df))
        return result


@dataclass(frozen=True, eq=False)
class Gain:
    """What orthonormal columns explain beside a model's residuals."""

    added: np.ndarray
    """Orthonormal and centred, shape (n, df)."""

    residuals: LeftOver

    @property
    def df(self) -> int:
        """Degrees of freedom."""
        return self.added.shape[1]

    @cached_property
    def _product(self) -> np.ndarray:
        return self.residuals.homes.gram @ self.added

    @cached_property
    def explained(self) -> float:
        """Sum of squares explained."""
        return float(np.einsum("ik,ik->", self.added, self._product))

    @cached_property
    def _parts(self) -> list[np.ndarray]:
        """The columns' parts in each stratum."""
        return [stratum(self.added) for stratum in self.residuals.homes.strata]

    @cached_property
    def _sizes(self) -> np.ndarray:
        """How much of the columns lies in each stratum, adding up to df."""
        return np.array([np.einsum("ij,ij->", part, part) for part in self._parts])

    @cached_property
    def by_chance(self) -> float:
        """Sum of squares that as many columns explain on average without an effect."""
        used = self._sizes > 1e-12
        return float(self._sizes[used] @ self.residuals.mean_squares[used])

    @property
    def shares(self) -> tuple[float, float]:
        """R² and adjusted R²; nan for no columns."""
        if self.df == 0:
            return np.nan, np.nan
        total = self.residuals.total
        return self.explained / total, (self.explained - self.by_chance) / total

    @property
    def measurable(self) -> bool:
        """Whether there are columns, and residuals in every stratum to measure their noise."""
        return self.df > 0 and bool(np.all(self.residuals.df > 1))

    def covariance(self, other: "Gain") -> tuple[float, float]:
        """Return the covariance of two sums of squares: with their effects, and without any.

        Of ``|W'(M + E)|^2`` with the mean M of the distances' coordinates and their noise E.
        """
        own, places = self.residuals, range(len(self._parts))
        crossed = [self._parts[place].T @ other._parts[place] for place in places]
        linear = 0.0
        for place, cross in enumerate(crossed):
            left = own.leave(place, self._product).T @ own.leave(place, other._product)
            linear += 4 * float(np.einsum("ij,ij->", cross, left)) / own.df[place]
        floor = 2 * sum(
            np.einsum("ij,ij->", crossed[one], crossed[two]) * own.overlaps[one, two]
            for one in places
            for two in places
        )
        return linear, float(floor)

    def correlation(self, other: "Gain") -> float:
        """Return the correlation of two sums of squares."""
        if not (self.measurable and other.measurable):
            return np.nan
        shared = sum(self.covariance(other))
        return shared / np.sqrt(sum(self.covariance(self)) * sum(other.covariance(other)))

    @property
    def interval(self) -> tuple[float, float]:
        """95% interval of the adjusted R²."""
        own = self.residuals
        if not self.measurable:
            return np.nan, np.nan
        linear, floor = self.covariance(self)
        student = t_quantile(0.975, min(own.df[self._sizes > 1e-12])) / normal_quantile(0.975)
        estimate, overlaps = self.explained - self.by_chance, np.diag(own.overlaps)
        rest = own.total - estimate
        spread = Spread(
            explained=self.explained,
            by_chance=self.by_chance,
            slope=student**2 * linear / self.explained,
            floor=floor,
            of_chance=float(self._sizes**2 @ (2 * overlaps / own.df)),
            of_rest=float((2 * own.df * overlaps).sum()) / rest**2,
        )
        low, high = (end / (end + rest) for end in map(spread.solve, (0.975, 0.025)))
        return low, high


@dataclass(frozen=True)
class Spread:
    """How a sum of squares scatters when its part beyond chance is known.

    Its variance is ``slope x effect + floor + of_rest x effect^2``.
    """

    explained: float
    by_chance: float
    slope: float
    floor: float
    of_chance: float
    """Variance of what chance is estimated to explain."""

    of_rest: float
    """Squared coefficient of variation of the rest, of which R² is a share."""

    def smaller(self, effect: float) -> float:
        """Return the probability of a smaller sum of squares than the one seen."""
        mean = effect + self.by_chance
        return float(f_distribution.cdf(self.explained / mean, *self._freedom(effect)))

    def _freedom(self, effect: float) -> tuple[float, float]:
        variance = self.slope * effect + self.floor + self.of_rest * effect**2
        twice = 2 * (effect + self.by_chance) ** 2
        return twice / variance, twice / self.of_chance

    def solve(self, probability: float) -> float:
        """Return the effect that gives a smaller sum with this probability.

        Where none does, the estimate is as far below 0 as its quantile without an effect.
        """
        if self.smaller(0.0) <= probability:
            quantile = f_distribution.ppf(probability, *self._freedom(0.0))
            return float(self.explained - self.by_chance * quantile)
        most = max(self.explained, self.by_chance)
        while self.smaller(most) > probability:
            most *= 2
        return float(brentq(lambda effect: self.smaller(effect) - probability, 0.0, most))


@dataclass(frozen=True)
class GainOfHome:
    """What the household explains."""

    df: int
    shares: tuple[float, float]
    interval: None = None
    """Left to the jackknife: households are drawn, not fixed."""


def gain_of_home(homes: HomeDistances) -> GainOfHome:
    """Return what the household explains, beyond what chance puts between households."""
    (between, *within), (df, *df_within) = homes.totals, homes.df
    by_chance = df * within[0] / df_within[0] if within else np.nan
    total = homes.totals.sum()
    return GainOfHome(int(df), (between / total, (between - by_chance) / total))
