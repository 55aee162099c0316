"""PERMANOVA beside vegan::adonis2 and scikit-bio: several terms, one factor, swaps in pairs.

The peers permute freely and raw, so the comparisons do too; what cohabit does by default, error
strata, is timed beside them. adonis2 is timed with few permutations and scaled, its set-up counted
once.
"""

import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd
import skbio
from scipy.spatial.distance import pdist, squareform

from cohabit.stats.permanova import permanova, permanova_features

FORMULA = "site + age + bmi + sex + group"
N_PAIRS = 576
N_PERMUTATIONS = 999
N_SWAPS = 99_999
TIMED = (5, 25)
"""Permutations that adonis2 is timed with at full size, where 20 take seconds; the difference
is the cost of a permutation. Smaller data take more of them."""


def measure() -> list[dict]:
    distances, people, features = make_data(N_PAIRS)
    rows = [
        many_terms(distances, people),
        in_strata(distances, people),
        one_factor(distances, people),
        swaps_in_pairs(distances, people),
        *as_we_would(distances, people, features),
    ]
    return rows + [curve(n_pairs) for n_pairs in (72, 144, 288)]


def many_terms(distances: pd.DataFrame, people: pd.DataFrame) -> dict:
    ours = time_ours(distances, people, FORMULA, scheme="free", permute="raw")
    peer = time_adonis2(distances, people, FORMULA, "margin")
    return row("marginal terms, free and raw", "adonis2", people, ours, target=200, **peer)


def in_strata(distances: pd.DataFrame, people: pd.DataFrame) -> dict:
    """Time the default, terms in error strata, beside adonis2's one stratum of the same terms."""
    ours = time_ours(distances, people, FORMULA)
    peer = time_adonis2(distances, people, FORMULA, "margin", "household_id")
    return row(
        "marginal terms, in error strata", "adonis2, strata", people, ours, target=200, **peer
    )


def one_factor(distances: pd.DataFrame, people: pd.DataFrame) -> dict:
    """Compare one factor level (two groups) with scikit-bio's default engine."""
    matrix = skbio.DistanceMatrix(distances.to_numpy(), list(distances.index))
    ours = time_ours(matrix, people, "group", scheme="free", permute="raw")
    found = []
    run = skbio.stats.distance.permanova
    spent = typical(
        lambda: found.append(run(matrix, people, "group", permutations=N_PERMUTATIONS, seed=1))
    )
    table = permanova(matrix, people, "group", n_permutations=0)
    agrees = abs(found[0]["test statistic"] / table.loc["group", "pseudo_f"] - 1)
    peer = {"peer_seconds": spent, "agrees": agrees}
    return row("one factor, free", "scikit-bio", people, ours, target=1, **peer)


def swaps_in_pairs(distances: pd.DataFrame, people: pd.DataFrame) -> dict:
    """Swap status within pairs; permutations a second leave the set-up out."""
    whole = time_ours(distances, people, "group", n_permutations=N_SWAPS)
    set_up = time_ours(distances, people, "group", n_permutations=0)
    peer = time_adonis2(distances, people, "group", "terms", "household_id", N_SWAPS)
    made = row("status swapped in pairs", "adonis2, strata", people, whole, **peer)
    rate = N_SWAPS / (whole - set_up)
    return made | {"note": f"{rate:,.0f} permutations a second (50,000 promised); {made['note']}"}


def as_we_would(
    distances: pd.DataFrame, people: pd.DataFrame, features: pd.DataFrame
) -> list[dict]:
    """Time the defaults: terms in error strata, residuals permuted."""
    name = "as by default, no peer"
    auto = "error strata, residuals permuted"
    home = "a term of 575 degrees of freedom"
    return [
        row(name, "", people, time_ours(distances, people, "household_id")) | {"note": home},
        row(name, "", people, time_ours(features, people, FORMULA, call=permanova_features))
        | {"note": f"{auto}, from {features.shape[1]} features without a distance matrix"},
    ]


def curve(n_pairs: int) -> dict:
    distances, people, _ = make_data(n_pairs)
    ours = time_ours(distances, people, FORMULA, scheme="free", permute="raw")
    peer = time_adonis2(distances, people, FORMULA, "margin")
    return row("marginal terms, by n", "adonis2", people, ours, **peer)


def row(name: str, peer: str, people: pd.DataFrame, ours: float, **values) -> dict:
    theirs = values.get("peer_seconds")
    return {
        "name": name,
        "peer": peer,
        "n": len(people),
        "ours_seconds": ours,
        "peer_seconds": theirs,
        "ratio": theirs / ours if theirs else None,
        "target": values.get("target"),
        "agrees": values.get("agrees"),
        "note": values.get("note", f"{N_PERMUTATIONS} permutations"),
    }


def make_data(n_pairs: int) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(1)
    n = 2 * n_pairs
    household = np.repeat(np.arange(n_pairs), 2)
    ids = [f"p{number:04d}" for number in range(n)]
    people = pd.DataFrame(
        {
            "household_id": [f"H{code:04d}" for code in household],
            "group": ["MS", "control"] * n_pairs,
            "site": np.repeat(rng.choice(list("abcdefg"), n_pairs), 2),
            "age": rng.normal(50, 10, n),
            "bmi": rng.normal(26, 5, n),
            "sex": rng.choice(["male", "female"], n),
        },
        index=pd.Index(ids, name="sample_id"),
    )
    values = rng.normal(size=(n_pairs, 200))[household] + rng.normal(size=(n, 200))
    counts = np.exp(values)
    distances = squareform(pdist(counts / counts.sum(axis=1, keepdims=True), "braycurtis"))
    return pd.DataFrame(distances, ids, ids), people, pd.DataFrame(values, ids)


def time_ours(data, people: pd.DataFrame, formula: str, *, call=permanova, **options) -> float:
    options = {"n_permutations": N_PERMUTATIONS, "rng": 1} | options
    return typical(lambda: call(data, people, formula, **options))


def time_adonis2(
    distances: pd.DataFrame,
    people: pd.DataFrame,
    formula: str,
    by: str,
    strata: str = "none",
    n_permutations: int = N_PERMUTATIONS,
) -> dict:
    """Return adonis2's seconds for all permutations and the largest difference from ours."""
    least, most = TIMED
    most = min(round(most * (2 * N_PAIRS / len(people)) ** 2), N_PERMUTATIONS)
    with tempfile.TemporaryDirectory() as folder:
        people.to_csv(Path(folder, "people.tsv"), sep="\t")
        distances.to_numpy().tofile(Path(folder, "distances.bin"))
        try:
            tables = [_run_adonis2(folder, formula, by, count, strata) for count in (least, most)]
        except FileNotFoundError:
            return {"note": "R not found"}
    few, more = (table["seconds"].iloc[0] for table in tables)
    each = (more - few) / (most - least)
    ours = permanova(distances, people, formula, by=by, scheme="free", n_permutations=0)
    theirs = tables[0].set_index("term")[["sum_of_squares", "pseudo_f"]].drop(["Residual", "Total"])
    found = ours.loc[theirs.index, theirs.columns]
    return {
        "peer_seconds": few + each * (n_permutations - least),
        "agrees": float((found / theirs - 1).abs().to_numpy().max()),
        "note": f"{n_permutations} permutations; adonis2: {most} timed, scaled",
    }


def _run_adonis2(folder: str, formula: str, by: str, count: int, strata: str) -> pd.DataFrame:
    script = Path(__file__).with_name("adonis2.R")
    command = ["Rscript", str(script), folder, formula, by, str(count), strata]
    subprocess.run(command, check=True, capture_output=True)
    return pd.read_csv(Path(folder, "adonis2.tsv"), sep="\t")


def typical(call: Callable[[], object], repeats: int = 5) -> float:
    """Return the median seconds of several calls, the first left out."""
    call()
    return median(seconds(call) for _ in range(repeats))


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
