"""Log densities of counts and of presence, and their derivatives, for many features at once.

Every array has the axes features, homes, members of a home and quadrature nodes.
"""

from dataclasses import dataclass, field

import numpy as np
from scipy.special import digamma, expit, gammaln, polygamma


@dataclass(frozen=True)
class Derivatives:
    """A log density with its derivatives by the linear predictor and by the shapes."""

    value: np.ndarray
    slope: np.ndarray
    """First derivative by the linear predictor."""

    bend: np.ndarray
    """Second derivative by the linear predictor."""

    shape: list[np.ndarray] = field(default_factory=list)
    """First derivative by each shape."""

    cross: list[np.ndarray] = field(default_factory=list)
    """Derivative by the linear predictor and each shape."""

    shape_bend: dict[tuple[int, int], np.ndarray] = field(default_factory=dict)
    """Second derivatives by two shapes."""


class NegativeBinomial:
    """Variance ``mu + mu^2 / theta``, log link; the shape is ``log theta``."""

    n_shapes = 1
    bounds = ((-7.0, 9.0),)
    """Beyond the upper one the counts are Poisson."""

    def start(self, y: np.ndarray, size: np.ndarray) -> np.ndarray:
        """Return shapes to start from, shape (n_features, n_shapes); `size` weighs each cell."""
        mean = (y * size).sum(axis=(1, 2)) / size.sum()
        square = ((y - mean[:, None, None]) ** 2 * size).sum(axis=(1, 2)) / size.sum()
        theta = mean**2 / np.maximum(square - mean, 0.1 * mean)
        return np.log(np.clip(theta, 0.05, 50))[:, None]

    def value(self, eta: np.ndarray, y: np.ndarray, shapes: np.ndarray) -> np.ndarray:
        """Return the log density."""
        kappa = _cells(shapes, 0)
        theta = np.exp(kappa)
        constant = gammaln(y + theta) - gammaln(theta) - gammaln(y + 1)
        return constant + y * (eta - kappa) - (y + theta) * np.logaddexp(0, eta - kappa)

    def slopes(
        self, eta: np.ndarray, y: np.ndarray, shapes: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return first and second derivative by the linear predictor."""
        kappa = _cells(shapes, 0)
        above = expit(eta - kappa)
        weight = (y + np.exp(kappa)) * above
        return y - weight, -weight * (1 - above)

    def derive(self, eta: np.ndarray, y: np.ndarray, shapes: np.ndarray) -> Derivatives:
        """Return the log density and all derivatives."""
        kappa = _cells(shapes, 0)
        theta = np.exp(kappa)
        log_below = -np.logaddexp(0, eta - kappa)
        below, size = np.exp(log_below), y + theta
        above = 1 - below
        constant = gammaln(size) - gammaln(theta) - gammaln(y + 1)
        rise = digamma(size) - digamma(theta)
        bend = polygamma(1, size) - polygamma(1, theta)
        slant = size * below * above
        by_shape = theta * (rise + log_below + 1) - size * below
        return Derivatives(
            constant + y * (eta - kappa) + size * log_below,
            y - size * above,
            -slant,
            [by_shape],
            [slant - theta * above],
            {(0, 0): by_shape + size * below + theta * (theta * bend + above - below) - slant},
        )


class ZeroInflated:
    """A negative binomial with a share of further zeros; shapes ``log theta`` and its logit."""

    n_shapes = 2
    bounds = (*NegativeBinomial.bounds, (-8.0, 8.0))
    """Below the last lower one there are no further zeros."""

    counts = NegativeBinomial()

    def start(self, y: np.ndarray, size: np.ndarray) -> np.ndarray:
        """Return shapes to start from: half of the zeros are further ones."""
        positive = size * (y > 0)
        zeros = 1 - positive.sum(axis=(1, 2)) / size.sum()
        share = np.clip(zeros / 2, 0.02, 0.9)
        mean = (y * size).sum(axis=(1, 2)) / np.maximum(positive.sum(axis=(1, 2)), 1)
        square = ((y - mean[:, None, None]) ** 2 * positive).sum(axis=(1, 2))
        square = square / np.maximum(positive.sum(axis=(1, 2)), 1)
        theta = np.clip(mean**2 / np.maximum(square - mean, 0.1 * mean), 0.1, 50)
        return np.column_stack([np.log(theta), np.log(share / (1 - share))])

    def value(self, eta: np.ndarray, y: np.ndarray, shapes: np.ndarray) -> np.ndarray:
        """Return the log density."""
        counted = self.counts.value(eta, y, shapes)
        return self._mix(counted, y, shapes)[0]

    def slopes(
        self, eta: np.ndarray, y: np.ndarray, shapes: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return first and second derivative by the linear predictor."""
        slope, bend = self.counts.slopes(eta, y, shapes)
        counted = self.counts.value(eta, y, shapes)
        mine = self._mix(counted, y, shapes)[1]
        return mine * slope, mine * bend + mine * (1 - mine) * slope**2

    def derive(self, eta: np.ndarray, y: np.ndarray, shapes: np.ndarray) -> Derivatives:
        """Return the log density and all derivatives."""
        inner = self.counts.derive(eta, y, shapes)
        value, mine = self._mix(inner.value, y, shapes)
        both, extra = mine * (1 - mine), expit(_cells(shapes, 1))
        slope, by_shape = inner.slope, inner.shape[0]
        return Derivatives(
            value,
            mine * slope,
            mine * inner.bend + both * slope**2,
            [mine * by_shape, 1 - mine - extra],
            [mine * inner.cross[0] + both * slope * by_shape, -both * slope],
            {
                (0, 0): mine * inner.shape_bend[0, 0] + both * by_shape**2,
                (0, 1): -both * by_shape,
                (1, 1): both - extra * (1 - extra),
            },
        )

    def _mix(
        self, counted: np.ndarray, y: np.ndarray, shapes: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the log density, and the chance that a cell is not one of the further zeros."""
        logit = _cells(shapes, 1)
        log_extra, log_mine = -np.logaddexp(0, -logit), -np.logaddexp(0, logit) + counted
        value = np.where(y > 0, log_mine, np.logaddexp(log_extra, log_mine))
        return value, np.exp(log_mine - value)


@dataclass(frozen=True)
class Bernoulli:
    """Presence, 0 or 1, logit link; each observation also counts as `added` of both outcomes."""

    added: float = 0.0
    n_shapes = 0
    bounds = ()

    def start(self, y: np.ndarray, size: np.ndarray) -> np.ndarray:
        """Return no shapes."""
        return np.empty((len(y), 0))

    def value(self, eta: np.ndarray, y: np.ndarray, shapes: np.ndarray) -> np.ndarray:
        """Return the log density."""
        return (y + self.added) * eta - (1 + 2 * self.added) * np.logaddexp(0, eta)

    def slopes(
        self, eta: np.ndarray, y: np.ndarray, shapes: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return first and second derivative by the linear predictor."""
        chance, weight = expit(eta), 1 + 2 * self.added
        return y + self.added - weight * chance, -weight * chance * (1 - chance)

    def derive(self, eta: np.ndarray, y: np.ndarray, shapes: np.ndarray) -> Derivatives:
        """Return the log density and all derivatives."""
        return Derivatives(self.value(eta, y, shapes), *self.slopes(eta, y, shapes))


Density = NegativeBinomial | ZeroInflated | Bernoulli


def _cells(shapes: np.ndarray, which: int) -> np.ndarray:
    """Return one shape of each feature with the axes of the cells."""
    return shapes[:, which, None, None, None]
