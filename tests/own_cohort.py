"""A small cohort as somebody else would hold it: fabricated, in files of many kinds."""

import gzip
import io
import json
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import biom
import h5py
import numpy as np

MAPPING = """
[columns]
sample_id = "id"
household_id = "house"
group = "status"
sex = "gender"
age = "age"
bmi = "bmi"
site = "town"
keep = ["pets"]

[levels.group]
case = ["ill"]
control = ["well"]

[levels.sex]
female = ["F"]
male = ["M"]
"""
FEATURES = ("otu1", "otu2", "otu3", "otu4")
LINEAGES = (
    "k__Bacteria; p__Firmicutes; c__Clostridia; o__C; f__Lachnospiraceae; g__Dorea; s__",
    "k__Bacteria; p__Firmicutes; c__Clostridia; o__Clostridiales; f__; g__; s__",
    "k__Bacteria; p__Bacteroidetes; c__B; o__B; f__B; g__Bacteroides; s__ovatus",
    "k__Bacteria; p__Verrucomicrobia; c__V; o__V; f__V; g__Akkermansia; s__muciniphila",
)
HEADER = ("id", "house", "status", "gender", "age", "bmi", "town", "pets")


def people(n_homes: int = 4) -> list[list[str]]:
    """Return rows of metadata: two people a home."""
    rows = []
    for home in range(1, n_homes + 1):
        for status, sex, age in (("ill", "F", 40 + home), ("well", "M", 42 + home)):
            name = f"s{home}{'a' if status == 'ill' else 'b'}"
            town = "North" if home % 2 else "South"
            rows.append([name, f"h{home}", status, sex, str(age), "24.5", town, "yes"])
    return rows


def draw_counts(n_samples: int, n_features: int = len(FEATURES)) -> np.ndarray:
    """Return counts, features x samples, none of them empty."""
    return np.random.default_rng(7).integers(1, 90, size=(n_features, n_samples))


@dataclass
class Files:
    """What somebody gives: text of each file; change one and write them."""

    header: list[str] = field(default_factory=lambda: list(HEADER))
    rows: list[list[str]] = field(default_factory=people)
    mapping: str = MAPPING
    metadata: str | bytes | None = None
    """Bytes of the metadata, in place of header and rows."""

    cells: list[list[str]] | None = None
    """The table: header and rows, features down; made when None."""

    table: bytes | None = None
    """Bytes of the table, in place of `cells`."""

    table_name: str = "counts.tsv"
    options: dict[str, Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.cells is None:
            ids = [row[0] for row in self.rows]
            numbers = draw_counts(len(ids)).astype(str).tolist()
            body = [[name, *line] for name, line in zip(FEATURES, numbers, strict=True)]
            self.cells = [["#OTU ID", *ids], *body]

    def write(self, folder: Path) -> dict[str, Path]:
        """Write the files; return where they are."""
        metadata = join([self.header, *self.rows]) if self.metadata is None else self.metadata
        table = join(self.cells) if self.table is None else self.table
        paths = {
            "metadata": folder / "metadata.tsv",
            "table": folder / self.table_name,
            "mapping": folder / "mapping.toml",
        }
        contents = {"metadata": metadata, "table": table, "mapping": self.mapping}
        for name, content in contents.items():
            content = content.encode() if isinstance(content, str) else content
            paths[name].write_bytes(content)
        return paths


def join(cells: list[list[str]]) -> str:
    """Return cells as tab-separated text."""
    return "".join("\t".join(row) + "\n" for row in cells)


def make_biom(ids: list[str], counts: np.ndarray | None = None) -> biom.Table:
    """Return a BIOM table with lineages."""
    counts = draw_counts(len(ids)) if counts is None else counts
    metadata = [{"taxonomy": text.split("; ")} for text in LINEAGES]
    return biom.Table(counts, FEATURES, ids, metadata)


def hdf5_bytes(table: biom.Table, damage=None) -> bytes:
    """Return BIOM 2.1 as bytes; `damage` changes the open file first."""
    stream = io.BytesIO()
    with h5py.File(stream, "w") as handle:
        table.to_hdf5(handle, "a test")
        if damage is not None:
            damage(handle)
    return stream.getvalue()


def json_bytes(table: biom.Table, **changes: object) -> bytes:
    """Return BIOM 1.0 as bytes, with parts replaced."""
    found = json.loads(table.to_json("a test"))
    return json.dumps({**found, **changes}).encode()


def artifact(kind: str, member: str, payload: bytes, **others: bytes) -> bytes:
    """Return a QIIME 2 artifact as bytes."""
    stream, top = io.BytesIO(), "0f2b6f2e-8a5f-4f0e-9a39-3c8a1f6a7d10"
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{top}/metadata.yaml", f"uuid: {top}\ntype: {kind}\nformat: null\n")
        archive.writestr(f"{top}/data/{member}", payload)
        archive.writestr(f"{top}/provenance/metadata.yaml", "type: other\n")
        for name, content in others.items():
            archive.writestr(name, content)
    return stream.getvalue()


def gzipped(data: bytes) -> bytes:
    """Return gzip'd bytes."""
    return gzip.compress(data, mtime=0)
