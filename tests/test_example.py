"""The example cohort in the repository: whole, small, and enough for the README's lines."""

import re
from pathlib import Path

import pandas as pd

from cohabit.files.storage import read_cohort, write_table

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "data" / "synthetic" / "example"


def read_code(language: str) -> str:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.search(rf"^```{language}\n(.*?)^```$", readme, re.M | re.S).group(1)


def test_example__is_forty_pairs_without_truth():
    cohort = read_cohort(EXAMPLE)
    people = cohort.participants
    assert cohort.provenance["simulated"] is True
    assert people.groupby("household_id")["group"].agg(set).eq({"MS", "control"}).all()
    assert people["household_id"].nunique() == 40
    assert people["site"].nunique() == 7
    assert not (EXAMPLE / "truth").exists()


def test_example__is_small():
    assert sum(path.stat().st_size for path in EXAMPLE.iterdir()) < 1_300_000


def test_readme__runs_on_the_example(tmp_path, monkeypatch):
    cohort = read_cohort(EXAMPLE)
    write_table(cohort.table("shotgun"), tmp_path / "counts.tsv")
    write_table(cohort.participants, tmp_path / "people.tsv")
    monkeypatch.chdir(tmp_path)
    *_, tested, compared = statements = read_code("python").strip().splitlines()
    assert len([line for line in statements if line]) <= 10
    scope = {}
    exec("\n".join(statements[:-2]), scope)
    table = eval(tested, scope)
    assert table.loc[["site", "age", "sex", "group"], "p_value"].between(0, 1).all()
    found = eval(compared, scope)
    assert isinstance(found, pd.DataFrame)
    assert found["p_value"].notna().sum() > 100
