"""Random-intercept models of paired households: every feature at once, in closed form."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special

from cohabit import schema
from cohabit.alignment import align_values, household_codes, missing_patterns
from cohabit.collinearity import Independence, find_independent
from cohabit.formula import ModelMatrix, model_matrix
from cohabit.mixed_reml import (
    HouseholdDesign,
    Residuals,
    coefficients_at,
    decompose,
    maximise,
    profile_at,
    reml_criterion,
)

COLUMNS = (
    "feature",
    "coefficient",
    "contrast",
    "estimate",
    "std_error",
    "low",
    "high",
    "df",
    "statistic",
    "p_value",
    "household_variance",
    "residual_variance",
    "household_icc",
    "boundary",
    "within_df",
    "n_households",
    "n_samples",
    "converged",
    "note",
)

Contrasts = Mapping[str, Mapping[str, float]]


def fit_household_model(
    values: pd.DataFrame | pd.Series,
    metadata: pd.DataFrame,
    formula: str,
    household: str = "household_id",
    *,
    contrasts: Contrasts | None = None,
) -> pd.DataFrame:
    """Fit ``feature ~ formula + (1 | household)`` by REML to every feature.

    Parameters
    ----------
    values : DataFrame, shape (n_samples, n_features), or Series
        Transformed values, for example CLR. A missing value drops the sample for that
        feature only; `n_samples` and `n_households` count what was used.
    metadata : DataFrame
        Index as `values`, in any order; rows without values are left out.
    formula : str
        Fixed effects, names joined by ``+``, ``:`` and ``*``.
    household : str
        Column that ties people together. Households of one, two or more are legal.
    contrasts : mapping, optional
        Name -> {coefficient: weight}: linear combinations to report as further rows, as in
        ``{"fingolimod - interferon": {"drug[fingolimod]": 1, "drug[interferon]": -1}}``.

    Returns
    -------
    DataFrame
        One row a feature and coefficient; columns `COLUMNS`. `df` is Satterthwaite's,
        `low` and `high` bound the 95% interval. `boundary` marks a household variance
        estimated as zero: `df` is then the residual one (rows minus coefficients), and
        `within_df`, the degrees of freedom left within households (0 for a coefficient
        that never varies there), stands beside it. What cannot be estimated has no
        number and says why in `note`.

    Raises
    ------
    ValueError
        When IDs do not match, a covariate or household is missing, every household has
        one member, or a contrast names an unknown coefficient.

    Notes
    -----
    The REML household share is cut at zero, so small shares are overestimated on average.
    Formulas: docs/methods.md, "Household mixed model". Source: Kuznetsova, Brockhoff and
    Christensen (2017), Journal of Statistical Software 82(13), for the degrees of freedom.

    Examples
    --------
    >>> import pandas as pd
    >>> people = pd.DataFrame({"household_id": list("aabbcc"), "group": ["MS", "control"] * 3})
    >>> values = pd.Series([1.0, 0.5, 2.5, 1.4, 3.1, 2.2], name="taxon")
    >>> table = fit_household_model(values, people, "group").set_index("coefficient")
    >>> round(float(table.loc["group[MS]", "estimate"]), 4)
    0.8333
    """
    model = _prepare(values, metadata, formula, household)
    report = _Report.of(model.matrix, contrasts)
    parts = [_coefficient_table(fit, report) for fit in _fit_patterns(model)]
    table = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.argsort(table["feature"], kind="stable")
    table["feature"] = model.names.to_numpy()[table["feature"]]
    return pd.DataFrame({name: table[name][order] for name in COLUMNS})


def test_household_variance(
    values: pd.DataFrame | pd.Series,
    metadata: pd.DataFrame,
    formula: str,
    household: str = "household_id",  # noqa: PT028
) -> pd.DataFrame:
    """Test whether people of one household are alike: likelihood ratio of its variance.

    The null value lies on the edge of what is possible, so the reference is half a point
    mass at zero and half a chi-squared with one degree of freedom (Self and Liang 1987,
    Journal of the American Statistical Association 82:605).

    Parameters
    ----------
    values, metadata, formula, household
        As in `fit_household_model`.

    Returns
    -------
    DataFrame
        One row a feature: feature, household_variance, residual_variance, household_icc,
        reml_criterion, reml_criterion_null, statistic, p_value, n_households, n_samples,
        converged, note.
    """
    model = _prepare(values, metadata, formula, household)
    table = pd.concat([_variance_table(fit) for fit in _fit_patterns(model)])
    table = table.sort_values("feature", kind="stable", ignore_index=True)
    return table.assign(feature=model.names.to_numpy()[table["feature"]])


test_household_variance.__test__ = False  # a statistic, not one of pytest's


@dataclass(frozen=True)
class _Model:
    """Everything aligned and checked, before any feature is fitted."""

    values: np.ndarray
    names: pd.Index
    matrix: ModelMatrix
    households: np.ndarray


def _prepare(values, metadata: pd.DataFrame, formula: str, household: str) -> _Model:
    values, metadata = align_values(values, metadata)
    codes = household_codes(metadata, household)
    if np.bincount(codes).max(initial=1) == 1:
        raise ValueError(
            f"column {household!r}: every household has one member, so a household variance "
            "cannot be told from a residual one; use an ordinary regression"
        )
    return _Model(values.to_numpy(), values.columns, model_matrix(formula, metadata), codes)


@dataclass(frozen=True)
class _Report:
    """The rows to report for each feature."""

    weights: np.ndarray
    """Weights of the coefficients, shape (n_rows, n_coefficients)."""

    labels: list[str]
    contrasts: list[str]
    one_level: np.ndarray
    """Rows that stand for a term with a single level; their weights are zero."""

    @classmethod
    def of(cls, matrix: ModelMatrix, contrasts: Contrasts | None) -> "_Report":
        """List coefficients, terms that gave none, and the contrasts asked for."""
        names = matrix.values.columns
        empty = [term for term, columns in matrix.terms.items() if not columns]
        asked = dict(contrasts or {})
        rows = [_weights_of(label, parts, names) for label, parts in asked.items()]
        weights = np.vstack([np.eye(len(names)), np.zeros((len(empty), len(names))), *rows])
        meaning = [matrix.contrasts.get(name, "at the reference") for name in names]
        labels = [*names, *empty, *asked]
        one_level = np.isin(np.arange(len(labels)), len(names) + np.arange(len(empty)))
        return cls(weights, labels, [*meaning, *["one level"] * len(empty), *asked], one_level)

    def reasons(self, columns: Independence) -> list[str]:
        """Say for each row why it has no estimate; empty where it has one."""
        return [
            "not estimable: the term has one level" if single else columns.reason(row)
            for row, single in zip(self.weights, self.one_level, strict=True)
        ]


def _weights_of(label: str, parts: Mapping[str, float], names: pd.Index) -> np.ndarray:
    for name in parts:
        if name not in names:
            raise ValueError(
                f"contrast {label!r}: no coefficient {name!r}: {schema.nearest(name, names)}"
            )
    if label in names or not any(parts.values()):
        raise ValueError(
            f"contrast {label!r}: expected a name of its own and a weight that is not zero"
        )
    return np.array([float(parts.get(name, 0.0)) for name in names])


@dataclass(frozen=True)
class _Fit:
    """Features that share their missing values, fitted together; NaN where not fitted."""

    features: np.ndarray
    columns: Independence
    n_samples: int
    n_households: int
    usable: np.ndarray
    notes: np.ndarray
    theta: np.ndarray
    design: HouseholdDesign | None = None
    residuals: Residuals | None = None

    def variances(self) -> tuple[np.ndarray, np.ndarray]:
        """Return household and residual variance, shape (n_features,) each."""
        residual = np.full(len(self.features), np.nan)
        if self.design is not None:
            df = self.design.n_samples - self.design.rank
            profile = profile_at(self.theta[self.usable], self.design, self.residuals.squares)
            residual[self.usable] = profile.quadratic[0] / df
        return self.theta * residual, residual


def _fit_patterns(model: _Model) -> list[_Fit]:
    return [_fit(model, *pattern) for pattern in missing_patterns(model.values)]


def _fit(model: _Model, rows: np.ndarray, features: np.ndarray) -> _Fit:
    households = pd.factorize(model.households[rows])[0]
    matrix = model.matrix.values[rows]
    columns = find_independent(matrix)
    y = model.values[np.ix_(rows, features)]
    notes = _unusable(y, households, len(columns.kept))
    usable = notes == ""
    shared = (features, columns, len(y), len(np.unique(households)))
    theta = np.full(len(features), np.nan)
    if not usable.any():
        return _Fit(*shared, usable, notes, theta)
    x = matrix.to_numpy()[:, columns.kept]
    design, residuals = decompose(x, households, y[:, usable])
    exact = residuals.squares.sum(0) <= 1e-20 * y[:, usable].var(0) * len(y)
    notes[np.flatnonzero(usable)[exact]] = "the fixed effects fit every value exactly"
    keep, usable = ~exact, notes == ""
    residuals = Residuals(*(part[:, keep] for part in vars(residuals).values()))
    theta[usable], good = maximise(design, residuals.squares)
    notes[np.flatnonzero(usable)[~good]] = (
        "no maximum of the likelihood: residual variance is zero, people of one household "
        "do not differ beyond the fixed effects"
    )
    return _Fit(*shared, usable, notes, theta, design, residuals)


def _unusable(y: np.ndarray, households: np.ndarray, rank: int) -> np.ndarray:
    """Say for each feature why it cannot be fitted; empty where it can."""
    notes = np.full(y.shape[1], "", dtype=object)
    if len(y) <= rank + 1:
        notes[:] = f"{len(y)} samples for {rank} coefficients and two variances: too few"
    elif np.bincount(households).max() == 1:
        notes[:] = "every household has one member left: no household variance"
    else:
        spread = np.ptp(y, axis=0)
        largest = np.abs(y).max(axis=0)
        notes[spread <= 1e-12 * largest] = "constant: every value is the same"
        notes[largest == 0] = "constant: every value is zero"
    return notes


def _coefficient_table(fit: _Fit, report: _Report) -> dict[str, np.ndarray]:
    """Return the columns of the result, features in the outer order."""
    reasons = np.array(report.reasons(fit.columns), dtype=object)
    shape = (len(fit.features), len(reasons))
    good = fit.notes == ""
    where = np.ix_(good, reasons == "")
    estimate, std_error, df = (np.full(shape, np.nan) for _ in range(3))
    within = np.zeros(shape[1], dtype=int)
    if good.any():
        weights = report.weights[:, fit.columns.kept]
        chosen = good[fit.usable]
        residuals = Residuals(*(part[:, chosen] for part in vars(fit.residuals).values()))
        found = coefficients_at(fit.theta[good], fit.design, residuals, weights[reasons == ""])
        estimate[where], df[where] = found.estimate.T, found.df.T
        std_error[where] = np.sqrt(found.variance.T)
        moves = (weights[:, fit.design.varies_within] != 0).any(axis=1)
        within = np.where(moves, fit.design.within_df, 0)
    return _long(fit, report, reasons, within, _test(estimate, std_error, df))


def _test(estimate: np.ndarray, std_error: np.ndarray, df: np.ndarray) -> dict[str, np.ndarray]:
    """Return t statistic, two-sided p and the 95% interval."""
    statistic = estimate / std_error
    reach = special.stdtrit(df, 0.975) * std_error
    return {
        "estimate": estimate,
        "std_error": std_error,
        "low": estimate - reach,
        "high": estimate + reach,
        "df": df,
        "statistic": statistic,
        "p_value": 2 * special.stdtr(df, -np.abs(statistic)),
    }


def _long(
    fit: _Fit,
    report: _Report,
    reasons: np.ndarray,
    within: np.ndarray,
    numbers: dict[str, np.ndarray],
) -> dict[str, np.ndarray]:
    """Spread what belongs to a feature or a row over feature x row, and flatten."""
    household, residual = fit.variances()
    n_rows = len(reasons)
    of_feature = {
        "feature": fit.features,
        "household_variance": household,
        "residual_variance": residual,
        "household_icc": fit.theta / (1 + fit.theta),
        "boundary": fit.theta == 0,
        "n_households": np.full(len(fit.features), fit.n_households),
        "n_samples": np.full(len(fit.features), fit.n_samples),
    }
    of_row = {
        "coefficient": np.array(report.labels, dtype=object),
        "contrast": np.array(report.contrasts, dtype=object),
        "within_df": within,
    }
    note = np.where(reasons == "", fit.notes[:, None], reasons[None, :])
    return {
        **{name: np.repeat(part, n_rows) for name, part in of_feature.items()},
        **{name: np.tile(part, len(fit.features)) for name, part in of_row.items()},
        **{name: part.ravel() for name, part in numbers.items()},
        "converged": (note == "").ravel(),
        "note": note.ravel(),
    }


def _variance_table(fit: _Fit) -> pd.DataFrame:
    household, residual = fit.variances()
    found, null = (np.full(len(fit.features), np.nan) for _ in range(2))
    good = fit.notes == ""
    if good.any():
        squares = fit.residuals.squares[:, good[fit.usable]]
        for target, theta in ((found, fit.theta[good]), (null, np.zeros(good.sum()))):
            target[good] = reml_criterion(profile_at(theta, fit.design, squares), fit.design)
    statistic = np.maximum(null - found, 0.0)
    p_value = np.where(statistic > 0, special.chdtrc(1, statistic) / 2, 1.0)
    return pd.DataFrame(
        {
            "feature": fit.features,
            "household_variance": household,
            "residual_variance": residual,
            "household_icc": fit.theta / (1 + fit.theta),
            "reml_criterion": found,
            "reml_criterion_null": null,
            "statistic": statistic,
            "p_value": np.where(good, p_value, np.nan),
            "n_households": fit.n_households,
            "n_samples": fit.n_samples,
            "converged": good,
            "note": fit.notes,
        }
    )
