"""Body mass: by group and sex, alike within households, and kept from youth on."""

import numpy as np
import pandas as pd

from cohabit.simulate.design import StudyDesign
from cohabit.simulate.dice import Dice
from cohabit.simulate.template import read_template

SHARED = 0.33  # of the variance, by the household
LOG_PER_YEAR = 0.0038
TRACKING = 0.6  # correlation of the own part with the BMI at 20 (our choice)
HIGHEST = 80.0  # kg/m2; the tail of the lognormal passes it once in some 20,000 people (our choice)


def draw_bmi(people: pd.DataFrame, dice: Dice, _: StudyDesign) -> pd.Series:
    """Draw BMI: lognormal above a floor, by group and sex, alike within households."""
    return scale_bmi(people, _share(dice, dice.normals("bmi")))


def draw_bmi_since(youth: np.ndarray, people: pd.DataFrame, dice: Dice) -> pd.Series:
    """Draw BMI that leans on what it was at 20, given in standard deviations."""
    own = TRACKING * youth + np.sqrt(1 - TRACKING**2) * dice.normals("bmi")
    return scale_bmi(people, _share(dice, own))


def _share(dice: Dice, own: np.ndarray) -> np.ndarray:
    shared = dice.normals("bmi", per="household")
    return np.sqrt(SHARED) * shared + np.sqrt(1 - SHARED) * own


def scale_bmi(people: pd.DataFrame, z: np.ndarray) -> pd.Series:
    """Return the BMI of people who stand at `z` standard deviations of their group and sex."""
    key = pd.MultiIndex.from_frame(people[["group", "sex"]])
    row = read_template("people_bmi").set_index(["group", "sex"]).loc[key]
    offset = read_template("people_sites").set_index("site")["bmi_offset"]
    site = offset.loc[people["site"]].to_numpy()
    age = LOG_PER_YEAR * (people["age"].to_numpy(dtype=float) - 50)
    excess = np.exp(row["log_excess"].to_numpy() + site + age + row["log_sd"].to_numpy() * z)
    bmi = np.minimum(row["floor"].to_numpy() + excess, HIGHEST)
    return pd.Series(np.round(bmi, 1), people.index)
