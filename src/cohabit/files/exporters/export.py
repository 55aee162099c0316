"""`cohabit export`: a cohort written for other programs."""

import os
import shlex
from collections.abc import Callable
from pathlib import Path

from cohabit.data.cohort import Cohort
from cohabit.data.schema import check_choice
from cohabit.files.exporters.annotated import write_anndata
from cohabit.files.exporters.datapackage import write_frictionless
from cohabit.files.exporters.phyloseq import write_phyloseq
from cohabit.files.exporters.qiime import write_qiime2
from cohabit.files.storage import write_atomically

WRITERS: dict[str, Callable[[Cohort, Path], list[str]]] = {
    "anndata": write_anndata,
    "frictionless": write_frictionless,
    "phyloseq": write_phyloseq,
    "qiime2": write_qiime2,
}
"""Form -> writer of a cohort into an empty folder, which returns options of `cohabit import`."""


def export_cohort(cohort: Cohort, folder: str | os.PathLike, form: str) -> list[str]:
    """Write a cohort for another program into a new or empty folder.

    Parameters
    ----------
    cohort : Cohort
        Its truth is never written.
    folder : path
    form : str
        ``"anndata"``, ``"frictionless"``, ``"phyloseq"`` or ``"qiime2"``.

    Returns
    -------
    list of str
        Options with which `cohabit import`, started in that folder, makes the same cohort;
        empty for ``"frictionless"``, which is a cohort folder itself.

    Raises
    ------
    ValueError
        When there is no such form, naming the nearest, or something is in the folder.
    """
    check_choice("no form", form, WRITERS)
    folder = check_new(folder)
    with write_atomically(folder) as scratch:
        scratch.mkdir()
        return WRITERS[form](cohort.without("truth"), scratch)


def check_new(folder: str | os.PathLike) -> Path:
    """Return the path of a folder to write, which must be new or empty."""
    folder = Path(folder)
    if os.path.lexists(folder) and not (folder.is_dir() and not any(folder.iterdir())):
        raise ValueError(f"{folder}: is there already; name a new or an empty folder")
    return folder


def describe_return(folder: Path, options: list[str]) -> str:
    """Return the command that reads an export back."""
    if not options:
        return f"read it with: python -m cohabit run --cohort {shlex.quote(str(folder))}"
    where = f"cd {shlex.quote(str(folder))} && "
    command = shlex.join(["python", "-m", "cohabit", "import", *options, "--out", "../cohort"])
    return f"read it back with: {where}{command}"
