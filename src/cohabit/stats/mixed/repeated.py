"""Household models of people who are seen more than once."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from cohabit.stats.alignment import align_values, check_column, household_codes, missing_patterns
from cohabit.stats.formula import ModelMatrix, model_matrix
from cohabit.stats.inference import infer
from cohabit.stats.least_squares import find_independent
from cohabit.stats.mixed.fit import Contrasts, Report
from cohabit.stats.mixed.nested import fit_nested
from cohabit.stats.mixed.parts import Part, find_unusable, stack_rows
from cohabit.stats.mixed.reml import Estimates, decompose

REPEATED_COLUMNS = (
    *("feature", "coefficient", "contrast", "estimate", "std_error", "low", "high", "df"),
    *("statistic", "p_value", "household_variance", "person_variance", "residual_variance"),
    *("household_icc", "person_icc", "boundary", "n_households", "n_people", "n_samples"),
    *("converged", "note"),
)
_NO_MAXIMUM = (
    "no maximum of the likelihood: the residual variance goes to zero, visits of one person do "
    "not differ beyond the fixed effects"
)
_NUMBERS = ("estimate", "std_error", "df")


def fit_repeated_model(
    values: pd.DataFrame | pd.Series,
    metadata: pd.DataFrame,
    formula: str,
    *,
    person: str = "participant_id",
    household: str = "household_id",
    contrasts: Contrasts | None = None,
) -> pd.DataFrame:
    """Fit ``feature ~ formula + (1 | household) + (1 | person)`` to every feature by REML.

    Parameters
    ----------
    values : DataFrame, shape (n_samples, n_features), or Series
        Transformed values, for example CLR, one row per person and visit. A missing value drops
        the sample for that feature only.
    metadata : DataFrame
        Index as `values`, in any order; rows without values are left out.
    formula : str
        Fixed effects, names joined by ``+``, ``:`` and ``*``. A term may vary between
        households, between the people of one, or from visit to visit.
    person, household : str
        Columns of IDs. People may have one, two or more visits, households any number of people;
        nobody lives in two of them.
    contrasts : mapping, optional
        As in `fit_household_model`.

    Returns
    -------
    DataFrame
        One row per feature and coefficient; columns `REPEATED_COLUMNS`. `df` is Satterthwaite's,
        `low` and `high` bound the 95% interval. `household_icc` is the share of variance
        between households, `person_icc` that between people, households included: the
        correlation of two visits of one person. `boundary` marks a variance estimated as zero,
        which then takes no part in `df`. Terms that cannot be estimated have no number and the
        reason in `note`.

    Raises
    ------
    ValueError
        When IDs do not match, a covariate, person or household is missing, a person lives in
        two households, nobody has two visits, or no household has two people.

    Notes
    -----
    Formulas: docs/methods.md, "People seen more than once". Source: Bates et al. (2015), Journal
    of Statistical Software 67(1), for the model; Kuznetsova, Brockhoff and Christensen (2017),
    Journal of Statistical Software 82(13), for the degrees of freedom.
    """
    values, metadata = align_values(values, metadata)
    people, homes = nest_codes(metadata, person, household)
    matrix = model_matrix(formula, metadata)
    report = Report.of(matrix, contrasts)
    parts = [_fit(part, owners, report) for part, owners in _split(values, matrix, people, homes)]
    return stack_rows(parts, values.columns)[list(REPEATED_COLUMNS)]


def nest_codes(
    metadata: pd.DataFrame, person: str, household: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return the person and the household of each row as codes 0, 1, 2, ...

    Raises
    ------
    ValueError
        When an ID is missing, somebody lives in two households, nobody has two rows, or every
        household has one person.
    """
    check_column(metadata, person)
    nameless = metadata.index[metadata[person].isna()]
    if len(nameless):
        raise ValueError(
            f"column {person!r}: {len(nameless)} row(s) without a person, first "
            f"{nameless[:5].tolist()}; give every sample the ID of its person"
        )
    homes = household_codes(metadata, household)
    people = pd.factorize(metadata[person])[0]
    lived_in = pd.Series(homes).groupby(people).nunique()
    moved = metadata[person].iloc[np.flatnonzero(np.isin(people, lived_in.index[lived_in > 1]))]
    if len(moved):
        names = [*dict.fromkeys(moved)]
        raise ValueError(
            f"{len(names)} person(s) in two households over time, first {names[:5]}; give each "
            "one household, that of the first visit for example, or leave the later visits out"
        )
    if len(lived_in) == len(people):
        raise ValueError(
            f"column {person!r}: nobody has two visits, so people cannot be told from visits; "
            "use fit_household_model"
        )
    if homes.max() == people.max():
        raise ValueError(
            f"column {household!r}: every household has one person, so households cannot be told "
            f"from people; use fit_household_model with household={person!r}"
        )
    return people, homes


def _split(
    values: pd.DataFrame, matrix: ModelMatrix, people: np.ndarray, homes: np.ndarray
) -> Iterator[tuple[Part, np.ndarray]]:
    """Yield one part per pattern of missing values, with the household of each of its rows.

    To a part a person is a household of visits.
    """
    for rows, features in missing_patterns(values.to_numpy()):
        y = values.to_numpy()[np.ix_(rows, features)]
        columns = find_independent(matrix.values[rows])
        x = matrix.values.to_numpy()[rows][:, columns.kept]
        person, home = (pd.factorize(codes[rows])[0] for codes in (people, homes))
        reason = _too_few(x, person, home)
        split = None if reason else decompose(x, person, y)
        notes = np.full(len(features), reason, dtype=object)
        if not reason:
            notes = find_unusable(y, *split, group="person")
        yield Part(features, y, x, person, None, columns, notes, split), home


def _too_few(x: np.ndarray, person: np.ndarray, home: np.ndarray) -> str:
    if len(x) <= x.shape[1] + 2:
        return f"{len(x)} samples for {x.shape[1]} coefficients and three variances: too few"
    if person.max() + 1 == len(x):
        return "nobody has two visits left: no variance between people"
    if home.max() == person.max():
        return "every household has one person left: no variance between households"
    return ""


def _fit(part: Part, homes: np.ndarray, report: Report) -> dict[str, np.ndarray]:
    """Fit one part; one row per feature and row of the report, NaN where it cannot be fitted."""
    reasons = report.reasons(part.columns)
    told, usable, notes = reasons == "", part.usable, part.notes
    variances = np.full((3, len(notes)), np.nan)
    numbers = {name: np.full((len(notes), len(told)), np.nan) for name in _NUMBERS}
    if usable.any():
        weights = report.weights[:, part.columns.kept][told]
        found = fit_nested(part.x, part.households, homes, part.y[:, usable], weights)
        notes = part.notes_after(found.converged, _NO_MAXIMUM)
        variances[:, usable] = _variances(found)
        for name in _NUMBERS:
            values = np.where(found.converged, getattr(found, name), np.nan)
            numbers[name][np.ix_(usable, told)] = values.T
    household, person, residual = variances
    total = household + person + residual
    of_feature = {
        "household_variance": household,
        "person_variance": person,
        "residual_variance": residual,
        "household_icc": household / total,
        "person_icc": (household + person) / total,
        "boundary": (household == 0) | (person == 0),
    }
    of_row = {
        "coefficient": np.array(report.labels, dtype=object),
        "contrast": np.array(report.contrasts, dtype=object),
    }
    note = np.where(notes[:, None] == "", reasons, notes[:, None])
    rows = part.list_rows(of_feature, of_row, infer(**numbers), note)
    n_people = np.full(note.size, part.households.max() + 1)
    return rows | {"n_people": n_people, "n_households": np.full(note.size, homes.max() + 1)}


def _variances(found: Estimates) -> np.ndarray:
    """Return the variances of households, people and residuals; NaN without a maximum."""
    ratios = np.vstack([found.ratios, np.ones(len(found.converged))])
    return np.where(found.converged, ratios * found.residual_variance, np.nan)
