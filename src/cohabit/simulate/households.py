"""The participants: sites, couples, sex and age, and the table of all their variables."""

import numpy as np
import pandas as pd
from scipy.special import expit

from cohabit.data import schema
from cohabit.simulate import clinic, covariates
from cohabit.simulate.covariates import draw_bmi
from cohabit.simulate.dag import run_draws
from cohabit.simulate.design import StudyDesign
from cohabit.simulate.dice import Dice, household_ids, sites_of, stream
from cohabit.simulate.recruitment import (
    between,
    draw_partner_age,
    draw_partner_sex,
    recruit_from_population,
)
from cohabit.simulate.template import read_courses, read_sites


def draw_people(design: StudyDesign, seed: int, *, complete: bool = False) -> pd.DataFrame:
    """Draw the participants of a study.

    One row per person, household after household, the patient first; index participant_id. Known
    columns are ordered categories; what only patients have is missing for controls. Unreturned
    questionnaires are missing unless `complete`. With ``design.strangers`` each control keeps the
    participant ID and every draw of their own, and is moved to another household of the site.
    """
    people = enrol(design)
    dice = Dice.of(people, design, seed)
    if design.source == "population":
        people = recruit_from_population(people, dice, design, seed)
    draws = [
        (name, draw) for name, draw in DRAWS if not set(DRAWN.get(name, [name])) <= set(people)
    ]
    people = run_draws(people, draws, dice, design)
    people = _lose_and_swap(people, dice, design, seed)
    others = [name for name in people if name not in PEOPLE_COLUMNS]
    people = schema.order_levels(people[[*PEOPLE_COLUMNS, *others]])
    if complete:
        return people
    return covariates.hide_unanswered(people, Dice.of(people, design, seed))


PEOPLE_COLUMNS = (
    *("household_id", "group", "site", "country", "sex", "age", "bmi", "course", "treatment"),
    *("onset_age", "duration", "edss", "msss", "relapses", "smoking"),
)


def enrol(design: StudyDesign) -> pd.DataFrame:
    """Return the participants: two per household, ``SF-001-a`` with MS, ``SF-001-b`` without."""
    pairs = sites_of(design)
    households = np.repeat(household_ids(design), 2)
    letter = np.tile(["-a", "-b"], len(households) // 2)
    people = pd.DataFrame(
        {
            "household_id": households,
            "group": np.tile(["MS", "control"], len(households) // 2),
            "site": np.repeat(list(pairs), [2 * size for size in pairs.values()]),
        },
        index=pd.Index(households + letter, name="participant_id"),
    ).astype(object)
    people["country"] = people["site"].map(schema.SITE_COUNTRY)
    return people


def draw_sex(people: pd.DataFrame, dice: Dice, design: StudyDesign) -> pd.Series:
    """Draw the patients' sex by site and course, and their partners' sex."""
    patients = people[people["group"] == "MS"]
    offset = read_sites().loc[patients["site"], "women_logit"].to_numpy()
    base = patients["course"].map(read_courses()["women_logit"]).to_numpy(dtype=float)
    women = dice.quotas("sex")[::2] < expit(base + offset)
    partner = draw_partner_sex(women, patients["site"], dice, design)
    is_woman = np.column_stack([women, partner]).ravel()
    return pd.Series(np.where(is_woman, "female", "male"), people.index)


def draw_age(people: pd.DataFrame, dice: Dice, _: StudyDesign) -> pd.Series:
    """Draw whole years of age: patients by course and site, partners by the patient's age."""
    patients = people[people["group"] == "MS"]
    row = read_courses().loc[patients["course"]]
    mean = row["age_mean"].to_numpy() + read_sites().loc[patients["site"], "age_offset"].to_numpy()
    u = dice.uniforms("age", per="household")[::2]
    age = np.rint(between(u, mean, row["age_spread"].to_numpy(), *clinic.PATIENT_AGES))
    women = (people["sex"] == "female").to_numpy().reshape(-1, 2)
    partner = draw_partner_age(age, women, dice)
    return pd.Series(np.column_stack([age, partner]).ravel().astype(int), people.index)


DRAWS = (
    ("course_and_treatment", clinic.draw_course_and_treatment),
    ("sex", draw_sex),
    ("age", draw_age),
    ("bmi", draw_bmi),
    ("duration", clinic.draw_duration),
    ("onset_age", clinic.draw_onset_age),
    ("edss", clinic.draw_edss),
    ("msss", clinic.draw_msss),
    ("relapses", clinic.draw_relapses),
    *covariates.list_draws(),
)

DRAWN = {"course_and_treatment": ["course", "treatment"]}
"""Columns produced by draws that do not have the name of their column."""


def _lose_and_swap(
    people: pd.DataFrame, dice: Dice, design: StudyDesign, seed: int
) -> pd.DataFrame:
    """Swap partners when the design asks for strangers, and remove missing partners."""
    absent = dice.quotas("missing_partner") < design.missing_partners
    controls = (people["group"] == "control").to_numpy()
    if design.strangers:
        people = people.assign(household_id=_swap_households(people, controls, seed))
    return people[~(absent & controls)]


def _swap_households(people: pd.DataFrame, controls: np.ndarray, seed: int) -> np.ndarray:
    """Return household IDs with controls moved along a random ring within each site."""
    households = people["household_id"].to_numpy().copy()
    for site in people["site"].unique():
        rows = np.flatnonzero(controls & (people["site"] == site).to_numpy())
        ring = stream(seed, f"people/strangers/{site}").permutation(rows)
        households[ring] = people["household_id"].to_numpy()[np.roll(ring, 1)]
    return households
