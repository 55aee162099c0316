"""The tables of the sweep that notebook 15 reads: whole, small, and saying what the page says."""

from pathlib import Path

import numpy as np
import pytest

from cohabit.experiments import arena
from cohabit.run.results import read_reference

FOLDER = Path(__file__).resolve().parents[1] / "data" / "reference" / "arena"
GENERATORS = {"simulated", "heavy tails", "spike-in"}


def test_tables__are_small_and_all_there():
    names = {path.stem for path in FOLDER.glob("*.tsv")}
    assert names == {
        *("taxa", "lenient", "runtime", "community", "community_null"),
        *("which_test", "slow", "term_or_strata", "flips", "sealed"),
    }
    assert sum(path.stat().st_size for path in FOLDER.glob("*.tsv")) < 600_000


@pytest.mark.parametrize(("name", "levels"), [("taxa", arena.TAXA_LEVELS)])
def test_sweep__has_every_level_of_every_dial_on_every_generator(name, levels):
    table = read_reference(f"arena/{name}")
    for generator in GENERATORS:
        here = table[table["generator"] == generator]
        found = {dial: tuple(sorted(rows["level"].unique())) for dial, rows in here.groupby("dial")}
        assert found == {dial: tuple(map(float, several)) for dial, several in levels.items()}


def test_pair_as_term__is_the_paired_difference_in_every_cell():
    table = read_reference("arena/taxa").set_index(["generator", "dial", "level", "scale"])
    numbers = ["n_called", "sensitivity", "false_discovery", "bias", "coverage"]
    term, pairs = (
        table.loc[table["way"] == way, numbers] for way in ("pair as term", "paired difference")
    )
    assert np.allclose(term, pairs.loc[term.index], equal_nan=True, atol=0.002)


def test_winners__hold_and_are_beaten_by_nobody_in_their_table():
    for name in ("which_test", "slow"):
        table = read_reference(f"arena/{name}")
        assert set(table["generator"]) == GENERATORS
        best = table[table["place"] == "best"]
        assert set(best["generator"]) == GENERATORS
        assert best["holds"].all()
        for _, row in table[table["place"].str.startswith("beaten by ")].iterrows():
            other = row["place"].removeprefix("beaten by ")
            gains = table[table["generator"] == row["generator"]].set_index("way")["gain"]
            assert gains[other] > gains[row["way"]]


def test_sealed_worlds__keep_nine_of_ten_and_tell_less_where_power_is_low():
    table = read_reference("arena/sealed").set_index(["analysis", "kind", "by", "bin"]).sort_index()
    for analysis in ("lmm_asin", "lmm_clr", "paired_t_clr", "linda"):
        assert table.loc[(analysis, "both", "all", 0), "agrees_true"] >= 0.9
        undecided = table.loc[(analysis, "both", "power")]["true_undecided"]
        assert (undecided.diff().dropna() < 0).all(), analysis
