"""Regression of repeated observations (means, rates, odds) with cluster-robust errors."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special

from cohabit.data.schema import nearest
from cohabit.stats.alignment import align_values, household_codes
from cohabit.stats.formula import model_matrix
from cohabit.stats.inference import infer
from cohabit.stats.least_squares import ONE_LEVEL, find_independent, rests_on_one, standardise

REGRESSION_COLUMNS = (
    *("coefficient", "contrast", "estimate", "std_error", "low", "high", "df", "statistic"),
    *("p_value", "n", "n_clusters", "converged", "note"),
)
_STEPS = 50


@dataclass(frozen=True)
class Family:
    """A distribution with its canonical link."""

    name: str
    """Name of its class in statsmodels."""

    mean: Callable[[np.ndarray], np.ndarray]
    """Linear predictor -> mean."""

    possible: Callable[[np.ndarray], np.ndarray]
    """Outcome -> whether the distribution allows it."""

    expected: str
    """Description of the allowed outcomes."""

    bound: float = 20.0
    """Absolute linear predictor above which the fit is taken to diverge."""


FAMILIES = {
    "gaussian": Family("Gaussian", lambda x: x, np.isfinite, "numbers", np.inf),
    "poisson": Family("Poisson", np.exp, lambda y: (y >= 0) & (y < np.inf), "counts from 0"),
    "binomial": Family("Binomial", special.expit, lambda y: (y == 0) | (y == 1), "0 or 1"),
}
"""Family name -> family: differences of means, log rate ratios, log odds ratios."""


@dataclass(frozen=True)
class ClusteredFit:
    """A fitted model: its table of coefficients and its predictions."""

    table: pd.DataFrame
    """One row per coefficient, with columns `REGRESSION_COLUMNS`."""

    formula: str
    family: Family
    coefficients: pd.Series

    def predict(self, metadata: pd.DataFrame) -> pd.Series:
        """Return the expected outcome of new rows, whose levels must occur in the fitted data."""
        x = model_matrix(self.formula, metadata).values
        strange = [name for name in x if name not in self.coefficients.index]
        if strange:
            raise ValueError(f"levels that are not in the fitted data: {', '.join(strange[:5])}")
        x = x.reindex(columns=self.coefficients.index, fill_value=0.0)
        predictor = x.to_numpy() @ self.coefficients.to_numpy()
        return pd.Series(self.family.mean(predictor), metadata.index)


def fit_clustered_model(
    outcome: pd.Series,
    metadata: pd.DataFrame,
    formula: str,
    *,
    family: str = "gaussian",
    cluster: str = "household_id",
    weights: pd.Series | None = None,
) -> ClusteredFit:
    """Fit a generalised linear model with cluster-robust standard errors.

    Parameters
    ----------
    outcome : Series
        One value per observation, a person's year for instance; none missing.
    metadata : DataFrame
        Index as `outcome`, in any order.
    formula : str
        Names joined by ``+``, ``:`` and ``*``.
    family : str
        ``"gaussian"`` (differences of means), ``"poisson"`` (log rate ratios; counts may be
        spread more widely than Poisson's) or ``"binomial"`` (log odds ratios).
    cluster : str
        Column; observations of different clusters are independent, those of one need not be.
    weights : Series, optional
        Positive; for example inverse probabilities of attendance.

    Returns
    -------
    ClusteredFit

    Raises
    ------
    ValueError
        When the family is unknown, an outcome is impossible or missing, a weight is not
        positive, there are fewer than three clusters, or a covariate is missing.

    Notes
    -----
    Fitted by statsmodels. Errors are CR2: those of Liang and Zeger (1986, Biometrika 73:13) with
    independence within clusters as working model, whose bias in few clusters is taken away; t has
    Satterthwaite's degrees of freedom, a coefficient's own: few where few clusters carry it
    (Bell and McCaffrey 2002, Survey Methodology 28:169; Pustejovsky and Tipton 2018, Journal
    of Business and Economic Statistics 36:672).
    """
    if family not in FAMILIES:
        raise ValueError(f"family: no {family!r}; {nearest(family, FAMILIES)}")
    chosen = FAMILIES[family]
    _, people = align_values(outcome, metadata)
    y, w = _check(outcome, weights, chosen)
    codes = household_codes(people, cluster)
    if codes.max(initial=0) < 2:
        raise ValueError(f"column {cluster!r}: expected three clusters or more")
    matrix = model_matrix(formula, people)
    columns = find_independent(matrix.values)
    x = matrix.values.to_numpy()[:, columns.kept]
    beta, errors, df, converged = _fit(x, y, w, codes, chosen)
    names = matrix.values.columns
    notes = pd.Series(columns.reasons(np.eye(len(names))), names)
    notes.iloc[columns.kept[rests_on_one(x, codes)]] = f"rests on one {cluster} alone: no variance"
    whole = _why_unfit(y, chosen.mean(x @ beta), converged, len(beta), codes)
    if whole:
        notes[:] = whole
    notes = pd.concat([notes, pd.Series(ONE_LEVEL, matrix.one_level)])
    meaning = matrix.contrasts | dict.fromkeys(matrix.one_level, "one level")
    found = pd.DataFrame(infer(beta, errors, df), names[columns.kept])
    table = found[notes[found.index] == ""].reindex(notes.index).rename_axis("coefficient")
    table = table.assign(
        contrast=[meaning.get(name, name) for name in notes.index],
        n=len(y),
        n_clusters=int(codes.max()) + 1,
        converged=notes == "",
        note=notes,
    )
    coefficients = pd.Series(beta, names[columns.kept]).reindex(names, fill_value=0.0)
    return ClusteredFit(
        table.reset_index()[list(REGRESSION_COLUMNS)], formula, chosen, coefficients
    )


def _check(
    outcome: pd.Series, weights: pd.Series | None, family: Family
) -> tuple[np.ndarray, np.ndarray]:
    y = outcome.to_numpy(dtype=float)
    wrong = outcome.index[~family.possible(y)]
    if len(wrong):
        raise ValueError(
            f"outcome: expected {family.expected}, nothing missing; {len(wrong)} row(s) are not, "
            f"first {wrong[:5].tolist()}"
        )
    if weights is None:
        return y, np.ones(len(y))
    w = weights.reindex(outcome.index).to_numpy(dtype=float)
    if not (w > 0).all():
        raise ValueError("weights: expected a positive number for every row of the outcome")
    return y, w


def _why_unfit(
    y: np.ndarray, mean: np.ndarray, converged: bool, size: int, codes: np.ndarray
) -> str:
    """Return the reason why no coefficient can be tested, or an empty string."""
    if not converged:
        return "no convergence: a group has no events, or nothing but events"
    if codes.max() < size:
        return f"{codes.max() + 1} clusters are too few for {size} coefficients"
    if np.abs(y - mean).max() <= 1e-10 * np.abs(y).max():
        return "the terms determine the outcome: no variance is left"
    return ""


def _fit(
    x: np.ndarray, y: np.ndarray, w: np.ndarray, codes: np.ndarray, family: Family
) -> tuple[np.ndarray, np.ndarray, np.ndarray, bool]:
    """Return coefficients, cluster-robust errors, their df and whether the fit converged."""
    from statsmodels.genmod import families
    from statsmodels.genmod.generalized_linear_model import GLM

    scaled, scaling = standardise(x)
    model = GLM(y, scaled, getattr(families, family.name)(), var_weights=w)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what does not settle is told in `note`
        fit = model.fit(
            start_params=None if y.any() else np.zeros(x.shape[1]),
            scale=1.0,
            maxiter=_STEPS,
            tol=1e-10,
            tol_criterion="params",
        )
        precision = np.sqrt(w / model.family.variance(fit.mu))
    predictor = np.abs(scaled @ fit.params)
    settled = bool(fit.converged or family.name == "Gaussian") and predictor.max() <= family.bound
    if not settled:
        return scaling @ fit.params, *np.full((2, x.shape[1]), np.nan), False
    rows, residuals = scaled * (w / precision)[:, None], precision * (y - fit.mu)
    found = _reduce_bias(rows, residuals, precision**-2, codes, scaling)
    return scaling @ fit.params, *found, settled


def _reduce_bias(
    x: np.ndarray,
    residuals: np.ndarray,
    variance: np.ndarray,
    codes: np.ndarray,
    contrasts: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Return CR2 errors of contrasts of coefficients, and their Satterthwaite df.

    `x` and `residuals` are weighted to unit variance under the working model; `variance` is that of
    the outcome.
    """
    bread = np.linalg.inv(x.T @ x)
    reach = contrasts @ bread
    size, shared, scores = [], [], []
    for group in range(codes.max() + 1):
        rows, shrink = x[codes == group], variance[codes == group] / variance.max()
        rest = np.eye(len(rows)) - rows @ bread @ rows.T
        value, axes = np.linalg.eigh(shrink[:, None] * rest * shrink)
        least = 1e-10 * max(value.max(), 1.0)
        root = np.where(value > least, np.maximum(value, least) ** -0.5, 0.0)
        spread = rows.T @ (axes * root) @ axes.T * shrink
        scores.append(reach @ spread @ residuals[codes == group])
        size.append(((reach @ spread) ** 2).sum(axis=1))
        shared.append(reach @ spread @ rows)
    # The covariance of the clusters' scores under the working model, one matrix per contrast.
    shared = np.array(shared).transpose(1, 0, 2)
    covariance = -shared @ bread @ shared.transpose(0, 2, 1)
    covariance[:, range(len(size)), range(len(size))] += np.array(size).T
    trace = np.trace(covariance, axis1=1, axis2=2)
    df = trace**2 / (covariance**2).sum(axis=(1, 2))
    return np.sqrt((np.array(scores) ** 2).sum(axis=0)), df
