"""Prediction of group from one sample, with cross-validation by whole households."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd

from cohabit.data import schema
from cohabit.stats.alignment import align_by_id, household_codes, split_levels
from cohabit.stats.composition import clr, filter_features
from cohabit.stats.inference import resample_households, sum_by_household, sum_resampled

MODELS = ("ridge", "random_forest")
PREDICTORS = ("microbes", "sex alone", "microbes, sex removed")
PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1)
"""Values of scikit-learn's C that the inner folds choose from."""


def predict_group(
    counts: pd.DataFrame,
    metadata: pd.DataFrame,
    group: str = "group",
    *,
    models: Sequence[str] = MODELS,
    predictors: Sequence[str] = PREDICTORS,
    household: str = "household_id",
    n_folds: int = 5,
    n_repeats: int = 1,
    n_trees: int = 200,
    n_bootstrap: int = 999,
    rng: int | np.random.Generator | None = None,
) -> pd.DataFrame:
    """Cross-validate the prediction of patient or control from one sample.

    A household is never split between training and test, because a partner in the training set is
    informative and would inflate the accuracy.

    Parameters
    ----------
    counts : DataFrame, shape (n_samples, n_features)
        Filtered by the study's rule and CLR-transformed.
    metadata : DataFrame
        `group` (two levels), the household and `sex`; index as `counts`, in any order.
        Where sex is missing or the same in all, only microbes predict.
    group : str
        Column to predict.
    models : sequence of str
        Of `MODELS`: ridge logistic regression, whose penalty inner folds choose, and a
        random forest.
    predictors : sequence of str
        Of `PREDICTORS`.
    household : str
        Column that ties people together.
    n_folds, n_repeats : int
        Folds of whole households; repeats draw them anew.
    n_trees : int
        Trees of the forest, each grown on half of the training people.
    n_bootstrap : int
        Resamples of households for the intervals; models are not fitted anew, so the
        intervals leave out what another training set would change and are too narrow:
        in worlds without signal (80 pairs) the AUC's SD was 1.2 to 1.6 times what they say.
    rng : int or Generator, optional

    Returns
    -------
    DataFrame, one row per model, set of predictors and measure
        model, predictors, measure, estimate, low, high, n, note. `measure` is ``auc``, taken
        within test folds, or ``in-pair accuracy``: how often, of the two people of a pair,
        the patient gets the higher score. "Sex removed" compares women with women and men
        with men; in pairs of opposite sex, those with a female and with a male patient count
        alike; in training each sex of each group weighs the same. Sex alone would score
        exactly one half on both measures.

    Raises
    ------
    ValueError
        For an unknown model, a group without two levels, or fewer households than folds.
    """
    rng = np.random.default_rng(rng)
    for model in models:
        schema.check_choice("models: no", model, MODELS)
    for predictor in predictors:
        schema.check_choice("predictors: no", predictor, PREDICTORS)
    counts, people = align_by_id(counts, metadata)
    is_case, levels = split_levels(people, group)
    homes = household_codes(people, household)
    if homes.max() + 1 < n_folds:
        raise ValueError(f"n_folds: {n_folds} folds need as many households; got {homes.max() + 1}")
    folds = [_draw_folds(homes, n_folds, rng) for _ in range(n_repeats)]
    draws = resample_households(homes.max() + 1, n_bootstrap, rng)
    seed = int(rng.integers(2**31))
    microbes = clr(filter_features(counts)).to_numpy()
    parts = []
    for model, task in product(models, _tasks(microbes, people, predictors)):
        scores = [_score_out_of_fold(model, task, is_case, homes, f, n_trees, seed) for f in folds]
        rows = _measure(scores, folds, is_case, homes, draws, task.sex)
        parts.append(pd.DataFrame(rows).assign(model=model, predictors=task.label))
    table = pd.concat(parts, ignore_index=True).assign(note=f"{levels[1]} against {levels[0]}")
    return table[["model", "predictors", "measure", "estimate", "low", "high", "n", "note"]]


@dataclass(frozen=True)
class _Task:
    label: str
    values: np.ndarray
    sex: np.ndarray | None = None
    """Balanced in training and in every comparison; ignored when None."""


def _tasks(
    microbes: np.ndarray, people: pd.DataFrame, predictors: Sequence[str]
) -> Iterator[_Task]:
    plain, alone, removed = PREDICTORS
    if plain in predictors:
        yield _Task(plain, microbes)
    if "sex" not in people or people["sex"].isna().any() or people["sex"].nunique() < 2:
        return
    sex = pd.factorize(people["sex"], sort=True)[0]
    if alone in predictors:
        yield _Task(alone, sex[:, None].astype(float))
    if removed in predictors:
        yield _Task(removed, microbes, sex)


def _draw_folds(homes: np.ndarray, n_folds: int, rng: np.random.Generator) -> np.ndarray:
    """Return the test fold of each person; folds have equal numbers of whole households."""
    order = rng.permutation(homes.max() + 1)
    return (np.argsort(order) % n_folds)[homes]


def _score_out_of_fold(model, task, is_case, homes, folds, n_trees, seed) -> np.ndarray:
    scores = np.empty(len(is_case))
    for fold in np.unique(folds):
        train, test = folds != fold, folds == fold
        estimator = _make_model(model, task.values.shape[1], homes[train], n_trees, seed)
        step = "sample_weight" if model == "random_forest" else "logisticregression__sample_weight"
        weight = None if task.sex is None else _weigh_cells(is_case[train], task.sex[train])
        estimator.fit(task.values[train], is_case[train], **{step: weight})
        scores[test] = estimator.predict_proba(task.values[test])[:, 1]
    return scores


def _weigh_cells(is_case: np.ndarray, sex: np.ndarray) -> np.ndarray:
    """Return weights that give both sexes of each group the same total."""
    _, cell, sizes = np.unique(
        np.column_stack([is_case, sex]), axis=0, return_inverse=True, return_counts=True
    )
    return len(cell) / len(sizes) / sizes[cell.ravel()]


def _make_model(name: str, n_columns: int, homes: np.ndarray, n_trees: int, seed: int):
    if name == "random_forest":
        from sklearn.ensemble import RandomForestClassifier

        return RandomForestClassifier(
            n_trees, min_samples_leaf=5, max_samples=0.5, random_state=seed
        )
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    ridge = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    if n_columns == 1:
        return ridge
    inner = _draw_folds(pd.factorize(homes)[0], 3, np.random.default_rng(seed))
    splits = [(np.flatnonzero(inner != fold), np.flatnonzero(inner == fold)) for fold in range(3)]
    grid = {"logisticregression__C": PENALTIES}
    return GridSearchCV(ridge, grid, scoring="neg_log_loss", cv=splits)


def _measure(scores, folds, is_case, homes, draws, sex=None) -> list[dict[str, object]]:
    """Return AUC and within-pair accuracy over repeats, with household bootstrap intervals."""
    against = (is_case[:, None] & ~is_case).astype(float)
    pairs = against * (homes[:, None] == homes)
    if sex is not None:
        pairs *= _balance_pairs(pairs, sex)
        against *= sex[:, None] == sex
    wins, tries, own_wins, own_tries = 0.0, 0.0, 0.0, 0.0
    for score, fold in zip(scores, folds, strict=True):
        beats = (score[:, None] > score) + 0.5 * (score[:, None] == score)
        compared = against * (fold[:, None] == fold)
        wins = wins + sum_by_household(beats * compared, homes)
        tries = tries + sum_by_household(compared, homes)
        own_wins = own_wins + np.bincount(homes, (beats * pairs).sum(axis=1))
        own_tries = own_tries + np.bincount(homes, pairs.sum(axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        auc = sum_resampled(draws, wins) / sum_resampled(draws, tries)
        accuracy = (draws @ own_wins) / (draws @ own_tries)
    rows = []
    if tries.any():
        rows.append(_row("auc", wins.sum() / tries.sum(), auc, len(homes)))
    n_pairs = int((own_tries > 0).sum())
    if n_pairs:
        rows.append(_row("in-pair accuracy", own_wins.sum() / own_tries.sum(), accuracy, n_pairs))
    return rows


def _balance_pairs(pairs: np.ndarray, sex: np.ndarray) -> np.ndarray:
    """Return patients x controls weights under which sex has no predictive value in pairs.

    Pairs of opposite sex with a female and with a male patient get the same total weight; if one
    kind is missing the other gets weight 0, and same-sex pairs always count.
    """
    weight = np.ones_like(pairs)
    kinds = [(sex[:, None] == patient) & (sex == 1 - patient) for patient in (0, 1)]
    sizes = [(pairs * kind).sum() for kind in kinds]
    for kind, size in zip(kinds, sizes, strict=True):
        weight[kind] = sum(sizes) / 2 / size if min(sizes) else 0
    return weight


def _row(measure: str, estimate: float, replicates: np.ndarray, n: int) -> dict[str, object]:
    low, high = np.nanquantile(replicates, [0.025, 0.975])
    return {"measure": measure, "estimate": estimate, "low": low, "high": high, "n": n}
