"""The command `cohabit lab`: working copies of the notebooks, so that sources stay clean."""

import argparse
import json
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from cohabit.cli.cohorts import STUDY_COHORT, write_simulated
from cohabit.compute.fingerprint import hash_file
from cohabit.data.shapes import check_shape
from cohabit.files import paths
from cohabit.files.record import MANIFEST
from cohabit.run.folder import write_json
from cohabit.run.profiles import STUDY


def add_lab(commands) -> None:
    """Add `lab` to the command line."""
    lab = commands.add_parser("lab", help="open JupyterLab on copies of the notebooks in lab/")
    lab.add_argument("options", nargs="*", help="options for JupyterLab, after --")
    lab.set_defaults(command=open_lab)


def open_lab(options: argparse.Namespace) -> int:
    """Copy the notebooks to lab/ and open JupyterLab there."""
    data = paths.from_root(STUDY_COHORT)
    if not (data / MANIFEST).exists():
        from cohabit.simulate.design import StudyDesign

        write_simulated(StudyDesign.preset(STUDY).replace(stool_visits=4), 1, data)
    for line in copy_notebooks(paths.notebooks(), paths.from_root("lab")):
        print(line)
    os.environ["COHABIT_ROOT"] = str(paths.root())  # for kernels, which start in lab/
    become_jupyter(paths.from_root("lab"), options.options)
    return 0


def copy_notebooks(source: Path, lab: Path) -> list[str]:
    """Copy new and changed notebooks to `lab`, without overwriting edited copies.

    Returns
    -------
    list of str
        One line for each copy that was kept although its source has moved on.
    """
    lab.mkdir(exist_ok=True)
    ledger = lab / ".copied.json"
    copied = _read_ledger(ledger)
    kept = []
    for path in sorted(source.glob("*.ipynb")):
        copy, current = lab / path.name, hash_file(path)
        untouched = copy.is_file() and hash_file(copy) == copied.get(path.name)
        if untouched or not copy.exists():
            shutil.copyfile(path, copy)
            copied[path.name] = current
        elif copied.get(path.name) != current:
            kept.append(
                f"lab/{path.name} holds your work and is kept; its source has changed, "
                "so move the copy away to get the new one"
            )
    write_json(ledger, copied)
    return kept


def become_jupyter(lab: Path, options: Sequence[str]) -> None:
    """Replace this process by JupyterLab in a folder, so that it receives Ctrl-C."""
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={lab}", *options]
    sys.stdout.flush()
    os.execv(sys.executable, command)


def _read_ledger(ledger: Path) -> dict[str, str]:
    """Return the hash of each source when it was copied, or an empty dict if unknown."""
    try:
        content = json.loads(ledger.read_text(encoding="utf-8"))
        check_shape(content, {str: str}, ledger.name)
    except (OSError, ValueError):
        return {}
    return content
