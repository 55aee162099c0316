"""Whom a patient lives with: the partner's sex and age beside the patient's."""

from functools import cache

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import expit, logit, ndtr, ndtri

from cohabit.simulate.design import StudyDesign
from cohabit.simulate.dice import Dice
from cohabit.simulate.template import read_template

AGES = (18, 81)  # years, youngest and oldest released partner
SAME_SEX_LOGIT = {"female": 0.1236, "male": -0.3413}  # log odds by the patient's sex, released data
WOMEN_SHARE = 400 / 576  # of the released patients


def draw_sex(women: np.ndarray, site: pd.Series, dice: Dice, design: StudyDesign) -> np.ndarray:
    """Return whether each patient's partner is a woman.

    Parameters
    ----------
    women : array of bool
        Whether the patient is.
    site : Series of str
        Of each patient.
    dice : Dice
        Of all people, patient and partner by turns.
    design : StudyDesign
    """
    same = dice.quotas("same_sex")[::2]
    tilt = np.where(women, SAME_SEX_LOGIT["female"], SAME_SEX_LOGIT["male"])
    tilt = tilt + _site_logit().loc[site].to_numpy()
    return women == (same < expit(_same_sex_intercept(1 - design.opposite_sex_share) + tilt))


@cache
def _same_sex_intercept(share: float) -> float:
    """Return the log odds that give this share of same-sex pairs in the study's mix of people."""
    if share in (0.0, 1.0):
        return float(logit(share))
    pairs = read_template("people_course_by_site").groupby("site")["row_total"].first()
    logits = np.add.outer(list(SAME_SEX_LOGIT.values()), _site_logit().loc[pairs.index].to_numpy())
    weight = np.outer([WOMEN_SHARE, 1 - WOMEN_SHARE], pairs / pairs.sum())
    return brentq(lambda base: (weight * expit(base + logits)).sum() - share, -40, 40)


@cache
def _site_logit() -> pd.Series:
    return read_template("people_sites").set_index("site")["same_sex_logit"]


def draw_age(age: np.ndarray, women: np.ndarray, dice: Dice) -> np.ndarray:
    """Return partners' ages: mostly a couple's gap, sometimes a parent, child or room-mate.

    Parameters
    ----------
    age : array of float
        Of the patients, in years.
    women : array of bool, patients x 2
        Whether the patient and whether the partner is a woman.
    dice : Dice
        Of all people, patient and partner by turns.
    """
    kind = dice.uniforms("kind_of_partner", per="household")[::2]
    close, couple = kind < 0.55, kind < 0.91
    man_older = women[:, 0].astype(int) - women[:, 1]
    gap = np.where(man_older > 0, np.where(close, 1.7, 5.8), np.where(man_older < 0, -0.2, 0.0))
    mean = np.where(couple, age + gap, 47.0)
    spread = np.where(close, 1.4, np.where(couple, 6.0, 15.0))
    u = dice.uniforms("partner_age", per="household")[::2]
    return np.rint(between(u, mean, spread, *AGES))


def between(u: np.ndarray, mean, spread, low: float, high: float) -> np.ndarray:
    """Return normal values, cut off at `low` and `high`, at the probabilities `u`."""
    floor, ceiling = ndtr((low - mean) / spread), ndtr((high - mean) / spread)
    return np.clip(mean + spread * ndtri(floor + u * (ceiling - floor)), low, high)
