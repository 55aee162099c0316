"""Propose what the words of somebody's columns mean: cases, women, drugs."""

import re
from collections.abc import Mapping

import pandas as pd

from cohabit.files.importers.names import quote

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
_SMOKING = {
    "never": r"never.*|non.?smoker",
    "former": r"former.*|ex.?smoker|past|previous",
    "current": r"current.*|smoker|active",
}
_KNOWN = {
    "group": ("case", "control"),
    "sex": _SEXES,
    "course": _COURSES,
    "treatment": _DRUGS,
    "smoking": _SMOKING,
}
MISSING_WORDS = (
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


def propose_levels(grid: pd.DataFrame, columns: Mapping[str, str]) -> str:
    """Return the sections of the mapping that say what words mean.

    Parameters
    ----------
    grid : DataFrame of str
        Metadata, cell by cell.
    columns : mapping
        Our column -> theirs, as it was guessed.
    """
    parts = [] if "group" in columns else [_EVERYONE]
    parts += [_propose(ours, grid[columns[ours]]) for ours in _KNOWN if ours in columns]
    return "\n".join(parts)


def _propose(ours: str, values: pd.Series) -> str:
    words = sorted(set(values[~values.str.lower().isin(nothing(ours))]))
    levels: dict[str, list[str]] = {}
    for word in words:
        levels.setdefault(_WAYS[ours](word), []).append(word)
    if ours == "group" and "control" not in levels:
        levels = {"?": words}  # no word says who is well, so none says who is ill
    lines = [f"[levels.{ours}]"]
    for level, written in levels.items():
        text = f"[{', '.join(quote(word) for word in written)}]"
        known = ", ".join([*_KNOWN[ours], "leave_out"])
        lines.append(f"# decide, {known}: {text}" if level == "?" else f"{level} = {text}")
    return "\n".join(lines) + "\n"


_EVERYONE = (
    "[levels.group]\n"
    'everyone = ["control"]  # 0.30, no column tells cases from controls: nobody is a case\n'
)


def nothing(ours: str) -> set[str]:
    """Return the words for a missing value, in small letters; no disease or therapy is a value."""
    return {"", *MISSING_WORDS} - ({"none"} if ours in ("group", "treatment") else set())


def is_control(word: str) -> bool:
    """Whether a word says that somebody is well."""
    return bool(_CONTROL.fullmatch(word))


def is_nothing(ours: str, word: str) -> bool:
    """Whether a word of a column is what a form leaves for who was not asked: 0, untreated."""
    if ours == "treatment":
        return _drug(word) == "untreated"
    return pd.to_numeric(word, errors="coerce") == 0


def _group(word: str) -> str:
    return "control" if is_control(word) else "case"


def _sex(word: str) -> str:
    return next((level for level, words in _SEXES.items() if word.lower() in words), "?")


def _course(word: str) -> str:
    return _by_pattern(word, _COURSES)


def _drug(word: str) -> str:
    return _by_pattern(word, _DRUGS)


def _smoking(word: str) -> str:
    return _find(word, _SMOKING)


_WAYS = {"group": _group, "sex": _sex, "course": _course, "treatment": _drug, "smoking": _smoking}


def _by_pattern(word: str, patterns: dict[str, str]) -> str:
    asked = not is_control(word) or word.lower() in ("no", "none")
    return _find(word, patterns) if asked else "missing"


def _find(word: str, patterns: dict[str, str]) -> str:
    for level, pattern in patterns.items():
        if re.fullmatch(pattern, word, re.IGNORECASE):
            return level
    return "?"
