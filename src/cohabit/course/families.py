"""Files of a study as a clinic keeps them, for the notebook on a study of your own."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd

from cohabit.data.cohort import Cohort

_WORDS = {
    "Dx": {"MS": "UC", "control": "healthy"},
    "Gender": {"female": "F", "male": "M"},
}
_COLUMNS = {
    "household_id": "Family",
    "group": "Dx",
    "sex": "Gender",
    "age": "Age (years)",
    "bmi": "BMI",
    "site": "Hospital",
    "pets": "Pets",
}
_PREFIXES = ("k__Bacteria", "p__", "c__", "o__", "f__", "g__", "s__")


def write_clinic_files(cohort: Cohort, folder: Path, *, assay: str = "16s") -> None:
    """Write a cohort as a clinic would: `people.tsv` and `counts.tsv`, in words of its own.

    Cases have ulcerative colitis. One person's age is mistyped by a factor of ten, as happens.

    Parameters
    ----------
    cohort : Cohort
        One library of each person is written.
    folder : path
        Must exist.
    assay : str
    """
    samples = cohort.samples[cohort.samples["assay"] == assay]
    first = samples[~samples["participant_id"].duplicated()]
    table = cohort.participants.loc[first["participant_id"], [*_COLUMNS]].rename(columns=_COLUMNS)
    for column, words in _WORDS.items():
        table[column] = table[column].astype(str).map(words)
    table["Age (years)"] = table["Age (years)"].astype(float)
    table.iloc[4, table.columns.get_loc("Age (years)")] *= 10
    ids = [f"S{number:03d}" for number in range(1, len(table) + 1)]
    table.index = pd.Index(ids, name="SampleID")
    table.to_csv(folder / "people.tsv", sep="\t", na_rep="NA")
    counts = cohort.table(assay, level="sample").loc[first.index].T.set_axis(ids, axis=1)
    lineages = cohort.taxonomy(assay).loc[counts.index].loc[:, :"species"]
    counts["taxonomy"] = ["; ".join(_join(names)) for names in lineages.to_numpy()]
    counts[counts[ids].sum(axis=1) > 0].to_csv(folder / "counts.tsv", sep="\t")


def _join(names: list[str]) -> list[str]:
    return [_PREFIXES[0]] + [
        mark + name.replace("unclassified", "")
        for mark, name in zip(_PREFIXES[1:], names, strict=True)
    ]


def run_command(folder: Path, *words: str) -> str:
    """Run a command of cohabit in a folder of work and return what it prints.

    Parameters
    ----------
    folder : path
        Gets `results/`; made when missing.
    *words : str
        As after ``python -m cohabit``.

    Raises
    ------
    RuntimeError
        When the command fails, with what it said.
    """
    folder.mkdir(exist_ok=True)
    kept = {name: text for name, text in os.environ.items() if not name.startswith("COHABIT_")}
    environment = kept | {"COHABIT_ROOT": str(folder)}
    command = [sys.executable, "-m", "cohabit", *words]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr.strip() or done.stdout.strip())
    return done.stdout
