"""Random-intercept models of paired households: every feature at once, in closed form."""

import numpy as np
import pandas as pd

from cohabit.stats.mixed.parts import NO_MAXIMUM, Part, prepare, split_by_missing
from cohabit.stats.mixed.reml import Estimates, fit_households, within_df
from cohabit.stats.mixed.report import Contrasts, Fit, Report, tabulate
from cohabit.stats.mixed.site import fit_sites

_NUMBERS = ("estimate", "std_error", "df")


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
