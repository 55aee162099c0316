"""The planner: cohorts a minute, one and two workers, six sizes at study effort, a dial's turn.

One BLAS thread; the machine should have nothing else to do.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read once, when numpy is imported
# ruff: noqa: E402

import time

import pandas as pd
from matplotlib.figure import Figure

from cohabit.compute.pool import open_cluster
from cohabit.compute.tasks import gather
from cohabit.course import explorers
from cohabit.experiments.planner import Questions, Scenario, estimate_power, find_sizes
from cohabit.experiments.planner.questions import BATCH, Batch, run_batch

SIZES = (25, 50, 75, 100, 150, 200)
BATCHES = 24
PAIRS, TAXA = 100, 441
DIALS = {
    "map of partners": (explorers.draw_partner_map, (1.0, 2.0, 1.0)),
    "permuted R²": (explorers.draw_schemes, ("status", 80, 1.0, 1.0)),
    "power and money": (explorers.draw_plan, ("community", 1.5, 0.2, 100, 100)),
}
STEP = {float: 0.25, int: 10}
"""How far a dial is turned each time."""


def measure() -> list[dict]:
    """Return one row a promise; run as ``python -m benchmarks power``."""
    seconds = {workers: time_batches(workers) for workers in (1, 2)}
    rows = [
        row("cohorts simulated and analysed", workers, spent, "500 a minute on two")
        | {"cohorts a minute": round(60 * BATCHES * BATCH / spent)}
        for workers, spent in seconds.items()
    ]
    rows[1] |= {"times one worker": round(seconds[2] / seconds[1], 2), "note": "promised: 0.65"}
    start = time.perf_counter()
    table = estimate_power([Scenario(n=n) for n in SIZES], Questions(), jobs=2)
    spent = time.perf_counter() - start
    answer = find_sizes(table, ["question"]).set_index("question").loc["community"]
    words = f"{answer['n']} pairs ({answer['low']:.0f} to {answer['high']:.0f}) for 80%"
    rows.append(row("six sizes, three questions, half-width 0.05", 2, spent, "180 s", note=words))
    return rows + [time_dial(name, *call) for name, call in DIALS.items()]


def time_batches(workers: int) -> float:
    """Return seconds for `BATCHES` batches once the workers are up and have drawn one."""
    batches = [Batch(Scenario(n=PAIRS), Questions(), 1, "00" * 8, k) for k in range(BATCHES)]
    with open_cluster(jobs=workers) as client:
        list(gather(client, run_batch, batches[:workers]))
        start = time.perf_counter()
        found = pd.concat([cohorts for _, cohorts in gather(client, run_batch, batches)])
    assert len(found) == BATCHES * BATCH
    return time.perf_counter() - start


def time_dial(name: str, draw, values: tuple) -> dict:
    """Return seconds from a turned dial to a picture, the first left out."""
    spent = []
    for step in range(4):
        figure = Figure(figsize=(9.2, 3.8), layout="constrained")
        start = time.perf_counter()
        draw(figure, *values[:-1], values[-1] + step * STEP[type(values[-1])])
        figure.savefig(os.devnull, format="png", dpi=100)
        spent.append(time.perf_counter() - start)
    return row(f"a dial turned: {name}", 1, sorted(spent[1:])[1], "1 s")


def row(name: str, workers: int, seconds: float, promised: str, **more) -> dict:
    return {
        "name": name,
        "n": 2 * PAIRS,
        "n_features": TAXA,
        "workers": workers,
        "ours_seconds": round(seconds, 2),
        "target": promised,
        **more,
    }
