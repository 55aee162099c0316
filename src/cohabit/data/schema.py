"""The vocabulary: tables, columns, ordered levels, units; and the checks that hold them.

Levels are ordered so that the first is the reference of every contrast: an effect of
`group` is MS minus control, of `sex` women minus men, of `treatment` against untreated.
"""

import warnings
from dataclasses import dataclass

import pandas as pd

from cohabit.data.naming import nearest as nearest

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
"""Ordered levels of the columns that have them; other text columns sort by name."""

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
"""Columns of every cohort that cohabit itself writes; an imported one may lack the last five."""

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
"""Lowest and highest value that a person can have, and what to do about others."""

ONLY_PATIENTS = ("course", "treatment", "onset_age", "duration", "edss", "msss")
"""Columns that are empty for controls."""

MIN_CELL = 5
"""Fewest people in a cell of a table about real people that is shown without a warning."""


class MissingInput(FileNotFoundError):
    """A cohort lacks a file that an analysis needs; the notebook is skipped, not failed."""


ACIDS = ("acetate", "propionate", "butyrate", "valerate", "hexanoate")
BRANCHED_ACIDS = ("isobutyrate", "isovalerate", "2-methylbutyrate")
"""Fatty acids of the targeted panel, as metabolite tables name them."""


def order_levels(table: pd.DataFrame) -> pd.DataFrame:
    """Return a copy whose known columns are ordered categories, reference level first.

    Parameters
    ----------
    table : DataFrame
        Sample metadata; columns named in `LEVELS` are converted, all others are kept.

    Raises
    ------
    ValueError
        When a known column holds a level outside its vocabulary; names rows and levels.
    """
    table = table.copy()
    for column, levels in LEVELS.items():
        if column not in table:
            continue
        values = table[column].astype(object)
        unknown = values.notna() & ~values.isin(levels)
        if unknown.any():
            strange = ", ".join(repr(value) for value in pd.unique(values[unknown])[:5])
            raise ValueError(
                f"column {column!r}: expected one of {', '.join(levels)}; got {strange} in "
                f"{int(unknown.sum())} row(s), first {table.index[unknown][:5].tolist()}"
            )
        table[column] = pd.Categorical(values, categories=list(levels), ordered=True)
    return table


def check_participants(participants: pd.DataFrame) -> pd.DataFrame:
    """Check a participant table and return it with ordered levels.

    Parameters
    ----------
    participants : DataFrame, one row a person
        Index: participant_id. Needs `household_id` and `group`.

    Returns
    -------
    DataFrame
        A copy; known columns are ordered categories.

    Raises
    ------
    ValueError
        With every problem found at once, the rows it concerns and how to mend it.
    """
    problems = list(_participant_problems(participants))
    if problems:
        raise ValueError("participants: " + "; ".join(problems))
    return order_levels(participants)


def _participant_problems(participants: pd.DataFrame):
    missing = [name for name in REQUIRED_PARTICIPANT_COLUMNS if name not in participants]
    if missing:
        yield f"expected the columns {', '.join(missing)}; got {', '.join(participants.columns)}"
    repeated = participants.index[participants.index.duplicated()]
    if len(repeated):
        yield f"participant_id must be unique; repeated: {repeated[:5].tolist()}"
    for name in set(REQUIRED_PARTICIPANT_COLUMNS) & set(participants):
        empty = participants.index[participants[name].isna()]
        if len(empty):
            yield (
                f"{name} is empty for {len(empty)} participant(s), first {empty[:5].tolist()}; "
                "fill it in or leave these people out"
            )


def check_samples(samples: pd.DataFrame, participants: pd.DataFrame) -> pd.DataFrame:
    """Check a sample table against its participants and return it unchanged.

    Raises
    ------
    ValueError
        When a column is missing, an ID repeats, or a sample belongs to nobody.
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


@dataclass(frozen=True)
class Problem:
    """One rule that a table breaks, for whom, and how to mend it."""

    column: str
    rule: str
    rows: tuple[str, ...]
    remedy: str


def find_participant_problems(participants: pd.DataFrame) -> list[Problem]:
    """Check somebody else's participants against every rule, all at once.

    Parameters
    ----------
    participants : DataFrame, one row a person
        Index: participant_id.

    Returns
    -------
    list of Problem
        Empty when the table can be a cohort's.
    """
    from pandera.errors import SchemaErrors  # most of a second to import; only imports need it

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # pandera joins empty tables of failures
        try:
            _participant_schema().validate(participants, lazy=True)
        except SchemaErrors as errors:
            return _collect_problems(errors.failure_cases)
    return []


def _participant_schema():
    """Return the pandera schema of participants; a check's message is rule and remedy."""
    import pandera.pandas as pa

    def check(test, rule: str, remedy: str):
        return pa.Check(test, error=f"{rule}|{remedy}", ignore_na=False)

    def within(low: float, high: float):
        return lambda values: values.isna() | values.between(low, high)

    def known(levels: tuple[str, ...]):
        return lambda values: values.isna() | values.isin(levels)

    fill = check(lambda values: values.notna(), "empty", "fill it in or leave these people out")
    columns = {name: pa.Column(None, fill, nullable=True) for name in REQUIRED_PARTICIPANT_COLUMNS}
    for name, levels in LEVELS.items():
        rule, remedy = f"not one of {', '.join(levels)}", f"translate it under [levels.{name}]"
        checks = [check(known(levels), rule, remedy), *([fill] if name in columns else [])]
        columns[name] = pa.Column(None, checks, nullable=True, required=name in columns)
    for name, (low, high, remedy) in PLAUSIBLE.items():
        checks = check(within(low, high), f"outside {low} to {high} {UNITS[name]}", remedy)
        columns[name] = pa.Column(float, checks, nullable=True, required=False, coerce=True)
    wide = [check(_only_patients(name), f"{name}|{_FILLED_IN}", "") for name in ONLY_PATIENTS]
    wide.append(check(_half_steps, "edss|not in half steps", "correct the scores"))
    return pa.DataFrameSchema(columns, checks=wide, index=pa.Index(None, unique=True))


_FILLED_IN = (
    "filled in for controls|leave it empty, name the word under [levels] as missing, or list the "
    "column under zero_in_controls"
)


def _only_patients(column: str):
    def test(table: pd.DataFrame) -> pd.Series:
        if column not in table or "group" not in table:
            return pd.Series(True, table.index)
        return ~(table["group"].eq("control") & table[column].notna())

    return test


def _half_steps(table: pd.DataFrame) -> pd.Series:
    if "edss" not in table:
        return pd.Series(True, table.index)
    return table["edss"].isna() | (table["edss"] * 2 % 1).eq(0)


def _collect_problems(cases: pd.DataFrame) -> list[Problem]:
    """Return one problem a rule, with the people it concerns."""
    problems = []
    for (column, message), rows in cases.fillna({"column": ""}).groupby(["column", "check"]):
        if message == "column_in_dataframe":
            name = rows["failure_case"].iloc[0]
            problems.append(Problem(name, "no such column", (), "name it under [columns]"))
            continue
        if message == "field_uniqueness":
            message = "participant_id|repeats|give each person one row and one id"
        parts = message.strip("|").split("|")
        ids = tuple(dict.fromkeys(map(str, rows["index"])))
        *name, rule, remedy = parts
        problems.append(Problem(name[0] if name else column, rule, ids, remedy))
    return problems


def feature_weights(text: str) -> dict[str, float]:
    """Return what a claim's `truth_feature` stands for, as weights of features.

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
