"""Whether a classifier tells samples of a real table from samples of a simulated one."""

import numpy as np
import pandas as pd

from cohabit.stats.diversity import rarefy
from cohabit.stats.prediction import MODELS, predict_group

LOWEST_DEPTH = 0.05
"""Quantile of the reads a sample, in each table, down to which all are thinned."""


def distinguish(
    real: pd.DataFrame,
    real_people: pd.DataFrame,
    simulated: pd.DataFrame,
    simulated_people: pd.DataFrame,
    *,
    household: str = "household_id",
    models: tuple[str, ...] = MODELS,
    n_folds: int = 5,
    n_trees: int = 200,
    n_bootstrap: int = 999,
    rng: int | np.random.Generator | None = None,
) -> pd.DataFrame:
    """Cross-validate a classifier of real against simulated samples.

    Both tables are thinned to one depth first, so that depth betrays nobody. Households stay
    whole: no one's partner helps to tell on which side a sample is.

    Parameters
    ----------
    real, simulated : DataFrame of whole numbers, shape (n_samples, n_features)
        Counts; a feature that one table lacks counts as 0 there.
    real_people, simulated_people : DataFrame
        The household of each sample; index as the table's.
    household : str
        Column that ties people together.
    models, n_folds, n_trees, n_bootstrap
        As in `prediction.predict_group`.
    rng : int or Generator, optional

    Returns
    -------
    DataFrame, one row a model
        model, auc (0.5: nothing to tell them by; 1: every sample), low, high (95%, households
        resampled), n_real, n_simulated, depth (reads), note.

    Raises
    ------
    ValueError
        When the tables have no feature in common, or a sample has no household.
    """
    shared = real.columns.intersection(simulated.columns)
    if shared.empty:
        raise ValueError(
            "expected tables with features in common; got none: "
            f"{list(real.columns[:3])} and {list(simulated.columns[:3])}"
        )
    rng = np.random.default_rng(rng)
    depth = int(min(t.sum(axis=1).quantile(LOWEST_DEPTH) for t in (real, simulated)))
    sides = {"real": (real, real_people), "simulated": (simulated, simulated_people)}
    parts = [_label(name, *side, household, depth, rng) for name, side in sides.items()]
    counts, people = (pd.concat(part) for part in zip(*parts, strict=True))
    found = predict_group(
        counts.fillna(0).astype(int),
        people,
        "source",
        models=models,
        predictors=["microbes"],
        n_folds=n_folds,
        n_trees=n_trees,
        n_bootstrap=n_bootstrap,
        rng=rng,
    )
    table = found[found["measure"] == "auc"].rename(columns={"estimate": "auc"})
    sizes = {f"n_{name}": int((people["source"] == name).sum()) for name in sides}
    table = table.assign(**sizes, depth=depth).reset_index(drop=True)
    return table[["model", "auc", "low", "high", *sizes, "depth", "note"]]


def _label(name, counts, people, household, depth, rng) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return thinned counts and their households, under names that say the side."""
    thin = rarefy(counts, depth, rng=rng)
    homes = people[household].reindex(thin.index)
    if homes.isna().any():
        lost = list(homes.index[homes.isna()])
        raise ValueError(f"{name}: {len(lost)} sample(s) have no {household}, first {lost[:5]}")
    index = pd.Index([f"{name} {sample}" for sample in thin.index])
    labels = {"household_id": [f"{name} {home}" for home in homes], "source": name}
    return thin.set_axis(index), pd.DataFrame(labels, index=index)
