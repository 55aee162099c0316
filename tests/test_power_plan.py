"""The planner: when it stops, what it keeps, which size it names, and what it buys."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower
from statsmodels.stats.proportion import proportion_confint

from cohabit import cli
from cohabit.experiments.planner import (
    Costs,
    Questions,
    Scenario,
    Stop,
    approximate_power,
    compare_designs,
    estimate,
    estimate_power,
    find_size,
    list_designs,
    predict_curve,
)
from cohabit.experiments.planner.estimate import (
    exact_interval,
    find_end,
    foresee_end,
    list_looks,
)
from cohabit.experiments.planner.questions import BATCH
from cohabit.simulate.template import read_taxa

TAXON = ("taxon",)
QUICK = Stop(half_width=0.1)


def few_taxa() -> pd.DataFrame:
    table = read_taxa("species").table.query("tail == 0 and prevalence > 0.8")
    return table.sort_values("ms", key=np.abs, ascending=False).head(12)


def ask(**changes) -> Questions:
    return Questions(ask=TAXON, taxon=few_taxa().index[0]).replace(**changes)


def test_interval__is_clopper_and_pearsons():
    hits, trials = np.array([0, 3, 50, 99, 100]), np.full(5, 100)
    expected = proportion_confint(hits, trials, alpha=0.04, method="beta")
    expected[0][0], expected[1][-1] = 0.0, 1.0
    np.testing.assert_allclose(exact_interval(hits, trials), expected, atol=1e-12)


@pytest.mark.parametrize("half_width", [0.03, 0.05, 0.1])
def test_interval__covers_after_stopping_whatever_the_power(half_width):
    stop = Stop(half_width=half_width)
    powers = np.unique([*np.linspace(0.005, 0.995, 67), *np.linspace(0.1, 0.13, 7)])
    assert min(coverage(power, stop) for power in powers) >= 0.95


def coverage(power: float, stop: Stop) -> float:
    """Probability that the interval at the stop holds the power, by enumeration."""
    reached, covered, before = np.ones(1), 0.0, 0
    for look in list_looks(stop):
        step = np.arange(look - before + 1)
        reached = np.convolve(reached, stats.binom.pmf(step, look - before, power))
        low, high = exact_interval(np.arange(look + 1), np.full(look + 1, look))
        ends = ((high - low) / 2 <= stop.half_width) | (look == stop.most)
        covered += reached[ends & (low <= power) & (power <= high)].sum()
        reached, before = np.where(ends, 0.0, reached), look
    return covered


def test_stop__is_at_the_first_narrow_look_and_never_later_than_the_most():
    answers = np.random.default_rng(1).random(600) < 0.5
    stop = Stop(half_width=0.05, most=500)
    end = find_end(answers, stop)
    low, high = exact_interval(answers[:end].sum(), end)
    before = exact_interval(answers[: end - BATCH].sum(), end - BATCH)
    assert (high - low) / 2 <= 0.05 < (before[1] - before[0]) / 2
    assert find_end(answers[: end - BATCH], stop) is None
    assert find_end(answers[:150], Stop(most=130)) == 130
    assert abs(foresee_end(answers[:100], stop) - end) <= 2 * BATCH


@pytest.mark.parametrize("wrong", [{"half_width": 0.0}, {"most": 10}])
def test_stop__refuses(wrong):
    with pytest.raises(ValueError, match="expected"):
        Stop(**wrong)


@pytest.fixture
def cheap(monkeypatch):
    """Batches that toss a coin; gives the numbers of those that were drawn."""
    drawn = []

    def toss(batch):
        drawn.append((batch.scenario.n, batch.number))
        rng = np.random.default_rng([batch.scenario.n, batch.number])
        power = 1 - np.exp(-batch.scenario.n / 100)
        p = np.where(rng.random(BATCH) < power, 0.01, 0.9)
        return pd.DataFrame({"taxon_p": p, "found": 3, "found_true": 2})

    monkeypatch.setattr(estimate, "run_batch", toss)
    return drawn


def test_estimate__stops_when_each_interval_is_narrow_enough(cheap):
    table = estimate_power([Scenario(n=n) for n in (20, 200)], ask(), jobs=1)
    assert table["n"].tolist() == [20, 200]
    assert (table["high"] - table["low"] <= 0.1).all()
    assert table["cohorts"].iloc[1] < table["cohorts"].iloc[0] < 600
    assert len(cheap) * BATCH < table["cohorts"].sum() + 200, "little is drawn in vain"
    assert table["found_true"].tolist() == [2, 2]


def test_estimate__goes_on_where_it_was_stopped(cheap, tmp_path, monkeypatch):
    scenarios, options = [Scenario(n=50)], {"jobs": 1, "store": tmp_path}
    whole = estimate_power(scenarios, ask(), jobs=1)
    cheap.clear()
    toss = estimate.run_batch

    def stop_at_the_third(batch):
        if batch.number == 2:
            raise KeyboardInterrupt
        return toss(batch)

    monkeypatch.setattr(estimate, "run_batch", stop_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        estimate_power(scenarios, ask(), **options)
    monkeypatch.setattr(estimate, "run_batch", toss)
    pd.testing.assert_frame_equal(estimate_power(scenarios, ask(), **options), whole)
    assert len(cheap) == len(set(cheap)), "no batch is drawn twice"
    cheap.clear()
    estimate_power(scenarios, ask(alpha=0.01), **options)
    assert cheap == [], "another level needs no new cohorts"
    estimate_power(scenarios, ask(fdr=0.1), **options)
    assert cheap, "another list of taxa does"
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith(".")]


def test_estimate__refuses_a_question_without_an_answer():
    blank = few_taxa().assign(ms=0.0)
    with pytest.raises(ValueError, match="plant effects first"):
        estimate_power([Scenario()], Questions(ask=("discoveries",)), template=blank)
    with pytest.raises(ValueError, match="no taxon 'Faecalibacterium'"):
        estimate_power([Scenario()], Questions(taxon="Faecalibacterium"))
    near = Questions(ask=("community",), distance="bray-curtis")
    with pytest.raises(ValueError, match="needs counts"):
        estimate_power([Scenario(sequenced=False)], near)
    with pytest.raises(ValueError, match="which estimate_power simulates"):
        approximate_power(Scenario(), [30], near)


def test_size__is_that_of_the_closed_form():
    points = closed_form(0.25)
    found = find_size(points)
    expected = TTestPower().solve_power(0.25, power=0.8, alpha=0.05)
    assert abs(found["n"] - expected) < 3
    assert found["low"] < expected < found["high"]
    curve = predict_curve(points, [60, 120])
    np.testing.assert_allclose(
        curve["power"], TTestPower().power(0.25, curve["n"], 0.05), atol=0.01
    )


def test_size__interval_covers():
    rng, expected = np.random.default_rng(3), TTestPower().solve_power(0.25, power=0.8, alpha=0.05)
    inside = 0
    for _ in range(100):
        points = closed_form(0.25)
        points["power"] = rng.binomial(200, points["power"]) / 200
        found = find_size(points.assign(cohorts=200))
        inside += found["low"] <= expected <= found["high"] + 1
    assert inside >= 88


def closed_form(effect: float) -> pd.DataFrame:
    sizes = np.array([25, 50, 75, 100, 150, 200])
    return pd.DataFrame(
        {"n": sizes, "power": TTestPower().power(effect, sizes, 0.05), "cohorts": 5000}
    )


@pytest.mark.parametrize(("power", "side"), [(0.0, "more than 200"), (1.0, "fewer than 25")])
def test_size__beyond_what_was_simulated_is_not_given(power, side):
    found = find_size(closed_form(0.25).assign(power=power))
    assert np.isnan(found["n"])
    assert found["note"] == side


def test_costs__add_up():
    costs = Costs(household=100, participant=50, sample=150, visit=30, site=1000)
    assert costs.of(Scenario(n=10, sites=2)) == 10 * (100 + 100 + 2 * 180) + 2000
    assert costs.of(Scenario(n=10, sites=2, controls="site")) == 10 * (200 + 100 + 2 * 180) + 2000
    assert costs.of(Scenario(n=10, sites=1, visits=3)) == 10 * (200 + 6 * 180) + 1000
    missing = Scenario(n=10, sites=1, missing_partners=0.5)
    assert costs.of(missing) == 10 * (200 + 1.5 * 180) + 1000
    for design in (missing, Scenario(controls="site", visits=2)):
        n = costs.afford(design, 50_000)
        assert costs.of(design.replace(n=n)) <= 50_000 < costs.of(design.replace(n=n + 1))


def test_designs__are_bought_at_equal_cost_and_ordered(cheap):
    designs = list_designs(Scenario(), {"controls": ["site", "household"], "visits": [1, 2]})
    assert [(d.controls, d.visits) for d in designs][:3] == [
        ("site", 1),
        ("site", 2),
        ("household", 1),
    ]
    table = compare_designs(designs, 30_000, questions=ask(), jobs=1)
    assert (table["cost"] <= 30_000).all()
    assert (table["cost"] > 29_000).all()
    assert table["power"].is_monotonic_decreasing
    assert table["n"].is_monotonic_decreasing, "the coins of this test fall better for more"
    assert not table["beaten"].iloc[0]
    assert table["beaten"].iloc[-1]


def test_designs__too_dear_are_refused():
    with pytest.raises(ValueError, match="buys 1 patient"):
        compare_designs([Scenario()], 700)


def test_pairing__wins_where_homes_share_and_loses_where_the_partner_catches_it():
    template = few_taxa()
    taxon = template.index[0]
    template.loc[taxon, ["household_share", "ms"]] = 0.8, 0.8 * template.loc[taxon, "spread"]
    shape = {"n": 20, "sequenced": False, "opposite_sex_share": 0.5}
    worlds = [{"spillover": 0.0}, {"spillover": 0.6, "household_sharing": 0.25}]
    scenarios = [
        Scenario(**shape, **world, controls=controls)
        for world in worlds
        for controls in ("household", "site")
    ]
    table = estimate_power(scenarios, ask(), template=template, stop=QUICK, jobs=1)
    paired, strangers, caught, beside = (row for _, row in table.iterrows())
    assert paired["low"] > strangers["high"]
    assert caught["high"] < beside["low"]
    assert strangers["power"] == pytest.approx(beside["power"], abs=0.15)


def test_command__writes_a_compressed_table_and_answers(cheap, tmp_path, capsys):
    common = ["plan", "--ask", "taxon", "--jobs", "1", "--store", str(tmp_path / "batches")]
    out = tmp_path / "plan.tsv.gz"
    sizes = ["--sizes", "50,100,200,300", "--controls", "household", "--out", str(out)]
    assert cli.main([*common, *sizes, "--cost", "household=0"]) == 0
    table = pd.read_csv(out, sep="\t")
    assert table["n"].tolist() == [50, 100, 200, 300]
    assert table["cost"].tolist() == [460 * n for n in table["n"]]
    answer = capsys.readouterr().out.splitlines()[1].split()
    assert answer[:3] == ["taxon", "household", "1"]
    assert abs(float(answer[3]) - 161) < 30, "1 - exp(-n / 100) is 0.8 there"
    first = out.read_bytes()
    assert cli.main([*common, *sizes, "--cost", "household=0"]) == 0
    assert out.read_bytes() == first
    assert cli.main([*common, "--budget", "40000", "--out", str(out)]) == 0
    assert set(pd.read_csv(out, sep="\t")["controls"]) == {"household", "site"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--set", "spilover=1"], "no dial 'spilover': did you mean 'spillover'?"),
        (["--cost", "samples=1"], "no dial 'samples': did you mean 'sample'?"),
        (["--ask", "genus"], "ask: no 'genus'"),
        (["--sizes", "20"], "--sizes: expected at least two numbers"),
        (["--sizes", "many"], "--sizes: expected whole numbers"),
    ],
)
def test_command__refuses_by_name(arguments, words, tmp_path, capsys):
    assert cli.main(["plan", "--out", str(tmp_path / "plan.tsv.gz"), *arguments]) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("controls", ["household", "site"])
def test_approximation__is_near_the_simulated_power(controls):
    template, questions = few_taxa(), ask(ask=("community", "taxon", "discoveries"), least=3)
    template["ms"] *= 0.5
    scenarios = [Scenario(n=n, controls=controls) for n in (30, 60)]
    table = estimate_power(scenarios, questions, template=template, stop=QUICK, jobs=1)
    near = approximate_power(Scenario(controls=controls), [30, 60], questions, template=template)
    for name in ("community", "taxon"):
        simulated = table.query("question == @name")["power"].to_numpy()
        np.testing.assert_allclose(near[name], simulated, atol=0.15)
    found = table.groupby("n")["found_true"].mean().to_numpy()
    np.testing.assert_allclose(near["discoveries"], found, rtol=0.25, atol=0.3)
