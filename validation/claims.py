"""Whether the study's own analyses find what was planted as often as they can, claim by claim.

Each claim whose truth this world holds feature by feature (species, genera, the mean of seven
species under therapy, pathways, metabolites) is estimated by the functions the notebooks call,
in whole cohorts of 576 pairs. *Planted* is the mean effect were all patients untreated, before
any library is read. The contrasts are made of other people: the untreated are severer by about
0.9 MSSS points and severity has effects of its own, and reads miss what is rare and see some
genera better than others. So what a contrast *owes* is measured in cohorts of other seeds, each
drawn with and without disease, therapy and severity from the same random numbers: the study's
estimator of what these changed in each person's measured values. *By severity* is the part that
goes when severity has no effect. A rank correlation with severity owes its mean over other
cohorts, and *site held* is that mean when the site is held beside age and BMI.

*Predicted*: the chance that the 95% interval lies inside the claim's region, from what is owed,
the standard error of each of these cohorts, and the noncentral t (rank correlations: the normal
on Fisher's scale). A claim that is true owes its predicted power, within the binomial 99%
interval; one that is untrue owes to agree no more often than chance, 2.5% or what closure moves
its share by; in the world called `null` every claim of an effect is untrue. *Confounded*: untrue,
and agreeing more often than that, as often as what is owed foretells. Of significant results for
claims that are true, 1% may have the wrong sign. Not asked here, because no mean with a standard
error answers: shares of variance, counts of species, prediction, diversity, networks, diet.

The study's rule for severity holds age and BMI, not the site. Sites differ in severity and in
species, so that species go with severity where nothing makes them: in `null`, *Firmicutes*
CAG:475 has a mean rank correlation of 0.04 (0.01 with the site held; 0.00 in a world without
differences between sites) and is found to rise with severity three times as often as by chance.

The worlds share their random numbers: where *found* lies off zero in `null`, by luck, it lies as
far off what is owed in `study`. So *D. longicatena* does, by 0.0004, and is found a little less.
"""

import numpy as np
import pandas as pd
from scipy import stats

from cohabit.data.cohort import Cohort, pairs_where
from cohabit.data.people import with_study_groups
from cohabit.judge import claims
from cohabit.judge.recovery import planted_values
from cohabit.run.results import read_reference
from cohabit.simulate import StudyDesign, simulate_cohort, simulate_shotgun
from cohabit.stats import composition, molecules, paired, partners
from validation import gates, owed

TITLE = "Claims: predicted power, signs, and what is untrue"
SEEDS, FIRST_SEED = 100, 80_000
OWING, FIRST_OWING = {"contrasts": 30, "ranks": 100}, 82_000
"""Cohorts that say what is owed, of seeds of their own."""

NOMINAL, MOST_WRONG_SIGNS = 0.025, 0.01
CONFOUNDED = "confounded"
OWED = ["owed", "mild", "site_held"]
CHANCES = ("by_planting", "predicted")
COLUMNS = ["claim_id", "estimate", "low", "high", "n"]


def parts() -> list[str]:
    """Return the names of the cohorts, the worlds by turns, and of those that say what is owed."""
    kinds = dict.fromkeys(owed.WORLDS, SEEDS) | OWING
    return [
        f"{kind}-{number:03d}"
        for number in range(SEEDS)
        for kind, n_cohorts in kinds.items()
        if number < n_cohorts
    ]


def measure(part: str) -> pd.DataFrame:
    """Return the estimates of one cohort, one row a claim."""
    world, number = part.split("-")
    if world in OWING:
        published = read_claims()
        of_severity = published["truth_contrast"] == owed.SEVERITY
        chosen = published[of_severity if world == "ranks" else ~of_severity]
        return getattr(owed, f"measure_{world}")(FIRST_OWING + int(number), chosen)
    return ask_cohort(StudyDesign.preset(world), FIRST_SEED + int(number)).assign(world=world)


def ask_cohort(design: StudyDesign, seed: int) -> pd.DataFrame:
    """Return what one cohort says of each claim, beside what was planted.

    A world without disease is asked about species alone, which is four times as fast.
    """
    published = read_claims()
    cohort = (simulate_cohort if design.disease else simulate_shotgun)(design, seed)
    found = pd.concat(estimate(cohort, published)).dropna(subset=["estimate", "low", "high"])
    planted = planted_values(cohort.truth, published)
    region = published[["claim_id", "region_low", "region_high"]]
    table = found[COLUMNS].merge(planted, on="claim_id").merge(region, on="claim_id")
    return table.assign(seed=seed)


def read_claims() -> pd.DataFrame:
    """Return the claims about features whose truth is planted."""
    published = read_reference("claims")
    published = published[published["claim_id"].str.match(r"0[6-9]\.")]
    return published[published["truth_contrast"] != ""]


def estimate(cohort: Cohort, published: pd.DataFrame) -> list[pd.DataFrame]:
    """Return estimates of the claims, as notebooks 06 to 09 make them."""
    people = with_study_groups(cohort.participants)
    untreated = pairs_where(people, treatment="untreated")
    groups = {"MS": people, "untreated MS": untreated, "treated MS": people.drop(untreated.index)}
    counts = cohort.table("shotgun")
    results = [
        partners.compare_with_partners(counts, groups),
        compare_therapies(counts, people, published),
        owed.rank_severity(counts, untreated),
    ]
    chosen = published["claim_id"].str.match(r"0[678]\.(?!genus)")
    asked = {"species": (published[chosen], pd.concat(results))}
    if "16s" in cohort.features:
        genera = cohort.table("16s", rank="genus")
        of_genera = published[published["claim_id"].str.contains(".genus.")]
        asked["genera"] = of_genera, partners.compare_with_partners(genera, {"MS": people})
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
    adjusted = {"differences": owed.DIFFERENCES}
    return pd.concat(
        paired.compare_pair_differences(seven, people, by, **adjusted) for by in owed.THERAPIES
    )


def compare_function(cohort: Cohort, people, groups: dict, published) -> pd.DataFrame:
    """Return pathways on asin-sqrt shares and metabolites in logs, patients against partners."""
    pathways, logs, _ = molecules.take_molecules(cohort)
    asin = molecules.list_scales(molecules.keep_detected(pathways))["asin-sqrt"]
    drugs = [name.removesuffix(" MS - control") for name in published["truth_contrast"]]
    drugs = [drug for drug in dict.fromkeys(drugs) if drug in set(people["treatment"].dropna())]
    groups = groups | {f"{drug} MS": pairs_where(people, treatment=drug) for drug in drugs}
    tables = [
        molecules.combine_molecules(table, published["truth_feature"]) for table in (asin, logs)
    ]
    compared = [molecules.compare_molecules(table, groups) for table in tables]
    return pd.concat([*compared, molecules.compare_therapies(tables[1], people)])


def summarise(measured: pd.DataFrame) -> pd.DataFrame:
    """Return one row a world and claim: how often it agreed, how often it should have."""
    about = ["world", "claim_id"]
    owing = measured.reindex(columns=[*about, *OWED]).groupby(about, sort=False).mean()
    table = measured[measured["planted"].notna()].drop(columns=OWED, errors="ignore")
    table = table.join(owing["owed"], on=about)
    ranks = table["planted_scale"] == "carried"
    table["owed"] = table["owed"].fillna(table["planted"].mask(ranks))
    wrong = np.sign(table["estimate"]) != np.sign(table["planted"])
    significant = (table["low"] > 0) | (table["high"] < 0)
    table = table.assign(
        by_planting=predict(table, "planted").mask(ranks),
        predicted=predict(table, "owed"),
        agreed=table["low"].gt(table["region_low"]) & table["high"].lt(table["region_high"]),
        significant=significant,
        wrong_sign=significant & wrong,
        true_here=table["true_here"].astype(str).eq("True"),
    )
    by = table.groupby(about, sort=False)
    found = by.agg(cohorts=("seed", "size"), found=("estimate", "mean"))
    first, chances = by[["true_here", "planted", "owed"]].first(), by[[*CHANCES]].mean()
    owing = owing.assign(by_severity=first["owed"] - owing["mild"])[["by_severity", "site_held"]]
    counts = by[["agreed", "significant", "wrong_sign"]].sum().astype(int)
    return _judge(first.join([owing, found, chances, counts]).reset_index())


def predict(table: pd.DataFrame, value: str) -> pd.Series:
    """Return the chance that each interval would lie in its region, were a value true.

    For regions that end at 0, with the error of each cohort: the noncentral t, and for rank
    correlations the normal on Fisher's scale.
    """
    side = np.where(table["region_low"] == 0, 1.0, -1.0)
    df = (table["n"] - 5).clip(lower=3)
    bound = stats.t.ppf(0.975, df)
    error = (table["high"] - table["low"]) / 2 / bound
    chance = stats.nct.sf(bound, df, side * table[value] / error)
    ranks = table["planted_scale"] == "carried"
    z = np.arctanh(table[["low", "high", value]].where(ranks))
    reach = (z["high"] - z["low"]) / 2
    of_ranks = stats.norm.sf(1.96 * (1 - side * z[value] / reach))
    open_ended = np.isinf(table["region_low"]) | np.isinf(table["region_high"])
    return pd.Series(np.where(ranks, of_ranks, chance), table.index).where(open_ended)


def _judge(table: pd.DataFrame) -> pd.DataFrame:
    n, agreed, true = table["cohorts"], table["agreed"], table["true_here"]
    predicted, at_most = table["predicted"], np.maximum(NOMINAL, table.pop("by_planting").fillna(0))
    low, high = stats.binom.interval(0.99, n, np.where(true, predicted, at_most))
    low = np.where(true, low, 0)
    bias = np.maximum(at_most, predicted.fillna(0))
    chosen = {
        "not predicted": true & predicted.isna(),
        CONFOUNDED: ~true & (agreed > high) & (agreed <= stats.binom.ppf(0.995, n, bias)),
        "too often": agreed > high,
        "too seldom": agreed < low,
    }
    verdict = np.select([*chosen.values()], [*chosen], gates.HOLDS)
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
