"""REML of ``y = X b + u[household] + v[site] + e``, fitted to one feature at a time.

The same split into household means and contrasts as in `reml`, taken around X and
the site indicators together, leaves a dense problem of a few dozen rows whatever n is.
"""

from dataclasses import dataclass, fields

import numpy as np
from scipy import linalg, optimize

from cohabit.stats.mixed.reml import Estimates, split_strata

_STARTS = ((0.3, 0.05), (0.02, 0.5), (2.0, 0.0))
"""Starting values of the household and site variance over the residual variance."""

_LARGEST = 1e8


@dataclass(frozen=True)
class SiteDesign:
    """The reduced problem shared by all features."""

    df: int
    """Number of rows minus number of coefficients."""

    x: np.ndarray
    """Orthonormalised fixed effects in the reduced rows, shape (n_reduced, p)."""

    parts: tuple[np.ndarray, np.ndarray]
    """Covariance of the reduced rows per unit of household and of site variance."""

    left_values: np.ndarray
    """Household eigenvalue of the remaining rows of each stratum."""

    left_count: np.ndarray
    to_coefficients: np.ndarray
    """Matrix from orthonormalised coefficients to those of the formula, shape (p, p)."""


@dataclass(frozen=True)
class SiteData:
    """One feature in the coordinates of a `SiteDesign`."""

    rows: np.ndarray
    left: np.ndarray
    """Sum of squares of the remaining rows of each stratum."""

    ols: np.ndarray


def reduce_design(
    x: np.ndarray, households: np.ndarray, sites: np.ndarray, y: np.ndarray
) -> tuple[SiteDesign, list[SiteData]]:
    """Reduce a design with independent columns, and the features."""
    q, r = linalg.qr(x, mode="economic")
    inverse = linalg.solve_triangular(r, np.eye(len(r)))
    ols = q.T @ y
    indicator = np.eye(sites.max() + 1)[sites]
    strata = list(split_strata(np.hstack([q, indicator]), households, y - q @ ols))
    rows = np.vstack([s.x for s in strata])
    values = np.concatenate([np.full(len(s.x), s.eigenvalue) for s in strata])
    fixed, site = rows[:, : q.shape[1]], rows[:, q.shape[1] :]
    left = [s for s in strata if s.left]
    design = SiteDesign(
        df=len(x) - x.shape[1],
        x=fixed,
        parts=(np.diag(values), site @ site.T),
        left_values=np.array([s.eigenvalue for s in left]),
        left_count=np.array([s.left for s in left]),
        to_coefficients=inverse,
    )
    scores, squares = np.vstack([s.scores for s in strata]), np.array([s.squares for s in left])
    columns = zip(scores.T, squares.T, (inverse @ ols).T, strict=True)
    return design, [SiteData(*column) for column in columns]


def fit_sites(
    x: np.ndarray,
    households: np.ndarray,
    sites: np.ndarray,
    y: np.ndarray,
    contrasts: np.ndarray,
) -> Estimates:
    """Fit random household and site intercepts to each column of `y`.

    Households and sites are 0, 1, 2, ... without gaps; `contrasts` has the shape
    (n_contrasts, p), for independent columns of `x`, the intercept among them.
    """
    design, features = reduce_design(x, households, sites, y)
    found = [_fit_feature(design, data, contrasts) for data in features]
    names = [part.name for part in fields(Estimates)]
    return Estimates(*(np.stack([getattr(one, n) for one in found], axis=-1) for n in names))


@dataclass(frozen=True)
class _Surface:
    """Log determinant and quadratic form at one pair of ratios, with their derivatives."""

    log_det: float
    log_det_slope: np.ndarray
    log_det_bend: np.ndarray
    quadratic: float
    slope: np.ndarray
    bend: np.ndarray
    solved: np.ndarray
    """The inverse covariance times X."""

    bread: np.ndarray
    """Covariance of the orthonormalised coefficients at residual variance 1."""

    def deviance(self, df: int) -> tuple[float, np.ndarray, np.ndarray]:
        """Return the profiled deviance with its gradient and Hessian in the two ratios."""
        relative = self.slope / self.quadratic
        value = df * np.log(self.quadratic) + self.log_det
        bend = df * (self.bend / self.quadratic - np.outer(relative, relative))
        return value, df * relative + self.log_det_slope, bend + self.log_det_bend


def _surface(ratios: np.ndarray, design: SiteDesign, data: SiteData) -> _Surface:
    n = len(design.x)
    covariance = np.eye(n) + ratios[0] * design.parts[0] + ratios[1] * design.parts[1]
    factor = linalg.cho_factor(covariance, lower=True)
    inverse = linalg.cho_solve(factor, np.eye(n))
    solved = inverse @ design.x
    meat = design.x.T @ solved
    bread = linalg.inv(meat)
    project = inverse - solved @ bread @ solved.T
    moved = [project @ part for part in design.parts]
    py = project @ data.rows
    pulled = [part @ py for part in design.parts]
    weights = 1 / (1 + ratios[0] * design.left_values)
    falls = design.left_values * weights
    first, left = np.array([1.0, 0.0]), data.left * weights
    only = np.outer(first, first)
    return _Surface(
        log_det=2 * np.log(np.diag(factor[0])).sum()
        + np.linalg.slogdet(meat)[1]
        - design.left_count @ np.log(weights),
        log_det_slope=np.array([np.trace(m) for m in moved]) + first * (design.left_count @ falls),
        log_det_bend=-np.array([[np.sum(a * b.T) for b in moved] for a in moved])
        - only * (design.left_count @ falls**2),
        quadratic=data.rows @ py + left.sum(),
        slope=-np.array([py @ p for p in pulled]) - first * (left @ falls),
        bend=2 * np.array([[a @ project @ b for b in pulled] for a in pulled])
        + 2 * only * (left @ falls**2),
        solved=solved,
        bread=bread,
    )


def _fit_feature(design: SiteDesign, data: SiteData, contrasts: np.ndarray) -> Estimates:
    """Maximise the REML likelihood of one feature."""
    ratios, converged = _search(design, data)
    surface = _surface(ratios, design, data)
    variance = surface.quadratic / design.df
    shift = surface.bread @ (surface.solved.T @ data.rows)
    reach = contrasts @ design.to_coefficients
    relative = np.einsum("ij,jk,ik->i", reach, surface.bread, reach)
    slopes = np.column_stack([_slope_of(reach, surface, part) for part in design.parts])
    return Estimates(
        ratios=ratios,
        residual_variance=variance,
        estimate=contrasts @ data.ols + reach @ shift,
        std_error=np.sqrt(variance * relative),
        df=_satterthwaite(slopes / relative[:, None], ratios > 0, surface, design.df),
        converged=converged,
    )


def _slope_of(reach: np.ndarray, surface: _Surface, part: np.ndarray) -> np.ndarray:
    """Return the derivative of each contrast's variance in a ratio, at residual variance 1."""
    spread = surface.solved @ (surface.bread @ reach.T)
    return np.einsum("ij,ik,kj->j", spread, part, spread)


def _search(design: SiteDesign, data: SiteData) -> tuple[np.ndarray, bool]:
    """Return the best of several bounded searches, refined by Newton's method."""

    def objective(ratios):
        value, slope, _ = _surface(ratios, design, data).deviance(design.df)
        return value, slope

    found = [
        optimize.minimize(objective, start, jac=True, method="L-BFGS-B", bounds=[(0, _LARGEST)] * 2)
        for start in _STARTS
    ]
    ratios = _sharpen(min(found, key=lambda result: result.fun).x, design, data)
    value, slope, _ = _surface(ratios, design, data).deviance(design.df)
    lowest = min(result.fun for result in found)
    scale = np.maximum(ratios, 1e-3)
    flat = np.where(ratios > 0, np.abs(slope) * scale < 1e-5, slope > -1e-6)
    good = flat.all() and value <= lowest + 1e-8 and ratios.max() < _LARGEST / 2
    return ratios, bool(good)


def _sharpen(ratios: np.ndarray, design: SiteDesign, data: SiteData) -> np.ndarray:
    """Refine the non-zero ratios by Newton's method until they converge."""
    for _ in range(30):
        value, slope, bend = _surface(ratios, design, data).deviance(design.df)
        free = (ratios > 0) | (slope < 0)
        if not free.any():
            break
        step = np.zeros(2)
        step[free] = np.linalg.lstsq(bend[np.ix_(free, free)], slope[free])[0]
        for _ in range(20):
            trial = np.maximum(ratios - step, 0.0)
            if _surface(trial, design, data).deviance(design.df)[0] <= value + 1e-12 * abs(value):
                break
            step /= 2
        else:
            break
        moved, ratios = np.abs(trial - ratios), trial
        if (moved <= 1e-13 + 1e-12 * ratios).all():
            break
    return ratios


def _satterthwaite(
    relative_slopes: np.ndarray, free: np.ndarray, surface: _Surface, df: int
) -> np.ndarray:
    """Return df from the Hessian in the log residual variance and the ratios above zero."""
    variance = surface.quadratic / df
    bend = surface.log_det_bend + surface.bend / variance
    cross = -surface.slope / variance
    corner, edge, rest = np.array([[float(df)]]), cross[free], bend[np.ix_(free, free)]
    hessian = np.block([[corner, edge[None]], [edge[:, None], rest]])
    gradient = np.column_stack([np.ones(len(relative_slopes)), relative_slopes[:, free]])
    return 1 / np.einsum("ij,jk,ik->i", gradient, linalg.inv(hessian), gradient)
