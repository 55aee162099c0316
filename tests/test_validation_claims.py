"""A fixed slice of the check of the claims, and its arithmetic by hand."""

from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cohabit.simulate import StudyDesign

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def check(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    return import_module("validation.claims")


def rows(estimates, *, planted=0.5, error=0.2, true_here=True, claim_id="07.x") -> pd.DataFrame:
    """Return one row a cohort of a claim that something is raised."""
    estimates = np.asarray(estimates, dtype=float)
    half = stats.t.ppf(0.975, 995) * error
    table = pd.DataFrame({"estimate": estimates, "low": estimates - half, "high": estimates + half})
    return table.assign(
        claim_id=claim_id, world="study", n=1000, planted=planted, planted_scale="asin",
        true_here=true_here, region_low=0.0, region_high=np.inf, seed=range(len(table)),
    )  # fmt: skip


def test_predict__is_the_power_of_a_t_test_on_the_claimed_side(check):
    table = pd.concat([rows([0.1]), rows([0.1], planted=-0.5), rows([0.1], planted=0)])
    expected = [stats.norm.sf(1.96 - 2.5), stats.norm.sf(1.96 + 2.5), 0.025]
    assert check.predict(table).tolist() == pytest.approx(expected, abs=2e-3)


def test_predict__leaves_out_what_has_another_scale(check):
    table = rows([0.1]).assign(planted_scale="carried")
    assert check.predict(table).isna().all()


def test_summarise__says_when_a_claim_is_found_too_seldom(check):
    power = stats.norm.sf(1.96 - 2.5)  # 0.71
    found = [0.5] * 71 + [0.1] * 29
    lost = [0.5] * 40 + [0.1] * 60
    assert power == pytest.approx(0.71, abs=0.01)
    for estimates, verdict in ((found, "holds"), (lost, "too seldom")):
        assert check.summarise(rows(estimates))["verdict"].tolist() == [verdict]


def test_summarise__an_untrue_claim_may_agree_as_often_as_chance(check):
    table = rows([0.5] * 2 + [0.0] * 98, planted=0, true_here=False)
    assert check.summarise(table)["verdict"].tolist() == ["holds"]
    table = rows([0.5] * 12 + [0.0] * 88, planted=0, true_here=False)
    assert check.summarise(table)["verdict"].tolist() == ["too often"]


def test_summarise__counts_significant_results_of_the_wrong_sign(check):
    summary = check.summarise(rows([-0.6, 0.6, 0.6, 0.0]))
    assert summary[["wrong_sign", "significant"]].to_numpy().tolist() == [[1, 3]]
    assert "1 of 3 significant results" in check.conclude(summary)


def test_slice__a_quarter_of_the_study_finds_what_is_large_and_errs_nowhere(check):
    found = check.ask_cohort(StudyDesign.preset("study").with_pairs(144), seed=3)
    summary = check.summarise(found.assign(world="study")).set_index("claim_id")
    assert len(summary) > 60
    assert summary.loc["09.fumarate", "agreed"] == 1
    assert summary.loc[summary["true_here"], "wrong_sign"].sum() <= 1
    hits, wanted = summary.loc[summary["true_here"], ["agreed", "predicted"]].dropna().sum()
    assert abs(hits - wanted) < 4 * np.sqrt(wanted)
