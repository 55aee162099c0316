"""The world of a simulated cohort, drawn again."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from cohabit.data.cohort import Cohort
from cohabit.data.schema import MissingInput
from cohabit.simulate import StudyDesign, World, draw_world


def recall_world(cohort: Cohort) -> World:
    """Draw again the world that a simulated cohort was seen in.

    Parameters
    ----------
    cohort : Cohort
        Its `provenance` names design and seed.

    Raises
    ------
    MissingInput
        When the cohort is of real people: nobody can run their lives again.
    ValueError
        When design and seed do not give these counts: another version made the cohort.
    """
    made = cohort.provenance
    if not made.get("simulated") or not isinstance(made.get("design"), Mapping):
        raise MissingInput(
            "this cohort was not simulated: a second world of the same people is not there"
        )
    world = draw_world(StudyDesign(**made["design"]), int(made["seed"]))
    if "shotgun" in cohort.features and not _gives(world, cohort.table("shotgun")):
        raise ValueError(
            "the design and seed of this cohort give other counts than it holds: it was made by "
            f"version {made.get('versions', {}).get('cohabit')} of the world, or with another "
            "template; simulate it again (notebook 02)"
        )
    return world


def _gives(world: World, counts: pd.DataFrame) -> bool:
    """Whether a world gives these counts, looked at in one person of ten."""
    if not counts.index.equals(world.people.index):
        return False
    seen, again = counts.iloc[::10], world.count(slice(None, None, 10))
    missing = again.columns.difference(seen.columns)
    return bool((again[missing] == 0).all(axis=None)) and seen.equals(
        again[seen.columns].astype(np.int64)
    )
