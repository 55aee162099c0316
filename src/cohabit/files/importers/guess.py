"""Propose a mapping for somebody's metadata: a text to read and correct, never used unseen."""

import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import pandas as pd

from cohabit.data import schema
from cohabit.files.importers.guess_levels import (
    MISSING_WORDS,
    is_control,
    is_nothing,
    nothing,
    propose_levels,
)
from cohabit.files.importers.guess_more import find_people, guess_tables
from cohabit.files.importers.inputs import MAX_BYTES, read_source
from cohabit.files.importers.log import ImportLog
from cohabit.files.importers.names import quote
from cohabit.files.importers.tables import find_id_rule, read_counts
from cohabit.files.importers.tsv import read_grid

NAMES = {
    "sample_id": r"sample.?(id|name)?|#?sample.?id|id|feature.?id|run|imsms.?id",
    "participant_id": r"(host.?)?(subject|participant|patient|person|individual)"
    r"(.?(id|code|name))?",
    "household_id": r"(house.?hold|house|home|family|fam|pair|couple|cage|block|twin.?pair)"
    r"(.?(id|no|number|code|name))?",
    "group": r"(study.?)?group|disease|diagnosis|status|case.?control|condition|phenotype|"
    r"disease.?(status|state)",
    "sex": r"(host.?)?sex|gender",
    "age": r"(host.?)?age(.?(years?|yrs|at.?sampling))?",
    "bmi": r"(host.?)?(bmi|body.?mass.?index)",
    "site": r"site|cent(er|re)|study.?site|city|location|hospital",
    "country": r"country|nation|geo.?loc.?name",
    "course": r"(disease.?)?(course|subtype)|ms.?type",
    "treatment": r"treatments?|therapy|drug|medication|dmt",
    "onset_age": r"(age.?(at|of).?)?onset(.?age)?",
    "duration": r"(disease.?)?duration",
    "edss": r"edss(.?score)?",
    "msss": r"u?(g)?msss",
    "smoking": r"smok(e|er|ing)(.?status)?",
    "visit": r"visit|time.?point|month|time",
    "kit": r"(collection|sampling|extraction)?.?kit",
    "batch": r"(pcr.?)?(batch|plate|run.?prefix)",
}
"""Names that people give to what we call by the name on the left."""


@dataclass(frozen=True)
class Guess:
    """One column of theirs taken for one of ours."""

    ours: str
    theirs: str
    confidence: float
    """0 to 1: how well its name and its values fit."""

    reason: str


def guess_mapping(
    metadata: str | os.PathLike,
    tables: Collection[str | os.PathLike] = (),
    *,
    measured: Mapping[str, str | os.PathLike] | None = None,
    max_bytes: int = MAX_BYTES,
) -> str:
    """Propose a mapping as TOML, with a comment of confidence at each line.

    Parameters
    ----------
    metadata : path
        As for `import_cohort`.
    tables : collection of path
        Feature tables; their sample ids are compared with the metadata's.
    measured : mapping, optional
        Further tables, as for `import_cohort`; their columns are proposed too.

    Returns
    -------
    str
        A text for `read_mapping`. Where something must be decided by a person it says so.
    """
    log = ImportLog()
    grid = read_grid(read_source(metadata, max_bytes=max_bytes), log)
    ids: set[str] = set()
    for path in tables:
        counts = read_counts(path, log, max_bytes=max_bytes)
        ids |= {*map(str, counts.samples), *map(str, counts.features)}
    guesses = {guess.ours: guess for guess in guess_columns(grid, ids)}
    measured = measured or {}
    theirs, joined = find_people(measured, grid, max_bytes=max_bytes)
    if joined and theirs not in {guess.theirs for guess in guesses.values()}:
        reason = f"{joined} ids of further tables"
        guesses.setdefault("participant_id", Guess("participant_id", theirs, 0.9, reason))
    parts = [_write_head(), _write_columns(grid, guesses)]
    parts += [propose_levels(grid, {ours: guess.theirs for ours, guess in guesses.items()})]
    parts += [_write_missing(grid, guesses), _write_ids(grid, guesses, ids)]
    columns = [guesses[n].theirs for n in ("sample_id", "participant_id") if n in guesses]
    known = set(grid[columns].to_numpy().ravel()) if columns else set(grid.iloc[:, 0])
    parts += guess_tables(measured, known, max_bytes=max_bytes)
    return "\n".join(part for part in parts if part) + "\n"


def guess_columns(grid: pd.DataFrame, ids: Collection[str] = ()) -> list[Guess]:
    """Propose which column of theirs is which of ours, each at most once.

    Parameters
    ----------
    grid : DataFrame of str
        Metadata, cell by cell.
    ids : collection of str
        Sample ids of the feature tables.
    """
    found = []
    for theirs in grid:
        for ours, pattern in NAMES.items():
            guess = _judge(ours, str(theirs), pattern, grid[theirs], ids)
            found += [guess] if guess.confidence >= 0.4 else []
    taken: dict[str, Guess] = {}
    for guess in sorted(found, key=lambda guess: -guess.confidence):
        if guess.ours not in taken and guess.theirs not in {g.theirs for g in taken.values()}:
            taken[guess.ours] = guess
    return [taken[ours] for ours in NAMES if ours in taken]


def _judge(ours: str, theirs: str, pattern: str, values: pd.Series, ids: Collection[str]) -> Guess:
    named = bool(re.fullmatch(pattern, theirs, re.IGNORECASE))
    values = values[~values.str.lower().isin(nothing(ours))]
    fits, reason = _fits(ours, values, ids)
    if ours == "sample_id":
        confidence = 0.95 * fits + 0.05 * named
    else:
        confidence = 0.6 * named + 0.35 * fits * named
        confidence += 0.05 * (theirs.lower() == ours or theirs.lower() + "_id" == ours)
    return Guess(ours, theirs, round(confidence, 2), reason)


def _fits(ours: str, values: pd.Series, ids: Collection[str]) -> tuple[float, str]:
    """Return how well values fit a column of ours, 0 to 1, and why."""
    if not len(values):
        return 0.0, "empty"
    levels = values.nunique()
    if ours == "sample_id":
        if ids:
            return find_id_rule(set(ids), set(values))[1] / len(values), "ids of the table"
        return float(levels == len(values)) * 0.6, f"{levels} different values"
    if ours in schema.PLAUSIBLE or ours == "visit":
        low, high, _ = schema.PLAUSIBLE.get(ours, (-60, 1e6, ""))
        share = pd.to_numeric(values, errors="coerce").between(low, high).mean()
        return float(share), f"{share:.0%} are numbers from {low:g} to {high:g}"
    if ours == "participant_id":
        return 1.0, f"{levels} values, {values.value_counts().max()} rows at most"
    if ours == "household_id":
        sizes = values.value_counts()
        return float((sizes > 1).mean()), f"{levels} values, {sizes.max()} rows at most"
    if ours == "group":
        controls = values.map(is_control).mean()
        return float(0 < controls < 1 and levels <= 8), f"{levels} levels"
    return float(levels <= max(12, len(values) / 5)), f"{levels} levels"


def _write_head() -> str:
    return (
        "# Proposed by cohabit. Read every line: the number after # says how sure the guess is\n"
        "# (1 = name and values fit). Correct it, then import with --mapping.\n\n"
        "[cohort]\n"
        'name = "my cohort"\n'
        '# assay = "16s"  # or "shotgun"; or write --table 16s=FILE\n'
    )


def _write_columns(grid: pd.DataFrame, guesses: dict[str, Guess]) -> str:
    lines = ["[columns]"]
    for ours, guess in guesses.items():
        lines.append(f"{ours} = {quote(guess.theirs)}  # {guess.confidence:.2f}, {guess.reason}")
    if "household_id" not in guesses:
        lines.append('household_id = ""  # 0.00, write the column that says who lives together')
    used = {guess.theirs for guess in guesses.values()}
    rest = [name for name in grid if name not in used and 1 < grid[name].nunique() < len(grid)]
    lines.append(f"keep = [{', '.join(quote(name) for name in rest)}]  # further columns to keep")
    return "\n".join(lines) + "\n"


def _write_missing(grid: pd.DataFrame, guesses: dict[str, Guess]) -> str:
    levels = [guesses[ours].theirs for ours in ("group", "treatment") if ours in guesses]
    words = {word for name in grid for word in grid[name].unique() if word.lower() in MISSING_WORDS}
    if "none" not in {word.lower() for word in grid.drop(columns=levels).to_numpy().ravel()}:
        words = {word for word in words if word.lower() != "none"}
    lines = ["[missing]", f"codes = [{', '.join(quote(word) for word in sorted(words))}]"]
    if zero := _find_filled_in(grid, guesses):
        listed = ", ".join(quote(name) for name in zero)
        lines.append(f"zero_in_controls = [{listed}]  # controls hold 0, or no treatment, there")
    return "\n".join(lines) + "\n"


def _find_filled_in(grid: pd.DataFrame, guesses: dict[str, Guess]) -> list[str]:
    """Return the columns of patients in which controls have a 0 or no treatment."""
    if "group" not in guesses:
        return []
    controls = grid[grid[guesses["group"].theirs].map(is_control)]
    clinical = [name for name in schema.ONLY_PATIENTS if name in guesses and name != "course"]
    return [
        name
        for name in clinical
        if controls[guesses[name].theirs].map(lambda word, name=name: is_nothing(name, word)).any()
    ]


def _write_ids(grid: pd.DataFrame, guesses: dict[str, Guess], ids: Collection[str]) -> str:
    if not ids:
        return ""
    column = guesses["sample_id"].theirs if "sample_id" in guesses else grid.columns[0]
    there = set(grid[column])
    rule, joined = find_id_rule(set(ids), there)
    plain = len(set(ids) & there)
    if joined <= plain:
        return f"# {plain} of {len(there)} sample ids of the metadata are in the tables.\n"
    section, _, rest = rule.partition(" ")
    lines = rest.replace(" and ", "\n")
    return f"{section}  # joins {joined} of {len(there)} ids; {plain} without it\n{lines}\n"
