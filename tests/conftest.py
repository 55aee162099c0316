"""Fixtures: a cohort small enough to check by eye, made without the simulator."""

import biom
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import settings
from tiny_tree import Tree, plant

from cohabit import figures
from cohabit.data.cohort import Cohort, Truth

settings.register_profile("fixed", derandomize=True, deadline=None)
settings.load_profile("fixed")

LINEAGES = {
    "Blautia obeum": ("Firmicutes", "Clostridia", "Clostridiales", "Lachnospiraceae", "Blautia"),
    "Blautia sp": ("Firmicutes", "Clostridia", "Clostridiales", "Lachnospiraceae", "Blautia"),
    "Dorea longicatena": ("Firmicutes", "Clostridia", "Clostridiales", "Lachnospiraceae", "Dorea"),
    "Firmicutes bacterium": ("Firmicutes", "", "", "", ""),
}


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Let one worker have a whole file, and all the notebooks, which build on each other."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid):
            notebook = nodeid.startswith("notebooks/")
            return "notebooks" if notebook else super()._split_scope(nodeid)

    return Scheduling(config, log)


@pytest.fixture
def small_cohort() -> Cohort:
    """Three households; one library each, but two for the first person; four species."""
    people = pd.DataFrame(
        {
            "household_id": ["h1", "h1", "h2", "h2", "h3", "h3"],
            "group": ["MS", "control"] * 3,
            "site": ["Boston", "Boston", "Boston", "Boston", "Edinburgh", "Edinburgh"],
            "country": ["US"] * 4 + ["UK"] * 2,
            "sex": ["female", "male", "male", "female", "female", "female"],
            "age": [40.0, 42, 51, 50, 33, 36],
            "bmi": [22.5, 27, 25, 24, 31, 29],
            "treatment": ["untreated", None, "interferon", None, "untreated", None],
        },
        index=pd.Index(["h1-a", "h1-b", "h2-a", "h2-b", "h3-a", "h3-b"], name="participant_id"),
    )
    owners = ["h1-a", "h1-a", *people.index[1:]]
    ids = pd.Index([f"lib{number}" for number in range(7)], name="sample_id")
    counts = np.arange(28).reshape(4, 7) % 9
    samples = pd.DataFrame(
        {
            "participant_id": owners,
            "visit": 0,
            "assay": "shotgun",
            "kit": "swab",
            "replicate": [1, 2, 1, 1, 1, 1, 1],
            "depth": counts.sum(axis=0),
        },
        index=ids,
    )
    lineages = [{"taxonomy": [*ranks, name]} for name, ranks in LINEAGES.items()]
    table = biom.Table(counts, list(LINEAGES), list(ids), lineages)
    effects = pd.DataFrame({"factor": ["disease"], "feature": ["Blautia obeum"]})
    truth = Truth(effects, lambda: pd.DataFrame({"contrast": ["MS - control"], "value": [-0.3]}))
    return Cohort(people, samples, {"shotgun": table}, {"simulated": True, "seed": 1}, truth=truth)


@pytest.fixture
def tree(tmp_path, monkeypatch) -> Tree:
    """Four tiny notebooks in a collection of their own."""
    monkeypatch.setenv("COHABIT_ROOT", str(tmp_path))
    return plant(tmp_path)


@pytest.fixture
def ax():
    """Axes in the house style, of a figure that is drawn once the test has looked at it."""
    with plt.style.context("default"):
        figures.use_style()
        fig, ax = plt.subplots()
        yield ax
        fig.canvas.draw()  # a figure that cannot be rendered is no figure
        plt.close(fig)
