"""Ways to treat the household when whole communities are compared: PERMANOVA of status."""

import time
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cohabit.experiments.arena.prepared import Prepared
from cohabit.experiments.arena.trial import Trial
from cohabit.stats.composition import relative_abundance
from cohabit.stats.diversity import aitchison, bray_curtis
from cohabit.stats.permanova.geometry import from_distances
from cohabit.stats.permanova.partition import Options, analyse, prepare

LEVEL = 0.05


@dataclass(frozen=True)
class CommunityWay:
    """How status is tested; the model is `before` + covariates (when adjusted) + group."""

    before: str = ""
    adjusted: bool = False
    scheme: str = "free"
    permute: str = "raw"


COMMUNITY_WAYS = {
    "free": CommunityWay(),
    "free, adjusted": CommunityWay(adjusted=True),
    "strata": CommunityWay(scheme="within"),
    "strata, adjusted": CommunityWay(adjusted=True, scheme="within"),
    "pair as term": CommunityWay(before="household_id"),
    "pair as term, adjusted": CommunityWay(before="household_id", adjusted=True),
    "own scheme, residuals": CommunityWay(adjusted=True, scheme="auto", permute="residuals"),
}
"""Name -> way; the last is `permanova`'s default."""


def compare_communities(trial: Trial, *, n_permutations: int = 199, seed: int = 1) -> pd.DataFrame:
    """Test status by PERMANOVA in every way, for two distances.

    Parameters
    ----------
    trial : Trial
    n_permutations : int
    seed : int
        Of the permutations; every way has the same.

    Returns
    -------
    DataFrame, one row a way and distance
        way, distance, r2, p_value, rejected (0 or 1), seconds of processor time.
    """
    prepared = Prepared.of(trial)
    trial = prepared.trial
    distances = {
        "Bray-Curtis": bray_curtis(relative_abundance(trial.counts)),
        "Aitchison": aitchison(prepared.counts),
    }
    geometries = {name: from_distances(matrix)[0] for name, matrix in distances.items()}
    rows = []
    for way, how in COMMUNITY_WAYS.items():
        options = Options(
            scheme=how.scheme, permute=how.permute, n_permutations=n_permutations, only="group"
        )
        start = time.process_time()
        model = prepare(trial.people, _write_formula(trial, how), options)
        planned = time.process_time() - start
        for name, geometry in geometries.items():
            start = time.process_time()
            tested = analyse(model, geometry, np.random.default_rng(seed)).loc["group"]
            spent = planned + time.process_time() - start
            numbers = {"r2": tested["r2"], "p_value": tested["p_value"]}
            rows.append({"way": way, "distance": name, **numbers, "seconds": spent})
    table = pd.DataFrame(rows)
    return table.assign(rejected=(table["p_value"] <= LEVEL).astype(float))


def _write_formula(trial: Trial, how: CommunityWay) -> str:
    """Return the model; the household already says where people live."""
    names = trial.covariates.split(" + ") if how.adjusted else []
    names = [name for name in names if not (how.before and name == "site")]
    return " + ".join(filter(None, [how.before, *names, "group"]))
