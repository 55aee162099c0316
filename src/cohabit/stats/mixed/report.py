"""What a mixed model reports: the rows asked for, the numbers found, one tidy table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cohabit.data import schema
from cohabit.stats.formula import ModelMatrix
from cohabit.stats.inference import infer
from cohabit.stats.least_squares import ONE_LEVEL, Independence

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


@dataclass(frozen=True)
class Report:
    """The rows to report for each feature."""

    weights: np.ndarray
    """Weights of the coefficients, shape (n_rows, n_coefficients)."""

    labels: list[str]
    contrasts: list[str]
    one_level: np.ndarray
    """Rows that stand for a term with a single level; their weights are zero."""

    @classmethod
    def of(cls, matrix: ModelMatrix, contrasts: Contrasts | None) -> "Report":
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
            ONE_LEVEL if single else columns.reason(row)
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
class Fit:
    """Features that share their missing values, fitted together; NaN where there is no number."""

    features: np.ndarray
    """Positions in the table of values."""

    notes: np.ndarray
    """For each feature why it has no fit; empty where it has one."""

    reasons: np.ndarray
    """For each row of the report why it has no estimate; empty where it has one."""

    n_samples: int
    n_households: int
    within_df: np.ndarray
    """For each row of the report."""

    variances: Mapping[str, np.ndarray]
    """Term -> variance of every feature; `household`, `site` when asked for, `residual`."""

    numbers: Mapping[str, np.ndarray]
    """`estimate`, `std_error` and `df`, shape (n_features, n_rows) each."""


def tabulate(fits: Sequence[Fit], report: Report, names: pd.Index) -> pd.DataFrame:
    """Return one row a feature and coefficient, in the order of both."""
    parts = [_long(fit, report) for fit in fits]
    table = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.argsort(table["feature"], kind="stable")
    table["feature"] = names.to_numpy()[table["feature"]]
    extra = [name for name in table if name not in COLUMNS]
    return pd.DataFrame({name: table[name][order] for name in [*COLUMNS, *extra]})


def _long(fit: Fit, report: Report) -> dict[str, np.ndarray]:
    """Spread what belongs to a feature or a row over feature x row, and flatten."""
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
