"""The analyses that traps compare; each takes a sample and returns one number."""

from functools import lru_cache

import numpy as np
import pandas as pd

from cohabit.experiments.traps.sample import Sample, half_carried
from cohabit.experiments.two_worlds import differ, remove_disease
from cohabit.stats import composition, diversity
from cohabit.stats.abundance import compare_abundance
from cohabit.stats.association import fit_linear_model, partial_spearman
from cohabit.stats.formula import model_matrix
from cohabit.stats.least_squares import residuals
from cohabit.stats.mixed import fit_household_model

ALPHA = 0.05
FIXED = "group + site + sex + age + bmi"
SCORES = ("edss", "msss", "duration", "onset_age", "relapses", "progressive", "disabled", "treated")
"""Clinical scores that a search for effects of severity can try."""


def percent_called(
    sample: Sample, *, patients_at: str | None = None, controls_at: str | None = None
) -> float:
    """Return the percentage of species with p <= 0.05 for MS.

    With sites, of the patients of one site and the controls of another.
    """
    people = sample.people
    if patients_at is not None:
        here = np.where(sample.patients, patients_at, controls_at)
        people = people[people["site"] == here]
    counts = sample.counts.loc[people.index]
    table = compare_abundance(counts, people, "group", "sex + age + bmi", "lmm_asin")
    return 100 * float((table["p_value"].dropna() <= ALPHA).mean())


def percent_more_species(sample: Sample, *, rarefied: bool) -> float:
    """Return the excess of observed species in patients over their partners, in per cent."""
    counts = sample.counts
    if rarefied:
        counts = diversity.rarefy(counts, int(counts.sum(axis=1).min()), rng=sample.world.seed)
    seen = np.log(diversity.observed(counts)).groupby(sample.patients).mean()
    return 100 * float(np.expm1(seen[True] - seen[False]))


def therapy_effect(sample: Sample, covariates: str | None = None) -> float:
    """Return the difference of treated and untreated patients in severity's species, in SD."""
    people = sample.people[sample.patients]
    treated = (people["treatment"] != "untreated").astype(float)
    people = people.assign(treated=treated, msss=people["msss"].astype(float))
    formula = "treated" if covariates is None else f"treated + {covariates}"
    fit = fit_linear_model(_score(sample, "severity").loc[people.index], people, formula)
    return _estimate(fit, "treated")


def status_effect(sample: Sample, covariates: str | None = None) -> float:
    """Return the difference of patients and partners in the species affected by sex, in SD."""
    formula = "group" if covariates is None else f"group + {covariates}"
    return _estimate(fit_household_model(_score(sample, "sex"), sample.people, formula))


def _estimate(fit: pd.DataFrame, coefficient: str = "group[MS]") -> float:
    return float(fit.set_index("coefficient").loc[coefficient, "estimate"])


def _score(sample: Sample, factor: str) -> pd.DataFrame:
    """Return each person's mean log-ratio of the species that a factor affects.

    Signs are turned so that the factor raises each species; weights are the sizes of the effects.
    """
    effect = sample.world.species.template.table.loc[sample.clr.columns, factor]
    score = sample.clr @ effect
    return (score / score.std()).to_frame("score")


def log_fold_of_amount(sample: Sample, *, carriers: bool) -> float:
    """Return MS minus partner in log abundance, averaged over species of medium prevalence.

    With `carriers`, only pairs in which both carry the species count; otherwise zeros become half a
    read.
    """
    counts = sample.counts[sample.world.species.taxa[half_carried(sample.world)]]
    logs = _log_shares(sample, counts.where(counts > 0) if carriers else counts + 0.5)
    homes = sample.people["household_id"]
    patients = sample.patients
    mine, theirs = (logs[who].set_index(homes[who]) for who in (patients, ~patients))
    return float((mine - theirs).mean().mean())


def _log_shares(sample: Sample, counts: pd.DataFrame) -> pd.DataFrame:
    """Return log shares of all counts."""
    return np.log(counts).sub(np.log(sample.counts.sum(axis=1)), axis=0)


def change_of_others(sample: Sample, but: str, *, corrected: bool) -> float:
    """Return the mean change of all other common species, MS minus partner, in natural logs.

    Common species are detected in at least half of the people. Uses log shares, or, if `corrected`,
    log-ratios minus the mode of all changes.
    """
    counts = composition.filter_features(sample.counts, min_prevalence=0.5)
    if corrected:
        table = compare_abundance(counts, sample.people, "group", "sex", "linda")
        return float(table.loc[table["feature"] != but, "estimate"].mean())
    mean = _log_shares(sample, counts.drop(columns=but) + 0.5).mean(axis=1).to_frame("mean")
    return _estimate(fit_household_model(mean, sample.people, "group + sex"))


def percent_best_score(sample: Sample, *, adjusted: bool) -> float:
    """Return the percentage of species associated with the best of the scores tried.

    With the switch on, all scores are tried; otherwise only the first. `adjusted` multiplies the
    smallest p by the number of scores tried (Bonferroni).
    """
    tries = _try_scores(sample)
    smallest = np.min(tries, axis=0) * (len(tries) if adjusted else 1)
    return 100 * float((smallest <= ALPHA).mean())


@lru_cache(maxsize=1)
def _try_scores(sample: Sample) -> list[np.ndarray]:
    """Return the p-values of all species for each score tried."""
    scores = _scores(sample)[list(SCORES if sample.on else SCORES[:1])]
    values = sample.clr[sample.patients]
    held = sample.people.loc[values.index, ["site", "sex", "age"]]
    tries = [partial_spearman(values, score, held) for _, score in scores.items()]
    return [table["p_value"].to_numpy() for table in tries]


def _scores(sample: Sample) -> pd.DataFrame:
    people = sample.people[sample.patients]
    scores = people[list(SCORES[:5])].astype(float)
    return scores.assign(
        progressive=(people["course"] != "RRMS").astype(float),
        disabled=(scores["edss"] >= 4).astype(float),
        treated=(people["treatment"] != "untreated").astype(float),
    )


def household_percent(sample: Sample, *, fit: str) -> float:
    """Return the mean household share of a species' variance in per cent, of complete pairs.

    With `fit` ``"reml"``, the variance component, which is never negative; with ``"moments"``, the
    variance of the partners' sums minus that of their differences, over the total.
    """
    if fit == "reml":
        table = fit_household_model(sample.clr, sample.people, FIXED)
        return 100 * float(table.groupby("feature")["household_icc"].first().mean())
    return _percent_shared(sample, sample.clr, FIXED)


def percent_shared_of_batch(sample: Sample, *, held: bool) -> float:
    """Return the household share, in per cent, of variation due to the technical batch.

    With `held`, among people of one batch.
    """
    return _percent_shared(sample, _score(sample, "batch"), FIXED + held * " + batch")


def _percent_shared(sample: Sample, values: pd.DataFrame, formula: str) -> float:
    rows = sample.people.reset_index().sort_values(["household_id", "group"])["participant_id"]
    values = values.loc[rows].to_numpy()
    design = model_matrix(formula, sample.people.loc[rows]).values.to_numpy(float)
    sums = _variance_left(values[::2] + values[1::2], design[::2] + design[1::2])
    apart = _variance_left(values[::2] - values[1::2], design[::2] - design[1::2])
    return 100 * float(((sums - apart) / (sums + apart)).mean())


def _variance_left(values: np.ndarray, design: np.ndarray) -> np.ndarray:
    """Return the residual variance of each column of `values`, given the design."""
    df = len(values) - np.linalg.matrix_rank(design)
    return (residuals(values, design) ** 2).sum(axis=0) / df


def percent_of_effect(sample: Sample, *, partners: bool) -> float:
    """Return the share of the exact effects of MS that a comparison finds, in per cent.

    It is the slope through the origin of estimates on exact effects, over the planted species.
    Without `partners`, patients are compared with controls from households without MS.
    """
    exact = differ(sample.world, remove_disease(sample.world), "clr", sample.clr.columns)
    exact = exact[sample.patients].mean()
    planted = sample.coefficients("group:MS")[exact.index] != 0
    counts, people = sample.counts[exact.index], sample.people
    if not partners:
        counts, people = _with_outsiders(sample, counts)
    table = compare_abundance(
        counts, people, "group", "site + sex + age + bmi", "lmm_clr", min_prevalence=0, min_total=0
    )
    found = table.set_index("feature")["estimate"][exact.index]
    found, exact = found[planted], exact[planted]
    return 100 * float((found * exact).sum() / (exact**2).sum())


def _with_outsiders(sample: Sample, counts: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return patients, and controls as they would be without a patient at home."""
    patients = sample.patients
    exposures = sample.world.species.exposures.assign(spillover=0.0)
    free = sample.world.with_species(sample.world.species.expose(exposures))
    outside = free.count(np.flatnonzero(~patients))[counts.columns]
    counts = pd.concat([counts[patients], outside])
    people = sample.people.loc[counts.index]
    own = people["household_id"].where(people["group"] == "MS", people["household_id"] + "-out")
    return counts, people.assign(household_id=own)
