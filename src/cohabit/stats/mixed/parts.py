"""Preparation of household models: aligned tables, split by missing values."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cohabit.stats.alignment import align_values, household_codes, missing_patterns
from cohabit.stats.formula import ModelMatrix, model_matrix, variables
from cohabit.stats.least_squares import Independence, find_independent
from cohabit.stats.mixed.reml import HouseholdDesign, Residuals, decompose

NO_MAXIMUM = (
    "no maximum of the likelihood: the residual variance goes to zero, people of one "
    "household do not differ beyond the fixed effects"
)


@dataclass(frozen=True)
class Model:
    """The aligned and checked input of a household model."""

    values: np.ndarray
    names: pd.Index
    matrix: ModelMatrix
    households: np.ndarray
    sites: np.ndarray | None


def prepare(
    values: pd.DataFrame | pd.Series,
    metadata: pd.DataFrame,
    formula: str,
    household: str,
    site: str | None = None,
) -> Model:
    """Align and check the input of a household model."""
    values, metadata = align_values(values, metadata)
    households = household_codes(metadata, household)
    if np.bincount(households).max(initial=1) == 1:
        raise ValueError(
            f"column {household!r}: every household has one member, so a household variance "
            "cannot be told from a residual one; use an ordinary regression"
        )
    sites = None if site is None else _site_codes(metadata, formula, site)
    matrix = model_matrix(formula, metadata)
    return Model(values.to_numpy(), values.columns, matrix, households, sites)


def _site_codes(metadata: pd.DataFrame, formula: str, site: str) -> np.ndarray:
    if site in variables(formula):
        raise ValueError(f"{site!r} is in the formula and also a random term; choose one")
    codes = household_codes(metadata, site)
    if codes.max(initial=0) == 0:
        raise ValueError(f"column {site!r}: one level only; a variance between sites needs two")
    return codes


@dataclass(frozen=True)
class Part:
    """The features that share one pattern of missing values, and their rows."""

    features: np.ndarray
    y: np.ndarray
    x: np.ndarray
    """The independent columns of the model matrix."""

    households: np.ndarray
    sites: np.ndarray | None
    columns: Independence
    notes: np.ndarray
    """For each feature the reason why it cannot be fitted, or an empty string."""

    split: tuple[HouseholdDesign, Residuals] | None
    """The decomposed design and features; None when too few rows are left."""

    @property
    def usable(self) -> np.ndarray:
        """True for features that can be fitted."""
        return self.notes == ""

    def notes_after(self, converged: np.ndarray, reason: str = NO_MAXIMUM) -> np.ndarray:
        """Return the notes when the search for these of the usable features ended well."""
        notes = self.notes.copy()
        notes[np.flatnonzero(self.usable)[~converged]] = reason
        return notes

    def list_rows(
        self,
        of_feature: Mapping[str, np.ndarray],
        of_row: Mapping[str, Sequence],
        numbers: Mapping[str, np.ndarray],
        note: np.ndarray,
    ) -> dict[str, np.ndarray]:
        """Return flat columns of feature x row from values per feature or per row.

        `numbers` and `note` have the shape (n_features, n_rows).
        """
        n_features, n_rows = note.shape
        counts = {"n_households": len(np.unique(self.households)), "n_samples": len(self.y)}
        return {
            "feature": np.repeat(self.features, n_rows),
            **{name: np.tile(part, n_features) for name, part in of_row.items()},
            **{name: np.repeat(part, n_rows) for name, part in of_feature.items()},
            **{name: part.ravel() for name, part in numbers.items()},
            **{name: np.full(note.size, count) for name, count in counts.items()},
            "converged": (note == "").ravel(),
            "note": note.ravel(),
        }


def stack_rows(parts: Sequence[Mapping[str, np.ndarray]], names: pd.Index) -> pd.DataFrame:
    """Return the rows of all parts in the order of the features, which get their names."""
    table = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.argsort(table["feature"], kind="stable")
    table["feature"] = names.to_numpy()[table["feature"]]
    return pd.DataFrame({name: column[order] for name, column in table.items()})


def split_by_missing(model: Model) -> Iterator[Part]:
    """Yield one part, with its decomposed design, per pattern of missing values."""
    for rows, features in missing_patterns(model.values):
        y = model.values[np.ix_(rows, features)]
        matrix = model.matrix.values[rows]
        columns = find_independent(matrix)
        x = matrix.to_numpy()[:, columns.kept]
        households = pd.factorize(model.households[rows])[0]
        sites = None if model.sites is None else pd.factorize(model.sites[rows])[0]
        reason = _too_few(x, households) or _why_no_site(x, households, sites)
        split = None if reason else decompose(x, households, y)
        notes = np.full(len(features), reason, dtype=object) if reason else find_unusable(y, *split)
        yield Part(features, y, x, households, sites, columns, notes, split)


def _too_few(x: np.ndarray, households: np.ndarray) -> str:
    if len(x) <= x.shape[1] + 1:
        return f"{len(x)} samples for {x.shape[1]} coefficients and two variances: too few"
    if np.bincount(households).max() == 1:
        return "every household has one member left: no household variance"
    return ""


def _why_no_site(x: np.ndarray, households: np.ndarray, sites: np.ndarray | None) -> str:
    """Return the reason why a site variance cannot be estimated, or an empty string."""
    if sites is None:
        return ""
    n_sites = sites.max() + 1
    if n_sites == 1:
        return "one site left: no variance between sites"
    pairs = len(np.unique(np.column_stack([households, sites]), axis=0))
    if n_sites == len(x) or pairs == n_sites == households.max() + 1:
        return "every site is one sample or one household: no variance of its own"
    indicator = np.eye(n_sites)[sites]
    if np.linalg.matrix_rank(np.hstack([x / np.linalg.norm(x, axis=0), indicator])) == x.shape[1]:
        return "the fixed effects tell all sites apart: no variance between sites"
    return ""


def find_unusable(
    y: np.ndarray, design: HouseholdDesign, residuals: Residuals, group: str = "household"
) -> np.ndarray:
    """Return the reason why each feature cannot be fitted, or an empty string."""
    notes = np.full(y.shape[1], "", dtype=object)
    if np.ptp(design.eigenvalues) < 1e-6:
        notes[:] = (
            f"{group} and residual variance cannot be told apart: the fixed effects leave "
            f"nothing within a {group}, or nothing between them"
        )
        return notes
    spread, largest = np.ptp(y, axis=0), np.abs(y).max(axis=0)
    notes[residuals.squares.sum(axis=0) <= 1e-20 * len(y) * spread**2] = (
        "the fixed effects fit every value exactly"
    )
    notes[spread <= 1e-12 * largest] = "constant: every value is the same"
    notes[largest == 0] = "constant: every value is zero"
    return notes
