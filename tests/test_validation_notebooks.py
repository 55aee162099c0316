"""A fixed slice of the notebooks on other cohorts, and how a trial is read."""

from importlib import import_module
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def check(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    return import_module("validation.notebooks")


def test_without_partners__leaves_patients_who_live_alone(check):
    cohort = check.without_partners(check.simulate(24))
    sizes = cohort.participants.groupby("household_id").size()
    assert sizes.value_counts().to_dict() == {2: 18, 1: 6}
    assert set(cohort.table("16s").index) <= set(cohort.participants.index)
    assert set(cohort.visits["participant_id"]) <= set(cohort.participants.index)


def test_slice__notebooks_pass_or_say_what_the_cohort_lacks(check):
    cohort = check.without_partners(check.simulate(72, sites=["Edinburgh", "Buenos Aires"]))
    table = check.try_notebooks(cohort.without("16s", "tree", "diet"), ["07", "10"])
    assert table["status"].tolist() == ["done", "skipped"], table["reason"].tolist()
    assert "diet" in table["reason"][1]


def test_summarise__names_what_failed_and_what_was_skipped(check):
    rows = [("05", "done", "a"), ("10", "skipped", "a"), ("05", "failed", "b")]
    table = check.summarise(pd.DataFrame(rows, columns=["notebook", "status", "cohort"]))
    assert table["done"].tolist() == [1, 0]
    assert table["skipped"].tolist() == ["10", ""]
    assert "On 1 of 2 cohorts" in check.conclude(table)
    assert "b: 05" in check.conclude(table)
