"""Kraken's reports: lineages from indented names, and a folder with one report per sample."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

from cohabit.files.importers.counts import Counts
from cohabit.files.importers.layouts import plain_sample
from cohabit.files.importers.log import ImportLog
from cohabit.files.importers.sources import Source, read_source

MAX_REPORTS = 20_000
REPORT_LINE = re.compile(r"\s*\d+\.\d+(\t\d+){2,4}\t[A-Z-]\d*\t\d+\t *\S.*")
"""A line of a report: percent, reads of the clade, reads of the taxon, rank, id and name."""

_RANKS = {"D": "d", "K": "k", "P": "p", "C": "c", "O": "o", "F": "f", "G": "g", "S": "s"}


@dataclass
class KrakenPath:
    """The lineage of each row of a report, whose names are indented by two spaces a rank."""

    above: list[tuple[int, str]] = field(default_factory=list)
    """Depth and written name of the taxa above, the root left out."""

    def lineage(self, rank: str, name: str) -> str:
        """Return the lineage of the next row, or a word for none."""
        depth, plain = len(name) - len(name.lstrip()), name.strip()
        if rank[:1] in "UR":
            self.above = []
            return "unclassified" if rank == "U" else f"unclassified below {plain}"
        self.above = [part for part in self.above if part[0] < depth]
        self.above.append((depth, f"{_RANKS.get(rank, 't')}__{plain}"))
        return "|".join(part for _, part in self.above)


def read_reports(folder: Path, log: ImportLog, *, max_bytes: int) -> Counts:
    """Read a folder of reports of Kraken 2 or Bracken; a sample is named by its file.

    Each row counts the reads assigned to its own taxon, so that rows are disjoint.

    Raises
    ------
    ValueError
        When a file in it is no report, or there are too many.
    """
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.name[0] != ".")
    if not 0 < len(files) <= MAX_REPORTS:
        raise ValueError(f"{folder}: expected 1 to {MAX_REPORTS:,} reports; found {len(files)}")
    columns = [dict(_read_report(read_source(path, max_bytes=max_bytes))) for path in files]
    features = list(dict.fromkeys(name for column in columns for name in column))
    place = {name: i for i, name in enumerate(features)}
    rows = [place[name] for column in columns for name in column]
    across = np.repeat(np.arange(len(files)), [len(column) for column in columns])
    values = [float(n) for column in columns for n in column.values()]
    matrix = sparse.csr_matrix((values, (rows, across)), (len(features), len(files)))
    log.note(folder.name, f"{len(files)} report(s) of Kraken, reads of each taxon itself")
    samples = pd.Index([plain_sample(path.name) for path in files], dtype=object)
    return Counts(folder.name, matrix, pd.Index(features, dtype=object), samples, {})


def _read_report(source: Source) -> Iterator[tuple[str, int]]:
    """Yield lineage and number of reads of each taxon that has any of its own."""
    path = KrakenPath()
    for number, line in enumerate(source.text().splitlines(), 1):
        if not line.strip():
            continue
        if not REPORT_LINE.fullmatch(line):
            raise ValueError(
                f"{source.name}: line {number} is not of a report by Kraken 2 (--report) or "
                "Bracken (-w); leave in the folder nothing but reports"
            )
        cells = line.split("\t")
        lineage = path.lineage(cells[-3], cells[-1])
        if reads := int(cells[2]):
            yield lineage, reads
