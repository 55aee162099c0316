"""The R lines of the README read a cohort folder, and vegan finds in it what we find."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from cohabit.files.storage import read_cohort
from cohabit.stats.composition import relative_abundance
from cohabit.stats.diversity import bray_curtis
from cohabit.stats.permanova import permanova

ROOT = Path(__file__).resolve().parents[1]
TERMS = ["site", "age", "sex", "group"]
SHARED = ["site", "age", "sex", "group", "residual", "total"]
PRINT = 'write.table(fit[, c("Df", "SumOfSqs", "R2")], "fit.tsv", sep = "\\t", quote = FALSE)'


@pytest.fixture(scope="module")
def vegan() -> str:
    rscript = shutil.which("Rscript")
    probe = [rscript, "-e", "library(vegan)"]
    if rscript is None or subprocess.run(probe, capture_output=True).returncode:
        pytest.skip("needs R with the package vegan; neither is part of the environment")
    return rscript


def read_snippet() -> str:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.search(r"^```r\n(.*?)^```$", readme, re.M | re.S).group(1)


def run_in_r(rscript: str, folder: Path) -> pd.DataFrame:
    """Run the README's lines at a copy of the example, and return the table they make."""
    shutil.copytree(ROOT / "data/synthetic/example", folder / "data/synthetic/example")
    script = folder / "readme.R"
    script.write_text(f"{read_snippet()}\noptions(digits = 15)\n{PRINT}\n", encoding="utf-8")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        [rscript, "--vanilla", script.name],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return pd.read_csv(folder / "fit.tsv", sep="\t").rename(index=str.lower)


def test_readme__reads_a_cohort_into_vegan(vegan, tmp_path):
    theirs = run_in_r(vegan, tmp_path)
    cohort = read_cohort(ROOT / "data/synthetic/example")
    distances = bray_curtis(relative_abundance(cohort.table("shotgun")))
    options = {"scheme": "free", "n_permutations": 0}
    ours = permanova(distances, cohort.participants, " + ".join(TERMS), **options)
    assert len(distances.ids) == 80
    assert theirs["Df"].to_dict() == ours.loc[SHARED, "df"].to_dict()
    for column, name in (("R2", "r2"), ("SumOfSqs", "sum_of_squares")):
        apart = (theirs[column] - ours.loc[SHARED, name]).abs()
        assert apart.max() < 1e-8, column
