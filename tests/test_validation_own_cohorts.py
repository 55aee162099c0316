"""A fixed slice of the cohorts that lack or twist something."""

from importlib import import_module
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def check(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    return import_module("validation.own_cohorts")


def test_slice__notebooks_end_on_a_cohort_without_any_covariate(check):
    assert len(check.COHORTS) >= 60
    table = check.try_cohort(check.make("16S alone, no covariate"), ("04", "09"))
    assert table["status"].tolist() == ["done", "skipped"], table["reason"].tolist()
    assert "no data on function" in table["reason"][1]


def test_find_unmeasured__names_rows_about_what_nobody_recorded(check, tmp_path):
    rows = {"trait": ["women", "age"], "MS": [0.0, 41.0]}
    pd.DataFrame(rows).to_csv(tmp_path / "03_table_1.tsv", sep="\t", index=False)
    cohort = check.drop("sex")(check.small(6))
    assert list(check.find_unmeasured(tmp_path, cohort)) == ["03_table_1.tsv: women, 0.0"]
