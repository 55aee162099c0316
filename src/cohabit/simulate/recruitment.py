"""Recruitment: partners of patients, and studies filled from a population.

Patients from a population bring their sex, age, onset, body mass, smoking, genes and light along.
What the population does not know of them, course and treatment, is drawn as in the clinic of
their site, given who they are.
"""

from functools import cache

import numpy as np
import pandas as pd
from scipy import stats
from scipy.optimize import brentq
from scipy.special import expit, logit, ndtr, ndtri

from cohabit.simulate import clinic
from cohabit.simulate.covariates import draw_bmi_since
from cohabit.simulate.design import PopulationDesign, StudyDesign
from cohabit.simulate.dice import Dice, sites_of, stream
from cohabit.simulate.hazard import BMI_AT_20, BMI_LOG_SD
from cohabit.simulate.places import is_in_neighbourhood
from cohabit.simulate.population import simulate_population
from cohabit.simulate.template import read_courses, read_sites, read_template

LATITUDE = {
    "San Francisco": 37.8,
    "Boston": 42.4,
    "New York": 40.7,
    "Pittsburgh": 40.4,
    "Buenos Aires": 34.6,
    "Edinburgh": 55.9,
    "San Sebastian": 43.3,
}
"""Latitude in degrees; the population's map has one hemisphere."""

CARRIED = ["latitude", "vitamin_d", "hla_drb1_1501", "hla_a0201", "polygenic_score"]
"""Columns that recruits have in addition to those of every cohort."""

KEPT = ["sex", "age", "onset_age", "prevalent", "ms", "alive", "kindred", "bmi_20"]
KEPT += ["smoker", "smoking_start", "smoking_stop", *CARRIED]

PEOPLE_A_PATIENT, FEWEST, MOST_VILLAGES = 1_200, 20_000, 20


def recruit_from_population(
    people: pd.DataFrame, dice: Dice, design: StudyDesign, seed: int
) -> pd.DataFrame:
    """Fill the places of a study with people from a population.

    `people` are as enrolled: household_id, group, site, country, the patient first. Added are sex,
    age, bmi, course, treatment, onset_age, duration, smoking and `CARRIED`: the home's latitude
    (degrees), vitamin_d (nmol/L), copies of two HLA alleles, and the sum of risk alleles weighted
    by their log odds ratios.

    Raises
    ------
    ValueError
        When the population around a site has too few patients for it.
    """
    around = {
        site: _meet(site, n_pairs, design, seed) for site, n_pairs in sites_of(design).items()
    }
    patients = pd.concat([cases for cases, _ in around.values()], ignore_index=True)
    place = people.loc[people["group"] == "MS", "site"]
    women = np.column_stack([patients["sex"] == "female"] * 2)
    women[:, 1] = draw_partner_sex(women[:, 0], place, dice, design)
    ages = draw_partner_age(patients["age"].to_numpy(dtype=float), women, dice)
    wanted = pd.DataFrame({"sex": np.where(women[:, 1], "female", "male"), "age": ages})
    controls = [
        _choose_partners(pool, wanted[(place == site).to_numpy()])
        for site, (_, pool) in around.items()
    ]
    both = pd.concat([patients, *controls], ignore_index=True)
    both["latitude"] = np.tile(patients["latitude"], 2)
    by_turns = np.arange(len(people)).reshape(2, -1).T.ravel()
    return _describe(people.join(both.iloc[by_turns].set_axis(people.index)), dice)


def _meet(
    site: str, n_pairs: int, design: StudyDesign, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return a site's patients, one per kindred, and the healthy people around the site."""
    seeds = stream(seed, f"recruitment/{site}").integers(2**32, size=MOST_VILLAGES)
    cases, healthy = [], []
    for village in seeds:
        found, others = _visit(site, max(FEWEST, PEOPLE_A_PATIENT * n_pairs), int(village))
        cases.append(found)
        healthy.append(others)
        if sum(map(len, cases)) >= n_pairs:
            return pd.concat(cases, ignore_index=True)[:n_pairs], pd.concat(healthy)
    raise ValueError(
        f"pairs_per_site[{site!r}]: {n_pairs} patients wanted, {sum(map(len, cases))} found in "
        f"the population around it; ask for fewer"
    )


def _visit(site: str, n_people: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return adults with and without MS of a population around a site."""
    population = simulate_population(
        PopulationDesign(), n_people=n_people, seed=seed, near=LATITUDE[site]
    )
    table = population.people.assign(polygenic_score=population.exposed.loci_score)[KEPT]
    table = table[is_in_neighbourhood(table, LATITUDE[site])]
    cases = table[table["prevalent"] & table["age"].between(*clinic.PATIENT_AGES)]
    healthy = table[table["alive"] & ~table["ms"] & table["age"].between(*PARTNER_AGES)]
    cases = cases.drop_duplicates("kindred")
    return cases, healthy[~healthy["kindred"].isin(cases["kindred"])]


def _choose_partners(pool: pd.DataFrame, wanted: pd.DataFrame) -> pd.DataFrame:
    """Return for each wanted sex and age the person nearest in age, without repeats."""
    chosen = []
    for sex, rows in wanted.groupby("sex"):
        free = np.flatnonzero(pool["sex"] == sex)
        ages = pool["age"].to_numpy(dtype=float)[free]
        for place, age in rows["age"].items():
            nearest = np.abs(ages - age).argmin()
            ages[nearest] = np.inf
            chosen.append((place, free[nearest]))
    return pool.iloc[[person for _, person in sorted(chosen)]]


def _describe(people: pd.DataFrame, dice: Dice) -> pd.DataFrame:
    """Add what a study records of recruits and remove what only the population knows."""
    people["duration"] = np.floor(people["age"] - people["onset_age"])
    people["onset_age"] = people["age"] - people["duration"]
    people["smoking"] = _name_smoking(people)
    youth = np.log(people["bmi_20"] / BMI_AT_20) / BMI_LOG_SD
    people["bmi"] = draw_bmi_since(youth.to_numpy(), people, dice)
    return people.join(_draw_clinic(people, dice)).drop(columns=set(KEPT) - _RECORDED)


_RECORDED = {"sex", "age", "onset_age", *CARRIED}


def _name_smoking(people: pd.DataFrame) -> np.ndarray:
    started = people["smoker"].astype(bool) & (people["smoking_start"] <= people["age"])
    stopped = started & (people["smoking_stop"] <= people["age"])
    return np.select([stopped, started], ["former", "current"], "never")


def _draw_clinic(people: pd.DataFrame, dice: Dice) -> pd.DataFrame:
    """Draw course and treatment by site, given sex, age and years since onset.

    Uses Bayes' rule on the clinic's tables: a cell's share at the site times the likelihood of the
    patient's sex, age and duration given its course, taken as independent.
    """
    patients = people[people["group"] == "MS"]
    place = dice.quotas("course_and_treatment")[(people["group"] == "MS").to_numpy()]
    likelihood = _course_likelihood(patients)
    drawn = pd.DataFrame(None, people.index, ["course", "treatment"], dtype=object)
    for site, cells in clinic.fit_course_and_treatment().groupby("site"):
        here = (patients["site"] == site).to_numpy()
        chance = likelihood.loc[here, cells["course"]].to_numpy() * cells["share"].to_numpy()
        reached = np.cumsum(chance, axis=1) / chance.sum(axis=1, keepdims=True)
        cell = (reached[:, :-1] <= place[here, None]).sum(axis=1)
        drawn.loc[patients.index[here]] = cells[["course", "treatment"]].to_numpy()[cell]
    return drawn


def _course_likelihood(patients: pd.DataFrame) -> pd.DataFrame:
    """Return the likelihood of each patient's sex, age and duration (rows) by course."""
    site = read_sites().loc[patients["site"]]
    woman = (patients["sex"] == "female").to_numpy()
    likelihood = {}
    for course, row in read_courses().iterrows():
        share = expit(row["women_logit"] + site["women_logit"].to_numpy())
        years = patients["duration"].to_numpy(dtype=float) + 0.5
        shape = row["duration_shape"]
        likelihood[course] = (
            np.where(woman, share, 1 - share)
            * stats.norm.pdf(
                patients["age"] - site["age_offset"].to_numpy(), *row[["age_mean", "age_sd"]]
            )
            * stats.gamma.pdf(years, shape, scale=row["duration_mean"] / shape)
        )
    return pd.DataFrame(likelihood, index=patients.index)


PARTNER_AGES = (18, 81)  # years, youngest and oldest released partner
SAME_SEX_LOGIT = {"female": 0.1236, "male": -0.3413}  # log odds by the patient's sex, released data
WOMEN_SHARE = 400 / 576  # of the released patients


def draw_partner_sex(
    women: np.ndarray, site: pd.Series, dice: Dice, design: StudyDesign
) -> np.ndarray:
    """Return True for each patient whose partner is a woman.

    `women` and `site` are the patients'; `dice` those of all people, patient and partner by turns.
    """
    same = dice.quotas("same_sex")[::2]
    tilt = np.where(women, SAME_SEX_LOGIT["female"], SAME_SEX_LOGIT["male"])
    tilt = tilt + read_sites()["same_sex_logit"].loc[site].to_numpy()
    return women == (same < expit(_same_sex_intercept(1 - design.opposite_sex_share) + tilt))


@cache
def _same_sex_intercept(share: float) -> float:
    """Return the log odds that give this share of same-sex pairs in the study."""
    if share in (0.0, 1.0):
        return float(logit(share))
    pairs = read_template("people_course_by_site").groupby("site")["row_total"].first()
    logits = np.add.outer(
        list(SAME_SEX_LOGIT.values()), read_sites()["same_sex_logit"].loc[pairs.index].to_numpy()
    )
    weight = np.outer([WOMEN_SHARE, 1 - WOMEN_SHARE], pairs / pairs.sum())
    return brentq(lambda base: (weight * expit(base + logits)).sum() - share, -40, 40)


def draw_partner_age(age: np.ndarray, women: np.ndarray, dice: Dice) -> np.ndarray:
    """Return partners' ages: mostly of couples, sometimes of parents, children or housemates.

    `age` is the patients' in years; `women`, patients x 2, says whether the patient and whether the
    partner is a woman; `dice` are those of all people, patient and partner by turns.
    """
    kind = dice.uniforms("kind_of_partner", per="household")[::2]
    close, couple = kind < 0.55, kind < 0.91
    man_older = women[:, 0].astype(int) - women[:, 1]
    gap = np.where(man_older > 0, np.where(close, 1.7, 5.8), np.where(man_older < 0, -0.2, 0.0))
    mean = np.where(couple, age + gap, 47.0)
    spread = np.where(close, 1.4, np.where(couple, 6.0, 15.0))
    u = dice.uniforms("partner_age", per="household")[::2]
    return np.rint(between(u, mean, spread, *PARTNER_AGES))


def between(u: np.ndarray, mean, spread, low: float, high: float) -> np.ndarray:
    """Return quantiles at probabilities `u` of normals truncated to `low` and `high`."""
    floor, ceiling = ndtr((low - mean) / spread), ndtr((high - mean) / spread)
    return np.clip(mean + spread * ndtri(floor + u * (ceiling - floor)), low, high)
