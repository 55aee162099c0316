"""Propose what the columns of further tables are: diet, metabolites, blood, visits."""

import re
from collections.abc import Collection
from collections.abc import Mapping as MappingType

import pandas as pd

from cohabit.files.importers.inputs import read_source
from cohabit.files.importers.log import ImportLog
from cohabit.files.importers.names import quote
from cohabit.files.importers.tables import PathLike, find_id_rule
from cohabit.files.importers.tsv import read_grid

DIET = {
    "hei_total": r"hei.?(2015|2010)?.?(total)?.?(score)?|healthy.?eating.?index.*",
    "energy": r"(total.?)?(energy|calories|kcal)\b.*",
    "fibre": r"(dietary.?|total.?)?fib(re|er)\b.*",
    "fruit": r"(total.?)?fruits?\b.*",
    "vegetables": r"(total.?)?vegetables?\b.*",
    "meat_eggs_beans": r"meat\b.*eggs?\b.*beans?\b.*",
    "vitamin_c": r"(vitamin|vit\.?)[ ._]?c\b.*|ascorb.*",
}
ACIDS = {
    "acetate": r"acet(ate|ic.?acid)",
    "propionate": r"propion(ate|ic.?acid)",
    "butyrate": r"(n-?)?butyr(ate|ic.?acid)",
    "valerate": r"(n-?)?valer(ate|ic.?acid)",
    "hexanoate": r"hexano(ate|ic.?acid)|capro(ate|ic.?acid)",
    "isobutyrate": r"iso-?butyr(ate|ic.?acid)",
    "isovalerate": r"iso-?valer(ate|ic.?acid)",
    "2-methylbutyrate": r"2-?methyl-?butyr(ate|ic.?acid)",
}
VISITS = {
    "visit": r"visits?|time.?point|months?(.?from.?baseline)?|time|years?|weeks?|days?",
    "treatment": r"treatments?|therapy|drug|medication|dmt",
    "edss": r"edss(.?score)?",
    "relapses": r"(n.?|number.?of.?)?relapses?",
    "new_lesions": r"(new.?)?(t2.?|gd.?)?lesions?",
    "smoking": r"smok(e|er|ing)(.?status)?",
    "bmi": r"bmi|body.?mass.?index",
    "hei_total": DIET["hei_total"],
}
PATTERNS = {"diet": DIET, "stool": ACIDS, "serum": ACIDS, "metabolites": ACIDS, "visits": VISITS}


def find_people(
    files: MappingType[str, PathLike], grid: pd.DataFrame, *, max_bytes: int
) -> tuple[str, int]:
    """Return the column of metadata whose words stand as ids in most tables, and how many do.

    Parameters
    ----------
    files : mapping
        Further tables.
    grid : DataFrame of str
        Metadata, cell by cell.
    max_bytes : int
        Bound on each file once unpacked.
    """
    ids: set[str] = set()
    for table in _read_texts(files, max_bytes).values():
        ids |= {*table.columns, *table.iloc[:, 0]}
    joined = {name: len(ids & set(grid[name])) for name in grid}
    best = max(joined, key=lambda name: joined[name])
    return best, joined[best]


def _read_texts(files: MappingType[str, PathLike], max_bytes: int) -> dict[str, pd.DataFrame]:
    sources = {kind: read_source(path, max_bytes=max_bytes) for kind, path in files.items()}
    return {
        kind: read_grid(source, ImportLog(), first="id")
        for kind, source in sources.items()
        if source.kind == "text"
    }


def guess_tables(
    files: MappingType[str, PathLike], ids: Collection[str], *, max_bytes: int
) -> list[str]:
    """Propose the mapping's sections of further tables.

    Parameters
    ----------
    files : mapping
        As `measured` of `import_cohort`; pathways need no mapping.
    ids : collection of str
        Sample and participant ids of the metadata.
    max_bytes : int
        Bound on each file once unpacked.

    Returns
    -------
    list of str
        One piece of TOML a section.
    """
    parts: dict[str, list[str]] = {}
    for kind, grid in _read_texts(files, max_bytes).items():
        if kind != "pathways":
            section = "metabolites" if kind in ("stool", "serum") else kind
            parts.setdefault(section, []).append(_propose(kind, section, grid, set(ids)))
    return ["\n".join(_join_sections(section, texts)) for section, texts in parts.items()]


def _propose(kind: str, section: str, grid: pd.DataFrame, ids: set[str]) -> str:
    down = {name: find_id_rule(set(grid[name]), ids)[1] for name in grid}
    best = max(down, key=down.get)
    across = find_id_rule(set(grid.columns), ids)[1]
    names = list(grid[grid.columns[0]]) if across > down[best] else list(grid.columns)
    lines = []
    if across <= down[best]:
        joined = f"{down[best]} of {grid[best].nunique()} ids joined"
        lines.append(f"participant_id = {quote(best)}  # {joined}")
    if section == "metabolites":
        text = grid.drop(columns=best, errors="ignore")
        negative = (text.apply(pd.to_numeric, errors="coerce") < 0).any(axis=None)
        lines += [f'scale = "{"log" if negative else "concentration"}"  # decide']
    lines.append(f"[{section}.columns]")
    before = f"{kind}:" if kind in ("stool", "serum") else ""
    for ours, theirs in _match(names, PATTERNS.get(kind, {})).items():
        lines.append(f"{quote(before + ours)} = {quote(theirs)}")
    return "\n".join(lines)


def _match(names: list[str], patterns: MappingType[str, str]) -> dict[str, str]:
    """Return our name -> theirs, each at most once, where a name fits its pattern."""
    found: dict[str, str] = {}
    for ours, pattern in patterns.items():
        fits = [name for name in names if re.fullmatch(pattern, name.strip(), re.IGNORECASE)]
        fits = [name for name in fits if name not in found.values()]
        if fits:
            found[ours] = min(fits, key=len)
    return found


def _join_sections(section: str, texts: list[str]) -> list[str]:
    """Return one section of several files: the keys of the first, the columns of all."""
    head, _, _ = texts[0].partition(f"[{section}.columns]")
    columns = [text.partition(f"[{section}.columns]\n")[2] for text in texts]
    return [f"[{section}]", head.rstrip("\n"), f"[{section}.columns]", *filter(None, columns), ""]
