"""Folders of the collection and of your work; the only module that knows their layout.

In a clone both are the repository. Installed without one, the collection (notebooks, profiles,
published figures) lies in the package, and results go to the folder where you work.
"""

import os
from pathlib import Path

MARKER = "run_all.py"
INSTALLED = Path(__file__).resolve().parents[1] / "collection"
"""The collection in an installed package; a clone has none there."""

CLONE = Path(__file__).resolve().parents[3]
"""The repository, where the package is used from a clone."""


def root() -> Path:
    """Return the folder that results, cohorts and relative paths are in.

    It is ``COHABIT_ROOT`` if set, otherwise the nearest folder, from the current one upward, that
    contains ``run_all.py``, otherwise, where cohabit is installed without a clone, the current one.

    Raises
    ------
    FileNotFoundError
        When ``COHABIT_ROOT`` is no folder, or neither a clone nor an installed collection is there.
    """
    named = os.environ.get("COHABIT_ROOT")
    candidates = [Path(named)] if named else [Path.cwd(), *Path.cwd().parents]
    for folder in candidates:
        if (folder / MARKER).is_file():
            return folder.resolve()
    if (named or INSTALLED.is_dir()) and candidates[0].is_dir() and _home().is_dir():
        return candidates[0].resolve()
    where = f"COHABIT_ROOT={named}" if named else f"{Path.cwd()} and the folders above it"
    raise FileNotFoundError(
        f"no {MARKER} in {where}; work inside a clone of the repository, "
        "or set COHABIT_ROOT to its folder"
    )


def collection(*parts: str) -> Path:
    """Return a path in the collection: the clone, or what the installed package holds."""
    here = root()
    return (here if (here / MARKER).is_file() else _home()).joinpath(*parts)


def _home() -> Path:
    """Return the folder of the collection that belongs to this package."""
    return CLONE if (CLONE / MARKER).is_file() else INSTALLED


def from_root(path: str | os.PathLike) -> Path:
    """Return `path` if absolute, otherwise relative to the root."""
    path = Path(path)
    return path if path.is_absolute() else root() / path


def inside(folder: Path, name: str) -> Path:
    """Return the path of a name given in a file, which must be within its folder.

    Raises
    ------
    ValueError
        When the name leads out of the folder: such a record was not written by cohabit.
    """
    parts = Path(name).parts if isinstance(name, str) else ("..",)
    if ".." in parts or "\\" in name or Path(name).is_absolute():
        raise ValueError(f"{folder}: a record names {name!r}, which is outside this folder")
    return folder / name


def notebooks() -> Path:
    """Return the folder of the source notebooks."""
    return collection("notebooks")


def reference(name: str) -> Path:
    """Return the path of a table of published figures, for example ``"claims.tsv"``."""
    return collection("data", "reference", name)


def bibliography() -> Path:
    """Return the path of the BibTeX file of all references."""
    return collection("docs", "references.bib")


def run(name: str) -> Path:
    """Return the folder of the run called `name`."""
    return root() / "results" / name
