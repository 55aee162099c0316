import numpy as np
import pandas as pd
import pytest
from released_intervals import INTERVALS
from scipy.stats import nbinom

from cohabit.data import schema
from cohabit.simulate.clinic import EDSS_STEPS, count_quantile, fit_course_and_treatment
from cohabit.simulate.design import StudyDesign
from cohabit.simulate.households import draw_people
from cohabit.simulate.template import read_template

STUDY = StudyDesign.preset("study")
SEEDS = range(101, 106)


def cramers_v(table: pd.DataFrame) -> float:
    observed = table.to_numpy(dtype=float)
    expected = np.outer(observed.sum(axis=1), observed.sum(axis=0)) / observed.sum()
    chi2 = ((observed - expected) ** 2 / expected).sum()
    return np.sqrt(chi2 / observed.sum() / (min(observed.shape) - 1))


def measure(people: pd.DataFrame) -> dict[str, float]:
    patients = people[people["group"] == "MS"]
    untreated = patients["treatment"] == "untreated"
    relapsing = patients["course"] == "RRMS"
    by_site = untreated.groupby(patients["site"]).mean()
    ranks = patients[["edss", "msss", "age"]].astype(float).corr("spearman")
    return {
        "C01": untreated.mean(),
        "C02": relapsing.mean(),
        "C03": (~relapsing)[untreated].mean(),
        "C04": patients["edss"].mean(),
        "C05": patients["edss"][relapsing].mean(),
        "C06": patients["edss"][~relapsing].mean(),
        "C07": patients["edss"].std(),
        "C08": ranks.loc["edss", "msss"],
        "C09": ranks.loc["edss", "age"],
        "C10": patients["duration"].mean(),
        "C11": patients["onset_age"][relapsing].mean(),
        "C12": cramers_v(pd.crosstab(patients["treatment"], patients["site"])),
        "C13": by_site["Edinburgh"] - by_site["Buenos Aires"],
    }


@pytest.fixture(scope="module")
def cohorts() -> list[pd.DataFrame]:
    return [draw_people(STUDY, seed) for seed in SEEDS]


@pytest.fixture(scope="module")
def medians(cohorts) -> pd.Series:
    return pd.DataFrame([measure(people) for people in cohorts]).median()


@pytest.mark.parametrize("target", [f"C{number:02d}" for number in range(1, 14)])
def test_draws__clinical_targets_lie_within_the_released_interval(target, medians):
    low, high = INTERVALS[target]
    assert low <= medians[target] <= high


def test_draw_edss__a_quarter_of_patients_have_none(cohorts):
    edss = pd.concat(cohorts)["edss"].dropna()
    assert (edss == 0).mean() == pytest.approx(0.229, abs=0.02)
    assert set(edss) <= set(EDSS_STEPS)


def test_draw_edss__sites_differ_as_released(cohorts):
    means = pd.concat(cohorts).groupby("site")["edss"].mean()
    assert means["Edinburgh"] == pytest.approx(3.84, abs=0.25)
    assert means["Buenos Aires"] == pytest.approx(0.95, abs=0.25)


def test_draw_msss__is_the_reference_rank_of_edss_and_duration(cohorts):
    patients = cohorts[0].dropna(subset="edss")
    table = read_template("people_msss").set_index("duration")
    for person in patients.sample(30, random_state=1).itertuples():
        assert person.msss == table.loc[min(person.duration, 60), f"{person.edss:g}"]


@pytest.mark.parametrize("seed", [3, 4])
def test_draw_course_and_treatment__fills_the_quota_of_each_cell(seed):
    patients = draw_people(STUDY, seed).dropna(subset="course")
    found = patients.groupby(["site", "course", "treatment"], observed=False).size()
    shares = fit_course_and_treatment().set_index(["site", "course", "treatment"])["share"]
    size = patients["site"].value_counts()
    expected = shares * shares.index.get_level_values("site").map(size)
    assert (found - expected).abs().max() < 2


def test_fit_course_and_treatment__keeps_all_three_margins():
    cells = fit_course_and_treatment()
    pairs = {row.site: row.row_total for row in read_template("people_course_by_site").itertuples()}
    cells["patients"] = cells["share"] * cells["site"].map(pairs)
    assert cells.groupby("site")["share"].sum().to_numpy() == pytest.approx(1)
    for name, keys in (
        ("people_course_by_site", ["site", "course"]),
        ("people_treatment_by_site", ["site", "treatment"]),
        ("people_treatment_by_course", ["course", "treatment"]),
    ):
        margin = read_template(name).set_index(keys)
        wanted = margin["share"] * margin["row_total"]
        fitted = cells.groupby(keys)["patients"].sum()
        assert (fitted - wanted).abs().max() < 1.0


def test_draw_course_and_treatment__untreated_is_a_treatment():
    treatment = draw_people(STUDY, 1)["treatment"]
    assert treatment.cat.categories.tolist() == list(schema.TREATMENTS)
    assert (treatment == "untreated").sum() == pytest.approx(209, abs=8)


def test_draw_duration__is_tied_to_age_within_course(cohorts):
    relapsing = pd.concat(cohorts).query("course == 'RRMS'")
    assert relapsing["age"].corr(relapsing["duration"]) == pytest.approx(0.60, abs=0.06)
    assert relapsing["duration"].median() == pytest.approx(10, abs=1)


def test_draw_relapses__are_rare(cohorts):
    relapses = pd.concat(cohorts)["relapses"].dropna()
    assert (relapses > 0).mean() == pytest.approx(0.130, abs=0.02)
    assert relapses.mean() == pytest.approx(0.162, abs=0.03)


def test_count_quantile__equals_scipy():
    u = np.linspace(0.001, 0.999, 200)
    for mean, size in ((0.05, 0.5), (0.8, 1.0), (2.5, 0.8)):
        expected = nbinom.ppf(u, size, size / (size + mean))
        counts = count_quantile(u, np.full(200, mean), size, largest=60)
        np.testing.assert_array_equal(counts, expected)


def draw_patients(**asked) -> pd.DataFrame:
    people = draw_people(STUDY.replace(**asked), 3)
    return people[people["group"] == "MS"]


def test_treated_share__fills_the_site_and_leaves_the_others_alone():
    usual, asked = draw_patients(), draw_patients(treated_share={"Edinburgh": 1.0, "Boston": 0.5})
    treated = (asked["treatment"] != "untreated").groupby(asked["site"], observed=True).sum()
    assert treated["Edinburgh"] == 131
    assert treated["Boston"] == 21
    elsewhere = ~usual["site"].isin(["Edinburgh", "Boston"])
    pd.testing.assert_frame_equal(asked[elsewhere], usual[elsewhere])
    assert (draw_patients(treated_share={"Boston": 0.0})["treatment"] != "untreated").sum() > 300


def test_course_shares__hold_at_every_site_beside_the_treated():
    shares = {"RRMS": 0.5, "SPMS": 0.3, "PPMS": 0.2}
    asked = draw_patients(course_shares=shares, treated_share={"Edinburgh": 0.8})
    for site, patients in asked.groupby("site", observed=True):
        counts = patients["course"].value_counts()
        for course, share in shares.items():
            assert abs(counts[course] - share * len(patients)) < 8, (site, course)
        assert counts.min() > 0, "Pittsburgh released no progressive patient, and is asked for some"
    there = asked[asked["site"] == "Edinburgh"]
    assert abs((there["treatment"] != "untreated").sum() - 0.8 * len(there)) <= 1
