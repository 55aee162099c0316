"""The nearest known name, for error messages; standard library only."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint with the nearest known name, for the end of an error message."""
    known = [str(item) for item in known]
    lowered = {item.lower(): item for item in known}
    close = get_close_matches(str(name).lower(), lowered, n=1, cutoff=0.5)
    hint = f"did you mean {lowered[close[0]]!r}? " if close else ""
    return f"{hint}known: {', '.join(known)}"
