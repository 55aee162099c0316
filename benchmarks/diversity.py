"""Distances of thousands of sequence variants, beside scikit-bio.

The peer goes pair by pair; UniFrac is timed on fewer people and scaled to all pairs.
"""

import time
from collections.abc import Callable
from statistics import median

import numpy as np
import pandas as pd

from cohabit.stats import diversity

N_SAMPLES = 1152
N_FEATURES = 5000
N_TIMED = 60


def measure() -> list[dict]:
    from skbio import TreeNode
    from skbio.diversity import beta_diversity

    counts, newick = make_data(N_SAMPLES, N_FEATURES)
    tree = TreeNode.read([newick], convert_underscores=False)
    rows = []
    for name in ("bray_curtis", "weighted_unifrac", "unweighted_unifrac"):
        phylogenetic = name.endswith("unifrac")
        some = counts.iloc[: N_TIMED if phylogenetic else N_SAMPLES]
        theirs_of = {"tree": tree, "taxa": list(counts)} if phylogenetic else {}
        metric = name.replace("_", "") if name == "bray_curtis" else name
        start = time.perf_counter()
        theirs = beta_diversity(metric, some.to_numpy(), list(some.index), **theirs_of)
        seconds = (time.perf_counter() - start) * pairs(N_SAMPLES) / pairs(len(some))
        ours_of = (newick,) if phylogenetic else ()
        function = getattr(diversity, name)
        difference = np.abs(function(some, *ours_of).data - theirs.data).max()
        ours = seconds_of(lambda f=function, a=ours_of: f(counts, *a))
        rows.append(
            {
                "name": "distances",
                "peer": f"scikit-bio {name}",
                "n": N_SAMPLES,
                "n_features": N_FEATURES,
                "ours_seconds": ours,
                "peer_seconds": seconds,
                "ratio": seconds / ours,
                "agrees": float(difference),
                "note": f"peer: {len(some)} people timed" + ", scaled" * phylogenetic,
            }
        )
    return rows


def pairs(n: int) -> float:
    return n * (n - 1) / 2


def seconds_of(call: Callable[[], object]) -> float:
    call()
    times = []
    for _ in range(3):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return median(times)


def make_data(n_samples: int, n_features: int) -> tuple[pd.DataFrame, str]:
    """Return rare variants, most of them in a few people, and a balanced tree over them."""
    rng = np.random.default_rng(1)
    carried = rng.random((n_samples, n_features)) < rng.beta(0.3, 3, n_features)
    reads = rng.poisson(carried * rng.lognormal(1, 1.5, n_features))
    reads[:, 0] += 1
    names = [f"variant_{number}" for number in range(n_features)]
    table = pd.DataFrame(reads, index=[f"P{i}" for i in range(n_samples)], columns=names)
    level = [
        f"{name}:{length:.3f}" for name, length in zip(names, rng.random(n_features), strict=True)
    ]
    while len(level) > 1:
        level = [
            f"({','.join(level[start : start + 2])}):{rng.random():.3f}"
            for start in range(0, len(level), 2)
        ]
    return table, f"{level[0].rpartition(':')[0]};"
