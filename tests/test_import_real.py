"""Real cohorts of your own, when there are any: set COHABIT_REAL_COHORTS to a folder of folders.

Each inner folder holds `metadata.tsv` and one other table (`.biom` or `.tsv`). Everything goes
through the proposal and the import, then through every method, which copes or refuses by name.
No real cohort comes with cohabit, so without the variable nothing runs.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cohabit.files.importers import guess_mapping, import_cohort
from cohabit.files.importers.build import write_with_log
from cohabit.files.importers.mapping import parse_mapping
from cohabit.stats import (
    abundance,
    composition,
    diversity,
    mixed,
    networks,
    nonparametric,
    paired,
    permanova,
    prediction,
)
from cohabit.stats.formula import usable_terms

ROOT = Path(__file__).resolve().parents[1]
NAMED = os.environ.get("COHABIT_REAL_COHORTS", "")
COHORTS = sorted(path.parent for path in Path(NAMED).glob("*/metadata.tsv")) if NAMED else []

pytestmark = pytest.mark.skipif(not COHORTS, reason="COHABIT_REAL_COHORTS names no cohorts")
each = pytest.mark.parametrize("folder", COHORTS, ids=lambda path: path.name)


@pytest.fixture(scope="module")
def cohorts():
    return {folder: take_in(folder) for folder in COHORTS}


def take_in(folder):
    (table,) = [path for suffix in ("*.biom", "*.tsv") for path in folder.glob(suffix)
                if path.name != "metadata.tsv"]  # fmt: skip
    metadata = folder / "metadata.tsv"
    mapping = parse_mapping(guess_mapping(metadata, [table]).encode(), "the proposal")
    return import_cohort(metadata, {"16s": table}, mapping)


def methods(counts, people):
    """Return every method that compares people, as a call that copes or refuses."""
    kept = counts[counts.sum().nlargest(40).index]
    kept = kept[kept.sum(axis=1) > 0]
    people = people.loc[kept.index]
    clr = composition.clr(kept)
    distances = diversity.aitchison(kept)
    by_name = {
        name: lambda name=name: abundance.compare_abundance(kept, people, "group", method=name)
        for name in abundance.METHODS
    }
    return by_name | {
        "mixed": lambda: mixed.fit_household_model(clr, people, "group"),
        "paired": lambda: paired.fit_paired_model(clr, people, None),
        "flips": lambda: nonparametric.sign_flip_test(
            paired.paired_differences(clr.iloc[:, 0], people)
        ),
        "permanova": lambda: permanova.permanova(distances, people, "group", n_permutations=19),
        "home": lambda: permanova.permanova(
            distances, people, "household_id", scheme="free", n_permutations=19
        ),
        "prediction": lambda: prediction.predict_group(kept, people, rng=1),
        "distances": lambda: diversity.compare_distances(distances, people),
        "networks": lambda: networks.sparcc(kept, people, "sex"),
    }


@each
def test_real_cohort__is_imported_by_its_proposal(folder, cohorts):
    cohort, log = cohorts[folder]
    assert cohort.provenance["simulated"] is False
    assert len(cohort.table("16s")) > 50
    assert not [finding for finding in log.findings if finding.kind == "error"]


@each
def test_real_cohort__each_method_copes_or_refuses_by_name(folder, cohorts):
    cohort, _ = cohorts[folder]
    counts = cohort.table("16s", rank="genus")
    people = cohort.participants.loc[counts.index]
    people = people.dropna(subset=usable_terms(people, ["sex"]))
    answers = {}
    for name, call in methods(counts.loc[people.index], people).items():
        try:
            answers[name] = len(call())
        except ValueError as error:
            answers[name] = str(error)
    print(answers)
    assert all(answer for answer in answers.values())
    assert answers["distances"] in (2, 3)


@each
def test_real_cohort__runs_what_its_data_allow(folder, cohorts, tmp_path):
    cohort, log = cohorts[folder]
    write_with_log(cohort, log, tmp_path / "cohort")
    command = [sys.executable, str(ROOT / "run_all.py"), "--cohort", str(tmp_path / "cohort")]
    command += ["--profile", "classroom", "--run", "test_real", "--only", "03,04,05,06,07,08,10"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
