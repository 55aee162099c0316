"""Pathways and metabolites: what was asked is what is there, and the released figures come out."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from test_dictionary import read_section

from cohabit.data.cohort import pairs_where
from cohabit.experiments.realism.feature_measures import measure_metabolites, measure_pathways
from cohabit.simulate import StudyDesign, World, draw_world, simulate_cohort, simulate_replication
from cohabit.simulate.dag import parents
from cohabit.simulate.effects import DRUGS
from cohabit.simulate.followup import draw_visits
from cohabit.simulate.metabolites import FATTY_ACIDS, genus_clr
from cohabit.simulate.molecules import skew_left
from cohabit.simulate.pathways import build_content, hash_uniforms
from cohabit.simulate.study import list_molecule_effects
from cohabit.simulate.template import read_taxa, read_template
from cohabit.stats.mixed import fit_household_model

SMALL = StudyDesign(pairs_per_site={"San Francisco": 30, "Edinburgh": 20})
STUDY = StudyDesign.preset("study")
SEED = 4
NOTHING = {**{f"treatment:{drug}": 0.0 for drug in DRUGS}, "group:MS": 0.0, "msss": 0.0}
PLANTED = {
    *("GLUCUROCAT-PWY", "GALACT-GLUCUROCAT-PWY", "GALACTUROCAT-PWY", "PWY-7242", "PWY-6507"),
    *("PWY-5097", "PWY-4702"),
}


def draw(design: StudyDesign) -> World:
    return draw_world(design, SEED)


def relabel(world: World, **labels: float) -> World:
    """Return the same people under other labels."""
    return world.expose(world.species.exposures.assign(**labels))


@pytest.fixture(scope="module")
def small():
    return draw(SMALL)


@pytest.fixture(scope="module")
def study():
    return draw(STUDY)


@pytest.fixture(scope="module")
def measured(study):
    people, molecules = study.people, study
    cohort = SimpleNamespace(
        pathways=molecules.pathways.table(), metabolites=molecules.metabolites.table()
    )
    clr = genus_clr(molecules.genera)
    return SimpleNamespace(cohort=cohort, people=people, genus_clr=clr)


@pytest.mark.parametrize("name", ["pathways", "metabolites"])
@pytest.mark.parametrize("factor", ["group:MS", "treatment:dimethyl_fumarate"])
def test_expose__moves_the_level_by_its_coefficient_and_what_microbes_pass_on(small, name, factor):
    molecules, other = small, relabel(small, **{factor: 0.0})
    now, before = getattr(molecules, name).levels, getattr(other, name).levels
    moved = (now.level - before.level) - (now.inherited - before.inherited)
    exposed = molecules.species.exposures[factor].to_numpy() == 1
    expected = np.tile(now.coefficients.loc[factor], (exposed.sum(), 1))
    np.testing.assert_allclose(moved[exposed], expected, atol=1e-9)
    assert (now.level[~exposed] == before.level[~exposed]).all()


@pytest.mark.parametrize("name", ["pathways", "metabolites"])
def test_dials_at_zero__leave_patients_as_they_would_be_healthy(name):
    design = SMALL.replace(disease=0.0, treatment=0.0, severity=0.0)
    world = draw(design)
    molecules, healthy = world, relabel(world, **NOTHING)
    levels = getattr(molecules, name).levels
    np.testing.assert_array_equal(levels.level, getattr(healthy, name).levels.level)
    factors = [factor for factor in NOTHING if factor in levels.coefficients.index]
    assert (levels.coefficients.loc[factors] == 0).all(axis=None)
    effects = pd.concat(list_molecule_effects(molecules))
    assert not effects["factor"].isin(["group", "treatment", "msss"]).any()


@pytest.mark.parametrize("dial", ["disease", "treatment"])
def test_dial__leaves_controls_byte_identical(small, dial):
    people, molecules = small.people, small
    without = draw(SMALL.replace(**{dial: 0.0}))
    control = (people["group"] == "control").to_numpy()
    for name in ("pathways", "metabolites"):
        now, before = (getattr(world, name).levels.level for world in (molecules, without))
        assert now[control].tobytes() == before[control].tobytes()
        assert not np.array_equal(now[~control], before[~control])


def test_list_effects__has_two_rows_a_planted_pathway_and_expression_nowhere_else(small):
    effects = pd.concat(list_molecule_effects(small))
    ms = effects[(effects["factor"] == "group") & (effects["assay"] == "pathways")]
    assert set(ms.loc[ms["property"] == "expression", "feature"]) == PLANTED
    assert set(ms.loc[ms["property"] == "carried", "feature"]) >= PLANTED
    carried = ms[ms["property"] == "carried"].set_index("feature")["coefficient"]
    assert carried["PWY-4702"] > 0
    assert (carried[sorted(PLANTED - {"PWY-4702"})] < 0).all()


def test_carried_part__is_near_its_first_order(study):
    people, molecules = study.people, study
    other = relabel(study, **{"group:MS": 0.0})
    moved = molecules.pathways.levels.inherited - other.pathways.levels.inherited
    moved = moved[(people["group"] == "MS").to_numpy()].mean(axis=0)
    effects = pd.concat(list_molecule_effects(molecules))
    rows = effects[(effects["property"] == "carried") & (effects["factor"] == "group")]
    listed = rows.set_index("feature")["coefficient"]
    actual = pd.Series(moved, molecules.pathways.levels.features)[listed.index]
    assert np.corrcoef(listed, actual)[0, 1] > 0.7


def test_stool_water__moves_every_stool_metabolite_of_patients_alike(small):
    people, molecules = small.people, small
    watery = draw(SMALL.replace(stool_water=-0.5))
    levels = molecules.metabolites.levels
    moved = watery.metabolites.levels.level - levels.level
    patient = (people["group"] == "MS").to_numpy()
    stool = levels.features.str.startswith("stool")
    assert stool.sum() == 39
    np.testing.assert_allclose(moved[np.ix_(patient, stool)], -0.5, atol=1e-12)
    assert (moved[:, ~stool] == 0).all()
    assert (moved[~patient] == 0).all()
    rows = pd.concat(list_molecule_effects(watery))
    assert (rows["factor"] == "stool_water").sum() == 39


def test_pathways__add_up_to_their_share_of_all_output(measured):
    table = measured.cohort.pathways
    assert table.shape == (1152, 344)
    assert (table.to_numpy() >= 0).all()
    assert table.sum(axis=1).mean() == pytest.approx(0.024, abs=0.001)
    seen = (table > 0).mean()
    released = read_template("pathways_source").set_index("id")["prevalence"]
    assert (seen - released).abs().max() < 0.08


def test_metabolites__are_those_of_whole_households_by_site(measured):
    people = measured.people.loc[measured.cohort.metabolites.index]
    assert (people["household_id"].value_counts() == 2).all()
    pairs = people.drop_duplicates("household_id")["site"].value_counts()
    assert len(people) == 698
    assert pairs["Buenos Aires"] == 112
    assert pairs["Pittsburgh"] == 5


def test_fatty_acids__have_the_released_means_and_spreads(measured):
    source = read_template("metabolites_source")
    source.index = read_taxa("metabolites").taxa
    table = measured.cohort.metabolites
    controls = table[measured.people.loc[table.index, "group"] == "control"][FATTY_ACIDS]
    ratio = controls.mean() / source.loc[FATTY_ACIDS, "mean_hhc"]
    assert ratio.between(0.8, 1.25).all()
    spread = np.log(controls).std() / source.loc[FATTY_ACIDS, "log_sd_hhc"]
    assert spread.between(0.8, 1.2).all()


def test_figures__of_one_study_are_the_released_ones(measured):
    values = measure_pathways(measured) | measure_metabolites(measured)
    targets = read_template("targets").set_index("id")
    for row, value in values.items():
        target = targets.loc[row]
        near = abs(value - target["real_value"]) <= target["tolerance_abs"]
        assert near or target["low"] <= value <= target["high"], (row, value)


def test_positive_control__is_found_among_all_metabolites(measured):
    people = pairs_where(measured.people, treatment="dimethyl_fumarate")
    values = measured.cohort.metabolites
    serum = values.columns[values.columns.str.startswith("serum")].difference(FATTY_ACIDS)
    values = values.loc[values.index.intersection(people.index), serum]
    fits = fit_household_model(values, people.loc[values.index], "group + sex + age + bmi")
    fits = fits[fits["coefficient"] == "group[MS]"].set_index("feature")
    assert fits["p_value"].idxmin() == "serum:fumarate"
    assert fits.loc["serum:fumarate", "p_value"] < 1e-6
    assert fits.loc["serum:fumarate", "low"] < 0.6635 < fits.loc["serum:fumarate", "high"]


@pytest.mark.parametrize("drug", DRUGS)
def test_stool_fatty_acids__fall_under_every_drug(study, drug):
    people, molecules = study.people, study
    healthy = relabel(study, **NOTHING)
    given = {**NOTHING, "group:MS": 1.0, f"treatment:{drug}": 1.0}
    treated = relabel(study, **given)
    moved = treated.metabolites.levels.level - healthy.metabolites.levels.level
    moved = pd.Series(
        moved[(people["group"] == "MS").to_numpy()].mean(axis=0),
        molecules.metabolites.levels.features,
    )
    assert (moved[["stool:acetate", "stool:propionate", "stool:butyrate"]] < 0).all()
    if drug == "interferon":
        assert moved["serum:propionate"] > 0.1


def test_serum_fumarate__is_moved_by_dimethyl_fumarate_alone(small):
    effects = pd.concat(list_molecule_effects(small))
    fumarate = effects[
        (effects["feature"] == "serum:fumarate") & (effects["factor"] == "treatment")
    ]
    assert list(fumarate["level"]) == ["dimethyl_fumarate"]
    assert fumarate["coefficient"].item() == pytest.approx(0.62, abs=0.1)


def test_draw_molecules__gives_the_same_bytes_again(small):
    again = draw(SMALL)
    for name in ("pathways", "metabolites"):
        first, second = (getattr(world, name).table() for world in (small, again))
        assert first.to_csv() == second.to_csv()


def test_butyrate__stays_the_person_s_own_and_slows_progression_only_by_its_dial(study):
    people, molecules = study.people, study
    dice, butyrate = study.dice, molecules.metabolites.follow_butyrate()
    assert list(butyrate.columns) == [0, 12, 24]
    assert butyrate.std().between(0.8, 1.2).all()
    assert 0.6 < butyrate[0].corr(butyrate[12]) < 0.9
    assert butyrate[0].corr(butyrate[24]) < butyrate[0].corr(butyrate[12])
    plain = draw_visits(people, dice, STUDY)
    pd.testing.assert_frame_equal(plain, draw_visits(people, dice, STUDY, butyrate=butyrate))
    acting = draw_visits(people, dice, STUDY.replace(microbe_effect=3.0), butyrate=butyrate)
    last = [
        table[table["visit"] == 12].set_index("participant_id")["edss"] for table in (acting, plain)
    ]
    slowed = (last[0] - last[1]).dropna()
    assert slowed.corr(butyrate.loc[slowed.index, 0]) < -0.4


def test_build_content__follows_its_stated_rules():
    species, pathways = read_taxa("species").table, read_taxa("pathways").table
    content = pd.DataFrame(build_content(species, pathways), species.index, pathways.index)
    assert (content[species["tail"] == 1] == 0).all(axis=None)
    assert content.loc["Akkermansia muciniphila", "PWY-4702"] == 1
    assert content.loc["Faecalibacterium prausnitzii", "GLUCUROCAT-PWY"] == 1
    assert content.loc["Bacteroides uniformis", "GLUCUROCAT-PWY"] == 0
    methane = content.loc[:, "METHANOGENESIS-PWY"]
    assert set(species.loc[methane == 1, "family"]) <= {
        "Methanobacteriaceae",
        "Methanomassiliicoccaceae",
    }
    genus = species["genus"].where(species["genus"] != "unclassified").dropna()
    family = species.loc[genus.index, "family"]
    same = content.loc[genus.index].groupby([family, genus]).nunique()
    assert (same <= 1).all(axis=None)


def test_hash_uniforms__are_uniform_and_fixed():
    values = np.array([hash_uniforms(f"genus {number}") for number in range(4000)])
    assert values.mean() == pytest.approx(0.5, abs=0.02)
    assert np.corrcoef(values.T)[0, 1] == pytest.approx(0, abs=0.05)
    assert hash_uniforms("Blautia has PWY-4702") == hash_uniforms("Blautia has PWY-4702")


@pytest.mark.parametrize("strength", [0.1, 0.5, 1.0])
def test_skew_left__keeps_mean_and_variance(strength):
    scores = np.random.default_rng(1).standard_normal(200_000)
    bent = skew_left(scores, strength)
    assert bent.mean() == pytest.approx(0, abs=0.02)
    assert bent.std() == pytest.approx(1, abs=0.04)
    assert ((bent - bent.mean()) ** 3).mean() < -0.2
    np.testing.assert_array_equal(np.argsort(bent), np.argsort(scores))


@pytest.mark.parametrize("name", ["pathways", "metabolites"])
def test_graph__lists_the_parents_of(name, small):
    coefficients = getattr(small, name).levels.coefficients
    acting = coefficients.index[(coefficients != 0).any(axis=1)]
    factors = {factor.split(":")[0] for factor in acting}
    assert factors | {"pathways": {"species"}, "metabolites": {"genera"}}[name] == set(
        parents()[name]
    )


def test_dictionary__names_the_columns_of_metabolites(measured):
    assert set(read_section("metabolites.tsv")) == {
        "participant_id",
        *measured.cohort.metabolites.columns,
    }


def test_simulate_replication__has_other_people_and_the_same_truth():
    design = StudyDesign(pairs_per_site={"Boston": 8, "Edinburgh": 1})
    first, second = simulate_cohort(design, 7), simulate_replication(design, 7)
    assert len(second.participants) == 2 * (4 + 1)
    for table in ("participants", "metabolites", "pathways", "blood", "visits"):
        assert getattr(second, table).index.str.startswith("R-").all()
    assert second.participants["household_id"].str.startswith("R-").all()
    assert set(second.samples["participant_id"]) == set(second.participants.index)
    assert second.table("shotgun").index.equals(second.participants.index.rename("participant_id"))
    shared = len(second.participants)
    ages = first.participants["age"].to_numpy()[:shared]
    assert not np.array_equal(ages, second.participants["age"].to_numpy())
    pd.testing.assert_frame_equal(first.truth.effects, second.truth.effects)
    assert second.provenance["replicates_seed"] == 7
    with pytest.raises(ValueError, match="seed: expected a whole number"):
        simulate_replication(design, -1)
