"""The vocabulary: tables, columns, ordered levels, units; and the checks that hold them.

Levels are ordered so that the first is the reference of every contrast: an effect of
`group` is MS minus control, of `sex` women minus men, of `treatment` against untreated.
"""

import pandas as pd

from cohabit.naming import nearest as nearest

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


class MissingInput(FileNotFoundError):
    """A cohort lacks a file that an analysis needs; the notebook is skipped, not failed."""


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
