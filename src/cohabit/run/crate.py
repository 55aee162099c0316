"""A run as an RO-Crate: its results in a folder with `ro-crate-metadata.json` (RO-Crate 1.1).

Tables, figures, report and texts are copied. Executed notebooks hold data of single people: they go
along only where the people are simulated. See https://www.researchobject.org/ro-crate/1.1/.
"""

import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from cohabit.files.exporters.export import check_new
from cohabit.files.storage import sha256, write_atomically
from cohabit.run.paper.facts import find_run
from cohabit.run.report.collect import read_summary

METADATA_FILE = "ro-crate-metadata.json"
_CONTEXT = "https://w3id.org/ro/crate/1.1/context"
_VERSION = "https://w3id.org/ro/crate/1.1"
_SINGLE = ("run.json", "report.html", "claims.tsv", "recovery.tsv")
_FOLDERS = ("tables", "figures", "paper")
_FORMATS = {
    ".tsv": "text/tab-separated-values",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".pdf": "application/pdf",
    ".txt": "text/plain",
    ".md": "text/markdown",
    ".bib": "application/x-bibtex",
    ".html": "text/html",
    ".json": "application/json",
    ".ipynb": "application/x-ipynb+json",
}


def write_crate(run: str, folder: str | os.PathLike) -> Path:
    """Write a finished run as an RO-Crate into a new or empty folder; return the folder.

    Parameters
    ----------
    run : str
        Its name, a folder in `results/`, or the path of its folder.
    folder : path

    Raises
    ------
    ValueError
        When there is no such run, or something is in the folder.
    """
    source, folder = find_run(run), check_new(folder)
    summary = read_summary(source / "run.json")
    with write_atomically(folder) as crate:
        crate.mkdir()
        names = list(_copy(source, crate, simulated=bool(summary.get("simulated"))))
        text = json.dumps(_describe(summary, crate, names), indent=2, ensure_ascii=False)
        (crate / METADATA_FILE).write_text(text + "\n", encoding="utf-8")
    return folder


def _copy(source: Path, crate: Path, *, simulated: bool) -> Iterable[str]:
    """Copy the files of a run that may be passed on; yield their paths in the crate."""
    folders = (*_FOLDERS, "notebooks") if simulated else _FOLDERS
    found = [source / name for name in _SINGLE]
    found += [path for name in folders for path in sorted((source / name).glob("*.*"))]
    for path in [path for path in found if path.is_file()]:
        name = path.relative_to(source).as_posix()
        (crate / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(path, crate / name)
        yield name


def _describe(summary: dict, crate: Path, names: list[str]) -> dict:
    """Return the metadata file of the crate as plain data."""
    versions = {f"#{name}": text for name, text in summary.get("versions", {}).items()}
    parts = [{"@id": name} for name in names]
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": f"cohabit run {summary['run']}",
        "description": _tell(summary),
        "datePublished": summary["finished"],
        "license": {"@id": "#license"},
        "hasPart": parts,
        "mentions": {"@id": "#run"},
    }
    action = {
        "@id": "#run",
        "@type": "CreateAction",
        "name": f"cohabit run, profile {summary['profile']}",
        "endTime": summary["finished"],
        "instrument": [{"@id": name} for name in versions],
        "result": parts,
    }
    software = [
        {"@id": name, "@type": "SoftwareApplication", "name": name[1:], "softwareVersion": text}
        for name, text in versions.items()
    ]
    words = "Not stated by the run; the authors of the data choose it."
    terms = {"@id": "#license", "@type": "CreativeWork", "name": "License", "description": words}
    about = {
        "@id": METADATA_FILE,
        "@type": "CreativeWork",
        "conformsTo": {"@id": _VERSION},
        "about": {"@id": "./"},
    }
    files = [_describe_file(crate / name, name) for name in names]
    return {"@context": _CONTEXT, "@graph": [about, root, action, *software, terms, *files]}


def _tell(summary: dict) -> str:
    done = sum(row["status"] == "done" for row in summary["notebooks"])
    people = "simulated people" if summary.get("simulated") else "a cohort of real people"
    return (
        f"Tables, figures and report of {done} finished notebooks on {people}. Executed notebooks "
        "of real people, which hold data of single persons, are not part of it."
    )


def _describe_file(path: Path, name: str) -> dict:
    alt = path.with_suffix(".txt") if path.suffix == ".png" else None
    words = alt.read_text(encoding="utf-8").strip() if alt and alt.is_file() else ""
    return {
        "@id": name,
        "@type": "File",
        "name": path.name,
        "encodingFormat": _FORMATS.get(path.suffix, "application/octet-stream"),
        "contentSize": str(path.stat().st_size),
        "sha256": sha256(path),
    } | ({"description": words} if words else {})
