"""Propose a mapping of metadata columns for the user to read and correct."""

from collections.abc import Collection, Mapping

import pandas as pd

from cohabit.data import schema
from cohabit.files.importers.guess_columns import (
    Guess,
    guess_columns,
    is_control,
    is_named,
    is_private,
    means_missing,
    read_times,
)
from cohabit.files.importers.log import ImportLog
from cohabit.files.importers.mapping import quote, quote_all
from cohabit.files.importers.matching import find_id_rule
from cohabit.files.importers.sources import MAX_BYTES, PathLike, read_source
from cohabit.files.importers.tables import read_counts, read_people
from cohabit.files.importers.tsv import read_grid
from cohabit.files.importers.vocabulary import LEVEL_WORDS, PATTERNS


def guess_mapping(
    metadata: PathLike,
    tables: Collection[PathLike] = (),
    *,
    measured: Mapping[str, PathLike] | None = None,
    max_bytes: int = MAX_BYTES,
) -> str:
    """Propose a mapping as TOML, with the confidence of each line as a comment.

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
        A text for `read_mapping` that marks decisions to be made by the user.
    """
    log = ImportLog()
    grid, _ = read_people(metadata, log, max_bytes=max_bytes)
    ids: set[str] = set()
    for path in tables:
        counts = read_counts(path, log, max_bytes=max_bytes)
        ids |= {*map(str, counts.samples), *map(str, counts.features)}
    guesses = guess_columns(grid, ids)
    texts = _read_texts(measured or {}, max_bytes)
    theirs, joined = _find_people(texts, grid)
    if joined and theirs not in {guess.theirs for guess in guesses.values()}:
        guess = Guess("participant_id", theirs, 0.9, f"{joined} ids of further tables")
        guesses.setdefault("participant_id", guess)
    parts = [_HEAD, _write_columns(grid, guesses), _propose_levels(grid, guesses)]
    parts += [_write_missing(grid, guesses), _write_ids(grid, guesses, ids)]
    columns = [guesses[n].theirs for n in ("sample_id", "participant_id") if n in guesses]
    known = set(grid[columns].to_numpy().ravel()) if columns else set(grid.iloc[:, 0])
    parts += _guess_tables(texts, known)
    return "\n".join(part for part in parts if part) + "\n"


_HEAD = """# Proposed by cohabit. Read every line: the number after # says how sure the guess is
# (1 = name and values fit). Correct it, then import with --mapping.

[cohort]
name = "my cohort"
# assay = "16s"  # or "shotgun"; or write --table 16s=FILE
"""


def _write_columns(grid: pd.DataFrame, guesses: dict[str, Guess]) -> str:
    lines = ["[columns]"]
    for ours, guess in guesses.items():
        lines.append(f"{ours} = {quote(guess.theirs)}  # {guess.confidence:.2f}, {guess.reason}")
    if "household_id" not in guesses:
        lines.append('household_id = ""  # 0.00, write the column that says who lives together')
    used = {guess.theirs for guess in guesses.values()}
    rest = [name for name in grid if name not in used and 1 < grid[name].nunique() < len(grid)]
    private = [name for name in rest if is_private(name, grid[name])]
    kept = [name for name in rest if name not in private]
    lines.append(f"keep = {quote_all(kept)}  # further columns to keep")
    if private:
        lines.append(f"# never kept, they can tell who somebody is: {quote_all(private)}")
    return "\n".join([*lines, *_ask_unit_of_age(grid, guesses)]) + "\n"


def _ask_unit_of_age(grid: pd.DataFrame, guesses: dict[str, Guess]) -> list[str]:
    """Return lines that ask whether ages are in months, where they may be."""
    if "age" not in guesses:
        return []
    theirs = guesses["age"].theirs
    ages = pd.to_numeric(grid[theirs], errors="coerce").dropna()
    if ages.max() <= 100 and "month" not in theirs.lower():
        return []
    asked = f"# question: is {quote(theirs)}, {ages.min():g} to {ages.max():g}, in months?"
    return ["", f"{asked} If so, take the # from the next two lines.", "# [units]",
            '# age = "months"']  # fmt: skip


def _propose_levels(grid: pd.DataFrame, guesses: dict[str, Guess]) -> str:
    """Return the sections of the mapping that define levels."""
    known = [ours for ours in ("group", *LEVEL_WORDS) if ours in guesses]
    parts = [_propose_words(ours, grid[guesses[ours].theirs]) for ours in known]
    if "visit" in guesses and (times := read_times(grid[guesses["visit"].theirs])):
        parts.append(_propose_times(*times))
    return "\n".join(parts if "group" in guesses else [_EVERYONE, *parts])


def _propose_times(times: dict[str, str], unit: str) -> str:
    lines = ["[levels.visit]", *(f"{n} = {quote_all([word])}" for word, n in times.items())]
    asked = "" if unit else "  # decide: months, years, weeks or days"
    return "\n".join([*lines, "", "[visits]", f'unit = "{unit or "months"}"{asked}', ""])


_EVERYONE = """[levels.group]
everyone = ["control"]  # 0.30, no column tells cases from controls: nobody is a case
"""


def _propose_words(ours: str, values: pd.Series) -> str:
    words = sorted(set(values[~means_missing(values, ours)]))
    levels: dict[str, list[str]] = {}
    for word in words:
        levels.setdefault(_level_of(ours, word), []).append(word)
    if ours == "group" and "control" not in levels:
        levels = {"?": words}  # no word says who is well, so none says who is ill
    known = ", ".join([*LEVEL_WORDS.get(ours, ("case", "control")), "leave_out"])
    lines = [f"[levels.{ours}]"]
    for level, written in levels.items():
        text = quote_all(written)
        lines.append(f"# decide, {known}: {text}" if level == "?" else f"{level} = {text}")
    return "\n".join(lines) + "\n"


def _level_of(ours: str, word: str) -> str:
    """Return our level of a word; ``missing`` for controls in patients' columns."""
    if ours == "group":
        return "control" if is_control(word) else "case"
    if ours in schema.ONLY_PATIENTS and is_control(word) and word.lower() not in ("no", "none"):
        return "missing"
    fits = (level for level, words in LEVEL_WORDS[ours].items() if is_named(word, words))
    return next(fits, "?")


def _is_left(ours: str, word: str) -> bool:
    """Return True when a word is a placeholder for controls, such as 0 or untreated."""
    untreated = ours == "treatment" and _level_of(ours, word) == "untreated"
    return untreated or (ours != "treatment" and pd.to_numeric(word, errors="coerce") == 0)


def _write_missing(grid: pd.DataFrame, guesses: dict[str, Guess]) -> str:
    levels = [guesses[ours].theirs for ours in ("group", "treatment") if ours in guesses]
    words = {word for name in grid for word in set(grid.loc[means_missing(grid[name]), name])}
    words -= {""}
    if "none" not in {word.lower() for word in grid.drop(columns=levels).to_numpy().ravel()}:
        words = {word for word in words if word.lower() != "none"}
    lines = ["[missing]", f"codes = {quote_all(sorted(words))}"]
    if zero := _find_filled_in(grid, guesses):
        lines.append(
            f"zero_in_controls = {quote_all(zero)}  # controls hold 0, or no treatment, there"
        )
    return "\n".join(lines) + "\n"


def _find_filled_in(grid: pd.DataFrame, guesses: dict[str, Guess]) -> list[str]:
    """Return patient columns in which controls have 0 or no treatment."""
    if "group" not in guesses:
        return []
    controls = grid[grid[guesses["group"].theirs].map(is_control)]
    clinical = [name for name in schema.ONLY_PATIENTS if name in guesses and name != "course"]
    words = {name: controls[guesses[name].theirs].unique() for name in clinical}
    return [name for name in clinical if any(_is_left(name, word) for word in words[name])]


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


def _find_people(texts: Mapping[str, pd.DataFrame], grid: pd.DataFrame) -> tuple[str, int]:
    """Return the metadata column that matches the ids of most tables, and the number matched."""
    ids: set[str] = set()
    for table in texts.values():
        ids |= {*table.columns, *table.iloc[:, 0]}
    joined = {name: len(ids & set(grid[name])) for name in grid}
    return max(joined.items(), key=lambda found: found[1])


def _read_texts(files: Mapping[str, PathLike], max_bytes: int) -> dict[str, pd.DataFrame]:
    sources = {kind: read_source(path, max_bytes=max_bytes) for kind, path in files.items()}
    return {
        kind: read_grid(source, ImportLog(), first="id")
        for kind, source in sources.items()
        if source.kind == "text"
    }


def _guess_tables(texts: Mapping[str, pd.DataFrame], ids: set[str]) -> list[str]:
    """Propose the mapping's sections for additional tables; pathways need none."""
    heads: dict[str, list[str]] = {}
    columns: dict[str, list[str]] = {}
    for kind, grid in texts.items():
        if kind != "pathways":
            section = "metabolites" if kind in ("stool", "serum") else kind
            head, named = _propose_table(kind, section, grid, ids)
            heads.setdefault(section, head)
            columns.setdefault(section, []).extend(named)
    return [
        "\n".join([f"[{section}]", *head, f"[{section}.columns]", *columns[section], ""])
        for section, head in heads.items()
    ]


def _propose_table(
    kind: str, section: str, grid: pd.DataFrame, ids: set[str]
) -> tuple[list[str], list[str]]:
    """Return the lines that give the id column and the names of the columns."""
    down = {name: find_id_rule(set(grid[name]), ids)[1] for name in grid}
    best = max(down, key=down.get)
    across = find_id_rule(set(grid.columns), ids)[1]
    names = list(grid[grid.columns[0]]) if across > down[best] else list(grid.columns)
    head = []
    if across <= down[best]:
        of = grid[best].nunique()
        head.append(f"participant_id = {quote(best)}  # {down[best]} of {of} ids joined")
    if section == "metabolites":
        text = grid.drop(columns=best, errors="ignore")
        negative = (text.apply(pd.to_numeric, errors="coerce") < 0).any(axis=None)
        head.append(f'scale = "{"log" if negative else "concentration"}"  # decide')
    before = f"{kind}:" if kind in ("stool", "serum") else ""
    found = _match(names, PATTERNS.get(kind, {})).items()
    return head, [f"{quote(before + ours)} = {quote(theirs)}" for ours, theirs in found]


def _match(names: list[str], patterns: Mapping[str, str]) -> dict[str, str]:
    """Return our name -> theirs for names that fit a pattern, each used at most once."""
    found: dict[str, str] = {}
    for ours, pattern in patterns.items():
        fits = {name for name in names if is_named(name.strip(), pattern)} - {*found.values()}
        if fits:
            found[ours] = min(sorted(fits, key=names.index), key=len)
    return found
