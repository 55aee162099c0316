"""Names that strangers gave, made inert wherever they may be shown."""

import re

DANGEROUS_STARTS = ("=", "+", "-", "@")
"""What makes a spreadsheet take text for a formula."""

_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")


def inert(text: str) -> str:
    """Return text that no spreadsheet, terminal or figure takes for more than text.

    Control characters are left out; ``$``, between which figures and pages look for formulas,
    becomes ``_``; a leading ``=``, ``+``, ``-`` or ``@`` gets an apostrophe before it, unless
    the text is a number. HTML is left as it is: every page escapes it.
    """
    text = "".join(c for c in str(text) if c.isprintable()).replace("$", "_")
    formula = text.startswith(DANGEROUS_STARTS) and not _NUMBER.fullmatch(text)
    return "'" + text if formula else text


def quote(text: str) -> str:
    """Return text as a TOML string on one line."""
    escaped = "".join(
        f"\\u{ord(c):04x}" if ord(c) < 32 or ord(c) == 127 else c
        for c in text.replace("\\", "\\\\").replace('"', '\\"')
    )
    return f'"{escaped}"'
