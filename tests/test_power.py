"""Cohorts of the planner: drawn as `simulate` draws, analysed as the notebooks do."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.spatial.distance import pdist, squareform
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.power import TTestPower

from cohabit.experiments.planner import Questions, Scenario
from cohabit.experiments.planner.analysis import community_p_value, draw_measured, taxa_p_values
from cohabit.experiments.planner.cohorts import (
    Recipe,
    TemplateArrays,
    draw_latent,
    draw_reads,
    recruit,
)
from cohabit.experiments.planner.questions import BATCH, Batch, run_batch
from cohabit.experiments.realism import fit_template, plant_effects
from cohabit.simulate import StudyDesign, draw_world
from cohabit.simulate.community import RICHNESS_HOUSEHOLD_SHARE
from cohabit.simulate.template import read_taxa
from cohabit.stats.composition import relative_abundance
from cohabit.stats.diversity import bray_curtis
from cohabit.stats.mixed import fit_household_model
from cohabit.stats.permanova import permanova

GENTLE = {"disease": 0.0, "treatment": 0.0}


def small_template(n_taxa: int = 25) -> pd.DataFrame:
    """Common species without an effect of severity or smoke, most of them planted first."""
    table = read_taxa("species").table.query("tail == 0 and severity == 0 and smoking == 0")
    table = table[table["prevalence"] > 0.8]
    return table.sort_values("ms", key=np.abs, ascending=False).head(n_taxa)


def recipe(template=None, **dials) -> Recipe:
    return Recipe.of(TemplateArrays.of(template), Scenario(**dials))


def metadata(people) -> pd.DataFrame:
    sex, age, bmi = people.covariates.T
    return pd.DataFrame(
        {
            "household_id": [f"h{number:04d}" for number in people.household],
            "site": [f"s{number}" for number in people.site],
            "group": pd.Categorical(
                np.where(people.patient, "MS", "control"), ["control", "MS"], ordered=True
            ),
            "sex": np.where(sex == 1, "female", "male"),
            "age": age,
            "bmi": bmi,
        },
        index=[f"p{number:04d}" for number in range(len(sex))],
    )


FORMULA = "group + site + sex + age + bmi"


def test_taxa__are_compared_as_by_the_household_model():
    measured = draw_measured(recipe(small_template(), n=60, missing_partners=0.2), rng(1))
    people = metadata(measured.people)
    assert len(people) < 120
    values = pd.DataFrame(measured.values, people.index).add_prefix("t")
    fits = fit_household_model(values, people, FORMULA).query("coefficient == 'group[MS]'")
    np.testing.assert_allclose(taxa_p_values(measured), fits["p_value"], rtol=1e-6)


def test_taxa__of_strangers_are_compared_by_least_squares():
    measured = draw_measured(recipe(small_template(), n=40, controls="site"), rng(2))
    people = metadata(measured.people)
    x = pd.get_dummies(people.drop(columns="household_id"), drop_first=True).astype(float)
    x = x.assign(constant=1.0)
    expected = [OLS(column, x).fit().pvalues["group_MS"] for column in measured.values.T]
    np.testing.assert_allclose(taxa_p_values(measured), expected, rtol=1e-6)


@pytest.mark.parametrize("controls", ["household", "site"])
@pytest.mark.parametrize("distance", ["aitchison", "bray-curtis"])
def test_communities__are_compared_as_by_permanova(controls, distance):
    measured = draw_measured(recipe(small_template(), n=30, controls=controls, **GENTLE), rng(3))
    people = metadata(measured.people)
    values = measured.values if distance == "aitchison" else measured.counts[0]
    values = pd.DataFrame(values, people.index)
    near = pdist_of(values) if distance == "aitchison" else bray_curtis(relative_abundance(values))
    table = permanova(near, people, FORMULA, n_permutations=1999, rng=1)
    p = community_p_value(measured, 1999, rng(1), distance=distance)
    expected = table.loc["group", "p_value"]
    assert 0.02 < expected < 0.98
    assert abs(p - expected) < 4 * np.sqrt(2 * expected * (1 - expected) / 1999)


def pdist_of(values: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(squareform(pdist(values)), values.index, values.index)


def test_communities__are_the_same_whether_people_or_taxa_are_fewer():
    measured = draw_measured(recipe(n=20), rng(3))
    few = measured.values[:, :30]
    many = np.hstack([few, np.zeros((40, 20))])
    p = [community_p_value(replace(measured, values=v), 199, rng(1)) for v in (few, many)]
    assert p[0] == p[1] < 1
    assert few.shape[1] < len(few) < many.shape[1]


def test_power__of_one_taxon_is_that_of_the_paired_t_test():
    template, n = small_template(), 24
    taxon, dial = template.index[0], 1.5
    share = min(1, dial * template.loc[taxon, "household_share"])
    rich = template.loc[taxon, "richness_loading"] ** 2
    kept = (1 - rich) * (1 - share) + rich * (1 - dial * RICHNESS_HOUSEHOLD_SHARE)
    sd = template.loc[taxon, "spread"] * np.sqrt(2 * kept)
    template.loc[taxon, "ms"] = 0.55 * sd
    expected = TTestPower().power(0.55, n, 0.05)
    dials = {"treatment": 0.0, "covariates": 0.0, "household_sharing": dial}
    scenario = Scenario(n=n, sequenced=False, **dials)
    questions = Questions(ask=("taxon",), taxon=taxon, adjust=())
    hits, cohorts = count_hits(scenario, questions, template, batches=24)
    assert inside(hits, cohorts, expected)


@pytest.mark.parametrize("controls", ["household", "site"])
def test_power__without_an_effect_is_the_level(controls):
    scenario = Scenario(n=30, controls=controls, **GENTLE)
    questions = Questions(ask=("community",), n_permutations=19)
    hits, cohorts = count_hits(scenario, questions, small_template(), batches=20)
    assert inside(hits, cohorts, 0.05)


def test_cohorts__are_those_of_the_simulator():
    common = read_taxa("species").column("tail") == 0
    world = draw_world(StudyDesign.preset("study").replace(diet=0.0), 5)
    theirs = describe(world.count().to_numpy()[:, common])
    ours = describe(draw_counts(recipe(n=576), rng(5)))
    assert abs(ours["prevalence"] - theirs["prevalence"]).mean() < 0.02
    assert abs(ours["log_mean"] - theirs["log_mean"]).mean() < 0.25
    for name, tolerance in {"prevalence": 0.01, "log_mean": 0.06, "sd": 0.05}.items():
        assert abs(np.mean(ours[name] - theirs[name])) < tolerance, name
    for name, tolerance in {"shared": 0.03, "shared_clr": 0.03, "richness": 6}.items():
        assert abs(np.median(ours[name]) - np.median(theirs[name])) < tolerance, name


def test_strangers__share_nothing_and_are_of_one_site_and_sex():
    people = recruit(Scenario(n=300, controls="site"), rng(6))
    cases, controls = people.covariates[0::2], people.covariates[1::2]
    assert (cases[:, 0] == controls[:, 0]).all()
    assert (people.site[0::2] == people.site[1::2]).all()
    shared = describe(draw_counts(recipe(n=300, controls="site", geography=0.0), rng(6)))
    assert abs(np.median(shared["shared_clr"])) < 0.03


def test_visits__leave_the_law_of_one_visit_and_shrink_what_changes():
    template = small_template()
    one, four = (
        recipe(template, n=400, visits=visits, occasion_share=0.6, sequenced=False)
        for visits in (1, 4)
    )
    people = recruit(four.scenario, rng(7))
    first = next(draw_latent(four, people, rng(7))[0])
    single = draw_measured(one, rng(8)).values
    np.testing.assert_allclose(first.std(axis=0), single.std(axis=0), rtol=0.12)
    averaged = draw_measured(four, rng(8)).values
    differences = [np.var(values[0::2] - values[1::2]) for values in (averaged, single)]
    assert 0.4 < differences[0] / differences[1] < 0.7  # (0.4 + 0.6 / 4) of the own part


def test_spillover__shrinks_the_difference_of_partners_only():
    template = small_template().assign(ms=2.0)
    seen = {}
    for controls, spillover in (("household", 0.0), ("household", 0.5), ("site", 0.5)):
        world = recipe(template, n=400, controls=controls, spillover=spillover, sequenced=False)
        values = draw_measured(world, rng(9)).values
        seen[controls, spillover] = np.mean(values[0::2] - values[1::2])
    assert abs(seen["household", 0.5] - seen["household", 0.0] + 1.0) < 0.1
    assert abs(seen["site", 0.5] - seen["household", 0.0]) < 0.2


def test_untreated__are_the_part_of_the_patients_who_take_nothing():
    sizes = [len(recruit(Scenario(n=200, analysed="untreated"), rng(i)).site) for i in range(20)]
    assert abs(np.mean(sizes) / 400 - 209 / 576) < 0.03


def test_batch__is_the_same_whenever_it_is_drawn():
    batch = Batch(Scenario(n=20), Questions(taxon=small_template().index[0]), 1, "ab" * 20, 3)
    pd.testing.assert_frame_equal(run_batch(batch), run_batch(batch))
    assert len(run_batch(batch)) == BATCH


def test_own_template__gives_cohorts_like_the_table_it_was_fitted_to():
    table = draw_counts(recipe(n=150), rng(10))
    people = metadata(recruit(Scenario(n=150), rng(10)))
    counts = pd.DataFrame(table, people.index).add_prefix("t")
    counts = counts.loc[:, (counts > 0).mean() > 0.3].iloc[:, :120]
    fitted = plant_effects(fit_template(counts, people), 30, size=0.5, rng=1)
    again = describe(draw_counts(recipe(fitted, n=150), rng(11)))
    before = describe(counts.to_numpy())
    assert abs(np.mean(again["prevalence"] - before["prevalence"])) < 0.05
    assert np.corrcoef(again["log_mean"], before["log_mean"])[0, 1] > 0.9
    assert (fitted["ms"] > 0).sum() == (fitted["ms"] < 0).sum() == 15


def test_plant_effects__names_what_is_not_there():
    with pytest.raises(ValueError, match="not in the template: Nobody"):
        plant_effects(small_template(), {"Nobody": 1.0})
    with pytest.raises(ValueError, match="have a prevalence of"):
        plant_effects(small_template(), 26)


@pytest.mark.parametrize(
    ("dials", "message"),
    [
        ({"controls": "spouse"}, "controls: .*known: household, site"),
        ({"n": 3}, "n: expected 8 to 5000"),
        ({"n": 30.5}, "n: expected a whole number"),
        ({"spillover": 0.9}, "spillover: expected 0 to 0.6"),
    ],
)
def test_scenario__refuses_by_name(dials, message):
    with pytest.raises(ValueError, match=message):
        Scenario(**dials)


def test_questions__refuse_by_name():
    with pytest.raises(ValueError, match="ask: no 'comunity'; did you mean 'community'"):
        Questions(ask=("comunity",))
    with pytest.raises(ValueError, match="no taxon 'E. coli'"):
        TemplateArrays.of(small_template()).find("E. coli")


def rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def draw_counts(world: Recipe, generator: np.random.Generator) -> np.ndarray:
    people = recruit(world.scenario, generator)
    visits, liability = draw_latent(world, people, generator)
    return draw_reads(world, people, next(visits), liability > 0, generator)


def describe(counts: np.ndarray) -> dict[str, np.ndarray]:
    """What a cohort looks like, taxon by taxon."""
    shares = counts / counts.sum(axis=1, keepdims=True)
    logs = np.log(counts + 0.5)
    logs -= logs.mean(axis=1, keepdims=True)
    return {
        "prevalence": (counts > 0).mean(axis=0),
        "log_mean": np.log(shares.mean(axis=0) + 1e-9),
        "sd": logs.std(axis=0),
        "shared": between_partners(np.arcsin(np.sqrt(shares))),
        "shared_clr": between_partners(logs),
        "richness": (counts > 0).sum(axis=1),
    }


def between_partners(values: np.ndarray) -> np.ndarray:
    values = (values - values.mean(axis=0)) / np.maximum(values.std(axis=0), 1e-12)
    return (values[0::2] * values[1::2]).mean(axis=0)


def count_hits(scenario, questions, template, batches: int) -> tuple[int, int]:
    drawn = [
        run_batch(Batch(scenario, questions, 1, "cd" * 20, k, template)) for k in range(batches)
    ]
    answers = questions.answer(pd.concat(drawn))
    return int(answers.to_numpy().sum()), len(answers)


def inside(hits: int, trials: int, expected: float) -> bool:
    """Whether a count lies in the exact binomial interval of 99.9%."""
    low, high = stats.binom.interval(0.999, trials, expected)
    return low <= hits <= high
