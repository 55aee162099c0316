"""REML of ``y = X b + u[household] + v[person] + e`` for many features at once.

With theta the two variances over that of e, the inverse covariance of one household is known in
closed form: a person of m visits has the weight ``w = 1 / (1 + m theta_person)``, and

    a' V^-1 b = a'b - theta_person sum_i w_i s_i(a) s_i(b)
                    - theta_household sum_h t_h(a) t_h(b) / (1 + theta_household C_h)

with ``s_i`` the sum over a person's visits, ``t_h = sum_i w_i s_i`` and ``C_h = sum_i m_i w_i``. So
all that a likelihood needs is a weighted sum of a few fixed cross products, one for each number of
visits and each kind of household, whose weights alone depend on theta (docs/methods.md).
"""

from dataclasses import dataclass

import numpy as np
from scipy import linalg, sparse

from cohabit.stats.mixed.reml import Estimates, decompose, maximise

_LARGEST = 1e8
_STARTS = (0.1, 0.5, 0.9)
"""Household's part of the variance between people at which the search may start."""

Order = tuple[int, int]
SECOND: tuple[Order, ...] = ((0, 0), (0, 1), (1, 1))
"""Pairs of ratios whose second derivatives are taken: household is 0, person 1."""


@dataclass(frozen=True)
class NestedDesign:
    """The parts of the fixed effects, people and households that all features share."""

    df: int
    """Number of rows minus number of coefficients."""

    sizes: np.ndarray
    """The distinct numbers of visits of a person, shape (n_sizes,)."""

    n_people: np.ndarray
    """People with each number of visits."""

    kinds: np.ndarray
    """People of each number of visits in a household of each kind, (n_kinds, n_sizes)."""

    n_homes: np.ndarray
    """Households of each kind."""

    of_homes: np.ndarray
    """Kind and two sizes of each product of households, shape (n_products, 3)."""

    xx: np.ndarray
    """Cross products of the orthonormal fixed effects, shape (n_parts, p, p)."""

    to_coefficients: np.ndarray


@dataclass(frozen=True)
class NestedData:
    """The features in the coordinates of a `NestedDesign`."""

    xy: np.ndarray
    """Cross products with the fixed effects, shape (n_parts, p, n_features)."""

    yy: np.ndarray
    """Sums of squares, shape (n_parts, n_features)."""

    ols: np.ndarray

    def of(self, features: np.ndarray) -> "NestedData":
        """Return the selected features."""
        return NestedData(self.xy[:, :, features], self.yy[:, features], self.ols[:, features])


def reduce_nested(
    x: np.ndarray, people: np.ndarray, homes: np.ndarray, y: np.ndarray
) -> tuple[NestedDesign, NestedData]:
    """Reduce a design with independent columns, and the features.

    People and homes are 0, 1, 2, ... without gaps; a person lives in one home.
    """
    q, r = linalg.qr(x, mode="economic")
    inverse = linalg.solve_triangular(r, np.eye(len(r)))
    ols = q.T @ y
    both = np.hstack([q, y - q @ ols])
    visits = np.bincount(people)
    sizes, size_of = np.unique(visits, return_inverse=True)
    home_of = np.empty(len(visits), dtype=int)
    home_of[people] = homes
    sums = _add_up(people, len(visits)) @ both
    members = np.zeros((home_of.max() + 1, len(sizes)), dtype=int)
    np.add.at(members, (home_of, size_of), 1)
    kinds, kind_of = np.unique(members, axis=0, return_inverse=True)
    by_size = [
        _add_up(np.where(size_of == s, home_of, -1), len(members)) @ sums for s in range(len(sizes))
    ]
    products = [_cross(both, both, q.shape[1])]
    products += [_cross(*[sums[size_of == s]] * 2, q.shape[1]) for s in range(len(sizes))]
    of_homes = []
    for kind, number in enumerate(kinds):
        there = kind_of.ravel() == kind
        present = np.flatnonzero(number)
        for place, one in enumerate(present):
            for other in present[place:]:
                of_homes.append((kind, one, other))
                first, second = by_size[one][there], by_size[other][there]
                pair = _cross(first, second, q.shape[1])
                products.append(pair if one == other else tuple(2 * part for part in pair))
    xx, xy, yy = (np.stack(part) for part in zip(*products, strict=True))
    design = NestedDesign(
        df=len(x) - x.shape[1],
        sizes=sizes.astype(float),
        n_people=np.bincount(size_of),
        kinds=kinds.astype(float),
        n_homes=np.bincount(kind_of.ravel()),
        of_homes=np.array(of_homes),
        xx=(xx + xx.transpose(0, 2, 1)) / 2,
        to_coefficients=inverse,
    )
    return design, NestedData(xy, yy, inverse @ ols)


def _add_up(codes: np.ndarray, n_codes: int) -> sparse.csr_matrix:
    """Return the matrix that sums rows by code; a negative code belongs to nothing."""
    known = np.flatnonzero(codes >= 0)
    shape = (n_codes, len(codes))
    return sparse.csr_matrix((np.ones(len(known)), (codes[known], known)), shape)


def _cross(one: np.ndarray, other: np.ndarray, p: int) -> tuple[np.ndarray, ...]:
    """Return the products of fixed effects, of these with features, and the sums of squares."""
    mixed = (one[:, :p].T @ other[:, p:] + other[:, :p].T @ one[:, p:]) / 2
    squares = np.einsum("ij,ij->j", one[:, p:], other[:, p:])
    return one[:, :p].T @ other[:, :p], mixed, squares


@dataclass(frozen=True)
class _Weights:
    """Weights of the parts and the log determinant, with derivatives in the two ratios."""

    value: np.ndarray
    """Shape (n_features, n_parts)."""

    first: np.ndarray
    """Shape (2, n_features, n_parts)."""

    second: np.ndarray
    """Shape (3, n_features, n_parts), in the order of `SECOND`."""

    log_det: tuple[np.ndarray, np.ndarray, np.ndarray]


def _weigh(theta: np.ndarray, design: NestedDesign) -> _Weights:
    """Return the weights of each feature's own ratios, shape (2, n_features)."""
    home, person = theta[0][:, None], theta[1][:, None]
    m = design.sizes
    w = 1 / (1 + person * m)
    kinds = design.kinds
    c0, c1, c2 = ((w ** (k + 1)) @ (kinds * m ** (k + 1)).T for k in range(3))
    c1, c2 = -c1, 2 * c2  # C and its derivatives in the person's ratio
    d = 1 / (1 + home * c0)
    kind, one, other = design.of_homes.T
    a, b = w[:, one], w[:, other]
    product = a * b
    falls = m[one] * a + m[other] * b
    p1 = -falls * product
    p2 = 2 * product * (falls**2 - m[one] * m[other] * a * b)
    dk, k1, k2 = d[:, kind], c1[:, kind], c2[:, kind]
    ones, none = np.ones_like(home), np.zeros_like(w)
    people = (-person * w, -(w**2), 2 * m * w**3)
    homes = (
        -home * product * dk,
        -product * dk**2,
        -home * (p1 * dk - product * home * k1 * dk**2),
        2 * c0[:, kind] * product * dk**3,
        -(p1 * dk**2 - 2 * product * home * k1 * dk**3),
        -home
        * (
            p2 * dk
            - 2 * p1 * home * k1 * dk**2
            - product * home * k2 * dk**2
            + 2 * product * (home * k1) ** 2 * dk**3
        ),
    )
    zero = np.zeros_like(ones)
    number, count = design.n_people, design.n_homes
    logs = (
        -np.log(w) @ number - np.log(d) @ count,
        np.stack([(c0 * d) @ count, (m * w) @ number + (home * c1 * d) @ count]),
        np.stack(
            [
                -((c0 * d) ** 2) @ count,
                (c1 * d**2) @ count,
                -((m * w) ** 2) @ number + (home * c2 * d - (home * c1 * d) ** 2) @ count,
            ]
        ),
    )
    return _Weights(
        np.hstack([ones, people[0], homes[0]]),
        np.stack([np.hstack([zero, none, homes[1]]), np.hstack([zero, people[1], homes[2]])]),
        np.stack(
            [
                np.hstack([zero, none, homes[3]]),
                np.hstack([zero, none, homes[4]]),
                np.hstack([zero, people[2], homes[5]]),
            ]
        ),
        logs,
    )


@dataclass(frozen=True)
class _Surface:
    """Everything of the deviance at one pair of ratios a feature."""

    quadratic: tuple[np.ndarray, np.ndarray, np.ndarray]
    """Weighted residual sum of squares with its first and second derivatives."""

    log_det: tuple[np.ndarray, np.ndarray, np.ndarray]
    bread: np.ndarray
    """Covariance of the orthonormal coefficients at residual variance 1, (n_features, p, p)."""

    slope_of_bread: np.ndarray
    """Its derivatives in the two ratios, shape (2, n_features, p, p)."""

    shift: np.ndarray
    """Orthonormal coefficients minus those of least squares, (n_features, p)."""

    def deviance(self, df: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the profiled deviance, its gradient (2, n) and its second derivatives (3, n)."""
        q, q1, q2 = self.quadratic
        relative = q1 / q
        outer = np.stack([relative[i] * relative[j] for i, j in SECOND])
        return (
            df * np.log(q) + self.log_det[0],
            df * relative + self.log_det[1],
            df * (q2 / q - outer) + self.log_det[2],
        )


def _deviance_at(theta: np.ndarray, design: NestedDesign, data: NestedData) -> np.ndarray:
    """Return the profiled deviance alone."""
    weights = _weigh(theta, design)
    xx, xy, yy = _combine(weights.value, design, data)
    factor = np.linalg.cholesky(xx)
    half = np.linalg.solve(factor, xy[..., None])[..., 0]
    quadratic = yy - np.einsum("fi,fi->f", half, half)
    logs = 2 * np.log(np.einsum("fii->fi", factor)).sum(axis=1)
    return design.df * np.log(quadratic) + weights.log_det[0] + logs


def _combine(weights: np.ndarray, design: NestedDesign, data: NestedData):
    p = design.xx.shape[1]
    xx = (weights @ design.xx.reshape(len(design.xx), -1)).reshape(-1, p, p)
    xy = np.einsum("fk,kpf->fp", weights, data.xy)
    return xx, xy, np.einsum("fk,kf->f", weights, data.yy)


def _surface(theta: np.ndarray, design: NestedDesign, data: NestedData) -> _Surface:
    weights = _weigh(theta, design)
    xx, xy, yy = _combine(weights.value, design, data)
    bread = np.linalg.inv(xx)
    beta = np.einsum("fij,fj->fi", bread, xy)
    first = [_combine(part, design, data) for part in weights.first]
    second = [_combine(part, design, data) for part in weights.second]
    pull = [dxy - np.einsum("fij,fj->fi", dxx, beta) for dxx, dxy, _ in first]
    moved = [bread @ dxx for dxx, _, _ in first]
    q1 = np.stack([_form(beta, *part) for part in first])
    q2 = np.stack([_form(beta, *part) for part in second])
    q2 -= 2 * np.stack([np.einsum("fi,fij,fj->f", pull[i], bread, pull[j]) for i, j in SECOND])
    trace = np.stack([np.einsum("fii->f", part) for part in moved])
    bend = np.stack([np.einsum("fij,fji->f", bread, dxx) for dxx, _, _ in second])
    bend -= np.stack([np.einsum("fij,fji->f", moved[i], moved[j]) for i, j in SECOND])
    log_det = weights.log_det
    sign_and_log = np.linalg.slogdet(xx)[1]
    return _Surface(
        quadratic=(yy - np.einsum("fi,fi->f", xy, beta), q1, q2),
        log_det=(log_det[0] + sign_and_log, log_det[1] + trace, log_det[2] + bend),
        bread=bread,
        slope_of_bread=np.stack([-part @ bread for part in moved]),
        shift=beta,
    )


def _form(beta: np.ndarray, xx: np.ndarray, xy: np.ndarray, yy: np.ndarray) -> np.ndarray:
    return yy - 2 * np.einsum("fi,fi->f", beta, xy) + np.einsum("fi,fij,fj->f", beta, xx, beta)


def fit_nested(
    x: np.ndarray, people: np.ndarray, homes: np.ndarray, y: np.ndarray, contrasts: np.ndarray
) -> Estimates:
    """Fit random intercepts of households and of their people to each column of `y`.

    People and homes are 0, 1, 2, ... without gaps; `contrasts` has the shape
    (n_contrasts, p), for independent columns of `x`, the intercept among them. The ratios are
    those of household and person.
    """
    design, data = reduce_nested(x, people, homes, y)
    between = maximise(*_people_alone(x, people, y))[0]
    theta, converged = _search(np.clip(between, 1e-3, 1e3), design, data)
    found = _surface(theta, design, data)
    variance = found.quadratic[0] / design.df
    reach = contrasts @ design.to_coefficients
    relative = np.einsum("ri,fij,rj->rf", reach, found.bread, reach)
    slopes = np.einsum("ri,afij,rj->arf", reach, found.slope_of_bread, reach) / relative
    return Estimates(
        ratios=theta,
        residual_variance=variance,
        estimate=contrasts @ data.ols + reach @ found.shift.T,
        std_error=np.sqrt(variance * relative),
        df=_satterthwaite(slopes, theta > 0, found, design.df),
        converged=converged,
    )


def _people_alone(x: np.ndarray, people: np.ndarray, y: np.ndarray):
    design, residuals = decompose(x, people, y)
    return design, residuals.squares


def _search(
    between: np.ndarray, design: NestedDesign, data: NestedData
) -> tuple[np.ndarray, np.ndarray]:
    """Return the ratios of lowest deviance and whether the search ended well."""
    starts = [np.stack([part * between, (1 - part) * between]) for part in _STARTS]
    values = np.stack([_deviance_at(start, design, data) for start in starts])
    theta = np.stack(starts)[values.argmin(axis=0), :, np.arange(len(between))].T
    active, done = np.arange(len(between)), np.zeros(len(between), dtype=bool)
    for _ in range(60):
        part, here = data.of(active), theta[:, active]
        value, slope, bend = _surface(here, design, part).deviance(design.df)
        step = _newton_step(here, slope, bend)
        moved = _descend(here, step, value, design, part)
        theta[:, active] = moved
        still = np.abs(moved - here) > 1e-12 + 1e-10 * here
        ended = ~still.any(axis=0)
        done[active[ended]] = True
        active = active[~ended]
        if not len(active):
            break
    value, slope, _ = _surface(theta, design, data).deviance(design.df)
    flat = np.where(theta > 0, np.abs(slope) * np.maximum(theta, 1e-3) < 1e-4, slope > -1e-5)
    lowest = value <= values.min(axis=0) + 1e-7
    return theta, flat.all(axis=0) & lowest & (theta.max(axis=0) < _LARGEST / 2)


def _newton_step(theta: np.ndarray, slope: np.ndarray, bend: np.ndarray) -> np.ndarray:
    """Return the step to take; a ratio at zero whose slope points outwards stays there."""
    free = (theta > 0) | (slope < 0)
    pull = np.where(free, slope, 0.0)
    hessian = np.empty((theta.shape[1], 2, 2))
    hessian[:, 0, 0] = np.where(free[0], bend[0], 1.0)
    hessian[:, 1, 1] = np.where(free[1], bend[2], 1.0)
    hessian[:, 0, 1] = hessian[:, 1, 0] = np.where(free.all(axis=0), bend[1], 0.0)
    value, axes = np.linalg.eigh(hessian)
    value = np.maximum(np.abs(value), 1e-12 * np.abs(value).max(axis=1, keepdims=True) + 1e-300)
    turned = np.einsum("fji,jf->fi", axes, pull) / value
    return -np.einsum("fij,fj->if", axes, turned)


def _descend(
    theta: np.ndarray, step: np.ndarray, value: np.ndarray, design: NestedDesign, data: NestedData
) -> np.ndarray:
    """Follow the steps as far as the deviance does not rise."""
    reach = np.maximum(theta, 0.05) * 4
    step = np.clip(step, -reach, reach)
    moved, waiting = theta.copy(), np.arange(theta.shape[1])
    for _ in range(25):
        trial = np.clip(theta[:, waiting] + step[:, waiting], 0.0, _LARGEST)
        found = _deviance_at(trial, design, data.of(waiting))
        fine = found <= value[waiting] + 1e-12 * np.abs(value[waiting])
        moved[:, waiting[fine]] = trial[:, fine]
        waiting = waiting[~fine]
        if not len(waiting):
            break
        step[:, waiting] /= 4
    return moved


def _satterthwaite(slopes: np.ndarray, free: np.ndarray, found: _Surface, df: int) -> np.ndarray:
    """Return df from the Hessian in the log residual variance and the ratios above zero.

    `slopes`, shape (2, n_contrasts, n_features), are relative to the variance of the contrast.
    """
    variance = found.quadratic[0] / df
    cross = -found.quadratic[1] / variance
    bend = found.log_det[2] + found.quadratic[2] / variance
    hessian = np.zeros((len(variance), 3, 3))
    hessian[:, 0, 0] = df
    for i in range(2):
        hessian[:, 0, i + 1] = hessian[:, i + 1, 0] = np.where(free[i], cross[i], 0.0)
    hessian[:, 1, 1] = np.where(free[0], bend[0], 1.0)
    hessian[:, 2, 2] = np.where(free[1], bend[2], 1.0)
    hessian[:, 1, 2] = hessian[:, 2, 1] = np.where(free.all(axis=0), bend[1], 0.0)
    gradient = np.concatenate([np.ones((1, *slopes.shape[1:])), slopes * free[:, None]])
    inverse = np.linalg.inv(hessian)
    return 1 / np.einsum("irf,fij,jrf->rf", gradient, inverse, gradient)
