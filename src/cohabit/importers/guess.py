"""Propose a mapping for somebody's metadata: a text to read and correct, never used unseen."""

import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import pandas as pd

from cohabit import schema
from cohabit.importers.guess_more import find_people, guess_tables
from cohabit.importers.inputs import MAX_BYTES, read_source
from cohabit.importers.log import ImportLog
from cohabit.importers.names import quote
from cohabit.importers.tables import find_id_rule, read_counts
from cohabit.importers.tsv import read_grid

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

_CONTROL = re.compile(
    r"(healthy|normal|well|unaffected|hh?c|ctrl|control|partner|spouse|non.?ibd|no|none|0|false|h)"
    r"([ ._-]?(control|donor|volunteer|subject)s?)?",
    re.IGNORECASE,
)
_SEXES = {"female": ("f", "female", "woman", "w", "girl"), "male": ("m", "male", "man", "boy")}
_DRUGS = {
    "untreated": r"un.?treated|none|no|naive|no.?therapy",
    "interferon": r".*interferon.*|ifn.*|avonex|rebif|betaseron|plegridy",
    "dimethyl_fumarate": r".*fumarate.*|dmf|tecfidera|bg.?12",
    "fingolimod": r"fingolimod|gilenya|fty720",
    "glatiramer": r"glatiramer.*|copaxone|ga",
    "natalizumab": r"natalizumab|tysabri|ntz",
    "anti_cd20": r"ocrevus.*|ocrelizumab|rituximab|rituxan|ofatumumab|anti.?cd20",
}
_COURSES = {
    "RRMS": r"rr(ms)?|relapsing.*",
    "SPMS": r"sp(ms)?|secondary.*",
    "PPMS": r"pp(ms)?|primary.*",
}
_KNOWN = {"group": ("case", "control"), "sex": _SEXES, "course": _COURSES, "treatment": _DRUGS}
_MISSING = (
    "na",
    "n/a",
    "nan",
    "none",
    "null",
    "\\n",
    "not provided",
    "not applicable",
    "missing",
    "not collected",
    "unknown",
    "?",
    "-",
    ".",
    "-9",
    "-99",
    "-999",
)


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
    parts = [_write_head(), _write_columns(grid, guesses), _write_levels(grid, guesses)]
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
    values = values[~values.str.lower().isin({"", *_MISSING})]
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
        controls = values.map(lambda word: bool(_CONTROL.fullmatch(word))).mean()
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


def _write_levels(grid: pd.DataFrame, guesses: dict[str, Guess]) -> str:
    parts = [] if "group" in guesses else [_EVERYONE]
    proposals = {"group": _group, "sex": _sex, "course": _course, "treatment": _drug}
    for ours, propose in proposals.items():
        if ours not in guesses:
            continue
        values = grid[guesses[ours].theirs]
        words = sorted(set(values[~values.str.lower().isin({"", *_MISSING})]))
        levels: dict[str, list[str]] = {}
        for word in words:
            levels.setdefault(propose(word), []).append(word)
        lines = [f"[levels.{ours}]"]
        if ours == "group" and "control" not in levels:
            levels = {"?": words}  # no word says who is well, so none says who is ill
        for level, written in levels.items():
            text = f"[{', '.join(quote(word) for word in written)}]"
            known = ", ".join([*_KNOWN[ours], "leave_out"])
            lines.append(f"# decide, {known}: {text}" if level == "?" else f"{level} = {text}")
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


_EVERYONE = (
    "[levels.group]\n"
    'everyone = ["control"]  # 0.30, no column tells cases from controls: nobody is a case\n'
)


def _group(word: str) -> str:
    return "control" if _CONTROL.fullmatch(word) else "case"


def _sex(word: str) -> str:
    return next((level for level, words in _SEXES.items() if word.lower() in words), "?")


def _course(word: str) -> str:
    return _by_pattern(word, _COURSES)


def _drug(word: str) -> str:
    return _by_pattern(word, _DRUGS)


def _by_pattern(word: str, patterns: dict[str, str]) -> str:
    if _CONTROL.fullmatch(word) and word.lower() not in ("no", "none"):
        return "missing"
    for level, pattern in patterns.items():
        if re.fullmatch(pattern, word, re.IGNORECASE):
            return level
    return "?"


def _write_missing(grid: pd.DataFrame, guesses: dict[str, Guess]) -> str:
    words = {word for name in grid for word in grid[name].unique() if word.lower() in _MISSING}
    lines = ["[missing]", f"codes = [{', '.join(quote(word) for word in sorted(words))}]"]
    if "group" in guesses:
        controls = grid[guesses["group"].theirs].map(lambda word: bool(_CONTROL.fullmatch(word)))
        zero = [
            ours
            for ours in ("edss", "msss", "duration", "onset_age")
            if ours in guesses
            and (
                pd.to_numeric(grid.loc[controls, guesses[ours].theirs], errors="coerce") == 0
            ).any()
        ]
        if zero:
            listed = ", ".join(quote(name) for name in zero)
            lines.append(f"zero_in_controls = [{listed}]  # controls hold 0 there")
    return "\n".join(lines) + "\n"


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
