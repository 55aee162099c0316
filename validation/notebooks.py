"""Whether every notebook runs on cohorts that differ from the study's, or says what it lacks.

Each notebook that reads a cohort is run by papermill on small cohorts: other seeds, other
sizes, sites missing, one site alone, parts missing, people who live alone. It has to reach its
end, or to stop with a word on what the cohort has not (*skipped*). Anything else has failed.
"""

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection
from pathlib import Path

import pandas as pd

from cohabit.compute.fingerprint import hash_folder
from cohabit.data.cohort import Cohort
from cohabit.files import paths
from cohabit.files.storage import write_cohort
from cohabit.run.graph import discover
from cohabit.simulate import StudyDesign, simulate_cohort

TITLE = "Notebooks on other cohorts"
PAIRS, SEED = 144, 90_000
OWN = ("01a", "01b", "01c", "02", "15b")
"""Notebooks that make what they read."""

MOSTLY_OWN = ("15", "16")
"""Notebooks that read a cohort at one place; whole cohorts like the study's are all alike there."""

WHOLE = ("another seed", "288 pairs", "two sites missing", "one site")
"""Cohorts that have every part, and pairs enough."""

THREADS = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1")


def simulate(n_pairs: int = PAIRS, seed: int = SEED, sites: Collection[str] = ()) -> Cohort:
    """Return a cohort of the study's design, of some sites when they are named."""
    design = StudyDesign.preset("study").with_pairs(n_pairs)
    sizes = {name: n for name, n in design.pairs_per_site.items() if not sites or name in sites}
    return simulate_cohort(design.replace(pairs_per_site=sizes), seed)


def keep_people(cohort: Cohort, ids: pd.Index) -> Cohort:
    """Return a cohort without the other people, as if it were real: no design makes it."""
    samples = cohort.samples[cohort.samples["participant_id"].isin(ids)]
    features = {
        assay: table.filter(set(samples.index) & set(table.ids()), inplace=False)
        for assay, table in cohort.features.items()
    }
    people = cohort.participants.loc[cohort.participants.index.isin(ids)]
    names = ("diet", "metabolites", "pathways", "blood")
    tables = {name: getattr(cohort, name) for name in names}
    kept = {name: table[table.index.isin(ids)] for name, table in tables.items()}
    kept["visits"] = cohort.visits[cohort.visits["participant_id"].isin(ids)]
    kept |= {"provenance": {**cohort.provenance, "simulated": False}, "truth": None}
    return dataclasses.replace(
        cohort, participants=people, samples=samples, features=features, **kept
    )


def without_partners(cohort: Cohort, one_in: int = 4) -> Cohort:
    """Return the cohort with the control gone from every fourth household."""
    people = cohort.participants
    number = pd.factorize(people["household_id"])[0]
    return keep_people(cohort, people.index[(people["group"] == "MS") | (number % one_in > 0)])


COHORTS: dict[str, Callable[[], Cohort]] = {
    "another seed": lambda: simulate(seed=SEED + 1),
    "40 pairs": lambda: simulate(40),
    "288 pairs": lambda: simulate(288),
    "two sites missing": lambda: simulate(
        sites=["San Francisco", "Boston", "New York", "Buenos Aires", "Edinburgh"]
    ),
    "one site": lambda: simulate(400, sites=["Edinburgh"]),
    "no 16S": lambda: simulate().without("16s", "tree"),
    "no shotgun": lambda: simulate().without("shotgun", "pathways"),
    "no metabolites": lambda: simulate().without("metabolites"),
    "no pathways": lambda: simulate().without("pathways"),
    "no diet, blood or visits": lambda: simulate().without("diet", "blood", "visits"),
    "people who live alone": lambda: without_partners(simulate()),
    "no truth": lambda: simulate().without("truth"),
}
"""Name -> maker of a cohort."""


def parts() -> list[str]:
    """Return the names of the cohorts."""
    return [name.replace(" ", "-").replace(",", "") for name in COHORTS]


def state() -> str:
    """Return what a trial depends on beside the library: the notebooks."""
    return str(hash_folder(paths.notebooks()))


def measure(part: str) -> pd.DataFrame:
    """Return how each notebook fared on one cohort."""
    (name,) = (name for name, plain in zip(COHORTS, parts(), strict=True) if plain == part)
    return try_notebooks(COHORTS[name](), choose_notebooks(name)).assign(cohort=name)


def choose_notebooks(name: str) -> list[str]:
    """Return the numbers of the notebooks that the cohort of this name may surprise."""
    left_out = (*OWN, *MOSTLY_OWN) if name in WHOLE else OWN
    return [number for number in discover(paths.notebooks()) if number not in left_out]


def try_notebooks(cohort: Cohort, numbers: Collection[str]) -> pd.DataFrame:
    """Run some notebooks on a cohort; return number, status and reason."""
    with tempfile.TemporaryDirectory(prefix="cohabit-notebooks-") as folder:
        place = write_cohort(cohort, Path(folder) / "cohort")
        chosen = {
            number: notebook.path
            for number, notebook in discover(paths.notebooks()).items()
            if number in numbers
        }
        rows = [(n, *run_notebook(path, place, Path(folder) / "run")) for n, path in chosen.items()]
    return pd.DataFrame(rows, columns=["notebook", "status", "reason"])


def run_notebook(source: Path, cohort: Path, run: Path) -> tuple[str, str]:
    """Run one notebook by papermill; return done, skipped or failed, and why."""
    executed = run.with_name(source.name)
    values = ["-p", "cohort_dir", str(cohort), "-p", "run_dir", str(run)]
    options = ["--no-progress-bar", "--log-level", "ERROR", "--cwd", str(paths.root())]
    command = [sys.executable, "-m", "papermill", str(source), str(executed), *values, *options]
    environment = {**os.environ, **THREADS, "COHABIT_ROOT": str(paths.root())}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode == 0:
        return "done", ""
    errors = find_errors(executed) if executed.exists() else []
    ename, evalue = errors[0] if errors else ("Error", done.stderr[-300:])
    return ("skipped", evalue) if ename == "MissingInput" else ("failed", f"{ename}: {evalue}")


def find_errors(executed: Path) -> list[tuple[str, str]]:
    """Return name and words of each error in an executed notebook."""
    cells = json.loads(executed.read_text(encoding="utf-8"))["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    return [(o["ename"], o["evalue"]) for o in outputs if o["output_type"] == "error"]


def summarise(measured: pd.DataFrame) -> pd.DataFrame:
    """Return one row a cohort: how many notebooks ended, and which were skipped or failed."""
    rows = []
    for cohort, table in measured.groupby("cohort", sort=False):
        named = {
            status: ", ".join(table.loc[table["status"] == status, "notebook"].astype(str))
            for status in ("skipped", "failed")
        }
        rows.append({"cohort": cohort, "done": int((table["status"] == "done").sum()), **named})
    return pd.DataFrame(rows)


def conclude(summary: pd.DataFrame) -> str:
    """Say how many cohorts every notebook could take."""
    broken = summary[summary["failed"] != ""]
    named = "; ".join(f"{row.cohort}: {row.failed}" for row in broken.itertuples())
    return (
        f"On {len(summary) - len(broken)} of {len(summary)} cohorts every notebook reached its end "
        f"or said what the cohort lacks.{f' Failed: {named}.' if named else ''}"
    )
