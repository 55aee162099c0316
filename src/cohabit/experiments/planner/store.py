"""Finished batches on disk, so that a planner that was stopped goes on where it was."""

import gzip
import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from cohabit.compute.fingerprint import hash_environment, hash_library, hash_text, hash_value
from cohabit.experiments.planner.questions import BATCH, Questions
from cohabit.experiments.planner.scenario import Scenario
from cohabit.files.storage import write_atomically

WHAT_COUNTS = "from cohabit.experiments.planner.questions import run_batch"
"""The code that a batch depends on: all that this line reaches by imports."""


def hash_setting(
    scenario: Scenario, questions: Questions, seed: int, template: pd.DataFrame | None
) -> str:
    """Return a hash of all that decides about the cohorts of a scenario and their answers.

    `least` and `alpha` are left out: they are asked of the finished table.
    """
    asked = {k: v for k, v in questions.to_dict().items() if k not in ("least", "alpha")}
    own = "" if template is None else hash_text(template.to_csv(float_format="%.9g"))
    return hash_value({"scenario": scenario.to_dict(), "asked": asked, "seed": seed, "own": own})


@dataclass(frozen=True)
class Store:
    """A folder with one folder a setting, one compressed table a batch."""

    folder: Path

    def folder_of(self, setting: str, described: dict) -> Path:
        """Return the folder of a setting, made when missing, with the setting in words in it.

        The name depends on the setting, on this code and on the versions of the libraries.
        """
        key = hash_value([setting, hash_library(WHAT_COUNTS), hash_environment(), BATCH])[:16]
        folder = self.folder / key
        words = folder / "setting.json"
        if not words.exists():
            with write_atomically(words) as scratch:
                scratch.write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")
        return folder


def write_batch(cohorts: pd.DataFrame, folder: Path, number: int) -> None:
    """Write one batch; it appears whole or not at all."""
    with write_atomically(_path(folder, number)) as scratch:
        write_compressed(cohorts, scratch)


def read_batch(folder: Path, number: int) -> pd.DataFrame | None:
    """Return a finished batch, or None when there is none."""
    path = _path(folder, number)
    return pd.read_csv(path, sep="\t") if path.exists() else None


def write_compressed(table: pd.DataFrame, path: Path) -> None:
    """Write a gzipped TSV; the same table gives the same bytes."""
    text = table.to_csv(sep="\t", index=False, lineterminator="\n")
    path.write_bytes(gzip.compress(text.encode(), mtime=0))


def _path(folder: Path, number: int) -> Path:
    return folder / f"batch_{number:04d}.tsv.gz"
