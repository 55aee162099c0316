"""What a finished run knows of its people, its data and its analyses."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from cohabit.data.cohort import Cohort
from cohabit.data.schema import nearest
from cohabit.files import paths
from cohabit.files.storage import LOG_FILE, read_cohort
from cohabit.run.report.collect import read_summary

SOFTWARE = ("python", "cohabit", "numpy", "scipy", "pandas", "scikit-bio", "scikit-learn")
"""Packages that a methods section names, of those in `run.json`."""


@dataclass(frozen=True)
class RunFacts:
    """A run's summary, its cohort and the tables of its finished notebooks."""

    folder: Path
    summary: Mapping
    cohort: Cohort
    log: pd.DataFrame
    """The import log of the cohort: kind, where, what, n; empty when there is none."""

    def parameters(self, number: str) -> dict:
        """Return a notebook's parameters, or nothing if it did not finish."""
        rows = {row["number"]: row for row in self.summary["notebooks"]}
        row = rows.get(number, {})
        return dict(row.get("parameters", {})) if row.get("status") == "done" else {}

    def table(self, number: str, name: str) -> pd.DataFrame:
        """Return a table of a finished notebook, or an empty one.

        ``"species"`` is the table of the features of highest resolution: genera of a cohort of 16S.
        """
        name = self.cohort.resolution.plural if name == "species" else name
        path = self.folder / "tables" / f"{number}_{name}.tsv"
        there = self.parameters(number) and path.is_file()
        return pd.read_csv(path, sep="\t") if there else pd.DataFrame()

    @cached_property
    def case(self) -> str:
        """What the cases have."""
        return str(self.summary.get("case") or "MS")

    @cached_property
    def people(self) -> dict[str, object]:
        """Counts of people and households, and means where something was measured."""
        people = self.cohort.participants
        cases = people["group"] == "MS"
        of_home = pd.crosstab(people["household_id"], people["group"].astype(str))
        of_home = of_home.reindex(columns=["MS", "control"], fill_value=0)
        known = people.dropna(axis=1, how="all")
        sites = known["site"].nunique() if "site" in known else 0
        found = {"n": len(people), "households": len(of_home), "cases": int(cases.sum())}
        found |= {"controls": int((~cases).sum()), "sites": sites}
        found["pairs"] = int((of_home == 1).all(axis=1).sum())
        sides = [
            (name, mask) for name, mask in (("case", cases), ("control", ~cases)) if mask.any()
        ]
        if "sex" in known:
            answered = [(name, known["sex"][mask].dropna()) for name, mask in sides]
            found["women"] = {name: (sex == "female").mean() for name, sex in answered if len(sex)}
        if "age" in known:
            ages = [(name, known["age"][mask].dropna()) for name, mask in sides]
            found["age"] = {name: (age.mean(), age.std()) for name, age in ages if len(age) > 1}
        return found

    @cached_property
    def assays(self) -> list[dict]:
        """One entry per assay: libraries, people, reads (quartiles) and features."""
        return [_describe_assay(self.cohort, assay) for assay in self.cohort.features]


def _describe_assay(cohort: Cohort, assay: str) -> dict:
    samples = cohort.samples[cohort.samples["assay"] == assay]
    low, middle, high = samples["depth"].quantile([0.25, 0.5, 0.75])
    return {
        "assay": assay,
        "libraries": len(samples),
        "people": samples["participant_id"].nunique(),
        "reads": (middle, low, high),
        "features": cohort.features[assay].shape[0],
        "visits": samples["visit"].nunique(),
        "kits": sorted(set(samples["kit"].dropna()) - {"unknown"}),
    }


def read_facts(run: str | os.PathLike) -> RunFacts:
    """Read a finished run and its cohort.

    Raises
    ------
    ValueError
        When there is no such run; names the nearest.
    """
    folder = find_run(run)
    summary = read_summary(folder / "run.json")
    named = summary.get("cohort")
    cohort = paths.from_root(named) if named else folder / "cohort"
    log = cohort / LOG_FILE
    columns = ["kind", "where", "what", "n"]
    found = pd.read_csv(log, sep="\t") if log.is_file() else pd.DataFrame(columns=columns)
    return RunFacts(folder, summary, read_cohort(cohort), found)


def find_run(run: str | os.PathLike) -> Path:
    """Return the folder of a finished run, given by its name or path.

    Raises
    ------
    ValueError
        When there is no such run; names the nearest.
    """
    folder = Path(run)
    folder = folder if (folder / "run.json").is_file() else paths.run(str(run))
    if not (folder / "run.json").is_file():
        known = sorted(path.parent.name for path in paths.run("").glob("*/run.json"))
        raise ValueError(f"no run {str(run)!r}: {nearest(str(run), known)}")
    return folder
