"""Whether the study's own analyses find what was planted as often as they can, claim by claim.

Each claim whose truth this world holds feature by feature (species, genera, the mean of seven
species under therapy, pathways, metabolites) is estimated by the functions the notebooks call,
in whole cohorts of 576 pairs. *Predicted*: the chance that the 95% interval lies inside the
claim's region, from the planted value, the standard errors of these cohorts and the noncentral t.
A claim that is true owes its predicted power, within the binomial 99% interval; one that is
untrue owes to agree no more often than chance, 2.5% or what closure moves its share by; in the
world called `null` every claim of an effect is untrue. Of significant results for claims
that are true, 1% may have the wrong sign. Not predicted, because planted and found have
different scales or the estimate is no mean with a standard error: shares of variance, counts of
species, prediction, diversity, severity (a rank correlation; its sign counts), networks, diet.

*Planted* is the mean effect if all patients were untreated. Patients who are untreated are severer,
by about 0.9 MSSS points, and severity is planted to lower *F. prausnitzii*, *B. obeum* and both
*Roseburia* a little more: what the study's contrast finds in them (*found*) is a seventh to a
third larger than what lack of treatment and MS did, and those claims agree more often than
predicted. That is confounding by severity, in the study's own analysis.
"""

import numpy as np
import pandas as pd
from scipy import stats

from cohabit import association, claims, comparisons, composition, levels, paired
from cohabit.cohort import Cohort, pairs_where, with_study_groups
from cohabit.recovery import planted_values
from cohabit.results import read_reference
from cohabit.simulate import StudyDesign, simulate_cohort, simulate_shotgun
from validation import gates

TITLE = "Claims: predicted power, signs, and what is untrue"
WORLDS = ("study", "null")
SEEDS, FIRST_SEED = 100, 80_000
NOMINAL, MOST_WRONG_SIGNS = 0.025, 0.01
SEVERITY = "per MSSS point (untreated)"
THERAPIES = ("therapy", "treatment")
RANKS = {"min_prevalence": 0.5, "zeros_removed": True}
COLUMNS = ["claim_id", "estimate", "low", "high", "n"]


def parts() -> list[str]:
    """Return the names of the cohorts, the worlds by turns."""
    return [f"{world}-{number:03d}" for number in range(SEEDS) for world in WORLDS]


def measure(part: str) -> pd.DataFrame:
    """Return the estimates of one cohort, one row a claim."""
    world, number = part.split("-")
    return ask_cohort(StudyDesign.preset(world), FIRST_SEED + int(number)).assign(world=world)


def ask_cohort(design: StudyDesign, seed: int) -> pd.DataFrame:
    """Return what one cohort says of each claim, beside what was planted.

    A world without disease is asked about species alone, which is four times as fast.
    """
    published = read_reference("claims")
    published = published[published["claim_id"].str.match(r"0[6-9]\.")]
    published = published[published["truth_contrast"] != ""]
    cohort = (simulate_cohort if design.disease else simulate_shotgun)(design, seed)
    found = pd.concat(estimate(cohort, published)).dropna(subset=["estimate", "low", "high"])
    planted = planted_values(cohort.truth, published)
    region = published[["claim_id", "region_low", "region_high"]]
    table = found[COLUMNS].merge(planted, on="claim_id").merge(region, on="claim_id")
    return table.assign(seed=seed)


def estimate(cohort: Cohort, published: pd.DataFrame) -> list[pd.DataFrame]:
    """Return estimates of the claims, as notebooks 06 to 09 make them."""
    people = with_study_groups(cohort.participants)
    untreated = pairs_where(people, treatment="untreated")
    groups = {"MS": people, "untreated MS": untreated, "treated MS": people.drop(untreated.index)}
    counts = cohort.table("shotgun")
    results = [
        comparisons.compare_with_partners(counts, groups),
        compare_therapies(counts, people, published),
        rank_severity(counts, untreated),
    ]
    chosen = published["claim_id"].str.match(r"0[678]\.(?!genus)")
    asked = {"species": (published[chosen], pd.concat(results))}
    if "16s" in cohort.features:
        genera = cohort.table("16s", rank="genus")
        of_genera = published[published["claim_id"].str.contains(".genus.")]
        asked["genera"] = of_genera, comparisons.compare_with_partners(genera, {"MS": people})
        of_function = published[published["notebook"] == "09"]
        asked["function"] = of_function, compare_function(cohort, people, groups, of_function)
    return [
        claims.match_estimates(rows, found, notebook)
        for rows, found in asked.values()
        for notebook in rows["notebook"].unique()
    ]


def compare_therapies(counts, people, published: pd.DataFrame) -> pd.DataFrame:
    """Return the difference in differences of the mean of the seven species."""
    name = published.set_index("claim_id").loc["07.restoration", "truth_feature"]
    seven = composition.arcsine_sqrt(counts)[name.split("; ")].mean(axis=1).to_frame(name)
    adjusted = {"differences": "sex + age + bmi"}
    tables = [paired.compare_pair_differences(seven, people, by, **adjusted) for by in THERAPIES]
    return pd.concat(tables)


def rank_severity(counts, untreated: pd.DataFrame) -> pd.DataFrame:
    """Return rank correlations of species with severity among untreated patients."""
    patients = untreated[untreated["group"] == "MS"].dropna(subset=["msss", "age", "bmi"])
    shares = composition.relative_abundance(counts).loc[patients.index]
    adjusted = patients[["age", "bmi"]]
    ranked = association.partial_spearman(shares, patients["msss"], adjusted, **RANKS)
    return ranked.assign(contrast=SEVERITY).rename(columns={"n": "n_pairs"})


def compare_function(cohort: Cohort, people, groups: dict, published) -> pd.DataFrame:
    """Return pathways on asin-sqrt shares and metabolites in logs, patients against partners."""
    pathways, logs, _ = levels.take_levels(cohort)
    asin = levels.list_scales(levels.keep_detected(pathways))["asin-sqrt"]
    drugs = [name.removesuffix(" MS - control") for name in published["truth_contrast"]]
    drugs = [drug for drug in dict.fromkeys(drugs) if drug in set(people["treatment"].dropna())]
    groups = groups | {f"{drug} MS": pairs_where(people, treatment=drug) for drug in drugs}
    tables = [levels.combine_levels(table, published["truth_feature"]) for table in (asin, logs)]
    compared = [levels.compare_levels(table, groups) for table in tables]
    return pd.concat([*compared, levels.compare_therapies(tables[1], people)])


def summarise(measured: pd.DataFrame) -> pd.DataFrame:
    """Return one row a world and claim: how often it agreed, how often it should have."""
    table = measured.assign(
        agreed=(measured["low"] > measured["region_low"])
        & (measured["high"] < measured["region_high"]),
        significant=(measured["low"] > 0) | (measured["high"] < 0),
        predicted=predict(measured),
        true_here=measured["true_here"].astype(str).eq("True"),
    )
    wrong = np.sign(table["estimate"]) != np.sign(table["planted"])
    table["wrong_sign"] = table["significant"] & wrong
    by = table.groupby(["world", "claim_id"], sort=False)
    counts = by[["agreed", "significant", "wrong_sign"]].sum().astype(int)
    means = by.agg(
        cohorts=("seed", "size"),
        true_here=("true_here", "first"),
        planted=("planted", "first"),
        found=("estimate", "mean"),
        predicted=("predicted", "mean"),
    )
    return _judge(means.join(counts).reset_index())


def predict(table: pd.DataFrame) -> pd.Series:
    """Return the chance that each interval would lie in its region, given what was planted.

    For regions that end at 0; missing for severity, whose estimate has another scale.
    """
    df = (table["n"] - 5).clip(lower=3)
    bound = stats.t.ppf(0.975, df)
    error = (table["high"] - table["low"]) / 2 / bound
    side = np.where(table["region_low"] == 0, 1.0, -1.0)
    chance = pd.Series(stats.nct.sf(bound, df, side * table["planted"] / error), table.index)
    open_ended = np.isinf(table["region_low"]) | np.isinf(table["region_high"])
    return chance.where(open_ended & (table["planted_scale"] != "carried"))


def _judge(table: pd.DataFrame) -> pd.DataFrame:
    predicted, n = table["predicted"], table["cohorts"]
    most_by_chance = np.maximum(NOMINAL, predicted.fillna(0))
    owed = np.where(table["true_here"], predicted, most_by_chance)
    low, high = stats.binom.interval(0.99, n, owed)
    low = np.where(table["true_here"], low, 0)
    agreed = table["agreed"]
    chosen = [np.isnan(owed), agreed > high, agreed < low]
    verdict = np.select(chosen, ["not predicted", "too often", "too seldom"], gates.HOLDS)
    return table.assign(lowest=low, highest=high, verdict=verdict)


def conclude(summary: pd.DataFrame) -> str:
    """Say how many claims keep what they owe, and how many signs were wrong."""
    owing = summary[summary["verdict"] != "not predicted"]
    holds = owing["verdict"] == gates.HOLDS
    true, untrue = (owing[owing["true_here"] == kind] for kind in (True, False))
    kept, harmless = (holds[rows.index].sum() for rows in (true, untrue))
    planted = summary[summary["true_here"]]
    wrong, significant = planted["wrong_sign"].sum(), planted["significant"].sum()
    share = untrue["agreed"].sum() / max(1, untrue["cohorts"].sum())
    broken = [f"{r.claim_id} in {r.world} ({r.verdict})" for r in owing[~holds].itertuples()]
    return (
        f"{kept} of {len(true)} true claims are found as often as predicted (one in a hundred may "
        f"miss its 99% interval by luck) and {harmless} of {len(untrue)} untrue ones agree no more "
        f"often than they may, {share:.2%} of all; {wrong} of {significant} significant results "
        f"have the wrong sign ({MOST_WRONG_SIGNS:.0%} allowed); up to {summary['cohorts'].max()} "
        f"cohorts.{' Not: ' + '; '.join(broken) + '.' if broken else ''}"
    )
