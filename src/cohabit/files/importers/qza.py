"""QIIME 2 artifacts: zip archives of which one known member is read, in memory.

Nothing is unpacked to disk, so no member can write outside its folder; archives that would try
are refused all the same.
"""

import re
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from cohabit.files.importers.inputs import Source, make_source, read_bounded

MAX_MEMBERS = 20_000
_PAYLOADS = {
    "FeatureTable[Frequency]": "feature-table.biom",
    "FeatureData[Taxonomy]": "taxonomy.tsv",
    "Phylogeny[Rooted]": "tree.nwk",
    "Phylogeny[Unrooted]": "tree.nwk",
}
_TYPE = re.compile(r"^type:\s*['\"]?([^'\"\r\n]+?)['\"]?\s*$", re.MULTILINE)
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError)


def open_artifact(source: Source, wanted: str, *, max_bytes: int) -> Source:
    """Return the payload of an artifact.

    Parameters
    ----------
    source : Source
        A zip archive.
    wanted : str
        What is expected: ``"FeatureTable"``, ``"FeatureData"`` or ``"Phylogeny"``.
    max_bytes : int
        Bound on the payload, in bytes once unpacked.

    Raises
    ------
    ValueError
        When the archive is damaged, hostile, too large, or of another type.
    """
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
        path = PurePosixPath(member.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or any(":" in part for part in path.parts[:1]):
            raise ValueError(
                f"{name}: the member {member.filename[:80]!r} points outside the archive; "
                "this is no QIIME 2 artifact and nothing of it was read"
            )
    return [member.filename for member in members]


def _find(names: list[str], ending: str, name: str) -> str:
    """Return the member at the top folder's `ending`; provenance lies deeper and is not ours."""
    depth = ending.count("/") + 1
    found = [n for n in names if n.endswith("/" + ending) and n.count("/") == depth]
    if len(found) != 1:
        raise ValueError(f"{name}: expected one {ending} in the artifact; found {len(found)}")
    return found[0]


def _read_type(archive: zipfile.ZipFile, names: list[str], name: str) -> str:
    text = _read_member(archive, _find(names, "metadata.yaml", name), name, 2**16)
    found = _TYPE.search(text.decode("utf-8", errors="replace"))
    if not found:
        raise ValueError(f"{name}: metadata.yaml names no type; is this a QIIME 2 artifact?")
    return found[1].strip()


def _read_member(archive: zipfile.ZipFile, member: str, name: str, max_bytes: int) -> bytes:
    with archive.open(member) as stream:
        return read_bounded(stream, f"{name}, {PurePosixPath(member).name}", max_bytes)
