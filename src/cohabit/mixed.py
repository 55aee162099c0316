"""Random-intercept models of paired households: every feature at once, in closed form."""

import numpy as np
import pandas as pd
from scipy import special

from cohabit.mixed_parts import NO_MAXIMUM, Part, prepare, split_by_missing
from cohabit.mixed_reml import (
    Estimates,
    HouseholdDesign,
    fit_households,
    maximise,
    profile_at,
    reml_criterion,
    within_df,
)
from cohabit.mixed_report import COLUMNS, Contrasts, Fit, Report, tabulate
from cohabit.mixed_site import fit_sites
from cohabit.mixed_terms import test_terms

__all__ = ["COLUMNS", "fit_household_model", "test_household_variance", "test_terms"]

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
    model = prepare(values, metadata, formula, household, site)
    report = Report.of(model.matrix, contrasts)
    return tabulate([_fit(part, report) for part in split_by_missing(model)], report, model.names)


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
    model = prepare(values, metadata, formula, household)
    table = pd.concat([_variance_table(part) for part in split_by_missing(model)])
    table = table.sort_values("feature", kind="stable", ignore_index=True)
    return table.assign(feature=model.names.to_numpy()[table["feature"]])


test_household_variance.__test__ = False  # a statistic, not one of pytest's


def _fit(part: Part, report: Report) -> Fit:
    """Fit one part and place its numbers among the features and rows that have none."""
    reasons = np.array(report.reasons(part.columns), dtype=object)
    weights = report.weights[:, part.columns.kept]
    terms = ["household", "residual"] if part.sites is None else ["household", "site", "residual"]
    notes, usable, told = part.notes.copy(), part.usable, reasons == ""
    variances = {term: np.full(len(notes), np.nan) for term in terms}
    numbers = {name: np.full((len(notes), len(told)), np.nan) for name in _NUMBERS}
    if usable.any():
        found = _estimate(part, weights[told])
        notes[np.flatnonzero(usable)[~found.converged]] = NO_MAXIMUM
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


def _estimate(part: Part, weights: np.ndarray) -> Estimates:
    if part.sites is None:
        design, residuals = part.split
        return fit_households(design, residuals.of(part.usable), weights)
    return fit_sites(part.x, part.households, part.sites, part.y[:, part.usable], weights)


def _variance_table(part: Part) -> pd.DataFrame:
    columns = {name: np.full(len(part.notes), np.nan) for name in _LIKELIHOOD}
    notes = part.notes.copy()
    if part.usable.any():
        design, residuals = part.split
        squares = residuals.squares[:, part.usable]
        theta, converged = maximise(design, squares)
        notes[np.flatnonzero(part.usable)[~converged]] = NO_MAXIMUM
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
