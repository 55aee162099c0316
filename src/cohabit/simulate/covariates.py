"""The questionnaire: health, drugs, habits and weight, similar in households, with gaps."""

from collections.abc import Callable
from functools import cache, partial

import numpy as np
import pandas as pd

from cohabit.simulate.design import StudyDesign
from cohabit.simulate.dice import Dice
from cohabit.simulate.template import read_sites, read_template

UNRETURNED = {"household": 0.045, "person": 0.0126}
"""Share of unreturned questionnaires, for whole households and for single people."""

ANSWERS = {"birth_method": ("vaginal", "caesarean")}
"""Answers of variables that are not answered with no or yes."""


def draw_answer(variable: str, people: pd.DataFrame, dice: Dice, _: StudyDesign) -> pd.Series:
    """Draw a yes-or-no answer: probit by group, sex and site, correlated within households."""
    row = _covariate_table().loc[variable]
    intercept = people["group"].map({"MS": row["ms"], "control": row["control"]})
    yes = _leaning(variable, people, dice) > -intercept.to_numpy(dtype=float)
    return pd.Series(np.where(yes, *reversed(ANSWERS.get(variable, ("no", "yes")))), people.index)


def draw_level(variable: str, people: pd.DataFrame, dice: Dice, _: StudyDesign) -> pd.Series:
    """Draw an ordered answer: ordered probit, correlated within households."""
    scale = _scale_table()[variable]
    steps = np.where(
        (people["group"] == "MS").to_numpy()[:, None],
        scale["ms"].to_numpy()[:-1],
        scale["control"].to_numpy()[:-1],
    )
    level = (_leaning(variable, people, dice)[:, None] > steps).sum(axis=1)
    return pd.Series(scale.index.to_numpy()[level], people.index)


def _leaning(variable: str, people: pd.DataFrame, dice: Dice) -> np.ndarray:
    """Return each person's latent answer before the thresholds of the groups are applied."""
    row = _covariate_table().loc[variable]
    r = row["pair_r"]
    noise = np.sqrt(r) * dice.normals(variable, per="household")
    noise = noise + np.sqrt(1 - r) * dice.normals(variable)
    site = people["site"].map(row).to_numpy(dtype=float)
    shift = row["women"] * (people["sex"] == "female").to_numpy() + site
    return noise + shift


def hide_unanswered(people: pd.DataFrame, dice: Dice) -> pd.DataFrame:
    """Return a copy in which unanswered questions are missing.

    Whole questionnaires are missing, mostly for both partners, and single answers in addition; both
    completely at random.
    """
    people = people.copy()
    lost = dice.uniforms("unreturned", per="home") < UNRETURNED["household"]
    lost |= dice.uniforms("unreturned") < UNRETURNED["person"]
    returned = (1 - UNRETURNED["household"]) * (1 - UNRETURNED["person"])
    for variable, missing in _covariate_table()["missing"].items():
        if missing > 0:
            skipped = dice.uniforms(f"skipped/{variable}") < 1 - (1 - missing) / returned
            people[variable] = people[variable].where(~(lost | skipped))
    return people


@cache
def _covariate_table() -> pd.DataFrame:
    return read_template("people_covariates").set_index("variable")


@cache
def _scale_table() -> dict[str, pd.DataFrame]:
    scales = read_template("people_scales").groupby("variable", sort=False)
    return {variable: rows.set_index("level") for variable, rows in scales}


def list_draws() -> list[tuple[str, Callable]]:
    """Return all answers, smoking first, with the functions that draw them."""
    scales = list(_scale_table())
    answers = [name for name in _covariate_table().index if name not in scales]
    return [
        *[(name, partial(draw_level, name)) for name in scales],
        *[(name, partial(draw_answer, name)) for name in answers],
    ]


SHARED = 0.33  # of the variance, by the household
LOG_PER_YEAR = 0.0038
TRACKING = 0.6  # correlation of the own part with the BMI at 20 (our choice)
HIGHEST = 80.0  # kg/m2; the tail of the lognormal passes it once in some 20,000 people (our choice)


def draw_bmi(people: pd.DataFrame, dice: Dice, _: StudyDesign) -> pd.Series:
    """Draw BMI: shifted lognormal by group and sex, correlated within households."""
    return scale_bmi(people, _share(dice, dice.normals("bmi")))


def draw_bmi_since(youth: np.ndarray, people: pd.DataFrame, dice: Dice) -> pd.Series:
    """Draw BMI that depends on BMI at age 20, given in standard deviations."""
    own = TRACKING * youth + np.sqrt(1 - TRACKING**2) * dice.normals("bmi")
    return scale_bmi(people, _share(dice, own))


def _share(dice: Dice, own: np.ndarray) -> np.ndarray:
    shared = dice.normals("bmi", per="household")
    return np.sqrt(SHARED) * shared + np.sqrt(1 - SHARED) * own


def scale_bmi(people: pd.DataFrame, z: np.ndarray) -> pd.Series:
    """Return the BMI of people `z` standard deviations from the mean of their group and sex."""
    key = pd.MultiIndex.from_frame(people[["group", "sex"]])
    row = read_template("people_bmi").set_index(["group", "sex"]).loc[key]
    offset = read_sites()["bmi_offset"]
    site = offset.loc[people["site"]].to_numpy()
    age = LOG_PER_YEAR * (people["age"].to_numpy(dtype=float) - 50)
    excess = np.exp(row["log_excess"].to_numpy() + site + age + row["log_sd"].to_numpy() * z)
    bmi = np.minimum(row["floor"].to_numpy() + excess, HIGHEST)
    return pd.Series(np.round(bmi, 1), people.index)
