"""Reading of untrusted files: bounded in size, checked by type, in memory only.

No code in this module runs input, follows links, opens further files or uses the network.
"""

import gzip
import io
import os
import shlex
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

PathLike = str | os.PathLike
MAX_BYTES = 2**28
"""Largest file after decompression (1,000 people and 8,000 features take 20 MB)."""

_BLOCK = 2**20
_EXCEL_SUFFIXES = (".xlsx", ".xls", ".ods")
_R_SUFFIXES = (".rds", ".rda", ".rdata")
_R_MAGIC = (b"RDX", b"RDA", b"X\n\x00", b"A\n")


MAX_MEMBERS = 20_000
_PAYLOADS = {
    "FeatureTable[Frequency]": "feature-table.biom",
    "FeatureData[Taxonomy]": "taxonomy.tsv",
    "Phylogeny[Rooted]": "tree.nwk",
    "Phylogeny[Unrooted]": "tree.nwk",
}
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError)


@dataclass(frozen=True)
class Source:
    """The decompressed bytes and the type of one file."""

    name: str
    kind: str
    """`hdf5`, `json`, `zip` or `text`."""

    data: bytes

    def stream(self) -> io.BytesIO:
        """Return the bytes as an open file."""
        return io.BytesIO(self.data)

    def text(self) -> str:
        """Return the file's text."""
        return decode(self.data, self.name)


def read_source(path: PathLike, artifact: str = "", *, max_bytes: int = MAX_BYTES) -> Source:
    """Read a file, gzipped or not, and determine its type.

    Parameters
    ----------
    path : path
    artifact : str, optional
        ``"FeatureTable"``, ``"FeatureData"`` or ``"Phylogeny"``: of a QIIME 2 artifact, an
        archive of which one known member is read in memory, return that member.
    max_bytes : int
        Bound on the decompressed size, in bytes.

    Raises
    ------
    FileNotFoundError
        When it is not there.
    ValueError
        When it is too large, damaged, hostile, empty, R's, a spreadsheet or another artifact;
        says what to do.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: expected a file; it does not exist")
    try:
        data = _read_bytes(path, max_bytes)
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror or error})") from None
    source = make_source(path, data)
    if artifact and source.kind == "zip":
        return _open_artifact(source, artifact, max_bytes)
    return source


def _read_bytes(path: Path, max_bytes: int) -> bytes:
    with path.open("rb") as stream:
        head = stream.read(2)
        stream.seek(0)
        if head == b"\x1f\x8b":
            return _unzip(stream, path.name, max_bytes)
        return read_bounded(stream, path.name, max_bytes)


def make_source(path: Path, data: bytes) -> Source:
    """Determine the type of some bytes, or refuse them."""
    _refuse_foreign(path, data)
    if not data.strip():
        raise ValueError(f"{path.name}: the file is empty; export it again")
    if data.startswith(b"\x89HDF\r\n\x1a\n"):
        kind = "hdf5"
    elif data.startswith(b"PK\x03\x04"):
        kind = "zip"
    else:
        kind = "json" if data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{" else "text"
    return Source(path.name, kind, data)


def read_bounded(stream, name: str, max_bytes: int) -> bytes:
    """Read a stream to its end, up to `max_bytes`."""
    parts, size = [], 0
    while part := stream.read(_BLOCK):
        size += len(part)
        if size > max_bytes:
            raise ValueError(
                f"{name}: larger than {max_bytes / 2**20:,.4g} MB once unpacked, more than a "
                "feature table can need; check the file, or raise the bound with --max-mb"
            )
        parts.append(part)
    return b"".join(parts)


def _unzip(stream, name: str, max_bytes: int) -> bytes:
    try:
        with gzip.open(stream) as unpacked:
            return read_bounded(unpacked, name, max_bytes)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{name}: the gzip file is damaged ({error}); copy it again") from None


def _refuse_foreign(path: Path, data: bytes) -> None:
    suffixes = tuple(part.lower() for part in path.suffixes[-2:])
    if set(suffixes) & set(_R_SUFFIXES) or data.startswith(_R_MAGIC):
        raise ValueError(explain_rds(path))
    excel = data.startswith(b"\xd0\xcf\x11\xe0") or (b"xl/workbook" in data[:65536])
    if set(suffixes) & set(_EXCEL_SUFFIXES) or (excel and not data.startswith(b"\x89HDF")):
        raise ValueError(
            f"{path.name}: a spreadsheet; save the sheet as tab-separated text "
            "(File, Save as, Text (Tab delimited), UTF-8) and import that"
        )


def explain_rds(path: Path) -> str:
    """Return the message for R's own format, with R code that exports a phyloseq object."""
    stem, quoted = path.name.split(".")[0], str(path).replace("\\", "/").replace('"', '\\"')
    stem = "".join(c if c.isalnum() or c in "-_" else "_" for c in stem)
    line = (
        f'library(phyloseq); p <- readRDS("{quoted}"); '
        'counts <- as(otu_table(p), "matrix"); if (!taxa_are_rows(p)) counts <- t(counts); '
        "table <- data.frame(feature = rownames(counts), counts, check.names = FALSE); "
        "if (!is.null(tax_table(p, errorIfNULL = FALSE))) table$taxonomy <- "
        'apply(as(tax_table(p), "matrix")[rownames(counts), ], 1, paste, collapse = "; "); '
        f'write.table(table, "{stem}_table.tsv", sep = "\\t", quote = FALSE, row.names = FALSE); '
        'people <- as(sample_data(p), "data.frame"); '
        f"write.table(data.frame(sample_id = rownames(people), people, check.names = FALSE), "
        f'"{stem}_metadata.tsv", sep = "\\t", quote = FALSE, row.names = FALSE)'
    )
    return (
        f"{path.name}: R's own format, which can hold code and is never opened here; "
        f"export it in R with\n{line}\nand import the two files it writes"
    )


def decode(data: bytes, name: str) -> str:
    """Return UTF-8 text.

    Raises
    ------
    ValueError
        When the bytes are not UTF-8 text, with the line and a remedy.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ValueError(
            f"{name}: encoded as UTF-16; save it as UTF-8, for example with "
            f"`{_recode('UTF-16', name)}`"
        )
    if b"\x00" in data:
        line = data[: data.index(b"\x00")].count(b"\n") + 1
        raise ValueError(
            f"{name}: line {line} holds a NUL byte, so it is not text; export it again"
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ValueError(
            f"{name}: line {line} is not UTF-8 (byte 0x{data[error.start]:02x}); it looks like "
            f"Latin-1 or Windows-1252: `{_recode('WINDOWS-1252', name)}`"
        ) from None


def _recode(encoding: str, name: str) -> str:
    """Return the command that writes a file again as UTF-8."""
    return f"iconv -f {encoding} -t UTF-8 {shlex.quote(name)} > {shlex.quote('utf8_' + name)}"


def _open_artifact(source: Source, wanted: str, max_bytes: int) -> Source:
    """Return the payload of an artifact; nothing is unpacked to disk."""
    try:
        with zipfile.ZipFile(source.stream()) as archive:
            names = _check_members(archive, source.name)
            kind = _read_type(archive, names, source.name)
            if kind not in _PAYLOADS or not kind.startswith(wanted):
                expected = [known for known in _PAYLOADS if known.startswith(wanted)]
                raise ValueError(
                    f"{source.name}: expected {' or '.join(expected)}; this artifact is {kind}"
                )
            member = _find(names, f"data/{_PAYLOADS[kind]}", source.name)
            data = _read_member(archive, member, source.name, max_bytes)
    except _DAMAGE as error:
        raise ValueError(
            f"{source.name}: the archive is damaged ({error}); export it from QIIME 2 again"
        ) from None
    payload = make_source(Path(member).with_name(_PAYLOADS[kind]), data)
    return Source(source.name, payload.kind, payload.data)


def _check_members(archive: zipfile.ZipFile, name: str) -> list[str]:
    members = archive.infolist()
    if len(members) > MAX_MEMBERS:
        raise ValueError(f"{name}: {len(members)} files in one archive; at most {MAX_MEMBERS}")
    for member in members:
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(
                f"{name}: packed in a way that QIIME 2 does not use; export the artifact again"
            )
        path = PurePosixPath(member.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or any(":" in part for part in path.parts[:1]):
            raise ValueError(
                f"{name}: the member {member.filename[:80]!r} points outside the archive; "
                "this is not a QIIME 2 artifact and nothing of it was read"
            )
    return [member.filename for member in members]


def _find(names: list[str], ending: str, name: str) -> str:
    """Return the member at `ending` in the top folder, ignoring provenance."""
    depth = ending.count("/") + 1
    found = [n for n in names if n.endswith("/" + ending) and n.count("/") == depth]
    if len(found) != 1:
        raise ValueError(f"{name}: expected one {ending} in the artifact; found {len(found)}")
    return found[0]


def _read_type(archive: zipfile.ZipFile, names: list[str], name: str) -> str:
    text = _read_member(archive, _find(names, "metadata.yaml", name), name, 2**16)
    for line in text.decode("utf-8", errors="replace").splitlines():
        key, colon, kind = line.partition(":")
        if colon and key == "type" and kind.strip():
            return kind.strip().strip("'\"")
    raise ValueError(f"{name}: metadata.yaml names no type; is this a QIIME 2 artifact?")


def _read_member(archive: zipfile.ZipFile, member: str, name: str, max_bytes: int) -> bytes:
    with archive.open(member) as stream:
        return read_bounded(stream, f"{name}, {PurePosixPath(member).name}", max_bytes)
