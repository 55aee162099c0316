"""The vocabulary: tables, columns, ordered levels and units, with their checks.

Levels are ordered so that the first is the reference of every contrast: an effect of
`group` is MS minus control, of `sex` women minus men, of `treatment` against untreated.
Importing it takes the standard library alone: the command line checks names before it loads more.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

GROUPS = ("control", "MS")
SEXES = ("male", "female")
COURSES = ("RRMS", "SPMS", "PPMS")
TREATMENTS = (
    "untreated",
    "interferon",
    "dimethyl_fumarate",
    "fingolimod",
    "glatiramer",
    "natalizumab",
    "anti_cd20",
)
ROUTES = {
    "interferon": "subcutaneous",
    "dimethyl_fumarate": "oral",
    "fingolimod": "oral",
    "glatiramer": "subcutaneous",
    "natalizumab": "infused",
    "anti_cd20": "infused",
}
SITE_COUNTRY = {
    "San Francisco": "US",
    "Boston": "US",
    "New York": "US",
    "Pittsburgh": "US",
    "Buenos Aires": "Argentina",
    "Edinburgh": "UK",
    "San Sebastian": "Spain",
}
SMOKING = ("never", "former", "current")
EDUCATION = ("some_high_school", "high_school", "some_college", "college", "postgraduate")
ASSAYS = ("shotgun", "16s")
RANKS = ("phylum", "class", "order", "family", "genus", "species", "asv")
UNCLASSIFIED = "unclassified"

LEVELS = {
    "group": GROUPS,
    "sex": SEXES,
    "course": COURSES,
    "treatment": TREATMENTS,
    "smoking": SMOKING,
    "education": EDUCATION,
}
"""Ordered levels of categorical columns; other text columns are sorted by name."""

OPEN = ("course", "treatment")
"""Columns that may hold other levels too, those of another disease, which come last by name."""

UNITS = {
    "age": "years",
    "bmi": "kg/m2",
    "onset_age": "years",
    "duration": "years",
    "edss": "EDSS points, 0 to 10 in half steps",
    "msss": "MSSS points, 0 to 10",
    "depth": "reads",
}

PARTICIPANT_COLUMNS = ("household_id", "group", "site", "country", "sex", "age", "bmi")
"""Columns of every cohort written by cohabit; imported cohorts may lack the last five."""

REQUIRED_PARTICIPANT_COLUMNS = ("household_id", "group")
SAMPLE_COLUMNS = ("participant_id", "visit", "assay", "kit", "replicate", "depth")


PLAUSIBLE = {
    "age": (0, 120, "give years; if it is a code for missing, list it under [missing] codes"),
    "bmi": (8, 120, "give kg/m2, not a weight; or list a code under [missing] codes"),
    "onset_age": (0, 120, "give the age in years at the first symptom, not a year"),
    "duration": (0, 100, "give years since onset"),
    "edss": (0, 10, "EDSS runs from 0 to 10; list codes for missing under [missing] codes"),
    "msss": (0, 10, "MSSS runs from 0 to 10; list codes for missing under [missing] codes"),
}
"""Smallest and largest plausible value of a person, and advice on other values."""

ONLY_PATIENTS = ("course", "treatment", "onset_age", "duration", "edss", "msss")
"""Columns that are empty for controls."""

MIN_CELL = 5
"""Smallest number of people in a cell of a table about real people without a warning."""


class MissingInput(FileNotFoundError):
    """A cohort lacks a file that an analysis needs; the notebook is skipped, not failed."""


ACIDS = ("acetate", "propionate", "butyrate", "valerate", "hexanoate")
BRANCHED_ACIDS = ("isobutyrate", "isovalerate", "2-methylbutyrate")
"""Fatty acids of the targeted panel by their names in metabolite tables."""


@dataclass(frozen=True)
class Problem:
    """A rule that a table breaks, the people concerned and the remedy."""

    column: str
    rule: str
    rows: tuple[str, ...]
    remedy: str

    def describe(self) -> str:
        """Return the column, the rule, and the first rows that break it."""
        more = f", and {len(self.rows) - 5} more" if len(self.rows) > 5 else ""
        rows = f" ({', '.join(self.rows[:5])}{more})" if self.rows else ""
        return f"{self.column}: {self.rule}{rows}"


def find_participant_problems(participants: "pd.DataFrame") -> list[Problem]:
    """Check a participant table and return all problems at once.

    Parameters
    ----------
    participants : DataFrame, one row per person
        Index: participant_id. Needs `household_id` and `group`.

    Returns
    -------
    list of Problem
        Empty when the table can be a cohort's; remedies are for a mapping of `cohabit import`.
    """
    people = participants
    absent = [name for name in REQUIRED_PARTICIPANT_COLUMNS if name not in people]
    problems = [Problem(name, "no such column", (), "name it under [columns]") for name in absent]
    for column, rule, broken, remedy in _apply_rules(people):
        if broken.any():
            rows = tuple(dict.fromkeys(map(str, people.index[broken])))
            problems.append(Problem(column, rule, rows, remedy))
    return problems


def _apply_rules(people: "pd.DataFrame"):
    """Yield the column, the rule, which rows break it, and the remedy."""
    repeated = people.index.duplicated()
    yield "participant_id", "repeats", repeated, "give each person one row and one id"
    for name in [name for name in REQUIRED_PARTICIPANT_COLUMNS if name in people]:
        yield name, "empty", people[name].isna(), "fill it in or leave these people out"
    for name in [name for name in LEVELS if name in people]:
        rule = f"not one of {', '.join(LEVELS[name])}"
        yield name, rule, _is_strange(people[name]), f"translate it under [levels.{name}]"
    for name in [name for name in PLAUSIBLE if name in people]:
        low, high, remedy = PLAUSIBLE[name]
        rule = f"outside {low} to {high} {UNITS[name]}"
        yield name, rule, people[name].notna() & ~_numbers(people[name]).between(low, high), remedy
    for name in [name for name in ONLY_PATIENTS if name in people and "group" in people]:
        filled_in = people["group"].eq("control") & people[name].notna()
        yield name, "filled in for controls", filled_in, _LEAVE_EMPTY
    if "edss" in people:
        between = _numbers(people["edss"]).fillna(0) * 2 % 1 != 0
        yield "edss", "not in half steps", between, "correct the scores"


_LEAVE_EMPTY = (
    "leave it empty, name the word under [levels] as missing, or list the column under "
    "zero_in_controls"
)


def _is_strange(column: "pd.Series") -> "pd.Series":
    """Return True for values outside the vocabulary of a column."""
    if column.name in OPEN:
        return column.isna() & False
    return column.notna() & ~column.isin(LEVELS[str(column.name)])


def _numbers(column: "pd.Series") -> "pd.Series":
    import pandas as pd

    return pd.to_numeric(column, errors="coerce")


def check_participants(participants: "pd.DataFrame") -> "pd.DataFrame":
    """Check a participant table and return it with ordered levels.

    Parameters
    ----------
    participants : DataFrame, one row per person
        Index: participant_id. Needs `household_id` and `group`.

    Returns
    -------
    DataFrame
        A copy; known columns are ordered categories.

    Raises
    ------
    ValueError
        With every problem found at once and the rows it concerns.
    """
    problems = find_participant_problems(participants)
    if problems:
        words = "; ".join(problem.describe() for problem in problems)
        raise ValueError(f"participants: {words}; correct the table")
    return order_levels(participants)


def order_levels(table: "pd.DataFrame") -> "pd.DataFrame":
    """Return a copy with known columns as ordered categories, reference level first.

    Parameters
    ----------
    table : DataFrame
        Sample metadata; columns named in `LEVELS` are converted, all others are kept.

    Raises
    ------
    ValueError
        When a known column holds a level outside its vocabulary; names rows and levels.
    """
    from pandas import Categorical

    table = table.copy()
    for column in [name for name in LEVELS if name in table]:
        values, levels = table[column].astype(object), list_levels(column, table[column])
        unknown = _is_strange(values)
        if unknown.any():
            strange = ", ".join(map(repr, values[unknown].unique()[:5]))
            raise ValueError(
                f"column {column!r}: expected one of {', '.join(levels)}; got {strange} in "
                f"{int(unknown.sum())} row(s), first {table.index[unknown][:5].tolist()}"
            )
        if column in OPEN:
            values = values.map(str, na_action="ignore")
        table[column] = Categorical(values, categories=levels, ordered=True)
    return table


def list_levels(column: str, values: "pd.Series") -> list[str]:
    """Return the ordered levels of a column: its vocabulary, or in an open one what is there."""
    known, present = LEVELS[column], set(values.dropna().astype(str))
    if column not in OPEN or present <= set(known):
        return list(known)
    return [*[level for level in known if level in present], *sorted(present - set(known))]


def check_samples(samples: "pd.DataFrame", participants: "pd.DataFrame") -> "pd.DataFrame":
    """Check a sample table against its participants and return it unchanged.

    Raises
    ------
    ValueError
        When a column is missing, an ID repeats, or a sample has no participant.
    """
    missing = [name for name in SAMPLE_COLUMNS if name not in samples]
    if missing:
        raise ValueError(
            f"samples: expected the columns {', '.join(missing)}; got {', '.join(samples.columns)}"
        )
    repeated = samples.index[samples.index.duplicated()]
    if len(repeated):
        raise ValueError(f"samples: sample_id must be unique; repeated: {repeated[:5].tolist()}")
    orphans = samples.index[~samples["participant_id"].isin(participants.index)]
    if len(orphans):
        raise ValueError(
            f"samples: {len(orphans)} sample(s) belong to no participant, first "
            f"{orphans[:5].tolist()}; add the people or leave the samples out"
        )
    return samples


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint with the nearest known name to append to an error message."""
    known = [str(item) for item in known]
    lowered = {item.lower(): item for item in known}
    close = get_close_matches(str(name).lower(), lowered, n=1, cutoff=0.5)
    hint = f"did you mean {lowered[close[0]]!r}? " if close else ""
    return f"{hint}known: {', '.join(known)}"


def check_choice(what: str, value: str, known: Iterable[str]) -> None:
    """Raise ValueError, as in "no column 'x'", with the nearest name when a value is not known."""
    if value not in known:
        raise ValueError(f"{what} {value!r}; {nearest(value, known)}")


def feature_weights(text: str) -> dict[str, float]:
    """Return a claim's `truth_feature` as weights of features.

    ``"a; b"`` is the mean of a and b; ``"a minus b"`` their difference, on a log scale a
    log-ratio; both parts may be means.

    Examples
    --------
    >>> feature_weights("acetate; butyrate minus valerate")
    {'acetate': 0.5, 'butyrate': 0.5, 'valerate': -1.0}
    """
    weights: dict[str, float] = {}
    for part, sign in zip(text.split(" minus ", 1), (1.0, -1.0), strict=False):
        names = part.split("; ")
        for name in names:
            weights[name] = weights.get(name, 0.0) + sign / len(names)
    return weights
