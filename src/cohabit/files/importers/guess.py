"""Propose a mapping of metadata columns for the user to read and correct."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import pandas as pd

from cohabit.data import schema
from cohabit.files.importers.log import ImportLog
from cohabit.files.importers.mapping import quote, quote_all
from cohabit.files.importers.matching import find_id_rule
from cohabit.files.importers.sources import MAX_BYTES, PathLike, read_source
from cohabit.files.importers.tables import read_counts
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
"""Our name of a column -> pattern of names in common use."""

_DIET = {
    "hei_total": r"hei.?(2015|2010)?.?(total)?.?(score)?|healthy.?eating.?index.*",
    "energy": r"(total.?)?(energy|calories|kcal)\b.*",
    "fibre": r"(dietary.?|total.?)?fib(re|er)\b.*",
    "fruit": r"(total.?)?fruits?\b.*",
    "vegetables": r"(total.?)?vegetables?\b.*",
    "meat_eggs_beans": r"meat\b.*eggs?\b.*beans?\b.*",
    "vitamin_c": r"(vitamin|vit\.?)[ ._]?c\b.*|ascorb.*",
}
_ACIDS = {
    "acetate": r"acet(ate|ic.?acid)",
    "propionate": r"propion(ate|ic.?acid)",
    "butyrate": r"(n-?)?butyr(ate|ic.?acid)",
    "valerate": r"(n-?)?valer(ate|ic.?acid)",
    "hexanoate": r"hexano(ate|ic.?acid)|capro(ate|ic.?acid)",
    "isobutyrate": r"iso-?butyr(ate|ic.?acid)",
    "isovalerate": r"iso-?valer(ate|ic.?acid)",
    "2-methylbutyrate": r"2-?methyl-?butyr(ate|ic.?acid)",
}
_VISITS = {
    "visit": r"visits?|time.?point|months?(.?from.?baseline)?|time|years?|weeks?|days?",
    "relapses": r"(n.?|number.?of.?)?relapses?",
    "new_lesions": r"(new.?)?(t2.?|gd.?)?lesions?",
    "hei_total": _DIET["hei_total"],
    **{name: NAMES[name] for name in ("treatment", "edss", "smoking", "bmi")},
}
_PATTERNS = {
    "diet": _DIET,
    "stool": _ACIDS,
    "serum": _ACIDS,
    "metabolites": _ACIDS,
    "visits": _VISITS,
}

_CONTROL = (  # words for somebody who is well
    r"(healthy|normal|well|unaffected|hh?c|ctrl|control|partner|spouse|non.?ibd|no|none|0|false|h)"
    r"([ ._-]?(control|donor|volunteer|subject)s?)?"
)
_WORDS = {
    "sex": {"female": "f|female|woman|w|girl", "male": "m|male|man|boy"},
    "course": {
        "RRMS": r"rr(ms)?|relapsing.*",
        "SPMS": r"sp(ms)?|secondary.*",
        "PPMS": r"pp(ms)?|primary.*",
    },
    "treatment": {
        "untreated": r"un.?treated|none|no|naive|no.?therapy",
        "interferon": r".*interferon.*|ifn.*|avonex|rebif|betaseron|plegridy",
        "dimethyl_fumarate": r".*fumarate.*|dmf|tecfidera|bg.?12",
        "fingolimod": r"fingolimod|gilenya|fty720",
        "glatiramer": r"glatiramer.*|copaxone|ga",
        "natalizumab": r"natalizumab|tysabri|ntz",
        "anti_cd20": r"ocrevus.*|ocrelizumab|rituximab|rituxan|ofatumumab|anti.?cd20",
    },
    "smoking": {
        "never": r"never.*|non.?smoker",
        "former": r"former.*|ex.?smoker|past|previous",
        "current": r"current.*|smoker|active",
    },
}
"""Our column -> our level -> words in common use."""

_MISSING_WORDS = (
    *("na", "n/a", "nan", "none", "null", "\\n", "not provided", "not applicable", "missing"),
    *("not collected", "unknown", "?", "-", ".", "-9", "-99", "-999"),
)


@dataclass(frozen=True)
class Guess:
    """A column matched to one of ours, with confidence (0 to 1) and reason."""

    ours: str
    theirs: str
    confidence: float
    reason: str


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
    grid = read_grid(read_source(metadata, max_bytes=max_bytes), log)
    ids: set[str] = set()
    for path in tables:
        counts = read_counts(path, log, max_bytes=max_bytes)
        ids |= {*map(str, counts.samples), *map(str, counts.features)}
    guesses = {guess.ours: guess for guess in _guess_columns(grid, ids)}
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


def _guess_columns(grid: pd.DataFrame, ids: Collection[str]) -> list[Guess]:
    """Propose matches of the user's columns with ours, each used at most once."""
    found = []
    for theirs in grid:
        for ours, pattern in NAMES.items():
            if ours == "sample_id" or _is_named(theirs, pattern):
                found.append(_judge(ours, theirs, grid[theirs], ids))
    found = [guess for guess in found if guess.confidence >= 0.4]
    taken: dict[str, Guess] = {}
    for guess in sorted(found, key=lambda guess: -guess.confidence):
        if guess.ours not in taken and guess.theirs not in {g.theirs for g in taken.values()}:
            taken[guess.ours] = guess
    return [taken[ours] for ours in NAMES if ours in taken]


def _judge(ours: str, theirs: str, values: pd.Series, ids: Collection[str]) -> Guess:
    values = values[~values.str.lower().isin(_nothing(ours))]
    fits, reason = _fits(ours, values, ids)
    same = theirs.lower() in (ours, ours.removesuffix("_id"))
    if ours == "sample_id":
        confidence = 0.95 * fits + 0.05 * _is_named(theirs, NAMES[ours])
    else:
        confidence = 0.6 + 0.35 * fits + 0.05 * same
    return Guess(ours, theirs, round(confidence, 2), reason)


def _fits(ours: str, values: pd.Series, ids: Collection[str]) -> tuple[float, str]:
    """Return how well values fit one of our columns, 0 to 1, and the reason."""
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
    if ours in ("participant_id", "household_id"):
        sizes = values.value_counts()
        fits = float((sizes > 1).mean()) if ours == "household_id" else 1.0
        return fits, f"{levels} values, {sizes.max()} rows at most"
    if ours == "group":
        controls = values.map(_is_control).mean()
        return float(0 < controls < 1 and levels <= 8), f"{levels} levels"
    return float(levels <= max(12, len(values) / 5)), f"{levels} levels"


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
    lines.append(f"keep = {quote_all(rest)}  # further columns to keep")
    return "\n".join(lines) + "\n"


def _propose_levels(grid: pd.DataFrame, guesses: dict[str, Guess]) -> str:
    """Return the sections of the mapping that define levels."""
    known = [ours for ours in ("group", *_WORDS) if ours in guesses]
    parts = [_propose_words(ours, grid[guesses[ours].theirs]) for ours in known]
    return "\n".join(parts if "group" in guesses else [_EVERYONE, *parts])


_EVERYONE = """[levels.group]
everyone = ["control"]  # 0.30, no column tells cases from controls: nobody is a case
"""


def _propose_words(ours: str, values: pd.Series) -> str:
    words = sorted(set(values[~values.str.lower().isin(_nothing(ours))]))
    levels: dict[str, list[str]] = {}
    for word in words:
        levels.setdefault(_level_of(ours, word), []).append(word)
    if ours == "group" and "control" not in levels:
        levels = {"?": words}  # no word says who is well, so none says who is ill
    known = ", ".join([*_WORDS.get(ours, ("case", "control")), "leave_out"])
    lines = [f"[levels.{ours}]"]
    for level, written in levels.items():
        text = quote_all(written)
        lines.append(f"# decide, {known}: {text}" if level == "?" else f"{level} = {text}")
    return "\n".join(lines) + "\n"


def _level_of(ours: str, word: str) -> str:
    """Return our level of a word; ``missing`` for controls in patients' columns."""
    if ours == "group":
        return "control" if _is_control(word) else "case"
    if ours in schema.ONLY_PATIENTS and _is_control(word) and word.lower() not in ("no", "none"):
        return "missing"
    fits = (level for level, words in _WORDS[ours].items() if _is_named(word, words))
    return next(fits, "?")


def _is_named(word: str, pattern: str) -> bool:
    return len(word) < 200 and bool(re.fullmatch(pattern, word, re.IGNORECASE))


def _nothing(ours: str) -> set[str]:
    """Return lower-case words for a missing value, except valid levels."""
    return {"", *_MISSING_WORDS} - ({"none"} if ours in ("group", "treatment") else set())


def _is_control(word: str) -> bool:
    return _is_named(word, _CONTROL)


def _is_left(ours: str, word: str) -> bool:
    """Return True when a word is a placeholder for controls, such as 0 or untreated."""
    untreated = ours == "treatment" and _level_of(ours, word) == "untreated"
    return untreated or (ours != "treatment" and pd.to_numeric(word, errors="coerce") == 0)


def _write_missing(grid: pd.DataFrame, guesses: dict[str, Guess]) -> str:
    levels = [guesses[ours].theirs for ours in ("group", "treatment") if ours in guesses]
    words = {
        word for name in grid for word in grid[name].unique() if word.lower() in _MISSING_WORDS
    }
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
    controls = grid[grid[guesses["group"].theirs].map(_is_control)]
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
    found = _match(names, _PATTERNS.get(kind, {})).items()
    return head, [f"{quote(before + ours)} = {quote(theirs)}" for ours, theirs in found]


def _match(names: list[str], patterns: Mapping[str, str]) -> dict[str, str]:
    """Return our name -> theirs for names that fit a pattern, each used at most once."""
    found: dict[str, str] = {}
    for ours, pattern in patterns.items():
        fits = {name for name in names if _is_named(name.strip(), pattern)} - {*found.values()}
        if fits:
            found[ours] = min(sorted(fits, key=names.index), key=len)
    return found
