"""Two worlds of the same people: exact effects, and nothing else that moves."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import pdist, squareform

from calibration.plant import SEVEN
from cohabit.data import schema
from cohabit.experiments import two_worlds
from cohabit.simulate import StudyDesign, World, draw_world, simulate_cohort
from cohabit.stats.composition import clr, filter_features

DESIGN = StudyDesign(spillover=0.3).with_pairs(60)
SEED = 11


@pytest.fixture(scope="module")
def world() -> World:
    return draw_world(DESIGN, SEED)


@pytest.fixture(scope="module")
def cohort():
    return simulate_cohort(DESIGN, SEED)


@pytest.fixture(scope="module")
def planted(cohort) -> pd.DataFrame:
    effects = cohort.truth.effects.query("assay == 'shotgun' and property == 'abundance'")
    effects = effects.assign(name=effects["factor"] + ":" + effects["level"])
    return effects.pivot(index="feature", columns="name", values="coefficient").fillna(0.0)


def change(world: World, name: str) -> World:
    more = (list(SEVEN),) if name == "a transfer" else ()
    return two_worlds.CHANGES[name].apply(world, *more)


def summed(planted: pd.DataFrame, dose: pd.DataFrame, features: pd.Index) -> np.ndarray:
    """People x features: how much of each factor changes, times what was planted on it."""
    return (dose @ planted[dose.columns].T).reindex(columns=features, fill_value=0.0).to_numpy()


def test_without_disease__each_effect_is_the_sum_of_what_was_planted(world, planted):
    found = two_worlds.differ(two_worlds.remove_disease(world), world)
    people, patient = world.people, world.patients.to_numpy(float)
    dose = {"group:MS": -patient, "spillover:": -(1 - patient)}
    dose["msss:"] = -(people["msss"].astype(float) - 3.4).fillna(0.0)
    for drug in schema.TREATMENTS[1:]:
        dose[f"treatment:{drug}"] = -(people["treatment"] == drug).to_numpy(float)
    dose = pd.DataFrame(dose, index=people.index)
    np.testing.assert_allclose(found, summed(planted, dose, found.columns), rtol=0, atol=1e-9)
    assert (found.loc[~world.patients] != 0).any(axis=None), "partners lose the spillover"


@pytest.mark.parametrize("drug", schema.TREATMENTS)
def test_one_drug__each_effect_is_the_new_drug_less_the_old(world, planted, drug):
    found = two_worlds.differ(two_worlds.give_drug(world, drug), world)
    taken = {
        f"treatment:{name}": world.patients * float(name == drug)
        - (world.people["treatment"] == name).astype(float)
        for name in schema.TREATMENTS[1:]
    }
    dose = pd.DataFrame(taken, index=world.people.index)
    np.testing.assert_allclose(found, summed(planted, dose, found.columns), rtol=0, atol=1e-9)


def test_diet__each_effect_is_the_fibre_gained_times_what_was_planted(world, planted):
    found = two_worlds.differ(two_worlds.enrich_diet(world, 25.0), world)
    eaten = world.people["fibre"]
    gained = np.log((1 + eaten.clip(lower=25.0)) / (1 + eaten)) / 0.46
    dose = gained.to_frame("diet:fibre")
    np.testing.assert_allclose(found, summed(planted, dose, found.columns), rtol=0, atol=1e-9)
    assert (found[eaten >= 25] == 0).all(axis=None)


def test_strangers__keep_everything_but_their_home(world):
    apart = two_worlds.make_strangers(world)
    kept = [name for name in world.people if name != "household_id"]
    pd.testing.assert_frame_equal(apart.people[kept], world.people[kept])
    moved = (apart.people["household_id"] != world.people["household_id"]).to_numpy()
    assert moved[~world.patients].mean() > 0.8
    assert not moved[world.patients].any()
    assert (apart.species.household == 0).all()
    found = two_worlds.differ(apart, world)
    real = world.species.template.column("tail") == 0
    parts = [one.species.household + one.species.person for one in (apart, world)]
    np.testing.assert_allclose(found, (parts[0] - parts[1])[:, real], rtol=0, atol=1e-9)


def test_transfer__adds_the_partners_amount_and_moves_others_by_closure_alone(world):
    after = two_worlds.transfer_species(world, list(SEVEN), share=0.5)
    columns = world.species.taxa.get_indexer(list(SEVEN))
    amount = np.exp(world.species.log_abundance) * world.species.carried
    patient = np.flatnonzero(world.patients)
    partner = patient + 1
    expected = amount.copy()
    expected[np.ix_(patient, columns)] += 0.5 * amount[np.ix_(partner, columns)]
    share = expected / expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(after.species.composition, share, rtol=0, atol=1e-9)
    latent = two_worlds.differ(after, world)
    assert (latent.drop(columns=list(SEVEN)) == 0).all(axis=None)
    assert (two_worlds.differ(after, world, "carried") >= 0).all(axis=None)


def test_nothing_given__is_the_same_world(world):
    same = two_worlds.transfer_species(world, list(SEVEN), share=0.0)
    np.testing.assert_array_equal(same.species.composition, world.species.composition)
    assert (two_worlds.differ(two_worlds.enrich_diet(world, 0.0), world) == 0).all(axis=None)


@pytest.mark.parametrize("name", [n for n in two_worlds.CHANGES if n != "as strangers"])
def test_change__reaches_nobody_it_does_not_concern(name):
    quiet = draw_world(DESIGN.replace(spillover=0.0), SEED)
    change_ = two_worlds.CHANGES[name]
    latent = two_worlds.differ(change(quiet, name), quiet)
    others = latent[~change_.concerns(quiet.people).to_numpy(dtype=bool)]
    assert (others == 0).all(axis=None)
    assert (latent != 0).any(axis=None)


@pytest.mark.parametrize("scale", ["share", "asin", "clr"])
def test_closed_scales__are_those_of_the_composition(world, scale):
    after = two_worlds.stop_therapy(world)
    see = {
        "share": lambda p: p,
        "asin": lambda p: np.arcsin(np.sqrt(p)),
        "clr": lambda p: np.log(p + 1e-6) - np.log(p + 1e-6).mean(axis=1, keepdims=True),
    }[scale]
    real = world.species.template.column("tail") == 0
    shares = []
    for one in (after, world):
        amount = np.where(one.species.carried, np.exp(one.species.log_abundance), 0.0)
        shares.append((amount / amount.sum(axis=1, keepdims=True))[:, real])
    expected = see(shares[0]) - see(shares[1])
    np.testing.assert_allclose(two_worlds.differ(after, world, scale), expected, rtol=0, atol=1e-9)


def test_split__adds_up_and_pairing_cancels_site_and_home(world):
    split = two_worlds.split_difference(world, world.patients, ~world.patients)
    terms = split.drop(columns="difference")
    np.testing.assert_allclose(terms.sum(axis=1), split["difference"], rtol=0, atol=1e-9)
    latent = pd.DataFrame(world.species.log_abundance, world.people.index, world.species.taxa)
    means = latent.groupby(world.patients).mean()[split.index]
    np.testing.assert_allclose(split["difference"], means.loc[True] - means.loc[False], atol=1e-9)
    assert split[["site", "home"]].abs().max(axis=None) < 1e-9
    assert split["sex"].abs().max() > 0.1


def test_split__refuses_an_empty_group(world):
    nobody = world.patients & False
    with pytest.raises(ValueError, match="empty"):
        two_worlds.split_difference(world, world.patients, nobody)


def test_recalled_world__is_the_one_the_cohort_was_seen_in(world, cohort):
    again = two_worlds.recall_world(cohort)
    np.testing.assert_array_equal(again.species.composition, world.species.composition)
    table = again.metabolites.table()
    pd.testing.assert_frame_equal(table, cohort.metabolites, check_names=False)


def test_recalled_world__needs_a_simulated_cohort_and_its_own_counts(cohort):
    real = replace(cohort, provenance={**cohort.provenance, "simulated": False})
    with pytest.raises(schema.MissingInput, match="not simulated"):
        two_worlds.recall_world(real)
    other = replace(cohort, provenance={**cohort.provenance, "seed": SEED + 1})
    with pytest.raises(ValueError, match="simulate it again"):
        two_worlds.recall_world(other)


def test_other_dials__are_the_world_drawn_with_them(world):
    dials = {"spillover": 0.5, "disease": 2.0, "geography": 0.5, "covariates": 0.0}
    turned = world.with_dials(**dials)
    drawn = draw_world(DESIGN.replace(**dials), SEED)
    np.testing.assert_allclose(
        turned.species.composition, drawn.species.composition, rtol=0, atol=1e-12
    )
    assert turned.design == drawn.design
    with pytest.raises(ValueError, match="household_sharing"):
        world.with_dials(household_sharing=0.0)


def test_some_people__are_counted_as_among_all(world, cohort):
    some = world.count(slice(None, None, 7))
    everyone = cohort.table("shotgun")
    pd.testing.assert_frame_equal(
        some[everyone.columns], everyone.iloc[::7], check_names=False, check_dtype=False
    )


def test_changed_world__has_the_molecules_of_its_microbes(world):
    after = two_worlds.give_drug(world, "interferon")
    expected = world.expose(after.species.exposures)
    for panel in ("pathways", "metabolites"):
        levels = [getattr(made, panel).levels.level for made in (after, expected)]
        np.testing.assert_allclose(*levels, rtol=0, atol=1e-9)
    before = world.metabolites.levels.level
    assert np.abs(levels[0] - before).max() > 0.1


def test_errors__name_the_nearest(world):
    with pytest.raises(ValueError, match="interferon"):
        two_worlds.give_drug(world, "interferone")
    with pytest.raises(ValueError, match="latent"):
        two_worlds.differ(world, world, "latend")
    with pytest.raises(ValueError, match="no species"):
        two_worlds.transfer_species(world, ["Faecalibacterium prausnitzi"])
    with pytest.raises(ValueError, match="same people"):
        two_worlds.differ(draw_world(DESIGN.with_pairs(50), SEED), world)


def test_beside_exact__multiplies_by_the_dose_and_counts_errors():
    results = pd.DataFrame(
        {
            "feature": ["a", "b", "tail"],
            "estimate": [1.0, -1.0, 5.0],
            "std_error": [0.1, 0.1, 0.1],
            "low": [0.8, -1.2, 4.8],
            "high": [1.2, -0.8, 5.2],
            "q_value": [0.01, 0.01, 0.01],
        }
    )
    exact = pd.Series({"a": -1.9, "b": 0.0})
    beside = two_worlds.set_beside_exact(results, exact, dose=-2.0).assign(analysis="x")
    assert beside["estimate"].tolist() == [-2.0, 2.0]
    assert beside[["low", "high"]].to_numpy().tolist() == [[-2.4, -1.6], [1.6, 2.4]]
    assert beside["covered"].tolist() == [True, False]
    (row,) = two_worlds.summarise_errors(beside, "analysis").to_dict("records")
    assert (row["called"], row["called_untouched"], row["wrong_sign"]) == (2, 1, 0)
    assert row["error_over_effect"] == pytest.approx(np.sqrt((0.01 + 4) / 2) / (1.9 / np.sqrt(2)))


def test_compare_partners__a_home_that_shares_nothing_brings_nobody_nearer(world):
    alone = draw_world(DESIGN.replace(household_sharing=0.0), SEED)
    found, with_home = (
        two_worlds.compare_partners(two_worlds.make_strangers(each), each, each.count())
        for each in (alone, world)
    )
    assert found["exact"] == pytest.approx(0, abs=1e-9)
    assert abs(found["observed"]) < 5 < with_home["exact"]


def test_compare_partners__equals_distances_taken_pair_by_pair(world):
    counts = world.count().iloc[4:]
    found = two_worlds.compare_partners(two_worlds.make_strangers(world), world, counts)
    square = squareform(pdist(clr(filter_features(counts)), "sqeuclidean"))
    home, site, sex = world.people.loc[counts.index, ["household_id", "site", "sex"]].to_numpy().T
    means = {}
    for a, b in combinations(range(len(square)), 2):
        kind = home[a] == home[b], site[a] == site[b], sex[a] == sex[b]
        means.setdefault(kind, []).append(square[a, b])
    partners = means[True, True, True] + means[True, True, False]
    strangers = means[False, True, True] + means[False, True, False]
    assert found["observed"] == pytest.approx(100 * (1 - np.mean(partners) / np.mean(strangers)))
    two = len(means[True, True, False]) / len(partners)
    mixed = two * np.mean(means[False, True, False]) + (1 - two) * np.mean(means[False, True, True])
    adjusted = 100 * (1 - np.mean(partners) / mixed)
    assert found["observed, adjusted"] == pytest.approx(adjusted)


def test_compare_partners__needs_a_home_of_two(world):
    with pytest.raises(ValueError, match="two people of one home"):
        two_worlds.compare_partners(world, world, world.count()[world.patients])
