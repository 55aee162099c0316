"""Parsing of values from the command line."""

import ast
from collections.abc import Iterable

LITERALS = {"true": True, "yes": True, "false": False, "no": False, "none": None}


def split_names(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the names in some texts, split at commas."""
    return tuple(part.strip() for text in texts for part in text.split(",") if part.strip())


def read_setting(text: str, *, option: str, example: str) -> tuple[str, object]:
    """Return name and value of ``NAME=VALUE``: a number, list, known word or else text.

    Raises
    ------
    ValueError
        When there is no ``=``; names the option, and an example of its use.
    """
    name, equals, value = (part.strip() for part in text.partition("="))
    if not equals:
        raise ValueError(f"{option}: expected {example}; got {text!r}")
    if value.lower() in LITERALS:
        return name, LITERALS[value.lower()]
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value
