"""REML of ``y = X b + u[household] + e`` for many features at once in closed form.

With theta = household variance / residual variance, the covariance of one household of
m people has eigenvalue ``1 + m theta`` along its mean and 1 along its contrasts. Splitting
rows into means (one stratum a household size) and contrasts (one stratum) and projecting
X out leaves one small eigenproblem of at most ``p (number of strata)`` directions, the same
for every feature. What remains of a feature is a sum of squares per eigenvalue, and the
profile likelihood is a function of theta alone (docs/methods.md, "Household mixed model").
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

SATTERTHWAITE, KENWARD_ROGER = "satterthwaite", "kenward-roger"
DF_METHODS = (KENWARD_ROGER, SATTERTHWAITE)
"""Ways to choose standard errors and degrees of freedom."""

_GRID = np.concatenate(
    [
        [0.0],
        np.geomspace(1e-4, 0.02, 8),
        np.linspace(0.05, 0.95, 19),
        1 - np.geomspace(0.02, 1e-8, 10),
    ]
)
"""Household shares at which the deviance is evaluated before Newton's method starts."""


@dataclass(frozen=True)
class HouseholdDesign:
    """The parts of the fixed effects and households that all features share."""

    df: int
    """Number of rows minus number of coefficients."""

    eigenvalues: np.ndarray
    """Eigenvalues of the residuals' household covariance, shape (n_directions,)."""

    multiplicity: np.ndarray
    log_det_x: float
    """Logarithm of ``det(X'X)``."""

    covariance: tuple[np.ndarray, np.ndarray]
    """OLS covariance of the coefficients: one part from e and one from u."""

    loadings: np.ndarray
    """Effect of each direction on the coefficients relative to OLS, shape (p, n_small)."""


@dataclass(frozen=True)
class Residuals:
    """The features after X has been projected out."""

    squares: np.ndarray
    """Sum of squares by direction and feature, shape (n_directions, n_features)."""

    scores: np.ndarray
    """Signed coordinates in the directions that involve X, shape (n_small, n_features)."""

    ols: np.ndarray
    """OLS coefficients, shape (p, n_features)."""

    def of(self, features: np.ndarray) -> "Residuals":
        """Return the residuals of the selected features."""
        return Residuals(self.squares[:, features], self.scores[:, features], self.ols[:, features])


def decompose(
    x: np.ndarray, households: np.ndarray, y: np.ndarray
) -> tuple[HouseholdDesign, Residuals]:
    """Decompose a design with independent columns (an intercept included), and the features.

    Households are 0, 1, 2, ... without gaps.
    """
    scale = np.linalg.norm(x, axis=0)
    q, r = np.linalg.qr(x / scale)
    inverse = np.linalg.inv(r) / scale[:, None]
    ols = q.T @ y
    resid = y - q @ ols
    strata = list(split_strata(q, households, resid))
    reduced = np.vstack([s.x for s in strata])
    values = np.concatenate([np.full(len(s.x), s.eigenvalue) for s in strata])
    null = np.linalg.qr(reduced, mode="complete")[0][:, q.shape[1] :]
    small, turn = np.linalg.eigh(null.T @ (values[:, None] * null))
    small = np.maximum(small, 0.0)
    null = null @ turn
    scores = null.T @ np.vstack([s.scores for s in strata])
    pull = inverse @ (reduced.T * values)
    left = [s for s in strata if s.left]
    design = HouseholdDesign(
        df=len(x) - x.shape[1],
        eigenvalues=np.concatenate([small, [s.eigenvalue for s in left]]),
        multiplicity=np.concatenate([np.ones(len(small)), [s.left for s in left]]),
        log_det_x=2 * float(np.log(np.abs(np.diag(r)) * scale).sum()),
        covariance=(inverse @ inverse.T, pull @ reduced @ inverse.T),
        loadings=pull @ null,
    )
    squares = np.vstack([scores**2, *(s.squares[None] for s in left)])
    return design, Residuals(squares, scores, inverse @ ols)


@dataclass(frozen=True)
class Stratum:
    """Rows for which the household covariance has one eigenvalue, in a basis that spans X."""

    eigenvalue: float
    x: np.ndarray
    scores: np.ndarray
    left: int
    squares: np.ndarray


def split_strata(q: np.ndarray, households: np.ndarray, resid: np.ndarray):
    """Yield the contrasts within households, then the means of households of each size."""
    sizes = np.bincount(households)
    n = len(households)
    means = sparse.csr_matrix(
        (1 / np.sqrt(sizes[households]), (households, np.arange(n))), (len(sizes), n)
    )
    q_mean, y_mean = means @ q, means @ resid
    if n > len(sizes):
        yield _stratum(0.0, n - len(sizes), q - means.T @ q_mean, resid - means.T @ y_mean)
    for size in np.unique(sizes):
        rows = sizes == size
        yield _stratum(float(size), int(rows.sum()), q_mean[rows], y_mean[rows])


def _stratum(eigenvalue: float, dimension: int, x: np.ndarray, y: np.ndarray) -> Stratum:
    basis, singular, _ = np.linalg.svd(x, full_matrices=False)
    basis = basis[:, singular > 1e-9]
    scores = basis.T @ y
    left = dimension - basis.shape[1]
    squares = np.maximum(np.einsum("ij,ij->j", y, y) - np.einsum("ij,ij->j", scores, scores), 0.0)
    return Stratum(eigenvalue, basis.T @ x, scores, left, squares)


def within_df(x: np.ndarray, households: np.ndarray) -> tuple[int, np.ndarray]:
    """Return the within-household degrees of freedom and which columns vary there."""
    sizes = np.bincount(households)
    sums = np.zeros((len(sizes), x.shape[1]))
    np.add.at(sums, households, x)
    inside = x - (sums / sizes[:, None])[households]
    varies = np.abs(inside).max(axis=0, initial=0.0) > 1e-9 * np.abs(x).max(axis=0, initial=0.0)
    rank = np.linalg.matrix_rank(inside[:, varies]) if varies.any() else 0
    return len(x) - len(sizes) - int(rank), varies


@dataclass(frozen=True)
class DevianceProfile:
    """The REML deviance of each feature at one theta, and its derivatives in theta."""

    weights: np.ndarray
    """``1 / (1 + theta eigenvalue)``, shape (n_directions, n_features)."""

    log_det: tuple[np.ndarray, np.ndarray, np.ndarray]
    """``sum log(1 + theta eigenvalue)``, first and second derivative."""

    quadratic: tuple[np.ndarray, np.ndarray, np.ndarray]
    """Weighted residual sum of squares, first and second derivative."""


def profile_at(theta: np.ndarray, design: HouseholdDesign, squares: np.ndarray) -> DevianceProfile:
    """Evaluate the deviance of each feature at its own variance ratio."""
    values, times = design.eigenvalues[:, None], design.multiplicity
    weights = 1 / (1 + values * theta)
    falls = values * weights
    weighted = squares * weights
    first = weighted * falls
    log_det = (-(times @ np.log(weights)), times @ falls, -(times @ falls**2))
    quadratic = (weighted.sum(0), -first.sum(0), 2 * (first * falls).sum(0))
    return DevianceProfile(weights, log_det, quadratic)


def deviance(profile: DevianceProfile, df: int) -> np.ndarray:
    """Return the profiled REML deviance except for a constant."""
    return df * np.log(profile.quadratic[0]) + profile.log_det[0]


def reml_criterion(profile: DevianceProfile, design: HouseholdDesign) -> np.ndarray:
    """Return minus twice the REML log likelihood, as printed by lme4."""
    variance = profile.quadratic[0] / design.df
    return design.df * (1 + np.log(2 * np.pi * variance)) + profile.log_det[0] + design.log_det_x


def maximise(design: HouseholdDesign, squares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the variance ratio of each feature and whether the search converged.

    A grid over the household share brackets the lowest deviance; Newton steps, replaced by
    bisection where they leave the bracket, make its derivative zero.
    """
    ratio = _GRID / (1 - _GRID)
    weights = 1 / (1 + np.outer(ratio, design.eigenvalues))
    on_grid = (
        design.df * np.log(weights @ squares) - (np.log(weights) @ design.multiplicity)[:, None]
    )
    best = on_grid.argmin(axis=0)
    low, high = _GRID[np.maximum(best - 1, 0)], _GRID[np.minimum(best + 1, len(_GRID) - 1)]
    share = np.where(best == 0, high / 2, _GRID[best])
    at_zero = (best == 0) & (_slope(np.zeros(len(best)), design, squares)[0] >= 0)
    share = np.where(at_zero, 0.0, share)
    done = at_zero.copy()
    for _ in range(100):
        slope, curvature = _slope(share, design, squares)
        low, high = np.where(slope < 0, share, low), np.where(slope < 0, high, share)
        with np.errstate(divide="ignore", invalid="ignore"):
            step = share - slope / curvature
        inside = (curvature > 0) & (step > low) & (step < high)
        step = np.where(inside, step, (low + high) / 2)
        moved = np.abs(step - share)
        share = np.where(done, share, step)
        done |= moved <= 1e-14 + 1e-13 * share
        if done.all():
            break
    theta = share / (1 - share)
    reached = deviance(profile_at(theta, design, squares), design.df) <= on_grid.min(axis=0) + 1e-7
    return theta, done & reached & (share < _GRID[-1])


def _slope(
    share: np.ndarray, design: HouseholdDesign, squares: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the first and second derivative of the deviance in the household share."""
    stretch = 1 / (1 - share)
    profile = profile_at(share * stretch, design, squares)
    quadratic, q1, q2 = profile.quadratic
    slope = profile.log_det[1] + design.df * q1 / quadratic
    curvature = profile.log_det[2] + design.df * (q2 / quadratic - (q1 / quadratic) ** 2)
    return slope * stretch**2, curvature * stretch**4 + 2 * slope * stretch**3


@dataclass(frozen=True)
class Estimates:
    """Variance ratios and contrasts of coefficients for every feature."""

    ratios: np.ndarray
    """Variance of each random term over the residual variance, shape (n_terms, n_features)."""

    residual_variance: np.ndarray
    estimate: np.ndarray
    """Shape (n_contrasts, n_features), as for the next two fields."""

    std_error: np.ndarray
    df: np.ndarray
    converged: np.ndarray


def fit_households(
    design: HouseholdDesign, residuals: Residuals, contrasts: np.ndarray, df: str = SATTERTHWAITE
) -> Estimates:
    """Fit a random household intercept to every feature; none may be without residuals.

    `contrasts` has the shape (n_contrasts, p); `df` is one of `DF_METHODS`.
    """
    theta, converged = maximise(design, residuals.squares)
    n_small = design.loadings.shape[1]
    profile = profile_at(theta, design, residuals.squares)
    shrink = theta * profile.weights[:n_small]
    estimate = contrasts @ (residuals.ols - design.loadings @ (shrink * residuals.scores))
    own, shared = (np.einsum("ij,jk,ik->i", contrasts, c, contrasts) for c in design.covariance)
    loadings = (contrasts @ design.loadings) ** 2
    value = own[:, None] + shared[:, None] * theta - loadings @ (theta * shrink)
    falls = design.eigenvalues[:n_small, None] * profile.weights[:n_small]
    slope = shared[:, None] - loadings @ (shrink * (2 - theta * falls))
    variance = profile.quadratic[0] / design.df
    if df == KENWARD_ROGER:
        information = Information.at(design, profile)
        freedom = value**2 / information.half_variance(slope, value, theta)
        value = value + loadings @ information.inflate(profile.weights[:n_small])
    else:
        freedom = satterthwaite(slope / value, theta, profile, design.df)
    error = np.sqrt(variance * value)
    return Estimates(theta[None], variance, estimate, error, freedom, converged)


@dataclass(frozen=True)
class Information:
    """Expected REML information about household and residual variance, times 2 sigma^4.

    Its three entries are sums over the residual directions of their eigenvalue to the power 2, 1
    and 0 over the squared variance of the direction, each of shape (n_features,).
    """

    household: np.ndarray
    cross: np.ndarray
    residual: np.ndarray
    n_left: int
    """Number of rows minus number of coefficients."""

    @classmethod
    def at(cls, design: HouseholdDesign, profile: DevianceProfile) -> "Information":
        """Evaluate the information at the variance ratio of each feature."""
        squared = profile.weights**2 * design.multiplicity[:, None]
        powers = design.eigenvalues[:, None] ** np.array([[2], [1], [0]])[:, None]
        return cls(*(powers * squared).sum(axis=1), design.df)

    @property
    def determinant(self) -> np.ndarray:
        """Determinant of the two by two matrix."""
        return self.household * self.residual - self.cross**2

    def inflate(self, weights: np.ndarray) -> np.ndarray:
        """Return what each direction adds to the covariance, by the sampling of the variances."""
        return 4 * self.n_left / self.determinant * weights**3

    def half_variance(self, slope: np.ndarray, value: np.ndarray, theta: np.ndarray) -> np.ndarray:
        """Return half the variance of an estimated variance, at residual variance 1.

        `value` is the variance that is estimated, `slope` its derivative in theta.
        """
        rest = value - theta * slope
        total = self.residual * slope**2 - 2 * self.cross * slope * rest + self.household * rest**2
        return total / self.determinant


def satterthwaite(
    relative_slope: np.ndarray, theta: np.ndarray, profile: DevianceProfile, df: int
) -> np.ndarray:
    """Return Satterthwaite degrees of freedom from the Hessian of the deviance.

    `relative_slope`, shape (n_contrasts, n_features), is the derivative in theta of a
    contrast's variance (residual variance 1), over it.
    """
    variance = profile.quadratic[0] / df
    cross = profile.quadratic[1] / -variance
    bend = profile.log_det[2] + profile.quadratic[2] / variance
    determinant = df * bend - cross**2
    r = relative_slope
    with np.errstate(divide="ignore", invalid="ignore"):
        result = determinant / (bend - 2 * r * cross + r**2 * df)
    return np.where(theta > 0, result, float(df))
