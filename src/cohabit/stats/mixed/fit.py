"""Random-intercept models of household data, fitted to all features in closed form."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cohabit.data.schema import nearest
from cohabit.stats.formula import ModelMatrix
from cohabit.stats.inference import infer
from cohabit.stats.least_squares import ONE_LEVEL, Independence
from cohabit.stats.mixed.parts import NO_MAXIMUM, Part, prepare, split_by_missing
from cohabit.stats.mixed.reml import Estimates, fit_households, within_df
from cohabit.stats.mixed.site import fit_sites

HOUSEHOLD_COLUMNS = (
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

    Returns
    -------
    DataFrame
        One row per feature and coefficient; columns `HOUSEHOLD_COLUMNS`. `df` is Satterthwaite's,
        `low` and `high` bound the 95% interval. `boundary` marks a household variance
        estimated as zero: `df` is then the residual one (rows minus coefficients), and
        `within_df`, the degrees of freedom left within households (0 for a coefficient
        that never varies there), is given too. Terms that cannot be estimated have no
        number and the reason in `note`.

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
    report = _Report.of(model.matrix, contrasts)
    return _tabulate([_fit(part, report) for part in split_by_missing(model)], report, model.names)


@dataclass(frozen=True)
class _Report:
    """The rows to report for each feature."""

    weights: np.ndarray
    """Weights of the coefficients in each row, shape (n_rows, n_coefficients)."""

    labels: list[str]
    contrasts: list[str]
    one_level: np.ndarray
    """True for rows of terms with a single level, whose weights are zero."""

    @classmethod
    def of(cls, matrix: ModelMatrix, contrasts: Contrasts | None) -> "_Report":
        """List the coefficients, the terms without coefficients and the requested contrasts."""
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
        """Return the reason why each row has no estimate, or an empty string."""
        return [
            ONE_LEVEL if single else columns.reason(row)
            for row, single in zip(self.weights, self.one_level, strict=True)
        ]


def _weights_of(label: str, parts: Mapping[str, float], names: pd.Index) -> np.ndarray:
    for name in parts:
        if name not in names:
            raise ValueError(f"contrast {label!r}: no coefficient {name!r}: {nearest(name, names)}")
    if label in names or not any(parts.values()):
        raise ValueError(
            f"contrast {label!r}: expected a name of its own and a weight that is not zero"
        )
    return np.array([float(parts.get(name, 0.0)) for name in names])


@dataclass(frozen=True)
class _Fit:
    """Results of features with the same missing values; NaN when there is no number."""

    features: np.ndarray
    """Positions of the features in the table of values."""

    notes: np.ndarray
    """For each feature the reason why it has no fit, or an empty string."""

    reasons: np.ndarray
    """For each row of the report the reason why it has no estimate, or an empty string."""

    n_samples: int
    n_households: int
    within_df: np.ndarray
    """Within-household degrees of freedom for each row of the report."""

    variances: Mapping[str, np.ndarray]
    """Term -> variance for each feature: `household`, `site` (if fitted) and `residual`."""

    numbers: Mapping[str, np.ndarray]
    """`estimate`, `std_error` and `df`, each of shape (n_features, n_rows)."""


def _fit(part: Part, report: _Report) -> _Fit:
    """Fit one part and fill in NaN for features and rows that cannot be fitted."""
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
    return _Fit(
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


def _tabulate(fits: Sequence[_Fit], report: _Report, names: pd.Index) -> pd.DataFrame:
    """Return one row per feature and coefficient, in the order of both."""
    parts = [_long(fit, report) for fit in fits]
    table = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.argsort(table["feature"], kind="stable")
    table["feature"] = names.to_numpy()[table["feature"]]
    extra = [name for name in table if name not in HOUSEHOLD_COLUMNS]
    return pd.DataFrame({name: table[name][order] for name in [*HOUSEHOLD_COLUMNS, *extra]})


def _long(fit: _Fit, report: _Report) -> dict[str, np.ndarray]:
    """Return flat columns of feature x row from values per feature or per row."""
    n_features, n_rows = len(fit.features), len(fit.reasons)
    of_feature = {
        "feature": fit.features,
        **{f"{term}_variance": variance for term, variance in fit.variances.items()},
        "household_icc": fit.variances["household"] / sum(fit.variances.values()),
        "boundary": fit.variances["household"] == 0,
        "n_households": np.full(n_features, fit.n_households),
        "n_samples": np.full(n_features, fit.n_samples),
    }
    if "site" in fit.variances:
        of_feature["site_boundary"] = fit.variances["site"] == 0
    of_row = {
        "coefficient": np.array(report.labels, dtype=object),
        "contrast": np.array(report.contrasts, dtype=object),
        "within_df": fit.within_df,
    }
    note = np.where(fit.notes[:, None] == "", fit.reasons[None, :], fit.notes[:, None])
    return {
        **{name: np.repeat(part, n_rows) for name, part in of_feature.items()},
        **{name: np.tile(part, n_features) for name, part in of_row.items()},
        **{name: part.ravel() for name, part in infer(**fit.numbers).items()},
        "converged": (note == "").ravel(),
        "note": note.ravel(),
    }
