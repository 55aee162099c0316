"""Recruitment from a population: those who got MS there, and people they live among.

Patients bring their sex, age, onset, body mass, smoking, genes and light along. What the
population does not know of them, course and treatment, is drawn as in the clinic of their site,
given who they are.
"""

import numpy as np
import pandas as pd
from scipy import stats
from scipy.special import expit

from cohabit.simulate import clinic, exposures, partners
from cohabit.simulate.bmi import draw_bmi_since
from cohabit.simulate.design import StudyDesign
from cohabit.simulate.dice import Dice, sites_of, stream
from cohabit.simulate.places import is_near
from cohabit.simulate.population import simulate_population
from cohabit.simulate.population_design import PopulationDesign
from cohabit.simulate.template import read_template

LATITUDE = {
    "San Francisco": 37.8,
    "Boston": 42.4,
    "New York": 40.7,
    "Pittsburgh": 40.4,
    "Buenos Aires": 34.6,
    "Edinburgh": 55.9,
    "San Sebastian": 43.3,
}
"""Degrees from the equator; the map of the population has one hemisphere."""

CARRIED = ["latitude", "vitamin_d", "hla_drb1_1501", "hla_a0201", "polygenic_score"]
"""What people bring beside the columns that every cohort has."""

KEPT = ["sex", "age", "onset_age", "prevalent", "ms", "alive", "kindred", "bmi_20"]
KEPT += ["smoker", "smoking_start", "smoking_stop", *CARRIED]

PEOPLE_A_PATIENT, FEWEST, MOST_VILLAGES = 1_200, 20_000, 20


def recruit(people: pd.DataFrame, dice: Dice, design: StudyDesign, seed: int) -> pd.DataFrame:
    """Fill the places of a study with people of a population.

    Parameters
    ----------
    people : DataFrame, one row a person
        As enrolled: household_id, group, site, country; the patient first.
    dice : Dice
    design : StudyDesign
    seed : int

    Returns
    -------
    DataFrame
        `people` with sex, age, bmi, course, treatment, onset_age, duration, smoking and
        `CARRIED`: the home's latitude (degrees), vitamin_d (nmol/L), copies of two HLA alleles, and
        the sum of risk alleles weighted by their log odds ratios.

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
    women[:, 1] = partners.draw_sex(women[:, 0], place, dice, design)
    ages = partners.draw_age(patients["age"].to_numpy(dtype=float), women, dice)
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
    """Return a site's patients, one a kindred, and the healthy people who live around it."""
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
    """Return who has MS and who has not among the adults of a population around a site."""
    population = simulate_population(
        PopulationDesign(), n_people=n_people, seed=seed, near=LATITUDE[site]
    )
    table = population.people.assign(polygenic_score=population.exposed.loci_score)[KEPT]
    table = table[is_near(table, LATITUDE[site])]
    cases = table[table["prevalent"] & table["age"].between(*clinic.AGES)]
    healthy = table[table["alive"] & ~table["ms"] & table["age"].between(*partners.AGES)]
    cases = cases.drop_duplicates("kindred")
    return cases, healthy[~healthy["kindred"].isin(cases["kindred"])]


def _choose_partners(pool: pd.DataFrame, wanted: pd.DataFrame) -> pd.DataFrame:
    """Return for each wanted sex and age the person nearest in age, nobody twice."""
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
    """Add what a study records of recruits; take away what only the population knew."""
    people["duration"] = np.floor(people["age"] - people["onset_age"])
    people["onset_age"] = people["age"] - people["duration"]
    people["smoking"] = _name_smoking(people)
    youth = np.log(people["bmi_20"] / exposures.BMI_AT_20) / exposures.BMI_LOG_SD
    people["bmi"] = draw_bmi_since(youth.to_numpy(), people, dice)
    return people.join(_draw_clinic(people, dice)).drop(columns=set(KEPT) - _RECORDED)


_RECORDED = {"sex", "age", "onset_age", *CARRIED}


def _name_smoking(people: pd.DataFrame) -> np.ndarray:
    started = people["smoker"].astype(bool) & (people["smoking_start"] <= people["age"])
    stopped = started & (people["smoking_stop"] <= people["age"])
    return np.select([stopped, started], ["former", "current"], "never")


def _draw_clinic(people: pd.DataFrame, dice: Dice) -> pd.DataFrame:
    """Draw course and treatment by site, given sex, age and years since onset.

    Bayes' rule on the clinic's own tables: a cell's share at the site, times how likely its
    course has a patient of this sex, age and duration, the three taken as independent.
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
    site = read_template("people_sites").set_index("site").loc[patients["site"]]
    woman = (patients["sex"] == "female").to_numpy()
    likelihood = {}
    for course, row in read_template("people_courses").set_index("course").iterrows():
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
