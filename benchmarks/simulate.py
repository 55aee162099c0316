"""How long a study takes to simulate, and how much memory; one process a size."""

import json
import resource
import subprocess
import sys
import time

from cohabit.simulate import StudyDesign, simulate_cohort
from cohabit.simulate.design import PAIRS_PER_SITE

PROMISED = {576: "5 s", 2_500: "", 10_000: "60 s, 4 GB"}
CODE = "import json; from benchmarks import simulate as s; print(json.dumps(s.simulate_once({})))"


def measure() -> list[dict]:
    """Return one row a size of study: every table of the cohort, in memory."""
    rows = []
    for n_pairs, promised in PROMISED.items():
        command = [sys.executable, "-c", CODE.format(n_pairs)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        rows.append(json.loads(done.stdout) | {"target": promised})
    return rows


def simulate_once(n_pairs: int) -> dict:
    """Simulate one study in this process."""
    factor = n_pairs / sum(PAIRS_PER_SITE.values())
    pairs = {site: round(n * factor) for site, n in PAIRS_PER_SITE.items()}
    design = StudyDesign(pairs_per_site=pairs)
    simulate_cohort(StudyDesign(pairs_per_site={"Boston": 2}), 1)  # imports and tables
    start = time.perf_counter()
    simulate_cohort(design, 1)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {
        "name": "simulate_cohort",
        "n": 2 * design.n_pairs,
        "ours_seconds": round(seconds, 1),
        "peak memory (GB)": round(peak, 2),
    }
