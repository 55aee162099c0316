"""Prediction of the group: households whole, sex beside, intervals by household."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from cohabit.stats import prediction
from cohabit.stats.inference import resample_households
from cohabit.stats.prediction import predict_group

QUICK = {"n_folds": 3, "n_trees": 40, "n_bootstrap": 200, "rng": 1}
MICROBES = {"models": ["ridge"], "predictors": ["microbes"]}


def draw_cohort(seed, effect, sex_effect=0.0, n_pairs=80, n_features=30):
    """Pairs, mostly of opposite sex and women among the patients; some taxa follow each."""
    rng = np.random.default_rng(seed)
    woman = np.column_stack([rng.random(n_pairs) < 0.75, np.zeros(n_pairs, bool)])
    woman[:, 1] = np.where(rng.random(n_pairs) < 0.9, ~woman[:, 0], woman[:, 0])
    woman = woman.ravel()
    people = pd.DataFrame(
        {
            "household_id": np.repeat([f"H{i:02d}" for i in range(n_pairs)], 2),
            "group": ["MS", "control"] * n_pairs,
            "sex": np.where(woman, "female", "male"),
        },
        index=[f"P{i:03d}" for i in range(2 * n_pairs)],
    )
    log_mean = rng.normal(3, 1, n_features) + rng.normal(0, 1, (2 * n_pairs, n_features))
    log_mean += np.repeat(rng.normal(0, 1, (n_pairs, n_features)), 2, axis=0)
    log_mean[::2, :5] += effect
    log_mean[woman, 5:15] += sex_effect
    counts = rng.poisson(np.exp(log_mean))
    return pd.DataFrame(counts, index=people.index, columns=list(map(str, range(30)))), people


def measured(table, predictors, measure="auc"):
    chosen = (table["predictors"] == predictors) & (table["measure"] == measure)
    return table[chosen].iloc[0]


@pytest.mark.parametrize("model", prediction.MODELS)
def test_predict_group__finds_a_planted_difference(model):
    counts, people = draw_cohort(1, effect=1.0)
    table = predict_group(counts, people, models=[model], **QUICK)
    assert len(table) == 6
    for measure in ("auc", "in-pair accuracy"):
        row = measured(table, "microbes", measure)
        assert row["low"] > 0.55
        assert row["low"] < row["estimate"] < row["high"]
    assert measured(table, "microbes, sex removed")["low"] > 0.55


def test_predict_group__without_a_difference_guesses():
    tables = [
        predict_group(*draw_cohort(seed, effect=0.0), **MICROBES, n_bootstrap=50, rng=1)
        for seed in (20, 21, 22)
    ]
    hits = sum(measured(table, "microbes", "in-pair accuracy")["estimate"] * 80 for table in tables)
    low, high = stats.binom.interval(0.999, 240, 0.5)
    assert low <= hits <= high


@pytest.mark.parametrize("model", prediction.MODELS)
def test_predict_group__sex_makes_microbes_look_predictive_until_removed(model):
    counts, people = draw_cohort(3, effect=0.0, sex_effect=1.5)
    table = predict_group(counts, people, models=[model], **QUICK)
    assert measured(table, "sex alone")["low"] > 0.6
    for measure in ("auc", "in-pair accuracy"):
        plain = measured(table, "microbes", measure)
        removed = measured(table, "microbes, sex removed", measure)
        assert plain["low"] > 0.5
        assert removed["low"] < 0.5
        assert removed["estimate"] < plain["estimate"] - 0.1


def test_measure__sex_alone_scores_one_half_when_sex_is_held():
    _, people = draw_cohort(4, effect=0.0)
    is_case = (people["group"] == "MS").to_numpy()
    sex = (people["sex"] == "female").to_numpy().astype(int)
    homes = np.repeat(np.arange(80), 2)
    folds = prediction._draw_folds(homes, 5, np.random.default_rng(1))
    draws = resample_households(80, 50, np.random.default_rng(2))
    free = prediction._measure([sex.astype(float)], [folds], is_case, homes, draws)
    held = prediction._measure([sex.astype(float)], [folds], is_case, homes, draws, sex)
    assert all(row["estimate"] > 0.6 for row in free)
    assert [row["estimate"] for row in held] == pytest.approx([0.5, 0.5])


def test_predict_group__auc_is_the_mean_over_folds_of_scikit_learns():
    rng = np.random.default_rng(5)
    homes = np.repeat(np.arange(30), 2)
    is_case = np.tile([True, False], 30)
    score = np.round(rng.normal(size=60) + is_case, 1)
    fold = prediction._draw_folds(homes, 3, rng)
    draws = resample_households(30, 100, rng)
    auc, accuracy = prediction._measure([score], [fold], is_case, homes, draws)
    theirs = [roc_auc_score(is_case[fold == f], score[fold == f]) for f in range(3)]
    assert auc["estimate"] == pytest.approx(np.mean(theirs))
    wins = (score[::2] > score[1::2]) + 0.5 * (score[::2] == score[1::2])
    assert accuracy["estimate"] == pytest.approx(wins.mean())
    assert accuracy["n"] == 30


def test_draw_folds__keep_households_whole_and_even():
    homes = np.repeat(np.arange(23), [2] * 20 + [1, 3, 1])
    folds = prediction._draw_folds(homes, 5, np.random.default_rng(1))
    assert all(len(set(folds[homes == home])) == 1 for home in range(23))
    homes_per_fold = [len(set(homes[folds == fold])) for fold in range(5)]
    assert max(homes_per_fold) - min(homes_per_fold) <= 1


def test_predict_group__is_repeatable_and_blind_to_order():
    counts, people = draw_cohort(6, effect=0.5, n_pairs=20)
    options = {**MICROBES, "n_folds": 4, "n_bootstrap": 20, "rng": 7}
    first = predict_group(counts, people, **options)
    shuffled = counts.sample(frac=1, random_state=3)
    again = predict_group(shuffled, people.iloc[::-1], **options)
    pd.testing.assert_frame_equal(first, again)


def test_predict_group__without_sex_has_no_row_about_it():
    counts, people = draw_cohort(7, effect=0.5, n_pairs=20)
    table = predict_group(
        counts, people.drop(columns="sex"), models=["ridge"], n_folds=3, n_bootstrap=20, rng=1
    )
    assert set(table["predictors"]) == {"microbes"}


def test_predict_group__errors_name_the_cause():
    counts, people = draw_cohort(8, effect=0.0, n_pairs=4)
    with pytest.raises(ValueError, match="did you mean 'random_forest'"):
        predict_group(counts, people, models=["random_forrest"])
    with pytest.raises(ValueError, match="5 folds need as many households; got 4"):
        predict_group(counts, people)
    with pytest.raises(ValueError, match="expected two levels"):
        predict_group(counts, people.assign(group="MS"), n_folds=2)
