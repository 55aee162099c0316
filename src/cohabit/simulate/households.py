"""The people: sites, couples, sex, age, BMI; and the whole participant table."""

from functools import cache

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import expit, logit, ndtr, ndtri

from cohabit import schema
from cohabit.simulate import clinic, covariates
from cohabit.simulate.dag import run_draws
from cohabit.simulate.design import StudyDesign
from cohabit.simulate.dice import Dice, household_ids, sites_of
from cohabit.simulate.streams import stream
from cohabit.simulate.template import read_template

AGES = (18, 81)  # years, youngest and oldest released partner


def draw_people(design: StudyDesign, seed: int, *, complete: bool = False) -> pd.DataFrame:
    """Draw the participants of a study.

    Parameters
    ----------
    design : StudyDesign
    seed : int
    complete : bool
        Keep the answers of the questionnaire that were never returned: what is true, not
        what was recorded.

    Returns
    -------
    DataFrame, one row a person
        Index participant_id; household after household, the patient first. Known columns
        are ordered categories; what only patients have is missing for controls.

    Notes
    -----
    With ``design.strangers`` each control keeps the participant ID and every draw of their
    own, and is moved to another household of the site: only `household_id` changes.
    """
    people = enrol(design)
    dice = Dice.of(people, design, seed)
    people = run_draws(people, DRAWS, dice, design)
    people = _recruit(people, dice, design, seed)
    others = [name for name in people if name not in COLUMNS]
    people = schema.order_levels(people[[*COLUMNS, *others]])
    return people if complete else covariates.hide_unanswered(people, design, seed)


COLUMNS = (
    *("household_id", "group", "site", "country", "sex", "age", "bmi", "course", "treatment"),
    *("onset_age", "duration", "edss", "msss", "relapses", "smoking"),
)


def enrol(design: StudyDesign) -> pd.DataFrame:
    """Return who takes part: two people a household, ``SF-001-a`` with MS, ``SF-001-b`` without."""
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
    """Draw the patients' sex by site and course, and whether the partner's is the other one."""
    patients = people[people["group"] == "MS"]
    table = _site_table().loc[patients["site"]]
    base = patients["course"].map(_course_table()["women_logit"]).to_numpy(dtype=float)
    women = dice.quotas("sex")[::2] < expit(base + table["women_logit"].to_numpy())
    tilt = np.where(women, SAME_SEX_LOGIT["female"], SAME_SEX_LOGIT["male"])
    base = _same_sex_intercept(1 - design.opposite_sex_share)
    share = expit(base + table["same_sex_logit"].to_numpy() + tilt)
    same = dice.quotas("same_sex")[::2] < share
    is_woman = np.column_stack([women, women == same]).ravel()
    return pd.Series(np.where(is_woman, "female", "male"), people.index)


SAME_SEX_LOGIT = {"female": 0.1236, "male": -0.3413}  # log odds by the patient's sex, released data
WOMEN_SHARE = 400 / 576  # of the released patients


@cache
def _same_sex_intercept(share: float) -> float:
    """Return the log odds that give this share of same-sex pairs in the study's mix of people."""
    if share in (0.0, 1.0):
        return float(logit(share))
    pairs = read_template("people_course_by_site").groupby("site")["row_total"].first()
    site = _site_table().loc[pairs.index, "same_sex_logit"].to_numpy()
    logits = np.add.outer(list(SAME_SEX_LOGIT.values()), site)
    weight = np.outer([WOMEN_SHARE, 1 - WOMEN_SHARE], pairs / pairs.sum())
    return brentq(lambda base: (weight * expit(base + logits)).sum() - share, -40, 40)


def draw_age(people: pd.DataFrame, dice: Dice, _: StudyDesign) -> pd.Series:
    """Draw whole years of age: the patient's by course and site, the partner's beside it."""
    patients = people[people["group"] == "MS"]
    row = _course_table().loc[patients["course"]]
    mean = row["age_mean"].to_numpy() + _site_table().loc[patients["site"], "age_offset"].to_numpy()
    u = dice.uniforms("age", per="household")[::2]
    age = np.rint(_between(u, mean, row["age_spread"].to_numpy(), 22, 78))
    women = (people["sex"] == "female").to_numpy().reshape(-1, 2)
    partner = _partner_age(age, women, dice)
    return pd.Series(np.column_stack([age, partner]).ravel().astype(int), people.index)


def _partner_age(age: np.ndarray, women: np.ndarray, dice: Dice) -> np.ndarray:
    """Return partners' ages: mostly a couple's gap, sometimes a parent, child or room-mate."""
    kind = dice.uniforms("kind_of_partner", per="household")[::2]
    close, couple = kind < 0.55, kind < 0.91
    man_older = women[:, 0].astype(int) - women[:, 1]
    gap = np.where(man_older > 0, np.where(close, 1.7, 5.8), np.where(man_older < 0, -0.2, 0.0))
    mean = np.where(couple, age + gap, 47.0)
    spread = np.where(close, 1.4, np.where(couple, 6.0, 15.0))
    u = dice.uniforms("partner_age", per="household")[::2]
    return np.rint(_between(u, mean, spread, *AGES))


def _between(u: np.ndarray, mean, spread, low: float, high: float) -> np.ndarray:
    """Return normal values, cut off at `low` and `high`, at the probabilities `u`."""
    floor, ceiling = ndtr((low - mean) / spread), ndtr((high - mean) / spread)
    return np.clip(mean + spread * ndtri(floor + u * (ceiling - floor)), low, high)


def draw_bmi(people: pd.DataFrame, dice: Dice, _: StudyDesign) -> pd.Series:
    """Draw BMI: lognormal above a floor, by group and sex, alike within households."""
    key = pd.MultiIndex.from_frame(people[["group", "sex"]])
    row = read_template("people_bmi").set_index(["group", "sex"]).loc[key]
    site = _site_table().loc[people["site"], "bmi_offset"].to_numpy()
    shared = dice.normals("bmi", per="household")
    own = dice.normals("bmi")
    z = np.sqrt(BMI_SHARED) * shared + np.sqrt(1 - BMI_SHARED) * own
    age = BMI_LOG_PER_YEAR * (people["age"].to_numpy(dtype=float) - 50)
    excess = np.exp(row["log_excess"].to_numpy() + site + age + row["log_sd"].to_numpy() * z)
    return pd.Series(np.round(row["floor"].to_numpy() + excess, 1), people.index)


BMI_SHARED = 0.33
BMI_LOG_PER_YEAR = 0.0038


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


def _recruit(people: pd.DataFrame, dice: Dice, design: StudyDesign, seed: int) -> pd.DataFrame:
    """Apply the dials of recruitment: strangers swap households, missing partners leave."""
    absent = dice.quotas("missing_partner") < design.missing_partners
    controls = (people["group"] == "control").to_numpy()
    if design.strangers:
        people = people.assign(household_id=_swap_households(people, controls, seed))
    return people[~(absent & controls)]


def _swap_households(people: pd.DataFrame, controls: np.ndarray, seed: int) -> np.ndarray:
    """Return household IDs in which every control has moved on along a random ring of the site."""
    households = people["household_id"].to_numpy().copy()
    for site in people["site"].unique():
        rows = np.flatnonzero(controls & (people["site"] == site).to_numpy())
        ring = stream(seed, f"people/strangers/{site}").permutation(rows)
        households[ring] = people["household_id"].to_numpy()[np.roll(ring, 1)]
    return households


@cache
def _site_table() -> pd.DataFrame:
    return read_template("people_sites").set_index("site")


@cache
def _course_table() -> pd.DataFrame:
    return read_template("people_courses").set_index("course")
