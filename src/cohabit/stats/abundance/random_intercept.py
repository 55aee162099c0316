"""Generalised linear models with a random intercept of the household, by maximum likelihood.

All features are fitted at once. The intercept of a home is integrated out by adaptive
Gauss-Hermite quadrature (one node is Laplace's approximation); the score and the information are
those of Fisher's and Louis's identities, under the weights of the same nodes.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from cohabit.stats.abundance.densities import Density, Derivatives

N_NODES = 9
"""Nodes of the quadrature."""

_COARSE = 3
"""Nodes on the way to the maximum."""

_MAX_STEPS = 100
_CELLS_AT_ONCE = 400_000
_FARTHEST = 1.5
"""Longest step of a parameter."""

_FLAT = 1e-11
"""Smallest curvature, as a share of the largest."""

_NEAR = 1e-4
"""Gain of the log likelihood, expected of a step, below which steps are taken unchecked."""

_CLOSE = 1e-10
"""Gain below which the search ends."""


@dataclass(frozen=True)
class HomeLayout:
    """People in the order of their homes: homes x members, with empty places."""

    rows: np.ndarray
    """Row of each member; 0 in an empty place."""

    there: np.ndarray
    """1 for a member, 0 for an empty place."""

    x: np.ndarray
    """Design, homes x members x columns; 0 in an empty place."""

    offset: np.ndarray

    @classmethod
    def of(cls, x: np.ndarray, offset: np.ndarray, codes: np.ndarray) -> "HomeLayout":
        """Lay out a design by the codes (0, 1, ...) of the homes."""
        order = np.argsort(codes, kind="stable")
        sizes = np.bincount(codes)
        place = np.arange(len(codes)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        rows = np.zeros((len(sizes), sizes.max()), dtype=int)
        there = np.zeros(rows.shape)
        rows[codes[order], place], there[codes[order], place] = order, 1.0
        return cls(rows, there, x[rows] * there[..., None], offset[rows] * there)

    @property
    def shared(self) -> bool:
        """True if anybody shares a home."""
        return self.there.shape[1] > 1

    @cached_property
    def products(self) -> np.ndarray:
        """Products of the columns of any two members of a home, flat."""
        n_columns = self.x.shape[2]
        return np.einsum("hai,hbj->habij", self.x, self.x).reshape(-1, n_columns**2)


@dataclass(frozen=True)
class Fits:
    """Maximum likelihood fits of all features; coefficients are those of the columns of `x`."""

    coefficients: np.ndarray
    deviation: np.ndarray
    """Standard deviation of the home's intercept."""

    shapes: np.ndarray
    likelihood: np.ndarray
    information: np.ndarray
    """Observed information of coefficients, deviation and shapes."""

    squares: np.ndarray
    """Sum over homes of the products of their scores."""

    converged: np.ndarray

    @cached_property
    def inverse(self) -> np.ndarray:
        """Inverse of the information."""
        root, axes = np.linalg.eigh(self.information)
        root = np.maximum(root, _FLAT * root[:, -1:])
        return (axes / root[:, None]) @ axes.transpose(0, 2, 1)

    @property
    def covariance(self) -> np.ndarray:
        """Covariance of the coefficients, the other parameters being estimated too."""
        size = self.coefficients.shape[1]
        return self.inverse[:, :size, :size]

    @property
    def excess(self) -> np.ndarray:
        """Variance of the coefficients among homes, as a multiple of `covariance`, on average.

        The mean eigenvalue of the sandwich covariance against the covariance of the model
        (Rotnitzky and Jewell 1990, Biometrika 77:485); 1 where the density is right.
        """
        size = self.coefficients.shape[1]
        sandwich = (self.inverse @ self.squares @ self.inverse)[:, :size, :size]
        return np.trace(np.linalg.solve(self.covariance, sandwich), axis1=1, axis2=2) / size


@dataclass
class _State:
    """Parameters of some features during the search, and the modes of their homes."""

    parameters: np.ndarray
    modes: np.ndarray


@dataclass(frozen=True)
class HomeLikelihood:
    """The marginal likelihood of one density in one layout of homes."""

    density: Density
    homes: HomeLayout
    n_nodes: int = N_NODES

    @cached_property
    def _rule(self) -> tuple[np.ndarray, np.ndarray]:
        return np.polynomial.hermite_e.hermegauss(self.n_nodes)

    def fit(self, y: np.ndarray) -> Fits:
        """Fit counts or presence, shape (n_samples, n_features)."""
        cells = self._cells(y)
        per_feature = self.homes.there.size * self.n_nodes
        step = max(1, _CELLS_AT_ONCE // per_feature)
        parts = [self._fit(cells[at : at + step]) for at in range(0, len(cells), step)]
        joined = [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]
        parameters, likelihood, information, squares, converged = joined
        size = self.homes.x.shape[2]
        return Fits(
            parameters[:, :size],
            np.abs(parameters[:, size]),
            parameters[:, size + 1 :],
            likelihood,
            information,
            squares,
            converged,
        )

    def log_likelihood(self, y: np.ndarray, parameters: np.ndarray) -> np.ndarray:
        """Return the log likelihood of each feature at its parameters.

        `parameters`, shape (n_features, n_parameters), are the coefficients, the deviation and
        the shapes of the density.
        """
        modes = np.zeros((y.shape[1], len(self.homes.there)))
        return self._value(self._cells(y), _State(parameters, modes))

    def _cells(self, y: np.ndarray) -> np.ndarray:
        """Return the values, shape (n_features, n_homes, n_members), 0 in an empty place."""
        return y.T[:, self.homes.rows] * self.homes.there

    def _start(self, y: np.ndarray) -> _State:
        size, there = self.homes.x.shape[2], self.homes.there
        shapes = self.density.start(y, there)
        parameters = np.zeros((len(y), size + 1 + shapes.shape[1]))
        parameters[:, size] = 0.5 * self.homes.shared
        parameters[:, size + 1 :] = shapes
        return _State(parameters, np.zeros((len(y), len(there))))

    def _fit(self, y: np.ndarray) -> tuple[np.ndarray, ...]:
        state = self._start(y)
        replace(self, n_nodes=min(_COARSE, self.n_nodes))._climb(y, state, _NEAR)
        return state.parameters, *self._climb(y, state, _CLOSE)

    def _climb(self, y: np.ndarray, state: _State, close: float) -> tuple[np.ndarray, ...]:
        """Maximise by Newton's method with halved steps, each feature on its own."""
        n_features, size = state.parameters.shape
        likelihood = np.empty(n_features)
        information, squares = np.empty((2, n_features, size, size))
        converged = np.zeros(n_features, dtype=bool)
        left = np.arange(n_features)
        for _ in range(_MAX_STEPS):
            if not len(left):
                break
            here = _State(state.parameters[left], state.modes[left])
            likelihood[left], scores, curvature = self._derive(y[left], here)
            gradient = scores.sum(axis=1)
            squares[left] = scores.transpose(0, 2, 1) @ scores
            state.modes[left] = here.modes
            step, gain, concave = self._step(state.parameters[left], gradient, curvature)
            information[left] = curvature
            done = gain < close
            converged[left[done]] = True
            near = concave & (gain < _NEAR)
            left, step, near = left[~done], step[~done], near[~done]
            state.parameters[left[near]] = self._bounded(state.parameters[left[near]] + step[near])
            moved = near | self._search(y, state, left, step, likelihood, near)
            left = left[moved]
        roots = np.linalg.eigvalsh(information)
        positive = roots[:, 0] > -1e-8 * roots[:, -1]
        return likelihood, information, squares, converged & positive

    def _step(
        self, parameters: np.ndarray, gradient: np.ndarray, curvature: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return a step uphill, the gain expected of it, and if the maximum is ahead."""
        self._hold(parameters, gradient, curvature)
        root, axes = np.linalg.eigh(curvature)
        floor = _FLAT * np.abs(root).max(axis=1, keepdims=True)
        along = np.einsum("fij,fi->fj", axes, gradient) / np.maximum(np.abs(root), floor)
        step = np.einsum("fij,fj->fi", axes, along)
        gain = (step * gradient).sum(axis=1)
        shorter = np.clip(step, -_FARTHEST, _FARTHEST)
        scaled = step * (_FARTHEST / np.maximum(_FARTHEST, np.abs(step).max(axis=1)))[:, None]
        climbs = (shorter * gradient).sum(axis=1) > 0.1 * (scaled * gradient).sum(axis=1)
        return np.where(climbs[:, None], shorter, scaled), gain, root[:, 0] > 0

    def _hold(self, parameters: np.ndarray, gradient: np.ndarray, curvature: np.ndarray) -> None:
        """Hold shapes at their bounds, and the deviation where nobody shares a home."""
        size = self.homes.x.shape[2]
        held = np.zeros(parameters.shape, dtype=bool)
        held[:, size] = not self.homes.shared
        for which, (low, high) in enumerate(self.density.bounds):
            at, uphill = parameters[:, size + 1 + which], gradient[:, size + 1 + which]
            held[:, size + 1 + which] = ((at <= low) & (uphill <= 0)) | (
                (at >= high) & (uphill >= 0)
            )
        gradient[held] = 0
        apart = held[:, :, None] | held[:, None, :]
        curvature[apart] = 0
        curvature[np.nonzero(held) + (np.nonzero(held)[1],)] = 1

    def _bounded(self, parameters: np.ndarray) -> np.ndarray:
        size = self.homes.x.shape[2]
        for which, (low, high) in enumerate(self.density.bounds):
            parameters[:, size + 1 + which] = parameters[:, size + 1 + which].clip(low, high)
        return parameters

    def _search(
        self,
        y: np.ndarray,
        state: _State,
        left: np.ndarray,
        step: np.ndarray,
        likelihood: np.ndarray,
        moved: np.ndarray,
    ) -> np.ndarray:
        """Take each step, or the first of its halves that climbs; return who moved."""
        moved = moved.copy()
        for halving in range(12):
            if moved.all():
                break
            rest = np.flatnonzero(~moved)
            chosen = left[rest]
            trial = _State(
                self._bounded(state.parameters[chosen] + step[rest] / 2**halving),
                state.modes[chosen].copy(),
            )
            value = self._value(y[chosen], trial)
            better = value >= likelihood[chosen] - 1e-10
            state.parameters[chosen[better]] = trial.parameters[better]
            state.modes[chosen[better]] = trial.modes[better]
            moved[rest[better]] = True
        return moved

    def _value(self, y: np.ndarray, state: _State) -> np.ndarray:
        """Return the log likelihood of each feature, and leave the modes in the state."""
        nodes, weights, eta, shapes = self._place(y, state)
        value = self.density.value(eta, y[..., None], shapes) * self.homes.there[..., None]
        return _log_sum(value.sum(axis=2) - nodes**2 / 2 + weights)[0].sum(axis=1)

    def _place(self, y: np.ndarray, state: _State) -> tuple[np.ndarray, ...]:
        """Return nodes and log weights about the mode of each home, and linear predictors."""
        size = self.homes.x.shape[2]
        deviation, shapes = state.parameters[:, size, None], state.parameters[:, size + 1 :]
        fixed = np.einsum("hai,fi->fha", self.homes.x, state.parameters[:, :size], optimize=True)
        fixed = fixed + self.homes.offset
        for turn in range(20):
            eta = fixed + (deviation * state.modes)[..., None]
            slope, bend = self.density.slopes(eta[..., None], y[..., None], shapes)
            slope = (slope[..., 0] * self.homes.there).sum(axis=2) * deviation - state.modes
            bend = 1 - (bend[..., 0] * self.homes.there).sum(axis=2) * deviation**2
            move = np.clip(slope / np.maximum(bend, 0.5), -3, 3)
            if turn and np.abs(move).max() < 1e-8:
                break
            state.modes += move
        spread = 1 / np.sqrt(np.maximum(bend, 0.05))[..., None]
        at, weight = self._rule
        nodes = state.modes[..., None] + spread * at
        weights = np.log(weight) + at**2 / 2 + np.log(spread) - np.log(2 * np.pi) / 2
        eta = fixed[..., None] + (deviation[..., None] * nodes)[:, :, None, :]
        return nodes, weights, eta, shapes

    def _derive(self, y: np.ndarray, state: _State) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return log likelihood, score of each home and negative Hessian of each feature."""
        nodes, weights, eta, shapes = self._place(y, state)
        here = self.density.derive(eta, y[..., None], shapes)
        there = self.homes.there[..., None]
        logs = (here.value * there).sum(axis=2) - nodes**2 / 2 + weights
        total, chance = _log_sum(logs)
        slope, bend = here.slope * there, here.bend * there
        scores = [slope.sum(axis=2) * nodes, *((part * there).sum(axis=2) for part in here.shape)]
        means = [(chance * score).sum(axis=2) for score in scores]
        mean_slope = np.einsum("fhaq,fhq->fha", slope, chance)
        by_column = np.einsum("fha,hai->fhi", mean_slope, self.homes.x, optimize=True)
        gradient = np.concatenate([by_column, np.stack(means, axis=2)], axis=2)
        moving = _Moving(chance, slope - mean_slope[..., None], scores, means)
        crossed = [bend * nodes[:, :, None], *(part * there for part in here.cross)]
        seconds = self._seconds(here, nodes, crossed)
        return total.sum(axis=1), gradient, -self._hessian(moving, bend, crossed, seconds)

    def _hessian(
        self,
        moving: "_Moving",
        bend: np.ndarray,
        crossed: list[np.ndarray],
        seconds: dict[tuple[int, int], np.ndarray],
    ) -> np.ndarray:
        """Put the second derivatives of coefficients, deviation and shapes together."""
        n_features, size = len(bend), self.homes.x.shape[2]
        hessian = np.empty((n_features, size + len(crossed), size + len(crossed)))
        between = moving.between_members(bend).reshape(n_features, -1) @ self.homes.products
        hessian[:, :size, :size] = between.reshape(n_features, size, size)
        for first, cross in enumerate(crossed):
            mixed = self._sum_columns(moving.with_member(cross, first))
            hessian[:, :size, size + first] = hessian[:, size + first, :size] = mixed
        for (first, second), value in seconds.items():
            both = moving.of_scores(value, first, second)
            hessian[:, size + first, size + second] = both
            hessian[:, size + second, size + first] = both
        return hessian

    def _seconds(
        self, here: Derivatives, nodes: np.ndarray, crossed: list[np.ndarray]
    ) -> dict[tuple[int, int], np.ndarray]:
        """Return second derivatives by deviation and shapes, summed over members."""
        found = {(0, which): (cross.sum(axis=2) * nodes) for which, cross in enumerate(crossed)}
        there = self.homes.there[..., None]
        for (first, second), value in here.shape_bend.items():
            found[first + 1, second + 1] = (value * there).sum(axis=2)
        return found

    def _sum_columns(self, members: np.ndarray) -> np.ndarray:
        return members.reshape(len(members), -1) @ self.homes.x.reshape(-1, self.homes.x.shape[2])


@dataclass(frozen=True)
class _Moving:
    """What varies from node to node, under the weights of the nodes."""

    chance: np.ndarray
    slope: np.ndarray
    """Slopes less their means."""

    scores: list[np.ndarray]
    means: list[np.ndarray]

    def between_members(self, bend: np.ndarray) -> np.ndarray:
        """Return the second derivative by the predictors of any two members of a home."""
        weighted = self.slope * self.chance[:, :, None]
        found = weighted @ self.slope.transpose(0, 1, 3, 2)
        member = np.arange(found.shape[2])
        found[:, :, member, member] += np.einsum("fhaq,fhq->fha", bend, self.chance)
        return found

    def with_member(self, cross: np.ndarray, which: int) -> np.ndarray:
        """Return the second derivative by a member's predictor and a further parameter."""
        inner = self.slope * self.scores[which][:, :, None] + cross
        return np.einsum("fhaq,fhq->fha", inner, self.chance)

    def of_scores(self, second: np.ndarray, one: int, other: int) -> np.ndarray:
        """Return the second derivative by two further parameters."""
        inner = (self.scores[one] - self.means[one][..., None]) * self.scores[other] + second
        return (inner * self.chance).sum(axis=(1, 2))


def _log_sum(logs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the log of the sum over the last axis, and each term's share of it."""
    top = logs.max(axis=-1, keepdims=True)
    terms = np.exp(logs - top)
    total = terms.sum(axis=-1, keepdims=True)
    return (np.log(total) + top)[..., 0], terms / total
