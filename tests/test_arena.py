"""The arena: ways against scipy, statsmodels and enumeration; generators against what is planted"""

import pickle
from itertools import product

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats

from cohabit.data.schema import MissingInput
from cohabit.experiments import arena
from cohabit.experiments.arena.generators import spread_out
from cohabit.experiments.arena.sweep import StudyBlock
from cohabit.experiments.arena.trial import choose_effects
from cohabit.experiments.arena.ways import Prepared, compare_taxa
from cohabit.files.storage import read_cohort
from cohabit.simulate import StudyDesign, draw_world
from validation import winners

SMALL = arena.TrialDesign(n_pairs=30, effect=1.0)


@pytest.fixture(scope="module")
def spike() -> arena.SpikeIn:
    return arena.SpikeIn.of(read_cohort("data/synthetic/example"))


@pytest.fixture(scope="module")
def prepared() -> Prepared:
    """Thirty pairs, a fifth without their partner."""
    return Prepared(arena.SimulatedWorld().draw(SMALL.replace(missing_partners=0.2), 3))


@pytest.fixture(scope="module")
def found(prepared) -> pd.DataFrame:
    return compare_taxa(prepared).set_index(["way", "scale", "feature"]).sort_index()


@pytest.fixture
def even() -> arena.SpikeIn:
    """Ten households of two people with the very same counts, man and woman."""
    counts = np.tile(np.array([200_000.0, 100_000, 50_000, 40_000, 10_000, 0]), (10, 2, 1))
    people = pd.DataFrame(
        {
            "household_id": np.repeat(list("abcdefghij"), 2),
            "group": ["control", "MS"] * 10,
            "sex": ["male", "female"] * 8 + ["female", "male"] * 2,
            "site": np.repeat(["Boston", "Edinburgh"], 10),
        }
    )
    return arena.SpikeIn(counts, people, pd.Index(list("uvwxyz")))


def test_effects__move_so_many_common_taxa_and_no_rare_one():
    prevalence = np.r_[np.full(50, 0.9), np.full(30, 0.1)]
    setting = arena.TrialDesign(changed=0.2, effect=0.7, pull=0.0)
    effects = choose_effects(prevalence, setting, np.random.default_rng(1))
    assert sorted(effects[effects != 0]) == [-0.7] * 5 + [0.7] * 5
    assert not effects[50:].any()
    pulled = choose_effects(prevalence, setting.replace(pull=1.0), np.random.default_rng(1))
    assert (pulled[pulled != 0] == 0.7).all()


def test_spike_in__multiplies_what_it_says_and_knows_the_share_that_follows(even):
    trial = even.draw(arena.TrialDesign(n_pairs=200, effect=0.8, changed=0.4, depth=1e8), 5)
    patient = trial.people["group"] == "MS"
    well, ill = trial.counts[~patient].mean(), trial.counts[patient].mean()
    effects = trial.truth["latent"]
    assert (effects != 0).sum() == 2
    ratio = np.log(ill / well).loc[list("uvwxy")]
    still = effects.index[:5][effects.iloc[:5] == 0]
    assert np.allclose(ratio - ratio[still].mean(), effects.iloc[:5], atol=0.01)
    share = even.counts[0, 0] / even.counts[0, 0].sum()
    moved = share * np.exp(effects)
    expected = np.arcsin(np.sqrt(moved / moved.sum())) - np.arcsin(np.sqrt(share))
    assert np.allclose(trial.truth["asin"], expected)
    assert not trial.truth.loc["z", "planted"], "nobody carries it"


def test_spike_in__spills_over_and_loses_partners(even):
    setting = arena.TrialDesign(n_pairs=400, effect=1.0, changed=0.4, spillover=0.5, depth=1e8)
    trial = even.draw(setting.replace(missing_partners=0.25), 5)
    control = (trial.people["group"] == "control").to_numpy()
    assert 0.2 < 1 - control.sum() / 400 < 0.3
    assert (~control).sum() == 400
    seen = np.log(trial.counts[control].mean() / even.counts[0, 0]).loc[list("uvwxy")]
    effects = trial.truth["latent"].iloc[:5]
    assert np.allclose(seen - seen[effects == 0].mean(), effects / 2, atol=0.01)


def test_spike_in__keeps_who_falls_ill_by_sex_and_breaks_it_by_community(even, spike):
    people = even.draw(arena.TrialDesign(n_pairs=2000), 1).people
    women = (people.loc[people["group"] == "MS", "sex"] == "female").mean()
    assert women == pytest.approx(0.8, abs=0.03)
    trial = spike.draw(arena.TrialDesign(n_pairs=300, effect=0.0, depth=1e8), 1)
    rows = [tuple(row) for row in spike.counts.reshape(-1, len(spike.taxa)).astype(int)]
    drawn = [rows.index(tuple(row)) for row in trial.counts.to_numpy()]
    assert all(a // 2 == b // 2 for a, b in zip(drawn[0::2], drawn[1::2], strict=True))
    once_ill = np.array(drawn)[(trial.people["group"] == "MS").to_numpy()] % 2
    assert 0.4 < once_ill.mean() < 0.6


def test_spike_in__of_strangers_takes_partners_of_the_same_site(spike):
    trial = spike.draw(
        arena.TrialDesign(n_pairs=200, effect=0.0, household_sharing=0.0, depth=1e8), 1
    )
    rows = [tuple(row) for row in spike.counts.reshape(-1, len(spike.taxa)).astype(int)]
    drawn = np.array([rows.index(tuple(row)) for row in trial.counts.to_numpy()])
    assert np.mean(drawn[0::2] // 2 == drawn[1::2] // 2) < 0.3
    site = spike.people["site"].astype(str).to_numpy()
    assert (site[drawn[0::2]] == site[drawn[1::2]]).all()


def test_spike_in__refuses_a_cohort_without_pairs(spike, small_cohort):
    with pytest.raises(MissingInput, match="at least 8 complete pairs"):
        arena.SpikeIn.of(small_cohort)


def test_simulated_world__plants_what_it_says_and_repeats_itself():
    world = arena.SimulatedWorld()
    one, again = world.draw(SMALL, 3), world.draw(SMALL, 3)
    assert one.counts.equals(again.counts)
    assert set(one.truth["latent"]) == {-1.0, 0.0, 1.0}
    assert abs(one.truth["latent"].sum()) <= 1
    null = world.draw(SMALL.replace(effect=0.0), 3)
    assert not null.truth["planted"].any()
    control = one.people["group"] == "control"
    assert one.counts[control].equals(null.counts[control]), "who is well stays as they are"
    moved = one.truth["planted"] & (null.counts > 0).mean().gt(0.5)
    rise = np.log(one.counts[~control] + 0.5).mean() - np.log(null.counts[~control] + 0.5).mean()
    assert np.corrcoef(rise[moved], one.truth.loc[moved, "latent"])[0, 1] > 0.9


def test_heavy_tails__spread_patients_and_leave_the_rare_tail_alone():
    design = StudyDesign().with_pairs(100)
    plain = draw_world(design, 1).species
    heavy = spread_out(plain, 6.0, 1.2, np.random.default_rng(1))
    rare = plain.template.column("tail") == 1
    assert np.array_equal(plain.log_abundance[:, rare], heavy.log_abundance[:, rare])
    spread = [np.std(world.person[0::2, ~rare]) for world in (plain, heavy)]
    assert spread[1] / spread[0] == pytest.approx(1.2, abs=0.02)
    standard = heavy.person[1::2, ~rare] / plain.template.column("spread")[~rare]
    t = np.abs(standard) / np.sqrt(1 - plain.template.column("household_share")[~rare])
    assert np.mean(t > 3) == pytest.approx(2 * stats.t.sf(3 * np.sqrt(6 / 4), 6), rel=0.15)


def test_unpaired__is_least_squares(prepared, found):
    taxon = prepared.counts.columns[0]
    fit = sm.OLS(prepared.shares[taxon], prepared.matrix.values).fit()
    row = found.loc[("unpaired", "asin-sqrt", taxon)]
    assert row["estimate"] == pytest.approx(fit.params["group[MS]"], rel=1e-8)
    assert row["p_value"] == pytest.approx(fit.pvalues["group[MS]"], rel=1e-8)
    assert row["low"] == pytest.approx(fit.conf_int().loc["group[MS]", 0], rel=1e-6)


def test_pair_as_term__is_the_paired_difference(found):
    numbers = ["estimate", "low", "high", "p_value"]
    for scale in ("asin-sqrt", "CLR", "CLR, corrected"):
        term, pairs = (found.loc[(way, scale)] for way in ("pair as term", "paired difference"))
        assert np.allclose(term[numbers], pairs.loc[term.index, numbers], rtol=1e-6, atol=1e-10)


def test_strata__has_the_spread_of_all_swaps():
    """Eight pairs, so that all 256 ways to swap can be taken."""
    trial = arena.SimulatedWorld().draw(arena.TrialDesign(n_pairs=8), 2)
    bare = arena.Trial(trial.counts, trial.people[["household_id", "group", "age"]], trial.truth)
    study = Prepared(bare)
    taxon = study.counts.columns[2]
    x = np.column_stack([np.ones(16), study.people["age"]])
    group = (study.people["group"] == "MS").to_numpy(float)
    hat = np.eye(16) - x @ np.linalg.pinv(x)
    rest, own = hat @ study.shares[taxon].to_numpy(), hat @ group
    swapped = []
    for swaps in product([0, 1], repeat=8):
        order = np.arange(16).reshape(8, 2)
        order = np.where(np.array(swaps)[:, None] == 1, order[:, ::-1], order).ravel()
        swapped.append(own @ rest[order] / (own @ own))
    z = (swapped[0] - np.mean(swapped)) / np.std(swapped)
    row = compare_taxa(study, ("strata",)).set_index(["scale", "feature"]).loc[("asin-sqrt", taxon)]
    assert row["estimate"] == pytest.approx(swapped[0])
    assert row["p_value"] == pytest.approx(2 * stats.norm.sf(abs(z)), rel=1e-6)


def test_rank_tests__are_those_of_scipy(prepared, found):
    values = prepared.shares.to_numpy()
    patient = (prepared.people["group"] == "MS").to_numpy()
    options = {"method": "asymptotic", "use_continuity": False, "axis": 0}
    plain = stats.mannwhitneyu(values[patient], values[~patient], **options).pvalue
    ours = found.loc[["rank sum", "signed ranks"], "p_value"].unstack()[prepared.counts.columns]
    assert np.allclose(ours.loc["rank sum"], plain)
    differences = prepared.subtract(values)
    usable = (differences != 0).sum(axis=0) > 0
    paired = [
        stats.wilcoxon(column[column != 0], correction=False, method="approx").pvalue
        for column in differences[:, usable].T
    ]
    assert np.allclose(ours.loc["signed ranks"].to_numpy()[:, usable], paired)


def test_unpaired__is_too_cautious_where_homes_are_alike_and_pairs_are_not():
    setting = arena.TrialDesign(n_pairs=60, effect=0.0, household_sharing=2.0)
    rates = []
    for seed in range(4):
        study = Prepared.of(arena.SimulatedWorld().draw(setting, seed))
        table = compare_taxa(study, ("unpaired", "random intercept", "paired difference"))
        shares = table[table["scale"] == "asin-sqrt"]
        rates.append((shares["p_value"] <= 0.05).groupby(shares["way"]).mean())
    rate = pd.concat(rates, axis=1).mean(axis=1)
    assert rate["unpaired"] < 0.035
    assert 0.035 < rate["random intercept"] < 0.065
    assert 0.035 < rate["paired difference"] < 0.065


def test_false_discovery__is_rare_where_nothing_is_planted_and_lenient_rules_invent(spike):
    trials = arena.run_arena(
        [spike], [arena.TrialDesign(n_pairs=40, effect=0.0)], 8, ways=winners.ADJUSTED
    )
    by_rule = trials.groupby("rule")["false_discovery"].mean()
    assert by_rule["FDR"] < 0.2, "in at most one study of eight, say"
    assert by_rule["lenient"] > 0.9
    assert trials["sensitivity"].isna().all()


def test_strong_effects__are_found_with_their_sign_and_size(spike):
    strong = arena.TrialDesign(n_pairs=100, effect=3.0, changed=0.05)
    table = arena.run_arena([spike], [strong], 2).query("rule == 'FDR'")
    table = table.set_index(["way", "scale"]).groupby(level=[0, 1]).mean(numeric_only=True)
    row = table.loc[("paired difference", "CLR")]
    assert row["sensitivity"] > 0.6
    assert row["sign_errors"] == 0
    assert row["coverage"] > 0.9
    assert abs(row["bias"]) < 0.2


def test_communities__the_household_makes_free_permutation_blind():
    setting = arena.TrialDesign(n_pairs=40, effect=0.8, household_sharing=2.0)
    trials = arena.run_arena([arena.SimulatedWorld()], [setting], 3, ways=(), n_permutations=99)
    p = trials.groupby(["way", "distance"])["p_value"].mean().unstack()["Aitchison"]
    assert p["strata"] < p["free"]
    assert p["error strata"] < p["free, adjusted"]
    assert p["pair as term"] == pytest.approx(p["strata"], abs=0.1)
    assert set(trials["rejected"]) <= {0.0, 1.0}


def test_arena__gives_a_study_the_same_score_whatever_is_run_beside_it(spike):
    settings = [SMALL, SMALL.replace(effect=0.0)]
    ways = ("unpaired",)
    many = arena.run_arena([spike], settings, 6, ways=ways, seed=4)
    one = arena.run_arena([spike], settings[:1], 1, ways=ways, seed=9)
    same = many[(many["seed"] == 9) & (many["effect"] == 1.0)].reset_index(drop=True)
    pd.testing.assert_frame_equal(same.drop(columns="seconds"), one.drop(columns="seconds"))
    task = StudyBlock(spike, SMALL, (1,), ways)
    assert pickle.loads(pickle.dumps(task)).setting == SMALL


def trials_of(gaps: dict[str, float], noise: float = 0.02, n: int = 12) -> pd.DataFrame:
    """Sensitivities of two ways that differ by `gaps`, generator by generator."""
    rng = np.random.default_rng(1)
    rows = []
    for generator, gap in gaps.items():
        for seed in range(n):
            common = rng.uniform(0.2, 0.6)
            for way, more in (("first", gap), ("second", 0.0)):
                gain = common + more + noise * rng.normal()
                named = {"generator": generator, "seed": seed, "way": way, "harm": 0.04}
                rows.append(named | {"gain": gain, "sensitivity": gain})
    table = pd.DataFrame(rows)
    return table.assign(**{name: getattr(SMALL, name) for name in arena.DIALS})


def test_difference__has_the_interval_of_the_paired_t_test():
    trials = trials_of({"here": 0.1})
    row = winners.contrast_ways(trials).iloc[0]
    wide = trials.pivot(index="seed", columns="way", values="gain")
    oracle = stats.ttest_rel(wide["first"], wide["second"]).confidence_interval(0.999)
    assert (row["first"], row["second"]) == ("first", "second")
    assert row["low"] == pytest.approx(oracle.low)
    assert row["high"] == pytest.approx(oracle.high)


def test_flips__are_reported_only_where_both_intervals_leave_zero():
    flips = winners.find_flips(trials_of({"here": 0.2, "there": -0.2}))
    assert len(flips) == 1
    assert flips.loc[0, ["better", "generator", "other_generator"]].tolist() == [
        "first",
        "here",
        "there",
    ]
    assert winners.find_flips(trials_of({"here": 0.2, "there": -0.01})).empty


def test_winners__are_named_only_where_intervals_separate_and_promises_are_kept():
    clear = winners.name_winners(trials_of({"here": 0.2})).set_index("way")
    assert clear["place"].to_dict() == {"first": "best", "second": "beaten by first"}
    close = winners.name_winners(trials_of({"here": 0.005}))
    assert set(close["place"]) == {"best"}
    trials = trials_of({"here": 0.2})
    trials.loc[trials["way"] == "first", "harm"] = 0.2
    broken = winners.name_winners(trials).set_index("way")
    assert broken["place"].to_dict() == {"first": "breaks its promise", "second": "best"}
    assert broken.loc["first", "worst_harm"] == pytest.approx(0.2)


def test_summary__puts_the_base_under_every_dial_and_gives_errors():
    settings = arena.list_settings({"effect": (0.0, 1.0), "n_pairs": (30, 50)}, SMALL)
    trials = trials_of({"here": 0.1}).assign(scale="CLR", rule="FDR")
    table = arena.summarise_trials(trials, settings)
    assert table[["dial", "level"]].drop_duplicates().values.tolist() == [
        ["effect", 1.0],
        ["n_pairs", 30.0],
    ]
    first = trials.loc[trials["way"] == "first", "sensitivity"]
    row = table[table["way"] == "first"].iloc[0]
    assert row["sensitivity"] == pytest.approx(first.mean())
    assert row["sensitivity_error"] == pytest.approx(stats.sem(first))
    assert row["n_trials"] == 12


def test_prepared__leaves_out_people_in_whom_no_tested_taxon_was_seen():
    trial = arena.SimulatedWorld().draw(SMALL, 3)
    empty = trial.counts.copy()
    kept = Prepared.of(trial).counts.columns
    empty.iloc[3, empty.columns.isin(kept)] = 0
    study = Prepared.of(arena.Trial(empty, trial.people, trial.truth))
    assert trial.people.index[3] not in study.people.index
    assert len(study.people) == len(study.counts) == len(trial.people) - 1
    assert len(study.positions[0]) == SMALL.n_pairs - 1
