"""Who is the patient? Cross-validation that keeps households whole, with sex beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd

from cohabit import schema
from cohabit.alignment import align_values, household_codes, split_levels
from cohabit.composition import clr, filter_features

MODELS = ("ridge", "random_forest")
PREDICTORS = ("microbes", "sex alone", "microbes, sex removed")
PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1)
"""Values of scikit-learn's C among which inner folds choose."""


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

    A household is never split between training and test: a partner in the training set
    tells about the other, and the accuracy of such a split is that of nobody.

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
        intervals leave out what another training set would change.
    rng : int or Generator, optional

    Returns
    -------
    DataFrame, one row a model, set of predictors and measure
        model, predictors, measure, estimate, low, high, n, note. `measure` is ``auc``, taken
        within test folds, or ``in-pair accuracy``: how often, of the two people of a pair,
        the patient gets the higher score. "Sex removed" subtracts from each feature its
        difference between the sexes at equal group, as seen in the training folds.

    Raises
    ------
    ValueError
        For an unknown model, a group without two levels, or fewer households than folds.
    """
    rng = np.random.default_rng(rng)
    _check_names("models", models, MODELS)
    _check_names("predictors", predictors, PREDICTORS)
    _, people = align_values(counts, metadata)
    is_case, levels = split_levels(people, group)
    homes = household_codes(people, household)
    if homes.max() + 1 < n_folds:
        raise ValueError(f"n_folds: {n_folds} folds need as many households; got {homes.max() + 1}")
    folds = [_draw_folds(homes, n_folds, rng) for _ in range(n_repeats)]
    sets = _predictor_sets(clr(filter_features(counts)).to_numpy(), people)
    sets = {label: data for label, data in sets.items() if label in predictors}
    draws = _draw_households(homes.max() + 1, n_bootstrap, rng)
    seed = int(rng.integers(2**31))
    parts = []
    for name, (label, data) in product(models, sets.items()):
        scores = [
            _score_out_of_fold(name, data, is_case, homes, fold, n_trees, seed) for fold in folds
        ]
        part = pd.DataFrame(_measure(scores, folds, is_case, homes, draws))
        parts.append(part.assign(model=name, predictors=label))
    table = pd.concat(parts, ignore_index=True).assign(note=f"{levels[1]} against {levels[0]}")
    return table[["model", "predictors", "measure", "estimate", "low", "high", "n", "note"]]


def _check_names(what: str, names: Sequence[str], known: Sequence[str]) -> None:
    for name in names:
        if name not in known:
            raise ValueError(f"{what}: no {name!r}; {schema.nearest(name, known)}")


@dataclass(frozen=True)
class _Predictors:
    values: np.ndarray
    remove: np.ndarray | None = None
    """A 0/1 column whose part in the values is taken out."""


def _predictor_sets(values: np.ndarray, people: pd.DataFrame) -> dict[str, _Predictors]:
    sets = {PREDICTORS[0]: _Predictors(values)}
    if "sex" in people and people["sex"].notna().all() and people["sex"].nunique() == 2:
        sex = (people["sex"] == people["sex"].astype(str).min()).to_numpy(dtype=float)
        sets[PREDICTORS[1]] = _Predictors(sex[:, None])
        sets[PREDICTORS[2]] = _Predictors(values, remove=sex)
    return sets


def _draw_folds(homes: np.ndarray, n_folds: int, rng: np.random.Generator) -> np.ndarray:
    """Return the test fold of each person; folds hold whole households, equal in number."""
    order = rng.permutation(homes.max() + 1)
    fold_of_home = np.empty(len(order), dtype=int)
    fold_of_home[order] = np.arange(len(order)) % n_folds
    return fold_of_home[homes]


def _score_out_of_fold(name, data, is_case, homes, folds, n_trees, seed) -> np.ndarray:
    scores = np.empty(len(is_case))
    for fold in np.unique(folds):
        train, test = folds != fold, folds == fold
        values = _without(data, is_case, train)
        model = _make_model(name, values.shape[1], homes[train], n_trees, seed)
        model.fit(values[train], is_case[train])
        scores[test] = model.predict_proba(values[test])[:, 1]
    return scores


def _without(data: _Predictors, is_case: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Return the values less what the removed column adds at equal group in training."""
    if data.remove is None:
        return data.values
    design = np.column_stack([np.ones(train.sum()), is_case[train], data.remove[train]])
    slope = np.linalg.lstsq(design, data.values[train])[0][2]
    return data.values - data.remove[:, None] * slope


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


def _draw_households(n_homes: int, n_bootstrap: int, rng: np.random.Generator) -> np.ndarray:
    return rng.multinomial(n_homes, np.full(n_homes, 1 / n_homes), size=n_bootstrap).astype(float)


def _measure(scores, folds, is_case, homes, draws) -> list[dict[str, object]]:
    """Return AUC and in-pair accuracy over repeats, with household bootstrap intervals."""
    n_homes = homes.max() + 1
    wins, tries = np.zeros((2, n_homes, n_homes))
    for score, fold in zip(scores, folds, strict=True):
        beats = (score[:, None] > score) + 0.5 * (score[:, None] == score)
        allowed = is_case[:, None] & ~is_case & (fold[:, None] == fold)
        np.add.at(wins, (homes[:, None], homes), beats * allowed)
        np.add.at(tries, (homes[:, None], homes), allowed)
    own_wins, own_tries = np.diag(wins), np.diag(tries)
    with np.errstate(invalid="ignore", divide="ignore"):
        auc = _quadratic(draws, wins) / _quadratic(draws, tries)
        accuracy = (draws @ own_wins) / (draws @ own_tries)
    rows = [_row("auc", wins.sum() / tries.sum(), auc, len(homes))]
    n_pairs = int((own_tries > 0).sum())
    if n_pairs:
        rows.append(_row("in-pair accuracy", own_wins.sum() / own_tries.sum(), accuracy, n_pairs))
    return rows


def _quadratic(draws: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    return np.einsum("bi,bi->b", draws @ matrix, draws)


def _row(measure: str, estimate: float, replicates: np.ndarray, n: int) -> dict[str, object]:
    low, high = np.nanquantile(replicates, [0.025, 0.975])
    return {"measure": measure, "estimate": estimate, "low": low, "high": high, "n": n}
