"""The first table of a paper: who the people are, by group and within pairs."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from scipy import stats

from cohabit.data.schema import LEVELS, ONLY_PATIENTS
from cohabit.stats.paired import find_pairs, subtract

CHARACTERISTIC_COLUMNS = (
    *("characteristic", "level", "n_cases", "MS", "n_controls", "control"),
    *("difference", "low", "high", "n_pairs"),
)
MOST_LEVELS = 22
"""Text columns with more levels are ids or free text, and are left out, as is one site alone."""

_NO_TRAITS = ("household_id", "group", "diagnosis")


def describe_people(participants: pd.DataFrame) -> pd.DataFrame:
    """Return the characteristics of cases and controls as journals print them.

    Parameters
    ----------
    participants : DataFrame, one row per person
        `group`, `household_id` and any other columns, kept ones too. A column that is unknown
        throughout has no row; of yes and no, yes has one.

    Returns
    -------
    DataFrame
        First the number of people, then one row per number, ``mean (SD)``, or per level,
        ``n (%)`` of those who answered. `n_cases` and `n_controls` count whom a row is about:
        who answered, or who has the level. `difference` is case minus control, within pairs, in
        the column's unit or as a share, with the 95% interval of the t distribution over the
        `n_pairs` in which both are known; columns of cases alone have none.
    """
    cases = participants["group"].eq("MS").to_numpy()
    rows = [("people", "", int(cases.sum()), "", int((~cases).sum()), "")]
    traits = participants.drop(columns=[name for name in _NO_TRAITS if name in participants])
    values: dict[tuple[str, str], pd.Series] = {}
    for name in traits.columns[traits.notna().any()]:
        values |= {(name, level): column for level, column in _indicators(traits[name])}
    rows += [_describe(*key, column, cases) for key, column in values.items()]
    table = pd.DataFrame(rows, columns=list(CHARACTERISTIC_COLUMNS[:6]))
    differences = [(np.nan,) * 3 + (0,), *_differ(values, participants)]
    table[list(CHARACTERISTIC_COLUMNS[6:])] = differences
    return table.astype({"n_pairs": int})


def _indicators(column: pd.Series) -> Iterable[tuple[str, pd.Series]]:
    """Yield a number as it is, or one column of 0 and 1 per level, NaN where unknown."""
    if pd.api.types.is_numeric_dtype(column):
        yield "", column.astype(float)
        return
    text = column.astype(object).map(str, na_action="ignore")
    known = [level for level in LEVELS.get(str(column.name), ()) if (text == level).any()]
    levels = known or sorted(text.dropna().unique())
    if len(levels) > MOST_LEVELS or (column.name in ("site", "country") and len(levels) == 1):
        return
    for level in [level for level in levels if set(levels) != {"no", "yes"} or level == "yes"]:
        yield level, (text == level).astype(float).where(text.notna())


def _describe(name: str, level: str, column: pd.Series, cases: np.ndarray) -> tuple:
    words = [name, level]
    for side in (column[cases].dropna(), column[~cases].dropna()):
        n = int(side.sum()) if level else len(side)
        if side.empty:
            words += [0, ""]
        elif level:
            words += [n, f"{n} ({side.mean():.0%})"]
        else:
            spread = f" ({side.std():.3g})" if n > 1 else ""
            words += [n, f"{side.mean():.3g}{spread}"]
    return tuple(words)


def _differ(values: dict, participants: pd.DataFrame) -> Iterable[tuple]:
    """Yield mean, interval and number of the differences within pairs of each column."""
    groups = participants["group"]
    paired = pd.crosstab(participants["household_id"], groups.astype(str))
    paired = paired.reindex(columns=["MS", "control"], fill_value=0).eq(1).all(axis=1).any()
    frame = pd.DataFrame(dict(enumerate(values.values())))
    if not paired or frame.empty:
        yield from [(np.nan,) * 3 + (0,)] * len(values)
        return
    differences = subtract(frame, find_pairs(participants))
    for (name, _), number in zip(values, differences, strict=True):
        known = differences[number].dropna()
        if name in ONLY_PATIENTS or known.empty:
            yield (np.nan,) * 3 + (0,)
            continue
        n, mean = len(known), known.mean()
        half = stats.t.ppf(0.975, n - 1) * known.std() / np.sqrt(n) if n > 1 else np.nan
        yield mean, mean - half, mean + half, n
