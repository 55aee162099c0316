"""Negative binomial mixed models of many features, beside glmmTMB.

glmmTMB fits one feature at a time by Laplace's approximation; a few are timed and scaled to the
number of features. Ours fits each feature twice, with the group and without, by nine nodes.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read once, when numpy is imported
# ruff: noqa: E402

import subprocess
import tempfile
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd

from benchmarks.mixed import row, seconds
from cohabit.stats.abundance import compare_abundance
from validation.abundance import COVARIATES, World, simulate

N_TIMED = 6


def measure() -> list[dict]:
    rows = []
    for n_pairs in (80, 288):
        counts, people = simulate(World("benchmark", n_pairs), 0.7, np.random.default_rng(1))
        spent = [seconds(lambda data=(counts, people): fit(*data)) for _ in range(3)]
        rows += [
            row("negative binomial", counts, median(spent), **peer)
            for peer in time_r(counts, people)
        ]
    return rows


def fit(counts: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    return compare_abundance(counts, people, "group", COVARIATES, "nbinom").set_index("feature")


def time_r(counts: pd.DataFrame, people: pd.DataFrame) -> list[dict]:
    """Return seconds a feature of glmmTMB; nothing where R is not there."""
    asked = list(counts.columns[:N_TIMED])
    with tempfile.TemporaryDirectory() as folder:
        people.to_csv(Path(folder, "people.tsv"), sep="\t", index=False)
        counts.to_csv(Path(folder, "counts.tsv"), sep="\t", index=False)
        Path(folder, "asked.txt").write_text("\n".join(asked) + "\n", encoding="utf-8")
        command = ["Rscript", str(Path(__file__).with_name("glmmtmb.R")), folder]
        try:
            subprocess.run(command, check=True, capture_output=True)
        except FileNotFoundError:
            return []
        spent = pd.read_csv(Path(folder, "seconds.tsv"), sep="\t")["seconds"].iloc[0]
        theirs = pd.read_csv(Path(folder, "glmmtmb.tsv"), sep=r"\t\s*", engine="python").to_numpy()
    ours = fit(counts, people).loc[asked, "estimate"].to_numpy()
    agrees = float(np.nanmax(np.abs(ours - theirs[:, 0]) / theirs[:, 1]))
    return [{"peer": "glmmTMB", "timed": N_TIMED, "each": spent / N_TIMED, "agrees": agrees}]
