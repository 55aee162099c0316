"""Random-intercept models of household data, fitted to all features in closed form."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cohabit.data.schema import nearest
from cohabit.stats.formula import ModelMatrix
from cohabit.stats.inference import infer
from cohabit.stats.least_squares import ONE_LEVEL, Independence
from cohabit.stats.mixed.parts import Part, prepare, split_by_missing, stack_rows
from cohabit.stats.mixed.reml import (
    DF_METHODS,
    KENWARD_ROGER,
    SATTERTHWAITE,
    Estimates,
    fit_households,
    within_df,
)
from cohabit.stats.mixed.site import fit_sites

HOUSEHOLD_COLUMNS = (
    *("feature", "coefficient", "contrast", "estimate", "std_error", "low", "high", "df"),
    *("statistic", "p_value", "household_variance", "residual_variance", "household_icc"),
    *("boundary", "within_df", "n_households", "n_samples", "converged", "note", "formula"),
)

Contrasts = Mapping[str, Mapping[str, float]]

_NUMBERS = ("estimate", "std_error", "df")


def fit_household_model(
    values: pd.DataFrame | pd.Series,
    metadata: pd.DataFrame,
    formula: str,
    household: str = "household_id",
    *,
    contrasts: Contrasts | None = None,
    site: str | None = None,
    df: str = SATTERTHWAITE,
) -> pd.DataFrame:
    """Fit ``feature ~ formula + (1 | household)`` to every feature by REML.

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
    df : str
        ``"satterthwaite"``, or ``"kenward-roger"``, whose larger errors and smaller degrees of
        freedom allow for the sampling of the variances: closer to the level where homes are few.
        It is not built for `site`.

    Returns
    -------
    DataFrame
        One row per feature and coefficient; columns `HOUSEHOLD_COLUMNS`; `low` and `high` bound
        the 95% interval. `boundary` marks a household variance estimated as zero:
        Satterthwaite's `df` is then the residual one (rows minus coefficients), and
        `within_df`, the degrees of freedom left within households (0 for a coefficient
        that never varies there), is given too. `formula` is the model as fitted. Terms that
        cannot be estimated have no number and the reason in `note`.

    Raises
    ------
    ValueError
        When IDs do not match, a covariate or household is missing, every household has
        one member, or a contrast names an unknown coefficient.

    Notes
    -----
    The REML household share is cut at zero, so small shares are overestimated on average.
    Formulas: docs/methods.md, "Household mixed model". Degrees of freedom: Kuznetsova, Brockhoff
    and Christensen (2017), Journal of Statistical Software 82(13); Kenward and Roger (1997),
    Biometrics 53:983, as in Halekoh and Højsgaard (2014), Journal of Statistical Software 59(9).

    Examples
    --------
    >>> import pandas as pd
    >>> people = pd.DataFrame({"household_id": list("aabbcc"), "group": ["MS", "control"] * 3})
    >>> values = pd.Series([1.0, 0.5, 2.5, 1.4, 3.1, 2.2], name="taxon")
    >>> table = fit_household_model(values, people, "group").set_index("coefficient")
    >>> round(float(table.loc["group[MS]", "estimate"]), 4)
    0.8333
    """
    check_df(df, site)
    model = prepare(values, metadata, formula, household, site)
    report = Report.of(model.matrix, contrasts)
    parts = [_fit(part, report, df) for part in split_by_missing(model)]
    random = "".join(f" + (1 | {name})" for name in (household, site) if name)
    table = stack_rows(parts, model.names).assign(formula=formula + random)
    return table[[*HOUSEHOLD_COLUMNS, *table.columns.difference(HOUSEHOLD_COLUMNS, sort=False)]]


def check_df(df: str, site: str | None = None) -> None:
    """Raise a ValueError for an unknown way to choose degrees of freedom."""
    if df not in DF_METHODS:
        raise ValueError(f"df: no {df!r}; {nearest(df, DF_METHODS)}")
    if df == KENWARD_ROGER and site is not None:
        raise ValueError(
            f"df: {KENWARD_ROGER!r} is for households alone; with a second random term use "
            f"{SATTERTHWAITE!r}"
        )


@dataclass(frozen=True)
class Report:
    """The rows to report for each feature."""

    weights: np.ndarray
    """Weights of the coefficients in each row (zero for a term of one level)."""

    labels: list[str]
    contrasts: list[str]

    @classmethod
    def of(cls, matrix: ModelMatrix, contrasts: Contrasts | None) -> "Report":
        """List the coefficients, the terms without coefficients and the requested contrasts."""
        names, empty, asked = matrix.values.columns, matrix.one_level, dict(contrasts or {})
        rows = [_weights_of(label, parts, names) for label, parts in asked.items()]
        weights = np.vstack([np.eye(len(names)), np.zeros((len(empty), len(names))), *rows])
        meaning = [matrix.contrasts.get(name, "at the reference") for name in names]
        meaning += ["one level"] * len(empty)
        return cls(weights, [*names, *empty, *asked], [*meaning, *asked])

    def reasons(self, columns: Independence) -> np.ndarray:
        """Return the reason why each row has no estimate, or an empty string."""
        return np.where(self.weights.any(axis=1), columns.reasons(self.weights), ONE_LEVEL)


def _weights_of(label: str, parts: Mapping[str, float], names: pd.Index) -> np.ndarray:
    for name in parts:
        if name not in names:
            raise ValueError(f"contrast {label!r}: no coefficient {name!r}: {nearest(name, names)}")
    if label in names or not any(parts.values()):
        raise ValueError(
            f"contrast {label!r}: expected a name of its own and a weight that is not zero"
        )
    return np.array([float(parts.get(name, 0.0)) for name in names])


def _fit(part: Part, report: Report, df: str) -> dict[str, np.ndarray]:
    """Fit one part; one row per feature and row of the report, NaN where it cannot be fitted."""
    reasons = report.reasons(part.columns)
    weights = report.weights[:, part.columns.kept]
    told, usable, notes = reasons == "", part.usable, part.notes
    terms = ["household", "residual"] if part.sites is None else ["household", "site", "residual"]
    variances = {f"{term}_variance": np.full(len(notes), np.nan) for term in terms}
    numbers = {name: np.full((len(notes), len(told)), np.nan) for name in _NUMBERS}
    if usable.any():
        found = _estimate(part, weights[told], df)
        notes = part.notes_after(found.converged)
        for term, ratio in zip(variances, [*found.ratios, 1.0], strict=True):
            variances[term][usable] = ratio * found.residual_variance
        for name in _NUMBERS:
            values = np.where(found.converged, getattr(found, name), np.nan)
            numbers[name][np.ix_(usable, told)] = values.T
    within, varies = within_df(part.x, part.households)
    of_row = {
        "coefficient": np.array(report.labels, dtype=object),
        "contrast": np.array(report.contrasts, dtype=object),
        "within_df": np.where((weights[:, varies] != 0).any(axis=1), within, 0),
    }
    note = np.where(notes[:, None] == "", reasons, notes[:, None])
    return part.list_rows(_describe(variances), of_row, infer(**numbers), note)


def _describe(variances: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Add the household's share of the variances, and which variances are zero."""
    household = variances["household_variance"]
    more = {"household_icc": household / sum(variances.values()), "boundary": household == 0}
    if "site_variance" in variances:
        more["site_boundary"] = variances["site_variance"] == 0
    return variances | more


def _estimate(part: Part, weights: np.ndarray, df: str) -> Estimates:
    if part.sites is None:
        design, residuals = part.split
        return fit_households(design, residuals.of(part.usable), weights, df)
    return fit_sites(part.x, part.households, part.sites, part.y[:, part.usable], weights)
