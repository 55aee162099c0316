"""Random-intercept models of paired households: every feature at once, in closed form."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special

from cohabit.alignment import align_values, household_codes, missing_patterns
from cohabit.collinearity import Independence, find_independent
from cohabit.formula import ModelMatrix, model_matrix, variables
from cohabit.mixed_reml import (
    Estimates,
    HouseholdDesign,
    Residuals,
    decompose,
    fit_households,
    maximise,
    profile_at,
    reml_criterion,
    within_df,
)
from cohabit.mixed_report import COLUMNS, Contrasts, Fit, Report, tabulate
from cohabit.mixed_site import fit_sites

__all__ = ["COLUMNS", "fit_household_model", "test_household_variance"]

_NUMBERS = ("estimate", "std_error", "df")
_LIKELIHOOD = (
    "household_variance",
    "residual_variance",
    "household_icc",
    "reml_criterion",
    "reml_criterion_null",
    "statistic",
    "p_value",
)
_NO_MAXIMUM = (
    "no maximum of the likelihood: the residual variance goes to zero, people of one "
    "household do not differ beyond the fixed effects"
)


def fit_household_model(
    values: pd.DataFrame | pd.Series,
    metadata: pd.DataFrame,
    formula: str,
    household: str = "household_id",
    *,
    contrasts: Contrasts | None = None,
    site: str | None = None,
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
    site : str, optional
        Column of a second random intercept, ``(1 | site)``: right, but one search a
        feature instead of one for all. Adds the columns `site_variance` and
        `site_boundary`; `household_icc` is then the household's share of all three.

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
    model = _prepare(values, metadata, formula, household, site)
    report = Report.of(model.matrix, contrasts)
    return tabulate([_fit(part, report) for part in _parts(model)], report, model.names)


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
    model = _prepare(values, metadata, formula, household, None)
    table = pd.concat([_variance_table(part) for part in _parts(model)])
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
    sites: np.ndarray | None


def _prepare(values, metadata, formula, household: str, site: str | None) -> _Model:
    values, metadata = align_values(values, metadata)
    households = household_codes(metadata, household)
    if np.bincount(households).max(initial=1) == 1:
        raise ValueError(
            f"column {household!r}: every household has one member, so a household variance "
            "cannot be told from a residual one; use an ordinary regression"
        )
    sites = None if site is None else _site_codes(metadata, formula, site)
    matrix = model_matrix(formula, metadata)
    return _Model(values.to_numpy(), values.columns, matrix, households, sites)


def _site_codes(metadata: pd.DataFrame, formula: str, site: str) -> np.ndarray:
    if site in variables(formula):
        raise ValueError(f"{site!r} stands in the formula and as a random term; choose one")
    codes = household_codes(metadata, site)
    if codes.max(initial=0) == 0:
        raise ValueError(f"column {site!r}: one level only; a variance between sites needs two")
    return codes


@dataclass(frozen=True)
class _Part:
    """The features of one pattern of missing values, and the rows they have."""

    features: np.ndarray
    y: np.ndarray
    x: np.ndarray
    """The independent columns."""

    households: np.ndarray
    sites: np.ndarray | None
    columns: Independence
    notes: np.ndarray
    """For each feature why it cannot be fitted; empty where it can."""

    split: tuple[HouseholdDesign, Residuals] | None
    """The design and all features in its directions; None when too few rows are left."""

    @property
    def usable(self) -> np.ndarray:
        return self.notes == ""


def _parts(model: _Model) -> Iterator[_Part]:
    for rows, features in missing_patterns(model.values):
        y = model.values[np.ix_(rows, features)]
        matrix = model.matrix.values[rows]
        columns = find_independent(matrix)
        x = matrix.to_numpy()[:, columns.kept]
        households = pd.factorize(model.households[rows])[0]
        sites = None if model.sites is None else pd.factorize(model.sites[rows])[0]
        reason = _too_few(x, households)
        split = None if reason else decompose(x, households, y)
        notes = np.full(len(features), reason, dtype=object) if reason else _unusable(y, *split)
        yield _Part(features, y, x, households, sites, columns, notes, split)


def _too_few(x: np.ndarray, households: np.ndarray) -> str:
    if len(x) <= x.shape[1] + 1:
        return f"{len(x)} samples for {x.shape[1]} coefficients and two variances: too few"
    if np.bincount(households).max() == 1:
        return "every household has one member left: no household variance"
    return ""


def _unusable(y: np.ndarray, design: HouseholdDesign, residuals: Residuals) -> np.ndarray:
    """Say for each feature why it cannot be fitted; empty where it can."""
    notes = np.full(y.shape[1], "", dtype=object)
    if np.ptp(design.eigenvalues) < 1e-6:
        notes[:] = (
            "household and residual variance cannot be told apart: the fixed effects leave "
            "nothing within households, or nothing between them"
        )
        return notes
    spread, largest = np.ptp(y, axis=0), np.abs(y).max(axis=0)
    notes[residuals.squares.sum(axis=0) <= 1e-20 * len(y) * spread**2] = (
        "the fixed effects fit every value exactly"
    )
    notes[spread <= 1e-12 * largest] = "constant: every value is the same"
    notes[largest == 0] = "constant: every value is zero"
    return notes


def _fit(part: _Part, report: Report) -> Fit:
    """Fit one part and place its numbers among the features and rows that have none."""
    reasons = np.array(report.reasons(part.columns), dtype=object)
    weights = report.weights[:, part.columns.kept]
    terms = ["household", "residual"] if part.sites is None else ["household", "site", "residual"]
    notes, usable, told = part.notes.copy(), part.usable, reasons == ""
    variances = {term: np.full(len(notes), np.nan) for term in terms}
    numbers = {name: np.full((len(notes), len(told)), np.nan) for name in _NUMBERS}
    if usable.any():
        found = _estimate(part, weights[told])
        notes[np.flatnonzero(usable)[~found.converged]] = _NO_MAXIMUM
        for term, ratio in zip(terms, [*found.ratios, 1.0], strict=True):
            variances[term][usable] = ratio * found.residual_variance
        for name in _NUMBERS:
            values = np.where(found.converged, getattr(found, name), np.nan)
            numbers[name][np.ix_(usable, told)] = values.T
    within, varies = within_df(part.x, part.households)
    return Fit(
        features=part.features,
        notes=notes,
        reasons=reasons,
        n_samples=len(part.y),
        n_households=len(np.unique(part.households)),
        within_df=np.where((weights[:, varies] != 0).any(axis=1), within, 0),
        variances=variances,
        numbers=numbers,
    )


def _estimate(part: _Part, weights: np.ndarray) -> Estimates:
    if part.sites is None:
        design, residuals = part.split
        return fit_households(design, residuals.of(part.usable), weights)
    return fit_sites(part.x, part.households, part.sites, part.y[:, part.usable], weights)


def _variance_table(part: _Part) -> pd.DataFrame:
    columns = {name: np.full(len(part.notes), np.nan) for name in _LIKELIHOOD}
    notes = part.notes.copy()
    if part.usable.any():
        design, residuals = part.split
        squares = residuals.squares[:, part.usable]
        theta, converged = maximise(design, squares)
        notes[np.flatnonzero(part.usable)[~converged]] = _NO_MAXIMUM
        found = _likelihood_ratio(theta, design, squares)
        for name, column in zip(_LIKELIHOOD, found, strict=True):
            columns[name][part.usable] = np.where(converged, column, np.nan)
    table = pd.DataFrame({"feature": part.features, **columns})
    return table.assign(
        n_households=len(np.unique(part.households)),
        n_samples=len(part.y),
        converged=notes == "",
        note=notes,
    )


def _likelihood_ratio(
    theta: np.ndarray, design: HouseholdDesign, squares: np.ndarray
) -> tuple[np.ndarray, ...]:
    """Return the columns `_LIKELIHOOD`."""
    profile = profile_at(theta, design, squares)
    residual = profile.quadratic[0] / design.df
    found = reml_criterion(profile, design)
    null = reml_criterion(profile_at(np.zeros_like(theta), design, squares), design)
    statistic = np.where(theta > 0, np.maximum(null - found, 0.0), 0.0)
    p_value = np.where(statistic > 0, special.chdtrc(1, statistic) / 2, 1.0)
    return theta * residual, residual, theta / (1 + theta), found, null, statistic, p_value
