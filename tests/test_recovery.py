"""Truth beside estimates; the truth here is written by hand."""

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest
from test_claims import read_table

from cohabit.data.cohort import Truth
from cohabit.files.storage import write_cohort
from cohabit.judge.recovery import (
    METHOD_SCALES,
    judge_expected,
    list_followup_truth,
    planted_values,
    read_expected,
    read_truth,
    score_claims,
    score_methods,
    set_beside_truth,
)
from cohabit.simulate import StudyDesign, estimands
from cohabit.simulate.followup import list_followup_effects
from cohabit.stats.abundance import METHODS

INF = math.inf
SPECIES = ("up", "down", "untouched", "closed")


def estimand_rows(contrast: str, scale: str, *values: float) -> list[tuple]:
    return [("shotgun", contrast, scale, name, v) for name, v in zip(SPECIES, values, strict=True)]


@pytest.fixture
def truth() -> Truth:
    """Two planted species, two not; closure lowers the untouched ones by 0.02."""
    rows = [
        *estimand_rows("MS - control", "latent", 0.5, -0.4, 0.0, 0.0),
        *estimand_rows("MS - control", "prevalence", 0.0, 0.0, 0.0, 0.0),
        *estimand_rows("MS - control", "clr", 0.48, -0.42, -0.02, -0.02),
        *estimand_rows("treated - untreated", "clr", -0.1, 0.3, 0.0, 0.0),
        *estimand_rows("treated - untreated", "latent", -0.1, 0.3, 0.0, 0.0),
    ]
    estimands = pd.DataFrame(rows, columns=["assay", "contrast", "scale", "feature", "value"])
    columns = ["factor", "level", "property", "feature", "coefficient", "scale"]
    effects = pd.DataFrame([("disease", "MS", "abundance", "up", 0.5, "log")], columns=columns)
    return Truth(effects, lambda: estimands)


def claim(name: str, low: float, high: float, contrast="MS - control", feature="up") -> dict:
    return {
        **{"claim_id": name, "notebook": "1", "statement": name, "quantity": "q", "unit": "log"},
        **{"published": "yes", "region_low": low, "region_high": high},
        **{"source": "a source", "mark": "V"},
        "truth_contrast": contrast,
        "truth_scale": "clr" if contrast else "",
        "truth_feature": feature if contrast else "",
    }


@pytest.fixture
def claims() -> pd.DataFrame:
    return pd.DataFrame(
        [
            claim("1.up", 0, INF),
            claim("1.untouched", -INF, 0, feature="untouched"),
            claim("1.both", 0, INF, "treated - untreated", "up; down"),
            claim("1.figure", -0.1, 0.1, feature="untouched"),
            claim("1.unknown", 0, INF, contrast=""),
        ]
    )


def estimates(**intervals: tuple[float, float]) -> pd.DataFrame:
    rows = [(f"1.{name}", sum(ends) / 2, *ends) for name, ends in intervals.items()]
    table = pd.DataFrame(rows, columns=["claim_id", "estimate", "low", "high"])
    return table.assign(p_value=0.01, n=9, note="a note", notebook="1")


def test_planted_values__reads_the_claims_own_scale_and_averages_features(truth, claims):
    table = planted_values(truth, claims).set_index("claim_id")
    assert table.loc["1.up", "planted"] == 0.48
    assert table.loc["1.both", "planted"] == pytest.approx(0.1)
    assert bool(table.loc["1.both", "true_here"])
    assert math.isnan(table.loc["1.unknown", "planted"])
    assert table["true_here"].isna().tolist() == [False] * 4 + [True]


def test_planted_values__closure_alone_makes_no_direction_true(truth, claims):
    table = planted_values(truth, claims).set_index("claim_id")
    assert table.loc["1.untouched", "planted"] == -0.02
    assert not table.loc["1.untouched", "true_here"]
    assert table.loc["1.figure", "true_here"]


def test_score_claims__says_whether_each_verdict_fits_the_truth(truth, claims):
    found = estimates(up=(-0.5, -0.1), untouched=(0.1, 0.2), both=(-0.1, 0.3), unknown=(1, 2))
    table = score_claims(found, claims, truth).set_index("claim_id")
    assert table["verdict"].to_dict() == {
        "1.up": "disagrees",
        "1.untouched": "disagrees",
        "1.both": "cannot tell",
        "1.figure": "not estimated",
        "1.unknown": "agrees",
    }
    assert not table.loc["1.up", "right"]
    assert table.loc["1.untouched", "right"]
    assert table.loc[["1.both", "1.figure", "1.unknown"], "right"].isna().all()


def test_score_claims__a_real_cohort_has_nothing_planted(claims):
    table = score_claims(estimates(up=(0.1, 0.3)), claims)
    assert table["planted"].isna().all()
    assert table["right"].isna().all()
    assert table["verdict"].iloc[0] == "agrees"


def results(method="lmm_clr", contrast="MS - control", **columns) -> pd.DataFrame:
    table = pd.DataFrame({"feature": list(SPECIES)} | columns)
    estimate = table["estimate"]
    return table.assign(method=method, contrast=contrast, low=estimate - 0.1, high=estimate + 0.1)


def test_score_methods__counts_by_hand(truth):
    found = results(estimate=[0.52, 0.40, 0.30, -0.02], q_value=[0.01, 0.04, 0.05, 0.6])
    row = score_methods(found, truth.estimands).iloc[0]
    assert (row["n_tested"], row["n_planted"], row["n_called"], row["sign_errors"]) == (4, 2, 3, 1)
    assert row["sensitivity"] == 1.0
    assert row["false_discovery"] == pytest.approx(1 / 3)
    assert row["closure_shift"] == 0.0
    exact = binomtest(1, 3).proportion_ci()
    assert row["false_discovery_low"] == pytest.approx(exact.low)
    assert row["false_discovery_high"] == pytest.approx(exact.high)
    assert row["bias"] == pytest.approx(((0.52 - 0.48) + (0.40 + 0.42)) / 2)
    assert row["coverage"] == pytest.approx(2 / 4)


def test_score_methods__a_planted_feature_without_a_number_is_missed(truth):
    found = results(estimate=[0.48, np.nan, 0.0, 0.0], q_value=[0.01, np.nan, 0.9, 0.9])
    row = score_methods(found, truth.estimands).iloc[0]
    assert (row["n_tested"], row["n_failed"], row["n_planted"], row["n_untested"]) == (3, 1, 2, 1)
    assert row["sensitivity"] == 0.5
    assert row["coverage"] == 1.0
    assert row["false_discovery"] == 0.0


def test_score_methods__a_row_left_out_is_as_one_without_a_number(truth):
    whole = results(estimate=[0.48, -0.4, 0.0, 0.0], q_value=[0.01, 0.01, 0.9, 0.9])
    timid = whole[whole["feature"] != "down"].assign(method="linda")
    scores = score_methods(pd.concat([whole, timid]), truth.estimands).set_index("method")
    assert scores["n_planted"].tolist() == [2, 2]
    assert scores["sensitivity"].to_dict() == {"lmm_clr": 1.0, "linda": 0.5}


def test_score_methods__a_shift_by_closure_is_no_false_discovery_of_its_scale(truth):
    found = results(estimate=[0.48, -0.4, -0.05, 0.15], q_value=[0.01] * 4)
    clr, latent = (
        score_methods(found.assign(method=name), truth.estimands).iloc[0]
        for name in ("lmm_clr", "linda")
    )
    assert (clr["false_discovery"], clr["closure_shift"]) == (0.25, 0.25)  # wrong side, right side
    assert (latent["false_discovery"], latent["closure_shift"]) == (0.5, 0.0)


def test_score_methods__a_method_with_a_unit_of_its_own_has_no_bias(truth):
    found = results("presence_clogit", estimate=[0.5, -0.4, 0.0, 0.0], q_value=[0.01] * 4)
    row = score_methods(found, truth.estimands).iloc[0]
    assert math.isnan(row["bias"])
    assert row["scale"] == "prevalence"


def test_set_beside_truth__names_the_nearest_method_and_contrast(truth):
    found = results(estimate=[0.0] * 4, q_value=[1.0] * 4)
    with pytest.raises(ValueError, match="did you mean 'lmm_clr'"):
        set_beside_truth(found.assign(method="lmm_crl"), truth.estimands)
    with pytest.raises(ValueError, match=r"did you mean 'MS - control \(clr\)'"):
        set_beside_truth(found.assign(contrast="MS - controls"), truth.estimands)


def test_read_truth__reads_what_was_written(tmp_path, small_cohort, truth):
    write_cohort(dataclasses.replace(small_cohort, truth=truth), tmp_path / "cohort")
    read = read_truth(tmp_path / "cohort")
    pd.testing.assert_frame_equal(read.estimands, truth.estimands)
    pd.testing.assert_frame_equal(read.effects, truth.effects)


def test_read_truth__says_that_a_real_cohort_has_none(tmp_path, small_cohort):
    write_cohort(dataclasses.replace(small_cohort, truth=None), tmp_path / "cohort")
    with pytest.raises(FileNotFoundError, match="only a simulated cohort has a truth"):
        read_truth(tmp_path / "cohort")


def test_read_truth__notices_a_changed_file(tmp_path, small_cohort, truth):
    folder = write_cohort(dataclasses.replace(small_cohort, truth=truth), tmp_path / "cohort")
    path = folder / "truth" / "estimands.tsv"
    path.write_text(path.read_text().replace("0.48", "0.84"))
    with pytest.raises(ValueError, match="changed since"):
        read_truth(folder)


def test_method_scales__every_method_has_one():
    assert set(METHOD_SCALES) == set(METHODS)


@pytest.fixture
def study_truth(monkeypatch):
    """Truth of the study preset over a smaller reference population."""
    monkeypatch.setattr(estimands, "REFERENCE_PAIRS", 200)
    estimands._find.cache_clear()
    found = estimands.find_estimands(StudyDesign.preset("study"))
    estimands._find.cache_clear()
    return Truth(list_followup_effects().assign(assay="visits"), lambda: found)


def test_list_followup_truth__both_ways_and_zero_for_what_no_year_holds():
    effects = list_followup_effects().assign(assay="visits")
    table = list_followup_truth(effects).set_index("feature")["value"]
    assert table["disability: current"] == -table["disability: not current"] > 0
    assert table["disability: Bacteroidaceae"] == 0
    assert list_followup_truth(effects.assign(assay="shotgun")).empty


def test_read_expected__belongs_to_one_design():
    study = StudyDesign.preset("study")
    table = read_expected(study.to_dict())
    assert table["cohorts"].min() >= 2
    assert read_expected(study.replace(geography=0.5).to_dict()).empty
    assert read_expected({}).empty


def test_read_expected__covers_the_claims_that_no_coefficient_answers():
    published = read_table("claims")
    asked = published["notebook"].isin(["03", "04", "05", "06", "07", "08", "10", "11"])
    asked &= published["truth_contrast"] == ""
    table = read_expected(StudyDesign.preset("study").to_dict())
    assert set(published["claim_id"][asked]) <= set(table.index)


@pytest.mark.parametrize(
    ("value", "inside"), [(0.5, True), (-0.5, False), (0.05, None), (-0.05, None), (1.2, False)]
)
def test_judge_expected__near_an_end_nothing_is_said(value, inside):
    found = pd.Series({"value": value, "sd": 0.1, "cohorts": 4})
    judged = judge_expected(found, 0.0, 1.0)
    assert judged is inside if inside is not None else pd.isna(judged)


def test_planted_values__of_a_share_of_variance_are_what_is_found_on_average(truth):
    published = read_table("claims").query("claim_id == '05.site_r2'")
    known = dataclasses.replace(truth, design=StudyDesign.preset("study").to_dict())
    (row,) = planted_values(known, published).to_dict("records")
    assert 0.02 < row["planted"] < 0.12
    assert row["planted_scale"] == "expected"
    assert row["true_here"] is True
    assert planted_values(truth, published)["planted"].isna().all()


def test_planted_values__a_difference_of_two_features(truth):
    planted = truth.estimands.iloc[0]
    rows = truth.estimands[
        (truth.estimands["contrast"] == planted["contrast"])
        & (truth.estimands["scale"] == planted["scale"])
    ]
    first, second = rows.iloc[0], rows.iloc[1]
    claim = pd.DataFrame(
        [
            {
                "claim_id": "x",
                "truth_contrast": planted["contrast"],
                "truth_scale": planted["scale"],
                "truth_feature": f"{first['feature']} minus {second['feature']}",
                "region_low": -INF,
                "region_high": INF,
            }
        ]
    )
    found = planted_values(truth, claim)["planted"].iloc[0]
    assert found == pytest.approx(first["value"] - second["value"])


def test_study_world__answers_every_claim_that_asks_and_holds_some_untrue_ones(study_truth):
    published = read_table("claims")
    asked = published["truth_contrast"] != ""
    table = planted_values(study_truth, published)
    assert table.loc[asked, "planted"].notna().all()
    assert table.loc[~asked, "planted"].isna().all()
    assert (~table.loc[asked, "true_here"]).sum() >= 6
    assert table.loc[asked, "true_here"].sum() >= 12
