"""Model formulas with ``+``, ``:`` and ``*``, and the model matrix that all methods use.

Only the right-hand side is given, as in ``"site + age + group"``. The intercept is always included.
Anything that could be evaluated (calls, indexing, numbers) is rejected before parsing.
"""

import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cohabit.data import schema
from cohabit.data.people import MOST_UNKNOWN, why_not_held
from cohabit.stats.alignment import check_complete

COVARIATES = "sex + age + bmi + site"
"""Covariates of the study's models."""

_MOST_NUMBERED = 12
"""Number of numeric-looking text levels above which a column is taken to be numeric."""

_TOKEN = re.compile(r"\s*(?:([A-Za-z_][A-Za-z0-9_]*)|([+:*]))")


@dataclass(frozen=True)
class ModelMatrix:
    """The model matrix of a formula and the columns of each term."""

    values: pd.DataFrame
    """Rows as in the metadata; columns ``Intercept`` and coefficients such as ``group[MS]``."""

    terms: dict[str, list[str]]
    """Term -> its columns, in the order of the formula and without the intercept."""

    contrasts: dict[str, str]
    """Coefficient -> its meaning, for example ``group[MS]`` -> ``MS - control``."""

    @property
    def one_level(self) -> list[str]:
        """Terms without a column, because they do not vary."""
        return [term for term, columns in self.terms.items() if not columns]


def variables(formula: str) -> list[str]:
    """Return the distinct variable names of a formula in order.

    Raises
    ------
    ValueError
        When the text is anything but names joined by ``+``, ``:`` and ``*``.
    """
    if not isinstance(formula, str) or not formula.strip():
        raise ValueError(
            f"formula: expected names joined by + : *, as in 'site + group'; got {formula!r}"
        )
    names, position, expect_name = [], 0, True
    text = formula.rstrip()
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None or bool(token.group(1)) != expect_name:
            raise ValueError(
                f"formula {formula!r}: expected names joined by + : *; "
                f"cannot read {text[position:].strip()!r}. Calls and numbers are refused: "
                "make the column in the metadata first"
            )
        if token.group(1):
            names.append(token.group(1))
        position, expect_name = token.end(), not expect_name
    if expect_name:
        raise ValueError(f"formula {formula!r}: a name is missing at the end")
    return list(dict.fromkeys(names))


def usable_terms(
    metadata: pd.DataFrame, terms: Iterable[str], most_unknown: float = MOST_UNKNOWN
) -> list[str]:
    """Return the terms that can be held fixed in these rows; see `covariates.why_not_held`."""
    return [name for name in terms if not why_not_held(metadata, name, most_unknown)]


def hold_fixed(
    metadata: pd.DataFrame, wanted: str | None = COVARIATES
) -> tuple[pd.DataFrame, str | None]:
    """Return complete metadata and the covariates that can be fitted in it.

    Parameters
    ----------
    metadata : DataFrame, one row per person
    wanted : str, optional
        Formula of single columns, from which those that `usable_terms` does not name are
        dropped, then the people who lack a value of the rest.
    """
    terms = usable_terms(metadata, variables(wanted) if wanted else ())
    return metadata.dropna(subset=terms), " + ".join(terms) or None


def model_matrix(formula: str, metadata: pd.DataFrame) -> ModelMatrix:
    """Build the model matrix of a formula.

    Parameters
    ----------
    formula : str
        Names of `metadata` joined by ``+``, ``:`` and ``*``.
    metadata : DataFrame, shape (n_samples, n_columns)
        Text becomes categories: in the order of `schema.LEVELS` where it has one, else by
        name; the first level present is the reference. So do numbers that name a place, a
        country or a home (`site`, `country`, ``..._id``); others are not changed, with a
        warning where they look like codes (1, 2, 3, ...).

    Returns
    -------
    ModelMatrix

    Raises
    ------
    ValueError
        When a name is not a column, or a value is missing or infinite (names the rows), or
        numbers are written as text.
    """
    from formulaic import Formula

    names = variables(formula)
    for name in names:
        if name not in metadata:
            raise ValueError(
                f"formula {formula!r}: no column {name!r}: {schema.nearest(name, metadata)}"
            )
    data = pd.DataFrame({name: _ready(metadata[name]) for name in names}, index=metadata.index)
    matrix = Formula(formula).get_model_matrix(data, context={}, na_action="raise")
    columns = {old: old.replace("[T.", "[") for old in matrix.columns}
    slices = matrix.model_spec.term_slices
    terms = {
        str(term): [columns[old] for old in matrix.columns[where]]
        for term, where in slices.items()
        if str(term) != "1"
    }
    values = pd.DataFrame(matrix).rename(columns=columns).astype(float)
    contrasts = {name: _contrast(name, data) for name in values.columns if name != "Intercept"}
    return ModelMatrix(values, terms, contrasts)


def _ready(column: pd.Series) -> pd.Series:
    check_complete(column.to_frame(), column.name, "drop these rows or leave the term out")
    if pd.api.types.is_bool_dtype(column):
        return column.astype(float)
    if pd.api.types.is_numeric_dtype(column):
        infinite = column.index[~np.isfinite(column.astype(float))]
        if len(infinite):
            raise ValueError(f"column {column.name!r}: not finite in {infinite[:5].tolist()}")
        return _as_labels(column) if _is_label(column.name) else _as_number(column.astype(float))
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.cat.remove_unused_categories()
    known = schema.LEVELS.get(column.name)
    present = set(column)
    _refuse_numbers(column.name, present)
    if known is not None and present <= set(known):
        return pd.Categorical(column, [level for level in known if level in present])
    return pd.Categorical(column, sorted(present, key=str))


def _is_label(name: object) -> bool:
    """Return True for a column whose numbers are names of places, countries or homes."""
    return str(name).endswith(("_id", "site", "country"))


def _as_labels(column: pd.Series) -> pd.Categorical:
    """Return whole numbers as categories in their order."""
    levels = [f"{value:g}" for value in sorted(set(column))]
    return pd.Categorical(column.map("{:g}".format), levels)


def _as_number(column: pd.Series) -> pd.Series:
    """Return a column of numbers, with a warning where they look like the codes of names."""
    values = sorted(set(column))
    if 2 < len(values) <= _MOST_NUMBERED and values == list(range(1, len(values) + 1)):
        warnings.warn(
            f"column {column.name!r}: 1 to {len(values)} is taken as a number, per unit; if "
            "these are codes of names, make them text (astype(str))",
            stacklevel=2,
        )
    return column


def _refuse_numbers(name: str, levels: set) -> None:
    """Raise ValueError when a text column holds many distinct numbers."""
    texts = pd.Series(sorted(map(str, levels)))
    numbers = pd.to_numeric(texts, errors="coerce")
    many = len(texts) > _MOST_NUMBERED and not _is_label(name)
    if numbers.notna().mean() > 0.5 and (many or (numbers.dropna() % 1 != 0).any()):
        others = texts[numbers.isna()].tolist()
        beside = f", and {others[:5]} beside them" if others else ""
        raise ValueError(
            f"column {name!r}: numbers written as text, {texts.tolist()[:3]}{beside}; make them "
            "numbers (pandas.to_numeric), or categories if they are names"
        )


def _contrast(coefficient: str, data: pd.DataFrame) -> str:
    parts = []
    for part in coefficient.split(":"):
        name, _, level = part.partition("[")
        reference = data[name].cat.categories[0] if level else ""
        parts.append(f"{level.rstrip(']')} - {reference}" if level else f"per unit of {name}")
    return " : ".join(parts)
