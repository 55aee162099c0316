"""Exercises of parts 2 and 3, the cohort and the steps of the study: notebooks 02 to 11."""

import numpy as np
import pandas as pd

from cohabit.course.registry import Context, are_names, exercise, is_name, is_near, says_yes
from cohabit.data.cohort import pairs_where
from cohabit.stats.composition import filter_features, relative_abundance
from cohabit.stats.diversity import bray_curtis
from cohabit.stats.inference import normal_cdf
from cohabit.stats.molecules import take_molecules
from cohabit.stats.paired import fit_paired_model


def share_of_opposite_sex(people: pd.DataFrame) -> float:
    """Return the share of pairs that consist of a woman and a man."""
    sexes = people.astype({"sex": str}).groupby("household_id")["sex"].agg(["nunique", "size"])
    return float((sexes.loc[sexes["size"] == 2, "nunique"] == 2).mean())


def find_most_untreated_site(patients: pd.DataFrame) -> str:
    """Return the site with the largest share of untreated patients."""
    untreated = patients["treatment"].astype(str).eq("untreated")
    return untreated.groupby(patients["site"].astype(str)).mean().idxmax()


@exercise("02.1")
def _opposite_sex(answer: object, context: Context) -> bool | str:
    """Check the share of pairs that consist of a woman and a man."""
    return is_near(answer, share_of_opposite_sex(context.people), relative=0.005) or (
        "`ages` has a column of true and false, one row per household. Its mean is a share."
    )


@exercise("02.2")
def _most_untreated(answer: object, context: Context) -> bool | str:
    """Check the site with the largest share of untreated patients."""
    return is_name(answer, find_most_untreated_site(context.patients)) or (
        "Divide the column `untreated` of Figure 2 by the sum of each row: counts favour big sites."
    )


@exercise("03.1")
def _patients_are_lighter(answer: object, context: Context) -> bool | str:
    """Check the mean BMI of patients minus that of their partners."""
    return is_near(answer, _differences(context, "bmi").mean(), absolute=0.05) or (
        "Patient minus partner, home by home, in kg/m2; then the mean over homes."
    )


@exercise("03.2")
def _partners_of_one_age(answer: object, context: Context) -> bool | str:
    """Check the share of pairs with at most five years between them."""
    near = (_differences(context, "age").abs() <= 5).mean()
    return is_near(answer, near, absolute=0.005) or (
        "Take the difference in age home by home, without its sign; what share is at most 5?"
    )


def _differences(context: Context, name: str) -> pd.Series:
    wide = context.people.set_index(["household_id", "group"])[name].unstack()
    return (wide["MS"] - wide["control"]).dropna()


@exercise("04.1")
def _pairs_for_equivalence(answer: object, _: Context) -> bool | str:
    """Check the pairs for 1.96 sqrt(2 (1 - r) / n) within the margin: r = 0.25, margin 0.15."""
    expected = 2 * (1 - 0.25) * (1.96 / 0.15) ** 2
    return is_near(answer, expected) or (
        "The difference of two partners has the variance 2 (1 - r) / n; 1.96 of its standard "
        "errors must fit inside 0.15. Solve for n."
    )


@exercise("04.2")
def _halves_add_log_two(answer: object, _: Context) -> bool | str:
    """Check that splitting every kind in two equal halves raises Shannon entropy by ln 2."""
    return is_near(answer, np.log(2)) or (
        "Each share p becomes two shares p / 2. Write -2 (p / 2) log(p / 2) and expand the log."
    )


@exercise("05.1")
def _expected_household_r2(answer: object, context: Context) -> bool | str:
    """Check the R² of household if households share nothing: (H - 1) / (N - 1)."""
    people = context.people
    expected = (people["household_id"].nunique() - 1) / (len(people) - 1)
    return is_near(answer, expected) or (
        "By chance a term gets its df out of the N - 1. How many df has household?"
    )


@exercise("05.2")
def _countries_with_one_site(answer: object, context: Context) -> bool | str:
    """Check the number of countries that have only one site."""
    people = context.people
    sites = people.groupby(people["country"].astype(str))["site"].nunique()
    return are_names(answer, sites.index[sites == 1]) or (
        "Count the different sites of each country; name the countries that have only one."
    )


@exercise("05.3")
def _adjusted_r2(answer: object, _: Context) -> bool | str:
    """Check adjusted R², 1 - (1 - R²)(N - 1)/(N - 1 - df), for 0.06 on 6 df and N = 1,000."""
    expected = 1 - (1 - 0.06) * (1000 - 1) / (1000 - 1 - 6)
    return is_near(answer, expected, absolute=3e-4) or (
        "Adding terms cannot lower R²: take off what chance alone gives."
    )


@exercise("05.4")
def _household_ratio(answer: object, context: Context) -> bool | str:
    """Check the distance within households relative to that within sites.

    It is near 1 when partners are strangers and below 1 when households share microbes.
    """
    cohort = context.cohort
    shares = relative_abundance(cohort.table(cohort.main_assay, rank="family"))
    people = cohort.participants.loc[shares.index]
    distances = bray_curtis(shares).data
    expected = (
        distances[_mark_pairs(people, True)].mean() / distances[_mark_pairs(people, False)].mean()
    )
    return is_near(answer, expected) or (
        "Divide the mean distance of people who share a household by the mean of people of other "
        "households at the same site. A ratio near 1 means that households share nothing."
    )


def _mark_pairs(people: pd.DataFrame, same_household: bool) -> np.ndarray:
    """Return pairs of different people at one site, within or between households."""
    homes, sites = people["household_id"].to_numpy(), people["site"].astype(str).to_numpy()
    together = homes[:, None] == homes[None, :]
    at_one_site = sites[:, None] == sites[None, :]
    different = ~np.eye(len(people), dtype=bool)
    return at_one_site & different & (together == same_household)


@exercise("06.1")
def _hits_in_both_batches_by_luck(answer: object, _: Context) -> bool | str:
    """Check the nominal hits twice with one sign of 600 null species: 600 * 0.05 * 0.05 / 2."""
    return is_near(answer, 600 * 0.05 * 0.05 / 2) or (
        "One in twenty reaches P = 0.05 in the first batch, one in twenty of those in the second, "
        "and half of these point the other way."
    )


@exercise("06.2")
def _sex_picks_the_patient(answer: object, context: Context) -> bool | str:
    """Check how often guessing that the woman is the patient is right; 0.5 in same-sex pairs."""
    sex = context.people.set_index(["household_id", "group"])["sex"].astype(str).unstack()
    women = (sex[["MS", "control"]].dropna() == "female").astype(float)
    right = 0.5 + 0.5 * (women["MS"] - women["control"])
    return is_near(answer, right.mean(), absolute=0.005) or (
        "Pairs with a female patient and a male partner count 1, the reverse 0, pairs of one sex "
        "one half; take the mean over pairs."
    )


@exercise("07.1")
def _opposite_sex_share(answer: object, context: Context) -> bool | str:
    """Check the share of untreated pairs that consist of a woman and a man."""
    pairs = pairs_where(context.people, treatment="untreated")
    return is_near(answer, share_of_opposite_sex(pairs)) or (
        "Of the households with an untreated patient, in how many do two sexes live? "
        "The answer is a share, between 0 and 1."
    )


@exercise("07.2")
def _hits_by_chance(answer: object, context: Context) -> bool | str:
    """Check the number of filtered species with p <= 0.05 expected by chance."""
    counts = context.cohort.resolution.counts
    tested = filter_features(counts).shape[1]
    return is_near(answer, 0.05 * tested, relative=0.1) or (
        "When nothing differs, a p-value is as likely to fall anywhere between 0 and 1; "
        "multiply by the number of species that pass the filter."
    )


@exercise("07.3")
def _most_untreated_site(answer: object, context: Context) -> bool | str:
    """Check the site with the largest share of untreated patients."""
    return is_name(answer, find_most_untreated_site(context.patients)) or (
        "Among the patients of each site, what share is untreated? Name the site with the most."
    )


@exercise("07.4")
def _is_anything_planted(answer: object, context: Context) -> bool | str:
    """Check whether untreated MS affects any species, which depends on the world."""
    planted = context.truth.estimands
    rows = planted["contrast"].eq("untreated MS - control") & planted["scale"].eq("latent")
    moved = bool((planted.loc[rows, "value"] != 0).any())
    return says_yes(answer) is moved or (
        "Look at the whole distribution of p-values: flat, or piled up near 0? Answer yes or no."
    )


@exercise("08.1")
def _edss_against_msss(answer: object, context: Context) -> bool | str:
    """Check the correlation of age with EDSS minus that of age with MSSS, in patients."""
    patients = context.patients
    rho = patients[["age", "edss", "msss"]].corr(method="spearman")["age"]
    return is_near(answer, rho["edss"] - rho["msss"], absolute=0.02) or (
        "Rank correlations among patients only: age with EDSS, then age with MSSS; subtract."
    )


@exercise("08.2")
def _treated_are_milder(answer: object, context: Context) -> bool | str:
    """Check the mean EDSS of untreated minus treated patients."""
    return is_near(answer, _gap(context.patients), absolute=0.02) or (
        "Mean EDSS of untreated patients minus mean EDSS of treated patients."
    )


@exercise("08.3")
def _treated_are_milder_within_relapsing(answer: object, context: Context) -> bool | str:
    """Check the difference of 08.2 within RRMS."""
    patients = context.patients
    relapsing = patients[patients["course"].astype(str).eq("RRMS")]
    return is_near(answer, _gap(relapsing), absolute=0.02) or (
        "Keep the relapsing patients (RRMS) and take the same difference again."
    )


@exercise("08.4")
def _smallest_visible_correlation(answer: object, context: Context) -> bool | str:
    """Check the smallest |rho| with P = 0.05 in all untreated patients: 1.96 / sqrt(n - 2)."""
    n = int(context.patients["treatment"].astype(str).eq("untreated").sum())
    return is_near(answer, 1.96 / max(n - 2, 1) ** 0.5, relative=0.05) or (
        "A rank correlation of nothing has a standard error near 1 / sqrt(n - 2), "
        "where n is the number of untreated patients."
    )


def _gap(patients: pd.DataFrame) -> float:
    untreated = patients["treatment"].astype(str).eq("untreated")
    return float(patients.loc[untreated, "edss"].mean() - patients.loc[~untreated, "edss"].mean())


@exercise("09.1")
def _phytate_in_both(answer: object, context: Context) -> bool | str:
    """Check the share of untreated households where both partners have phytate degradation."""
    homes = pairs_where(context.people, treatment="untreated")["household_id"]
    pathways, _, _ = take_molecules(context.cohort)
    seen = (pathways["PWY-4702"] > 0).reindex(homes.index, fill_value=False)
    return is_near(answer, seen.groupby(homes).all().mean()) or (
        "Above zero in the patient and in the partner; then the mean over households."
    )


@exercise("09.2")
def _interferon_in_buenos_aires(answer: object, context: Context) -> bool | str:
    """Check the share of measured interferon users at one site."""
    _, logs, _ = take_molecules(context.cohort)
    measured = context.people[context.people.index.isin(logs.index)]
    users = measured[measured["treatment"].astype(str).eq("interferon")]
    return is_near(answer, users["site"].eq("Buenos Aires").mean()) or (
        "Only people with a row in metabolites.tsv, only interferon; then the share of one site."
    )


@exercise("09.3")
def _stool_mean_shift(answer: object, context: Context) -> bool | str:
    """Check the mean log stool metabolite of patients minus partners, shifted by water."""
    _, logs, _ = take_molecules(context.cohort)
    own = logs.filter(like="stool:").mean(axis=1).rename("mean")
    expected = fit_paired_model(own, context.people.loc[own.index], None)["estimate"].iloc[0]
    return is_near(answer, expected, relative=0.05, absolute=0.005) or (
        "Fatty acids in logs, as take_molecules gives them; one mean a person; patient minus "
        "partner, then the mean over households."
    )


@exercise("09.4")
def _water_alone(answer: object, context: Context) -> bool | str:
    """Check whether a common shift explains patients' stool, which depends on the world."""
    rows = context.truth.estimands.query(
        "assay == 'metabolites' and contrast == 'MS - control' and scale == 'latent'"
    )
    planted = rows.loc[rows["feature"].str.startswith("stool:"), "value"]
    alike = bool(np.ptp(planted) < 0.01)
    return says_yes(answer) is alike or (
        "Water moves every stool metabolite by one amount. Do all points of Figure 5, left, "
        "lie on the dashed line up to their intervals? Answer yes or no."
    )


@exercise("10.1")
def _half_is_left(answer: object, _: Context) -> bool | str:
    """Check the ratio of the released effects, 1.0 adjusted and 2.0 raw."""
    return is_near(answer, 0.5) or "Divide the adjusted difference by the raw one."


@exercise("10.2")
def _variance_of_a_pair_difference(answer: object, _: Context) -> bool | str:
    """Check the variance of a pair difference relative to strangers: 1 - r with r = 0.40."""
    return is_near(answer, 1 - 0.40) or (
        "Var(a - b) = Var(a) + Var(b) - 2 Cov(a, b); set the variances to 1."
    )


@exercise("11.1")
def _seen_as_an_edge(answer: object, _: Context) -> bool | str:
    """Check the chance that r >= 0.40 in 209 people when the truth is 0.35, by Fisher's z."""
    steps = (np.arctanh(0.40) - np.arctanh(0.35)) * np.sqrt(209 - 3)
    return is_near(answer, normal_cdf(-steps), absolute=0.005) or (
        "Take atanh of both, divide the distance by 1/sqrt(n - 3), and look up the upper tail."
    )


@exercise("11.2")
def _swaps_that_can_pass(answer: object, _: Context) -> bool | str:
    """Check the smallest B with 1/(B + 1) <= 0.05/18."""
    return is_near(answer, 359, relative=0) or (
        "The smallest p-value is 1/(B + 1); it has to be at most 0.05 divided by 18."
    )
