"""QIIME 2 artifacts: feature tables, taxonomy and tree in archives of version 5.

An archive's root is named by its UUID and holds `VERSION`, `metadata.yaml`, `data/`, `provenance/`
(one import) and `checksums.md5`. The UUID is made of the data, so equal cohorts give equal bytes.
"""

import hashlib
import io
import uuid
import zipfile
from collections.abc import Mapping
from pathlib import Path

import biom
import h5py

import cohabit
from cohabit.data.cohort import Cohort
from cohabit.files.exporters.exchange import join_lineage, merge_lineages, write_people
from cohabit.files.storage import BIOM_DATE

ARCHIVE = 5
FRAMEWORK = "2019.4.0+cohabit"
"""The first release that writes archives of version 5, and who wrote this one."""

_ACTION = """\
execution:
    uuid: {execution}
    runtime:
        start: {start}
        end: {start}
        duration: 0 microseconds

action:
    type: import
    format: {format}

environment:
    platform: any
    python: |-
        cohabit {version}
    framework:
        version: {framework}
        website: https://qiime2.org
    plugins: {{}}
    python-packages:
        cohabit: {version}
"""


def write_qiime2(cohort: Cohort, folder: Path) -> list[str]:
    """Write artifacts and metadata for QIIME 2; return options of `cohabit import`.

    ``FeatureTable[Frequency]`` for each assay, ``FeatureData[Taxonomy]`` and, where there is one,
    the tree, rooted if its root has two branches.
    """
    options = write_people(cohort, folder, types=True)
    for assay, table in cohort.features.items():
        data = {"feature-table.biom": _as_biom(table)}
        artifact = make_artifact("FeatureTable[Frequency]", "BIOMV210DirFmt", data)
        (folder / f"table_{assay}.qza").write_bytes(artifact)
        options += ["--table", f"{assay}=table_{assay}.qza"]
    data = {"taxonomy.tsv": _as_taxonomy(cohort)}
    taxonomy = make_artifact("FeatureData[Taxonomy]", "TSVTaxonomyDirectoryFormat", data)
    (folder / "taxonomy.qza").write_bytes(taxonomy)
    options += ["--taxonomy", "taxonomy.qza"]
    if cohort.tree is not None:
        kind = f"Phylogeny[{'Rooted' if _is_rooted(cohort.tree) else 'Unrooted'}]"
        data = {"tree.nwk": cohort.tree.encode("utf-8")}
        (folder / "tree.qza").write_bytes(make_artifact(kind, "NewickDirectoryFormat", data))
        options += ["--tree", "tree.qza"]
    return options


def make_artifact(kind: str, form: str, data: Mapping[str, bytes]) -> bytes:
    """Return a QIIME 2 artifact as bytes.

    Parameters
    ----------
    kind : str
        Its semantic type, for example ``"FeatureTable[Frequency]"``.
    form : str
        The name of its directory format.
    data : mapping
        File name -> content of the folder `data/`.
    """
    content = {f"data/{name}": bytes_ for name, bytes_ in data.items()}
    identity = _identify(kind, *content, *content.values())
    record = f"uuid: {identity}\ntype: {kind}\nformat: {form}\n".encode()
    version = f"QIIME 2\narchive: {ARCHIVE}\nframework: {FRAMEWORK}\n".encode()
    action = _ACTION.format(
        execution=_identify("import", str(identity)),
        start=f"{BIOM_DATE.isoformat()}.000001+00:00",
        format=form,
        version=cohabit.__version__,
        framework=FRAMEWORK,
    )
    members = {"VERSION": version, "metadata.yaml": record, **content}
    members |= {f"provenance/{name}": members[name] for name in ("VERSION", "metadata.yaml")}
    members |= {"provenance/citations.bib": b"", "provenance/action/action.yaml": action.encode()}
    sums = [f"{hashlib.md5(found).hexdigest()}  {name}\n" for name, found in members.items()]
    return _pack({**members, "checksums.md5": "".join(sums).encode()}, str(identity))


def _identify(*parts: str | bytes) -> uuid.UUID:
    """Return a UUID of version 4 that is the same for the same parts."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode() if isinstance(part, str) else part)
    return uuid.UUID(bytes=digest.digest()[:16], version=4)


def _pack(members: Mapping[str, bytes], root: str) -> bytes:
    stream, date = io.BytesIO(), BIOM_DATE.timetuple()[:6]
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            entry = zipfile.ZipInfo(f"{root}/{name}", date)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, content)
    return stream.getvalue()


def _as_biom(table: biom.Table) -> bytes:
    """Return a feature table without lineages, which an artifact of its own holds."""
    bare, stream = table.copy(), io.BytesIO()
    bare.del_metadata()
    with h5py.File(stream, "w") as handle:
        bare.to_hdf5(handle, f"cohabit {cohabit.__version__}", creation_date=BIOM_DATE)
    return stream.getvalue()


def _as_taxonomy(cohort: Cohort) -> bytes:
    lineages = merge_lineages(cohort)
    rows = zip(lineages.index, lineages.itertuples(index=False), strict=True)
    lines = [f"{name}\t{join_lineage(ranks, lineages.columns)}\n" for name, ranks in rows]
    return "".join(["Feature ID\tTaxon\n", *lines]).encode()


def _is_rooted(newick: str) -> bool:
    from skbio import TreeNode

    return len(TreeNode.read([newick]).children) == 2
