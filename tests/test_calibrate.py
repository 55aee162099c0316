"""The scorecard and the solved template: figures checked by hand, constants that hold."""

import numpy as np
import pandas as pd
import pytest

from calibration.plant import choose_planted, shrink, split_disease
from cohabit.experiments.realism import score
from cohabit.experiments.realism.feature_measures import explain_by_site, predict
from cohabit.experiments.realism.scorecard import FED, compare_with_targets
from cohabit.experiments.realism.tables import StudyTables
from cohabit.simulate import StudyDesign, simulate_cohort
from cohabit.simulate.effects import DRUGS
from cohabit.simulate.estimands import find_estimands
from cohabit.simulate.template import read_taxa, read_template
from validation.lesser_figures import measure_lesser

SMALL = StudyDesign(pairs_per_site={"San Francisco": 40, "Edinburgh": 40, "Boston": 20})


@pytest.fixture(scope="module")
def scorecard():
    return score(simulate_cohort(SMALL, 1), simulate_cohort(SMALL, 2)).set_index("id")


def test_score__has_every_target_once_with_value_or_reason(scorecard):
    targets = read_template("targets")
    assert list(scorecard.index) == list(targets["id"])
    computed = scorecard["value"].notna()
    assert computed.sum() >= 70
    assert (scorecard.loc[~computed, "reason"] != "").all()
    assert scorecard.loc[computed, "passes"].notna().all()
    assert scorecard.loc[~computed, "passes"].isna().all()


def test_measure_lesser__computes_every_lesser_figure_once(scorecard):
    tables = StudyTables(simulate_cohort(SMALL, 1))
    found = measure_lesser(tables, StudyTables(simulate_cohort(SMALL, 2)))
    lesser = read_template("targets_optional")
    assert set(lesser["id"]) == set(found) | {"E1", "E5", "E7"}
    assert not set(lesser["id"]) & set(scorecard.index)
    known = lesser.set_index("id").join(pd.Series(found, name="value")).dropna(subset=["value"])
    close = (known["value"] - known["real_value"]).abs() <= 6 * known["tolerance_abs"]
    assert close.mean() > 0.95, "a figure of another unit or sign would lie far off"


def test_score__says_what_was_fed(scorecard):
    assert set(scorecard.index[scorecard["origin"] == "fed"]) <= set(FED)
    assert (scorecard["origin"] == "emergent").sum() > 30


def test_compare_with_targets__passes_inside_the_interval_or_within_tolerance():
    table = compare_with_targets({"D01": 0.9219, "D02": 0.60, "S03": 0.59}).set_index("id")
    assert table.loc["D01", "passes"]
    assert not table.loc["D02", "passes"]
    assert table.loc["S03", "passes"]  # outside the interval, within tolerance_abs


def test_explain_by_site__is_near_zero_without_and_near_one_with_an_effect():
    rng = np.random.default_rng(3)
    people = pd.DataFrame({"site": np.repeat(["x", "y"], 100)})
    noise = rng.normal(size=200)
    values = pd.DataFrame({"none": noise, "all": (people["site"] == "x") * 100 + noise})
    shares = explain_by_site(values, people)
    assert shares["none"] < 0.05
    assert shares["all"] > 0.99


def test_predict__keeps_households_whole():
    rng = np.random.default_rng(4)
    home = np.repeat([f"h{n}" for n in range(60)], 2)
    people = pd.DataFrame({"household_id": home, "group": ["MS", "control"] * 60})
    shared = rng.normal(size=(60, 5))[np.arange(120) // 2]  # what only the household knows
    auc, inside = predict(pd.DataFrame(shared), people)
    assert auc == pytest.approx(0.5, abs=0.02)
    assert inside < 0.05  # equal scores: nobody is higher


def test_shrink__keeps_what_chance_cannot_explain():
    rng = np.random.default_rng(5)
    error = pd.Series(np.full(4000, 1.0))
    truth = pd.Series(rng.normal(0, 2, 4000))
    shrunk = shrink(truth + rng.normal(size=4000), error)
    assert np.polyfit(shrunk, truth, 1)[0] == pytest.approx(1, abs=0.05)


def test_split_disease__adds_up_to_the_all_ms_effect():
    from calibration.plant import DRUG_SHARES

    table = read_taxa("species").table
    again = split_disease(table)
    mean_drug = sum(DRUG_SHARES[drug] * again[drug] for drug in DRUGS)
    planted = again["ms_all"] != 0
    np.testing.assert_allclose(
        (again["ms"] + mean_drug)[planted], again.loc[planted, "ms_all"], atol=1e-9
    )


def test_template__holds_the_released_hits_and_441_species():
    table = read_taxa("species").table
    source = read_template("species_source").set_index("species")
    assert (table["tail"] == 0).sum() == 441
    assert table.loc[table["tail"] == 1, "mean"].sum() == pytest.approx(0.02, abs=0.002)
    hits = source.index[source["ms_fdr"] < 0.05]
    assert len(hits) == 32
    assert set(hits) <= set(choose_planted(table))
    signs = np.sign(source.loc[hits, "ms_coef_asin"])
    assert (np.sign(table.loc[hits, "ms_all"]) == signs).mean() > 0.95


def test_template__means_hold_in_a_cohort_it_was_not_solved_on():
    cohort = simulate_cohort(StudyDesign(), 31)
    controls = cohort.participants.index[cohort.participants["group"] == "control"]
    counts = cohort.table("shotgun").loc[controls]
    seen = counts.div(counts.sum(axis=1), axis=0).mean()
    asked = read_taxa("species").table["mean"]
    common = asked.index[asked > 0.003]
    assert np.abs(np.log(seen[common] / asked[common])).median() < 0.08


def test_estimands__agree_with_what_was_planted():
    table = find_estimands(SMALL)
    assert set(table["scale"]) == {"latent", "carried", "clr", "asin", "prevalence"}
    species = table[table["assay"] == "shotgun"].set_index(["contrast", "scale", "feature"])
    latent = species["value"].xs("latent", level="scale")
    asked = read_taxa("species").table.query("tail == 0")
    plain = asked["severity"] == 0
    untreated = latent["untreated MS - control"] - asked["ms"]
    np.testing.assert_allclose(untreated[plain], 0.0, atol=1e-5)
    points = (untreated / asked["severity"])[~plain]  # the patients' mean MSSS from 3.4
    np.testing.assert_allclose(points, points.iloc[0], atol=1e-3)
    np.testing.assert_allclose(latent["interferon - untreated"], asked["interferon"], atol=1e-5)
    both = untreated + asked["ms"] + asked["fingolimod"]
    np.testing.assert_allclose(latent["fingolimod MS - control"], both, atol=1e-5)
    np.testing.assert_allclose(latent["per MSSS point (untreated)"], asked["severity"], atol=1e-5)


def test_estimands__do_not_depend_on_the_study_s_size():
    larger = SMALL.replace(pairs_per_site={k: 3 * n for k, n in SMALL.pairs_per_site.items()})
    pd.testing.assert_frame_equal(find_estimands(SMALL), find_estimands(larger))


def test_estimands__vanish_without_disease_and_drugs():
    table = find_estimands(SMALL.replace(disease=0.0, treatment=0.0, severity=0.0))
    assert (table["value"] == 0).all()
