"""How long studies and populations take to simulate, and how much memory; one process a size."""

import json
import resource
import subprocess
import sys
import time

from cohabit.simulate import PopulationDesign, StudyDesign, simulate_cohort, simulate_population

PROMISED = {
    "simulate_cohort": {576: "5 s", 2_500: "", 10_000: "60 s, 4 GB"},
    "simulate_population": {62_500: "", 250_000: "", 1_000_000: "60 s, 4 GB"},
}
"""What is simulated -> pairs or people -> what was promised."""

CODE = "import json; from benchmarks import simulate as s; print(json.dumps(s.once({!r}, {})))"


def measure() -> list[dict]:
    """Return one row a size: every table of a cohort, or people with families, in memory."""
    rows = []
    for name, sizes in PROMISED.items():
        for size, promised in sizes.items():
            command = [sys.executable, "-c", CODE.format(name, size)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            rows.append(json.loads(done.stdout) | {"target": promised})
    return rows


def once(name: str, size: int) -> dict:
    """Simulate one world of a size in this process."""
    simulate = {"simulate_cohort": _cohort, "simulate_population": _population}[name]
    simulate(100)  # imports and tables
    start = time.perf_counter()
    n_people = simulate(size)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {
        "name": name,
        "n": n_people,
        "ours_seconds": round(seconds, 1),
        "peak memory (GB)": round(peak, 2),
    }


def _cohort(n_pairs: int) -> int:
    return len(simulate_cohort(StudyDesign().with_pairs(n_pairs), 1).participants)


def _population(n_people: int) -> int:
    return len(simulate_population(PopulationDesign(), n_people=n_people, seed=1).people)
