"""A reader's own template: fitted from counts, drawn from again."""

import numpy as np
import pandas as pd
import pytest

from cohabit.experiments.realism import fit_template, plant_effects
from cohabit.simulate import StudyDesign, draw_world, simulate_cohort, simulate_from
from cohabit.simulate.template import Template

DESIGN = StudyDesign(pairs_per_site={"San Francisco": 100, "Edinburgh": 100})


@pytest.fixture(scope="module")
def counts_and_people():
    cohort = simulate_cohort(DESIGN, 5)
    counts = cohort.table("16s", rank="genus")
    return counts.loc[:, (counts > 0).mean() > 0.2], cohort.participants


@pytest.fixture(scope="module")
def fitted(counts_and_people) -> pd.DataFrame:
    return fit_template(*counts_and_people)


def test_fit_template__has_every_column_of_the_template(fitted):
    from cohabit.simulate.template import read_taxa

    needed = {"mean", "log_sd", "prevalence", "icc", "intercept", "spread", "carriage"}
    assert needed <= set(fitted.columns)
    assert set(fitted.columns) & set(read_taxa("species").table.columns) >= needed
    assert not fitted.isna().any().any()


def test_fit_template__draws_a_community_like_the_one_it_saw(fitted, counts_and_people):
    counts, _ = counts_and_people
    drawn = draw_world(DESIGN, 9).with_template(Template(fitted), "species").species
    asked = counts.div(counts.sum(axis=1), axis=0).mean()
    common = asked.index[asked > 0.01]
    seen = pd.Series(drawn.composition.mean(axis=0), drawn.taxa)
    assert np.abs(np.log(seen[common] / asked[common])).median() < 0.35
    assert np.corrcoef(drawn.carried.mean(axis=0), (counts > 0).mean())[0, 1] > 0.9


def test_fit_template__finds_the_household_share_again():
    rng = np.random.default_rng(1)
    home = np.repeat(np.arange(400), 2)
    shared = rng.normal(size=(400, 6))[home] * np.sqrt([0.6, 0.6, 0.6, 0, 0, 0])
    own = rng.normal(size=(800, 6)) * np.sqrt([0.4, 0.4, 0.4, 1, 1, 1])
    shares = np.exp(0.5 * (shared + own))
    counts = rng.poisson(20_000 * shares / shares.sum(axis=1, keepdims=True))
    index = [f"p{n}" for n in range(800)]
    people = pd.DataFrame({"household_id": home, "group": ["MS", "control"] * 400}, index=index)
    fitted = fit_template(pd.DataFrame(counts, index, list("abcdef")), people)
    assert fitted["icc"].iloc[:3].min() > 0.35
    assert fitted["icc"].iloc[3:].max() < 0.3


def test_fit_template__refuses_what_it_cannot_use(counts_and_people):
    counts, people = counts_and_people
    with pytest.raises(ValueError, match="have no metadata"):
        fit_template(counts, people.iloc[5:])
    with pytest.raises(ValueError, match="every household_id occurs once"):
        fit_template(counts.iloc[::2], people.iloc[::2])
    with pytest.raises(ValueError, match="have no counts"):
        fit_template(counts.assign(nothing=0), people)


@pytest.fixture(scope="module")
def like(fitted):
    template = plant_effects(fitted, {"Bacteroides": 0.0, fitted.index[5]: 0.6})
    return simulate_from(template, DESIGN, 9, assay="16s")


def test_simulate_from__gives_a_study_of_the_readers_own_taxa(like, fitted, counts_and_people):
    counts, _ = counts_and_people
    table = like.table("16s")
    assert set(table.columns) <= set(fitted.index)
    assert len(table) == len(like.participants) == 2 * DESIGN.n_pairs
    drawn = (table > 0).mean().reindex(counts.columns).fillna(0.0)
    assert np.corrcoef(drawn, (counts > 0).mean())[0, 1] > 0.9
    assert like.provenance["simulated"]
    again = simulate_from(fitted.assign(ms=0.0), DESIGN, 9, assay="16s")
    controls = like.participants.index[like.participants["group"] == "control"]
    pd.testing.assert_frame_equal(again.table("16s").loc[controls], table.loc[controls])


def test_simulate_from__holds_the_truth_of_what_was_planted(like, fitted):
    planted = like.truth.effects.query("factor == 'group'")
    assert planted["feature"].tolist() == [fitted.index[5]]
    asked = like.truth.estimands.query("contrast == 'untreated MS - control' & scale == 'latent'")
    found = asked.set_index("feature")["value"]
    assert found[fitted.index[5]] == pytest.approx(0.6)
    assert (found.drop(fitted.index[5]) == 0).all()


def test_simulate_from__refuses_half_a_template(fitted):
    with pytest.raises(ValueError, match="1 column.s. missing, first .'spread'"):
        simulate_from(fitted.drop(columns="spread"), DESIGN, 1)
    broken = fitted.assign(spread=fitted["spread"].mask(fitted.index == fitted.index[3]))
    with pytest.raises(ValueError, match="1 taxa have a missing number"):
        simulate_from(broken, DESIGN, 1)
    with pytest.raises(ValueError, match="did you mean '16s'"):
        simulate_from(fitted, DESIGN, 1, assay="16S")
