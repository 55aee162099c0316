"""A fixed slice of the check of the claims, and its arithmetic by hand."""

from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cohabit.simulate import StudyDesign, simulate_cohort

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
    assert check.predict(table, "planted").tolist() == pytest.approx(expected, abs=2e-3)


def test_predict__is_the_power_of_fishers_z_for_rank_correlations(check):
    ends = np.tanh(np.arctanh(0.1) + np.array([-1.96, 1.96]) / np.sqrt(200 - 3))
    table = rows([0.1]).assign(planted_scale="carried", low=ends[0], high=ends[1], owed=0.2)
    expected = stats.norm.sf(1.96 - np.arctanh(0.2) * np.sqrt(197))
    assert check.predict(table, "owed").tolist() == pytest.approx([expected], abs=1e-9)


def test_summarise__predicts_from_what_the_contrast_owes(check):
    found = rows([0.9] * 97 + [0.1] * 3)
    owing = pd.DataFrame({"claim_id": "07.x", "world": "study", "owed": [0.7, 0.9], "mild": 0.5})
    alone, told = (check.summarise(table).iloc[0] for table in (found, pd.concat([found, owing])))
    assert alone["owed"] == alone["planted"] == 0.5
    assert alone["verdict"] == "too often"
    assert told["owed"] == pytest.approx(0.8)
    assert told["by_severity"] == pytest.approx(0.3)
    assert told["cohorts"] == 100
    assert told["predicted"] == pytest.approx(stats.norm.sf(1.96 - 4), abs=2e-3)
    assert told["verdict"] == "holds"


def test_summarise__tells_confounding_from_a_test_that_is_too_bold(check):
    often = rows([0.5] * 10 + [0.0] * 90, planted=0, true_here=False)
    owing = pd.DataFrame({"claim_id": "07.x", "world": "study", "owed": [0.13]})
    verdicts = [check.summarise(t)["verdict"][0] for t in (often, pd.concat([often, owing]))]
    assert verdicts == ["too often", "confounded"]


def test_contrast_changes__owe_what_was_added_to_the_values_of_patients(check, monkeypatch):
    cohort = simulate_cohort(StudyDesign.preset("study").with_pairs(40), 5)
    patients = (cohort.participants["group"] == "MS").to_numpy()
    before = check.owed.read_scales(cohort)
    added = patients * np.random.default_rng(1).normal(0.25, 0.01, len(patients))
    scales = iter(([before[0].add(added, axis=0), *before[1:]], before))
    monkeypatch.setattr(check.owed, "read_scales", lambda _: next(scales))
    claims = check.read_claims().query("truth_contrast == 'MS - control'")
    found = check.owed.contrast_changes(cohort, cohort, claims)
    found = found[found["contrast"] == "MS - control"].set_index("feature")["estimate"]
    assert found["Blautia obeum"] == pytest.approx(0.25, abs=0.01)
    assert found[["Blautia", "PWY-4702"]].isna().all(), "nothing changed in what was not touched"


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
