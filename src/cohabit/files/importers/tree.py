"""Newick trees, checked by their own small reader: no recursion, no network, bounded."""

import re
from collections.abc import Collection

from cohabit.files.importers.inputs import Source
from cohabit.files.importers.log import ImportLog

_TOKEN = re.compile(r"'(?:[^']|'')*'|\[[^\]]*\]|[(),:;]|[^\s(),:;'\[\]]+")


def read_tips(text: str, name: str) -> list[str]:
    """Return the names of the tips of one Newick tree.

    Raises
    ------
    ValueError
        When parentheses do not match, a branch length is no number, or no ``;`` ends it.
    """
    tips, depth, previous = [], 0, ""
    for token in (t for t in _TOKEN.findall(text) if not t.startswith("[")):
        if previous == ";":
            raise ValueError(f"{name}: text after the `;` that ends the tree; give one tree")
        depth += {"(": 1, ")": -1}.get(token, 0)
        if depth < 0:
            raise ValueError(f"{name}: a `)` without its `(`; export the tree again")
        if previous == ":":
            _check_length(token, name)
        elif token not in "(),:;" and previous in ("(", ",", ""):
            tips.append(token[1:-1].replace("''", "'") if token.startswith("'") else token)
        previous = token
    if depth or previous != ";":
        raise ValueError(f"{name}: not a whole Newick tree (unclosed `(`, or no `;` at the end)")
    return tips


def _check_length(token: str, name: str) -> None:
    try:
        float(token)
    except ValueError:
        raise ValueError(
            f"{name}: expected a branch length after `:`; got {token[:40]!r}"
        ) from None


def check_tree(source: Source, features: Collection[str], log: ImportLog) -> str:
    """Return the tree's text after comparing its tips with the features of a table.

    Features that are no tips are written down as a warning: UniFrac leaves them out.
    """
    text = source.text().strip()
    tips = set(read_tips(text, source.name))
    if not tips & set(features):
        log.error(
            source.name,
            "no tip of the tree is a feature of the table",
            sorted(tips)[:5],
            "give the tree of this very table",
        )
    absent = sorted(set(features) - tips)
    if absent and len(absent) < len(set(features)):
        log.warn(
            source.name,
            f"{len(absent)} feature(s) are no tip of the tree",
            absent,
            "what needs the tree leaves them out",
        )
    return text + "\n"
