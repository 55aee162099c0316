"""Diet: nutrients, food groups and components of the Healthy Eating Index 2015."""

from functools import cache

import numpy as np
import pandas as pd

from cohabit.simulate.dag import parents
from cohabit.simulate.dice import Dice
from cohabit.simulate.effects import list_item_effects
from cohabit.simulate.template import read_template

UNANSWERED = 59 / 576
"""Share of households without a food questionnaire (517 of 576 pairs have one)."""

DIET_FACTORS = [f"factor{number}" for number in range(1, 7)]
DIET_EFFECTS = {
    "ms": ("group", "MS"),
    "women": ("sex", "female"),
    "age": ("age", "per year"),
    "bmi": ("bmi", "per kg/m2"),
}


def draw_diet(people: pd.DataFrame, dice: Dice) -> pd.DataFrame:
    """Draw the food questionnaire of everyone who returned it.

    37 nutrients and food groups a day, 13 index components in points and their sum ``hei_total``;
    units as in `describe_diet`.
    """
    answered = dice.quotas("diet/unanswered", per="home") >= UNANSWERED
    diet = eat(people[list(parents()["diet"])], dice)
    return diet[answered]


def eat(people: pd.DataFrame, dice: Dice) -> pd.DataFrame:
    """Draw everyone's diet from group, site, sex, age and BMI.

    Each item is normal on its scale (raw or log(1 + x)), correlated through six factors, and
    clipped at its bounds, so components of the index pile up at their maximum.
    """
    items = _diet_table()
    shape = (len(people), len(items))
    latent = items[people["site"].tolist()].to_numpy(dtype=float).T + _lean(people, items)
    share = items["household_share"].to_numpy()
    latent = latent + items["residual_sd"].to_numpy() * (
        np.sqrt(share) * _draw_correlated(dice, "home", items)
        + np.sqrt(1 - share) * _draw_correlated(dice, "person", items)
    )
    logged = np.broadcast_to((items["scale"] == "log1p").to_numpy(), shape)
    raw = np.where(logged, np.expm1(np.where(logged, latent, 0.0)), latent)
    highest = items["highest"].fillna(np.inf).to_numpy()
    diet = pd.DataFrame(np.clip(raw, items["lowest"].to_numpy(), highest), people.index)
    diet.columns = pd.Index(items.index, name=None)
    diet = diet.round(3)
    components = [name for name in diet if name.startswith("hei_")]
    return diet.assign(hei_total=diet[components].sum(axis=1).round(3))


def _lean(people: pd.DataFrame, items: pd.DataFrame) -> np.ndarray:
    """Return the effect of group, sex, age and BMI on each item, people x items."""
    values = np.column_stack(
        [
            people["group"] == "MS",
            people["sex"] == "female",
            people["age"].astype(float) - 50,
            people["bmi"].astype(float) - 26,
        ]
    ).astype(float)
    return np.einsum("ik,jk->ij", values, items[list(DIET_EFFECTS)].to_numpy(dtype=float))


def _draw_correlated(dice: Dice, per: str, items: pd.DataFrame) -> np.ndarray:
    """Draw standard normals with the correlation of the items, people x items."""
    factors = dice.normals(f"diet/factors/{per}", per, columns=len(DIET_FACTORS))
    own = dice.normals(f"diet/items/{per}", per, columns=len(items))
    loadings = items[DIET_FACTORS].to_numpy(dtype=float)
    specific = items["specific_variance"].to_numpy(dtype=float)
    total = np.sqrt((loadings**2).sum(axis=1) + specific)
    return (np.einsum("ik,jk->ij", factors, loadings) + np.sqrt(specific) * own) / total


def describe_diet() -> pd.DataFrame:
    """Describe each column of the diet table: index item; label, unit, scale."""
    return _diet_table()[["label", "unit", "scale"]].copy()


def list_diet_effects() -> pd.DataFrame:
    """Return the planted effects on diet, before values are clipped, as in `effects.tsv`."""
    items = _diet_table()
    return list_item_effects(items.assign(scale="latent " + items["scale"]), DIET_EFFECTS, "diet")


@cache
def _diet_table() -> pd.DataFrame:
    return read_template("people_diet").set_index("item")
