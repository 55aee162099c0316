import numpy as np
import pandas as pd
import pytest

from cohabit.simulate.blood import SUBSETS, draw_blood, list_blood_effects
from cohabit.simulate.design import StudyDesign
from cohabit.simulate.dice import Dice
from cohabit.simulate.households import draw_people

STUDY = StudyDesign.preset("study")


@pytest.fixture(scope="module")
def people() -> pd.DataFrame:
    return draw_people(STUDY, 1)


@pytest.fixture(scope="module")
def blood(people) -> pd.DataFrame:
    return draw_blood(people, Dice.of(people, STUDY, 1))


@pytest.fixture(scope="module")
def by_treatment(blood, people) -> pd.DataFrame:
    return np.log(blood).groupby(people["treatment"].astype(str)).mean()


def test_draw_blood__anti_cd20_empties_b_cells_and_nothing_else(by_treatment):
    change = by_treatment.loc["anti_cd20"] - by_treatment.loc["untreated"]
    assert change["b_cells"] < -3.5
    assert change[["cd4_t", "cd8_t", "nk_cells"]].abs().max() < 0.25


def test_draw_blood__fingolimod_lowers_and_natalizumab_raises_lymphocytes(by_treatment):
    change = by_treatment["lymphocytes"] - by_treatment.loc["untreated", "lymphocytes"]
    assert change["fingolimod"] < -0.8
    assert change["natalizumab"] > 0.25


@pytest.mark.parametrize("drug", ["interferon", "glatiramer", "dimethyl_fumarate"])
def test_draw_blood__a_drug_without_planted_effect_has_none(drug, by_treatment):
    change = by_treatment.loc[drug] - by_treatment.loc["untreated"]
    assert change.abs().max() < 0.2


def test_draw_blood__regulatory_cells_fail_in_patients_but_are_no_fewer(blood, people):
    untreated = people["treatment"] == "untreated"
    controls = people["group"] == "control"
    log = np.log(blood)
    change = log[untreated].mean() - log[controls].mean()
    assert change["treg_suppression"] == pytest.approx(-0.25, abs=0.06)
    assert change["treg_share"] == pytest.approx(0, abs=0.08)


def test_draw_blood__holds_possible_values(blood, people):
    assert blood.index.equals(people.index)
    assert blood.notna().all(axis=None)
    assert (blood >= 0.001).all(axis=None)
    assert (blood["lymphocytes"] > blood[list(SUBSETS)].sum(axis=1)).all()
    assert blood[["treg_share", "treg_suppression"]].max().max() <= 95


def test_draw_blood__same_seed_same_bytes(blood, people):
    assert draw_blood(people, Dice.of(people, STUDY, 1)).to_csv() == blood.to_csv()


def test_list_effects__leaves_out_what_has_none():
    effects = list_blood_effects()
    assert (effects["coefficient"] != 0).all()
    drugs = effects.query("factor == 'treatment'")["level"].unique()
    assert set(drugs) == {"fingolimod", "natalizumab", "anti_cd20"}
