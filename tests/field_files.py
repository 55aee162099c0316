"""The counts and lineages of `own_cohort` as the programs of the field write them."""

import io
import json
from pathlib import Path

import h5py
import numpy as np
from own_cohort import FEATURES, LINEAGES, draw_counts, hdf5_bytes, join, json_bytes, make_biom

IDS = [f"s{home}{who}" for home in range(1, 5) for who in "ab"]
COUNTS = draw_counts(8)
PREFIXED = [text.replace("; ", "|") for text in LINEAGES]
RANKS = ("Kingdom", "Phylum", "Class", "Order", "Family", "Genus", "Species")
SPECIES = (
    "Dorea longicatena",
    "Clostridium sp. X",
    "Bacteroides ovatus",
    "Akkermansia muciniphila",
)


def split_ranks(text: str, empty: str = "") -> list[str]:
    """Return seven names without their prefixes."""
    return [part.split("__")[1] or empty for part in text.split("; ")]


def separated(cells: list[list[str]], mark: str) -> bytes:
    return join(cells).replace("\t", mark).encode()


def table(names=FEATURES, first="#OTU ID", numbers=None) -> list[list[str]]:
    """Return header and rows, features down."""
    numbers = COUNTS.astype(str).tolist() if numbers is None else numbers
    return [[first, *IDS], *([n, *row] for n, row in zip(names, numbers, strict=True))]


def with_ranks(first: str = "tax_id") -> bytes:
    """As emu joins samples: ranks from species up, empty cells, a last row without a taxon."""
    rows = [
        [f"{i}", *reversed(split_ranks(text)), *map(str, row)]
        for i, (text, row) in enumerate(zip(LINEAGES, COUNTS, strict=True))
    ]
    words = [name.lower().replace("kingdom", "superkingdom") for name in RANKS]
    last = [*[""] * 8, *["5.0"] * 7, ""]
    return join([[first, *reversed(words), *IDS], *rows, last]).encode()


def hierarchical(comment: str = "", first: str = "#Classification") -> bytes:
    """One row at every rank, each the sum of those below it."""
    sums: dict[str, np.ndarray] = {}
    for name, row in zip(PREFIXED, COUNTS, strict=True):
        parts = [part for part in name.split("|") if not part.endswith("__")]
        for depth in range(1, len(parts) + 1):
            key = "|".join(parts[:depth])
            sums[key] = sums.get(key, 0) + row
    numbers = [list(map(str, row)) for row in sums.values()]
    return comment.encode() + separated(table(list(sums), first, numbers), "\t")


def shared(labels: tuple[str, ...] = ("0.03",)) -> bytes:
    """As mothur's make.shared writes it."""
    rows = [
        [label, sample, "4", *map(str, row)]
        for label in labels
        for sample, row in zip(IDS, COUNTS.T, strict=True)
    ]
    return join([["label", "Group", "numOtus", *FEATURES], *rows]).encode()


def mothur_lineages(header: bool) -> bytes:
    """As mothur's classify.otu and classify.seqs write lineages."""
    written = [
        "".join(f"{name or 'unclassified'}({100 - i});" for i, name in enumerate(split_ranks(text)))
        for text in LINEAGES
    ]
    head = [["OTU", "Size", "Taxonomy"]] if header else []
    size = [["9"]] * 4 if header else [[]] * 4
    rows = [[n, *s, text] for n, s, text in zip(FEATURES, size, written, strict=True)]
    return join(head + rows).encode()


def bracken() -> bytes:
    """As combine_bracken_outputs.py writes species."""
    names = [f"{sample}.bracken_{what}" for sample in IDS for what in ("num", "frac")]
    rows = [
        [name, "99", "S", *(text for n in row for text in (str(n), "0.1"))]
        for name, row in zip(SPECIES, COUNTS, strict=True)
    ]
    return join([["name", "taxonomy_id", "taxonomy_lvl", *names], *rows]).encode()


def kraken_rows() -> list[tuple[str, int, str, np.ndarray, np.ndarray]]:
    """Return rank, depth, name, reads of the clade and of the taxon itself, row by row."""
    none, rows = np.zeros(8, dtype=int), [("U", 0, "unclassified", COUNTS[0], COUNTS[0])]
    rows += [("R", 0, "root", COUNTS.sum(axis=0), none)]
    tree: dict = {}
    for text, row in zip(LINEAGES, COUNTS, strict=True):
        parts = [part for part in text.split("; ") if not part.endswith("__")]
        if parts[-1].startswith("s__"):
            parts[-1] = f"s__{parts[-2][3:]} {parts[-1][3:]}"
        at = tree
        for part in parts:
            at = at.setdefault(part, {})
        at[""] = row

    def walk(node: dict, depth: int) -> np.ndarray:
        total = node.get("", none)
        for part, below in node.items():
            if part:
                place = len(rows)
                rows.append(())
                clade = walk(below, depth + 1)
                letter = "D" if part[0] == "k" else part[0].upper()
                rows[place] = (letter, depth, part[3:], clade, below.get("", none))
                total = total + clade
        return total

    walk(tree, 1)
    return rows


def kraken_combined() -> bytes:
    """As combine_kreports.py joins reports."""
    before = [["#Number of Samples: 8"]]
    before += [[f"#S{i}", f"reports/{name}.kreport"] for i, name in enumerate(IDS, 1)]
    codes = [f"S{i}_{what}" for i in range(1, 9) for what in ("all", "lvl")]
    head = ["#perc", "tot_all", "tot_lvl", *codes, "lvl_type", "taxid", "name"]
    rows = [
        ["1.0", "9", "9", *map(str, np.column_stack([clade, own]).ravel()), rank, "7",
         "  " * depth + name]
        for rank, depth, name, clade, own in kraken_rows()
    ]  # fmt: skip
    return join([*before, head, *rows]).encode()


def kraken_folder(path: Path) -> None:
    """Write a report for each sample."""
    path.mkdir()
    for i, sample in enumerate(IDS):
        lines = [
            f"{1:6.2f}\t{clade[i]}\t{own[i]}\t{rank}\t7\t{'  ' * depth}{name}\n"
            for rank, depth, name, clade, own in kraken_rows()
        ]
        (path / f"{sample}.kreport2").write_text("".join(lines), encoding="utf-8")


def anndata_bytes(kind: str = "csr_matrix", layer: bool = False) -> bytes:
    """Return AnnData's format, samples x features, with ranks in `var` and people in `obs`."""
    stream = io.BytesIO()
    with h5py.File(stream, "w") as handle:
        values = np.log1p(COUNTS.T) if layer else COUNTS.T.astype("f4")
        handle["X"] = values
        if kind != "dense":
            del handle["X"]
            _write_sparse(handle.create_group("X"), values, kind)
        if layer:
            _write_sparse(handle.create_group("layers/counts"), COUNTS.T, "csr_matrix")
        ranks = zip(RANKS, zip(*map(split_ranks, LINEAGES), strict=True), strict=True)
        _write_frame(handle, "var", FEATURES, {n: list(v) for n, v in ranks})
        people = {"house": [name[:2] for name in IDS], "age": np.arange(40.0, 48.0)}
        people["status"] = ["ill", "well"] * 4
        _write_frame(handle, "obs", IDS, people)
    return stream.getvalue()


def _write_sparse(group: h5py.Group, values: np.ndarray, kind: str) -> None:
    from scipy import sparse

    matrix = {"csr_matrix": sparse.csr_matrix, "csc_matrix": sparse.csc_matrix}[kind](values)
    group.attrs["encoding-type"], group.attrs["shape"] = kind, matrix.shape
    for part in ("data", "indices", "indptr"):
        group[part] = getattr(matrix, part)


def _write_frame(handle: h5py.File, axis: str, index, columns: dict) -> None:
    group = handle.create_group(axis)
    group.attrs["encoding-type"], group.attrs["_index"] = "dataframe", "_index"
    group["_index"] = list(index)
    for name, values in columns.items():
        if isinstance(values, np.ndarray):
            group[name] = values
            continue
        levels = sorted(set(values) - {""})
        column = group.create_group(name)
        column.attrs["encoding-type"] = "categorical"
        column["categories"] = levels or ["none"]
        column["codes"] = np.array([levels.index(v) if v else -1 for v in values], dtype="i1")


def biom_with(kind: str, columns) -> bytes:
    """Return BIOM whose features are described by other columns than `taxonomy`."""
    described = make_biom(IDS, COUNTS)
    if kind == "json":
        rows = [{"id": n, "metadata": columns(text)} for n, text in zip(FEATURES, LINEAGES)]  # noqa: B905
        return json_bytes(described, rows=rows)

    def describe(handle: h5py.File) -> None:
        del handle["observation/metadata/taxonomy"]
        for name in columns(LINEAGES[0]):
            handle[f"observation/metadata/{name}"] = [columns(text)[name] for text in LINEAGES]

    return hdf5_bytes(described, describe)


def r_csv(cells: list[list[str]]) -> bytes:
    """Return what R's write.csv writes: quoted, an empty first name, NA for nothing."""
    quoted = [[cell if cell.isdigit() else json.dumps(cell) for cell in row] for row in cells]
    return "".join(",".join(row) + "\n" for row in quoted).replace('"NA"', "NA").encode()
