"""A blood immune panel, a positive control because some drug effects on it are known."""

import numpy as np
import pandas as pd

from cohabit.simulate.dag import parents
from cohabit.simulate.dice import Dice
from cohabit.simulate.effects import list_item_effects
from cohabit.simulate.template import read_template

DETECTION = 0.001  # 10^9 cells per litre or per cent; nothing lower is reported
OTHER_LYMPHOCYTES = 0.05  # 10^9/L, in none of the subsets
SUBSETS = ("cd4_t", "cd8_t", "b_cells", "nk_cells")
BLOOD_EFFECTS = {
    "ms": ("group", "MS"),
    "women": ("sex", "female"),
    "age_decade": ("age", "per decade"),
    "fingolimod": ("treatment", "fingolimod"),
    "natalizumab": ("treatment", "natalizumab"),
    "anti_cd20": ("treatment", "anti_cd20"),
}


def draw_blood(people: pd.DataFrame, dice: Dice) -> pd.DataFrame:
    """Draw the immune panel of every participant.

    CD4 T, CD8 T, CD19 B and NK cells and all lymphocytes (10^9/L), regulatory T cells (per cent of
    CD4 T cells) and how much proliferation they suppress (per cent).
    """
    return count_cells(people[list(parents()["blood"])], dice)


def count_cells(people: pd.DataFrame, dice: Dice) -> pd.DataFrame:
    """Draw lognormal cell counts that depend on group, sex, age and treatment."""
    items = read_template("people_blood").set_index("item")
    exposures = _expose(people)
    lean = np.einsum(
        "ik,jk->ij", exposures.to_numpy(), items[list(BLOOD_EFFECTS)].to_numpy(dtype=float)
    )
    share = items["total_share"].to_numpy()
    total = dice.normals("blood/total")[:, None]
    noise = np.sqrt(share) * total + np.sqrt(1 - share) * dice.normals(
        "blood/items", columns=len(items)
    )
    log_level = np.log(items["median"].to_numpy()) + lean + items["log_sd"].to_numpy() * noise
    blood = pd.DataFrame(np.exp(log_level), people.index, items.index.tolist())
    percent = items.index[items["unit"].str.startswith("%")]
    blood[percent] = blood[percent].clip(upper=95)
    blood["lymphocytes"] = blood[list(SUBSETS)].sum(axis=1) + OTHER_LYMPHOCYTES
    return blood.clip(lower=DETECTION).round(3)


def _expose(people: pd.DataFrame) -> pd.DataFrame:
    exposures = {
        effect: people[column].astype(object) == level
        for effect, (column, level) in BLOOD_EFFECTS.items()
    }
    exposures["age_decade"] = (people["age"] - 50) / 10
    return pd.DataFrame(exposures).astype(float)


def list_blood_effects() -> pd.DataFrame:
    """Return the non-zero planted effects on the panel, natural log, as in `effects.tsv`."""
    items = read_template("people_blood").set_index("item").assign(scale="log")
    return list_item_effects(items, BLOOD_EFFECTS, "blood").query("coefficient != 0")
