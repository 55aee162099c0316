"""Every way to treat households, on studies of three generators whose truth is known.

One dial at a time, everything else at the baseline of `arena.TrialDesign`. Spike-ins draw from the
example cohort. Every setting has studies of its own, the same for every way and generator, so
that settings may be pooled. The tables in `data/reference/arena` are written by
`python -m validation arena`.
"""

from functools import cache

import pandas as pd

from cohabit.experiments import arena
from cohabit.files import paths
from cohabit.files.storage import read_cohort
from validation import winners

TITLE = "The arena"
SEED, BLOCK, N_PERMUTATIONS = 9000, 4, 199
SLOW = tuple(name for name, way in arena.WAYS.items() if way.slow)
COMMUNITY = arena.TrialDesign.preset("community")
NULL = COMMUNITY.replace(effect=0.0)
SETTINGS = {
    "taxa": arena.list_settings(arena.TAXA_LEVELS),
    "slow": arena.list_settings({"effect": (0.0, 0.8)}),
    "community": arena.list_settings(arena.COMMUNITY_LEVELS, COMMUNITY),
    "null": arena.list_settings(arena.COMMUNITY_NULL_LEVELS, NULL),
}
N_TRIALS = {"taxa": 20, "slow": 4, "community": 20, "null": 60}
PLACES = list(dict.fromkeys(pd.concat(SETTINGS.values())["setting"]))
GENERATORS = ("simulated", "heavy tails", "spike-in")
GAP = "_"


@cache
def find_generator(name: str) -> arena.Generator:
    """Return a generator by name."""
    if name == "spike-in":
        return arena.SpikeIn.of(read_cohort(paths.root() / "data" / "synthetic" / "example"))
    return {"simulated": arena.SimulatedWorld, "heavy tails": arena.heavy_tails}[name]()


def parts() -> list[str]:
    """Return the blocks of studies, the first of every setting before the second of any."""
    return [
        f"{first:03d},{kind},{number:02d},{generator.replace(' ', GAP)}"
        for first in range(0, max(N_TRIALS.values()), BLOCK)
        for kind, settings in SETTINGS.items()
        if first < N_TRIALS[kind]
        for number in range(settings["setting"].nunique())
        for generator in GENERATORS
    ]


def measure(part: str) -> pd.DataFrame:
    """Return the scores of one block of studies."""
    first, kind, number, generator = part.split(",")
    setting = SETTINGS[kind]["setting"].unique()[int(number)]
    ways = {"taxa": arena.FAST, "slow": SLOW}.get(kind, ())
    chosen = find_generator(generator.replace(GAP, " "))
    seed = SEED + 1000 * PLACES.index(setting) + int(first)
    options = {"ways": ways, "n_permutations": N_PERMUTATIONS, "seed": seed}
    return arena.run_arena([chosen], [setting], BLOCK, **options).assign(kind=kind)


def tables(measured: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return what is kept of the sweep: name in `data/reference/arena` -> table."""
    taxa = measured[measured["kind"].isin(["taxa", "slow"])].dropna(axis=1, how="all")
    taxa = taxa.drop_duplicates(["generator", "seed", *arena.DIALS, "way", "scale", "rule"])
    community = measured[measured["kind"].isin(["community", "null"])].dropna(axis=1, how="all")
    community = community.drop_duplicates(["generator", "seed", *arena.DIALS, "way", "distance"])
    planted, still = community["effect"] > 0, community["effect"] == 0
    means = arena.summarise_trials(taxa, SETTINGS["taxa"])
    lenient = (means["rule"] == "lenient") & means["dial"].isin(["effect", "n_pairs"])
    spent = ["seconds", "seconds_error"]
    found = ["n_called", "n_called_error"]
    keys = ["generator", "dial", "level", "way", "scale", "n_trials"]
    cheap = means[(means["rule"] == "FDR") & (means["dial"] == "n_pairs")]
    tested = winners.judge_taxa(taxa)
    fast = tested[tested["kind"] == "taxa"]
    return {
        "taxa": means[means["rule"] == "FDR"].drop(columns=["rule", *spent]),
        "lenient": means.loc[lenient, [*keys, *found, "false_discovery", "false_discovery_error"]],
        "runtime": cheap.drop_duplicates(["generator", "level", "way"])[
            ["generator", "level", "way", *spent]
        ],
        "community": arena.summarise_trials(community[planted], SETTINGS["community"]),
        "community_null": arena.summarise_trials(community[still], SETTINGS["null"]),
        "which_test": winners.name_winners(fast),
        "slow": winners.name_winners(_at_slow_settings(tested)),
        "term_or_strata": _ask_term_or_strata(fast, winners.judge_communities(community)),
        "flips": winners.find_flips(fast),
    }


def _at_slow_settings(trials: pd.DataFrame) -> pd.DataFrame:
    """Return the studies that every way, the slow ones too, has analysed."""
    study = ["generator", "seed", *arena.DIALS]
    slow = trials.loc[trials["kind"] == "slow", study].drop_duplicates()
    return trials.merge(slow, on=study)


def _ask_term_or_strata(taxa: pd.DataFrame, community: pd.DataFrame) -> pd.DataFrame:
    """Return the ways to treat the household alone, everything else the same."""
    questions = []
    for scale in ("asin-sqrt", "CLR"):
        contenders = [f"{way} · {scale}" for way in winners.ADJUSTED]
        named = winners.name_winners(taxa, contenders=contenders)
        questions.append(named.assign(question=f"a taxon, {scale}"))
    for distance in ("Bray-Curtis", "Aitchison"):
        contenders = [f"{way} · {distance}" for way in arena.COMMUNITY_WAYS]
        named = winners.name_winners(community, contenders=contenders)
        questions.append(named.assign(question=f"PERMANOVA, {distance}"))
    table = pd.concat(questions, ignore_index=True)
    table["place"] = table["place"].str.replace(r" · .*", "", regex=True)
    return table.assign(way=table["way"].str.partition(" · ")[0])


def summarise(measured: pd.DataFrame) -> pd.DataFrame:
    """Return the answers to "term or strata?", one row a question, generator and way."""
    table = tables(measured)["term_or_strata"]
    first = ["question", "generator", "way", "gain", "gain_error", "harm", "harm_error"]
    return table[[*first, "worst_harm", "worst_at", "place"]]


def conclude(summary: pd.DataFrame) -> str:
    """Say which ways are best everywhere, and which break their promise anywhere."""
    said = []
    for question, rows in summary.groupby("question", sort=False):
        places = rows.groupby("way", sort=False)["place"].agg(list)
        best = [way for way, found in places.items() if set(found) == {"best"}]
        broken = [way for way, found in places.items() if "breaks its promise" in found]
        text = f"{question}: best on every generator: {', '.join(best) or 'none'}"
        said.append(text + (f"; breaks its promise: {', '.join(broken)}" if broken else ""))
    return ". ".join(said) + "."
