"""Small fixed-seed slices of ``make validate``, and the machinery that runs and resumes it."""

import os
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def load(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    return lambda name: import_module(f"validation.{name}")


@pytest.fixture
def gates(load):
    return load("gates")


def test_checks__all_speak_the_protocol(load):
    for name in load("__main__").CHECKS:
        check = load(name)
        assert check.__doc__, name
        assert check.TITLE, name
        parts = [str(part) for part in check.parts()]
        assert len(set(parts)) == len(parts) > 0, "parts name their files"
        for part in ("measure", "summarise", "conclude"):
            assert callable(getattr(check, part)), f"{name}.{part}"


def test_judge__gives_a_verdict_only_where_there_is_no_effect(gates):
    counts = pd.DataFrame(
        {
            "rejected": [50, 120, 5, 900, 0],
            "n_replicates": [1000, 1000, 1000, 1000, 0],
            "effect": [False, False, False, True, False],
        }
    )
    table = gates.judge(counts)
    said = ["holds", "rejects too often", "rejects too seldom", "", "refused"]
    assert table["verdict"].tolist() == said
    assert table["low"][0] < 0.05 < table["high"][0]


def test_judge__draws_its_line_where_the_binomial_tail_says(gates):
    counts = pd.DataFrame({"rejected": np.arange(101), "n_replicates": 100})
    surprise = 0.001 / 101 / 2
    verdict = gates.judge(counts, highest=gates.LEVEL)["verdict"]
    tails = binom.sf(np.arange(101) - 1, 100, 0.05)
    often = verdict == "rejects too often"
    assert (tails[often] < surprise).all()
    assert (tails[~often][1:] >= surprise).all()
    assert not (verdict == "rejects too seldom").any(), "none of 100 is no surprise at 0.05"


def test_judge__forgives_asymptotic_tests_up_to_their_own_limit(gates):
    counts = pd.DataFrame({"rejected": [64_000, 66_000], "n_replicates": 1_000_000})
    assert gates.judge(counts)["verdict"].tolist() == ["holds", "rejects too often"]
    assert (gates.judge(counts, highest=0.05)["verdict"] == "rejects too often").all()


def test_add_up__is_the_sum_over_parts_cell_by_cell(gates):
    part = pd.DataFrame({"world": ["b", "a"], "rejected": [1, 2], "n_replicates": [10, 20]})
    total = gates.add_up(pd.concat([part, part]))
    assert total["world"].tolist() == ["b", "a"]
    assert total["rejected"].tolist() == [2, 4]
    assert total["n_replicates"].tolist() == [20, 40]


def test_conclude__names_what_broke_among_what_is_owed(gates):
    table = pd.DataFrame(
        {
            "world": ["here", "there", "there"],
            "test": ["good", "bad", "excused"],
            "owed": [True, True, False],
            "rejected": [5, 60, 60],
            "n_replicates": 100,
        }
    )
    said = gates.conclude(gates.judge(table), ("world", "test"))
    assert said.startswith("1 of 2 cells")
    assert "there, bad (rejects too often)" in said
    assert "excused" not in said


def test_measure__reads_a_part_that_was_computed_before(load, tmp_path):
    front, asked = load("__main__"), []

    def compute(part):
        asked.append(part)
        return pd.DataFrame({"part": [part], "world": ["null"], "value": [0.1]})

    for _ in range(2):
        table = front.measure("block-00", compute, tmp_path / "check" / "state")
        row = {"part": "block-00", "world": "null", "value": 0.1}
        assert table.to_dict("records") == [row], "the world called null is no missing value"
    assert asked == ["block-00"]


def test_state__of_a_check_follows_the_judge_it_shares(load, gates, monkeypatch):
    front, check = load("__main__"), load("mixed")
    before = front.find_state(check)
    assert before == front.find_state(check)
    source = front.inspect.getsource
    monkeypatch.setattr(
        front.inspect, "getsource", lambda module: source(module) + "#" * (module is gates)
    )
    assert front.find_state(check) != before
    assert front.find_state(load("realism")) == front.find_state(load("realism"))


def test_realism__judges_medians_and_single_seeds_apart(load):
    realism = load("realism")
    rows = [("A", "fed", 20, 1.0), ("B", "emergent", 15, 1.0), ("C", "emergent", 14, 1.3)]
    measured = pd.DataFrame(
        [
            {"id": name, "block": "", "quantity": name, "real_value": 1.0, "low": 0.8, "high": 1.2}
            | {"importance": 3, "origin": origin, "value": value, "passes": seed < within}
            for name, origin, within, value in rows
            for seed in range(20)
        ]
    )
    table = realism.summarise(measured).set_index("id")
    assert list(table["holds"]) == [True, True, False]
    assert list(table["seeds_hold"]) == [True, True, False], "15 of 20 may be chance, 14 not"
    assert realism.conclude(table.reset_index()).count("The gate is not kept. Outside: C.") == 2
    kept = realism.conclude(table.drop("C").reset_index())
    assert kept.count("2 of 2 figures (fed 1 of 1, emergent 1 of 1)") == 2


def test_page__keeps_other_sections_and_says_how_many_parts_ran(load, monkeypatch, tmp_path):
    front, check = load("__main__"), load("flakes")
    monkeypatch.setattr(front.paths, "root", lambda: tmp_path)
    page = tmp_path / "docs" / "validation.md"
    page.parent.mkdir()
    page.write_text(f"# Validation\n\n## {load('realism').TITLE}\n\nKept.\n", encoding="utf-8")
    run = {"run": "run-01", "passed": 900, "failed": 0, "names": "", "code": 0, "seconds": 9}
    front.write_page("flakes", check, pd.DataFrame([run]), 1)
    text = page.read_text(encoding="utf-8")
    assert text.index("Kept.") < text.index("1 of 1 runs are green.")
    assert "*1 of 20 parts, " in text


def test_mixed__least_squares_is_too_cautious_about_status_and_bold_about_the_home(load):
    mixed = load("mixed")
    world = mixed.World("alike", n_pairs=60, household_share=0.6)
    blind = {cell.term: cell for cell in mixed.CELLS if cell.method == "least squares"}
    found = {term: mixed.count_rejections(world, cell, 0.0, 100, 1) for term, cell in blind.items()}
    assert found["group[MS]"] <= 2
    assert found["income"] >= 9
    kept = mixed.count_rejections(world, mixed.CELLS[0], 0.0, 100, 1)
    assert binom.ppf(0.0005, 100, 0.05) <= kept <= binom.ppf(0.9995, 100, 0.05)


def test_abundance__counts_one_feature_of_each_cohort_and_all(load):
    abundance = load("abundance")
    p_values = pd.Series([0.01, np.nan, 0.2, 0.03], [f"taxon_{number}" for number in range(4)])
    assert abundance.count(p_values, np.array([1, 3, 2, 0])) == [1, 1, 2, 3]
    counts, people = abundance.simulate(abundance.WORLDS[2], 0.0, np.random.default_rng(1))
    assert len(counts) == len(people) < 2 * abundance.WORLDS[2].n_pairs


def test_coverage__holds_over_all_species_of_small_studies(load):
    coverage = load("coverage")
    fitted = pd.concat([coverage.fit(coverage.draw("study", seed)) for seed in range(3)])
    missed = ~fitted["planted"].between(fitted["low"], fitted["high"])
    assert fitted["coefficient"].nunique() > 15
    assert 0.03 < missed.mean() < 0.08
    shifted = ~(fitted["planted"] + 3 * fitted["std_error"]).between(fitted["low"], fitted["high"])
    assert shifted.mean() > 0.7


def test_household_share__is_found_on_the_latent_table_at_each_dial(load):
    share, coverage = load("household_share"), load("coverage")
    for dial in share.DIALS:
        design = coverage.StudyDesign.preset("study").replace(household_sharing=dial)
        community = coverage.draw_design(design, 7)
        error = share.find_latent(community) - share.find_asked(community, dial)
        assert np.median(np.abs(error)) < share.LARGEST_ERROR
        assert abs(error.mean()) < 0.02


def test_null_worlds__choose_species_by_seed_within_their_prevalence(load):
    null_worlds = load("null_worlds")
    rng = np.random.default_rng(3)
    counts = pd.DataFrame(rng.random((40, 30)) < np.linspace(0, 1, 30)).astype(int)
    counts.columns = [f"taxon_{number:02d}" for number in range(30)]
    chosen = null_worlds.order_species(counts, null_worlds.VARYING, seed=5)
    shuffled = counts.sample(frac=1, axis=1, random_state=1)
    assert list(chosen) == list(null_worlds.order_species(shuffled, null_worlds.VARYING, seed=5))
    assert list(chosen) != list(null_worlds.order_species(counts, null_worlds.VARYING, seed=6))
    assert counts[chosen].mean().between(0.1, 0.9).all()


def test_null_worlds__owe_nothing_where_sex_is_left_out_or_pairs_are(load):
    null_worlds = load("null_worlds")
    names = ["lmm_clr", "paired_wilcoxon", "ancombc", "permanova, alone"]
    measured = pd.DataFrame(
        [(world, name, 0.5) for world in null_worlds.WORLDS for name in names],
        columns=["world", "test", "p_value"],
    )
    table = null_worlds.summarise(measured).set_index(["world", "test"])["owed"]
    assert table["null_clean"].to_dict() == dict(zip(names, [True, True, False, True], strict=True))
    assert table["null"].to_dict() == dict(zip(names, [True, False, False, False], strict=True))


def test_causes__keep_or_break_by_the_same_gates(load):
    causes = load("causes")
    rows = pd.DataFrame(
        {
            "check": ["coverage"] * 40 + ["myths, recall bias"] * 40 + ["calibration"] * 2,
            "quantity": ["smoking"] * 40 + ["pets"] * 40 + ["risk"] * 2,
            "planted": 1.5,
            "estimate": 1.4,
            "low": 1.2,
            "high": [1.6] * 38 + [1.3] * 2 + [1.6] * 42,
            "p_value": [np.nan] * 40 + [0.001] * 30 + [0.5] * 10 + [np.nan] * 2,
        }
    )
    table = causes.summarise(rows).set_index("quantity")
    assert table["found"].to_dict() == {"smoking": 38, "pets": 30, "risk": 2}
    assert (table["owed"] == "kept").all()
    far = rows.assign(planted=9.0, p_value=0.5, estimate=7.0)
    assert (causes.summarise(far)["owed"] == "broken").all()
    assert "pets" in causes.conclude(causes.summarise(far))


def test_flakes__are_read_from_the_last_line(load):
    flakes = load("flakes")
    said = "...\nFAILED tests/test_a.py::test_f - ValueError\n= 1 failed, 12 passed in 3.1s =\n"
    expected = {"passed": 12, "failed": 1, "names": "tests/test_a.py::test_f"}
    assert flakes.read_outcome(said) == expected
    assert flakes.read_outcome("")["passed"] == 0


def test_tables__are_kept_with_four_digits_and_named_gaps(load, monkeypatch, tmp_path):
    front = load("__main__")
    monkeypatch.setattr(front.paths, "reference", lambda name: tmp_path / name)
    kept = pd.DataFrame({"way": ["strata"], "gain": [1 / 3], "error": [np.nan]})
    (tmp_path / "arena").mkdir()
    check = SimpleNamespace(tables=lambda measured: {"short": kept[measured["column"]]})
    front.write_tables(check, pd.DataFrame({"column": ["way", "gain", "error"]}))
    text = (tmp_path / "arena" / "short.tsv").read_text(encoding="utf-8")
    assert text == "way\tgain\terror\nstrata\t0.3333\tNA\n"
    front.write_tables(load("flakes"), kept)
    assert len(list(tmp_path.rglob("*.tsv"))) == 1, "most checks keep no table"


def test_arena__blocks_name_every_setting_of_every_generator_once(load):
    arena = load("arena")
    parts = [part.split(",") for part in arena.parts()]
    for kind, settings in arena.SETTINGS.items():
        first = [part[2:] for part in parts if part[1] == kind and part[0] == "000"]
        assert len(first) == len(arena.GENERATORS) * settings["setting"].nunique()
        blocks = {part[0] for part in parts if part[1] == kind}
        assert len(blocks) == -(-arena.N_TRIALS[kind] // arena.BLOCK)
    starts = [int(part[0]) for part in parts]
    assert starts == sorted(starts), "a sweep cut short has seen every setting"
    assert len(set(arena.PLACES)) == len(arena.PLACES)


def test_sealed__says_which_analyses_keep_the_promise(load):
    sealed = load("sealed")
    summary = pd.DataFrame(
        {
            "analysis": ["lmm_asin", "linda"] * 2,
            "kind": ["both"] * 2 + ["direction"] * 2,
            "agrees_true": [0.97, 0.89, 0.95, 0.85],
            "power": np.nan,
        }
    )
    powers = {"power": [0.9, 0.1], "true_undecided": [0.12, 0.88]}
    by_power = pd.DataFrame(powers).assign(analysis="lmm_asin", kind="both", agrees_true=0.5)
    summary = pd.concat([summary, by_power])
    said = sealed.conclude(summary)
    assert "both: lmm_asin 97.0%, linda 89.0% (1 of 2 keep 90%)" in said
    assert "direction: lmm_asin 95.0%, linda 85.0% (1 of 2 keep 90%)" in said
    assert said.endswith("from the lowest power to the highest: 88%, 12%.")


def test_readers__a_damaged_file_is_read_or_refused(load, tmp_path):
    readers = load("readers")
    valid = readers.make_valid()
    rows = [readers.try_one(seed, tmp_path, valid) for seed in range(1, 13)]
    assert {outcome for _, _, outcome, *_ in rows} <= {"read", "refused"}
    assert all(0 < megabytes < readers.MOST_MB for *_, megabytes in rows)


def test_readers__a_traceback_and_a_lost_process_are_faults(load, monkeypatch):
    readers = load("readers")
    monkeypatch.setattr(readers, "IN_PART", 6)
    ends = {0: lambda: 1 / 0, 1: lambda: os._exit(3)}

    def break_down(seed, folder, valid):
        kind, outcome = "tree.nwk", "read"
        try:
            ends.get(seed % 3, int)()
        except ZeroDivisionError as error:
            outcome = f"{type(error).__name__}: {error}"
        return kind, seed, outcome, 0.1, 50.0

    monkeypatch.setattr(readers, "make_valid", dict)
    monkeypatch.setattr(readers, "try_one", break_down)
    summary = readers.summarise(readers.measure("batch-01"))
    draw = readers.random.Random("batch-01")
    seeds = [draw.getrandbits(48) % 3 for _ in range(6)]
    assert summary["faults"].sum() == sum(seed < 2 for seed in seeds) > 0
    assert ("the process died" in "".join(summary["which"])) == (1 in seeds)
    assert readers.conclude(summary).startswith(f"{sum(seed < 2 for seed in seeds)} of 6 ")


def test_faults__are_kept_only_with_their_code_and_words(load, monkeypatch):
    faults = load("faults")
    ask = faults.Fault(lambda folder: ["--version"], code=0, words="cohabit ")
    row = {"kept": ask, "code": replace(ask, code=2), "words": replace(ask, words="Dorea")}
    row |= {"time": replace(ask, seconds=0), "limit": replace(ask, address_gb=0.01)}
    monkeypatch.setattr(faults, "FAULTS", row)
    table = pd.concat(map(faults.measure, faults.parts()))
    assert set(table.loc[table["kept"], "fault"]) == {"kept"}
    assert "Not: code, words, time, limit" in faults.conclude(table)
