"""The world of a cohort, drawn again, and six counterfactual worlds of the same people.

Each change takes a world and returns another with the same random numbers. Everything that
does not depend on what was changed is the same to the last digit.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from cohabit.data import schema
from cohabit.data.cohort import Cohort
from cohabit.data.schema import MissingInput, nearest
from cohabit.simulate import StudyDesign, World, draw_world
from cohabit.simulate.design import STUDY_PRESETS

CLINICAL = ("course", "onset_age", "duration", "edss", "msss", "relapses")
"""Columns that only patients have."""


def recall_world(cohort: Cohort) -> World:
    """Redraw the world that a simulated cohort was measured in, by design and seed.

    Raises
    ------
    MissingInput
        When the cohort is of real people.
    ValueError
        When design and seed do not give these counts: another version made the cohort.
    """
    made = cohort.provenance
    if not made.get("simulated") or not isinstance(made.get("design"), Mapping):
        raise MissingInput("this cohort was not simulated, so its people have no second world")
    world = draw_world(StudyDesign(**made["design"]), int(made["seed"]))
    if "shotgun" in cohort.features and not _gives(world, cohort.table("shotgun")):
        raise ValueError(
            "the design and seed of this cohort give other counts than it holds: it was made by "
            f"version {made.get('versions', {}).get('cohabit')} of the world, or with another "
            "template; simulate it again (notebook 02)"
        )
    return world


def _gives(world: World, counts: pd.DataFrame) -> bool:
    """Return True when a world gives these counts, checked in every tenth person."""
    if not counts.index.equals(world.people.index):
        return False
    seen, again = counts.iloc[::10], world.count(slice(None, None, 10))
    missing = again.columns.difference(seen.columns)
    return bool((again[missing] == 0).all(axis=None)) and seen.equals(
        again[seen.columns].astype(np.int64)
    )


def remove_disease(world: World) -> World:
    """Return the world without MS and hence without course, severity, therapy and spillover.

    Weight, diet and habits do not change: the effect is that of the disease itself, as in the
    estimands.
    """
    people = world.people
    nobody = {name: people[name].mask(world.patients) for name in CLINICAL}
    group = pd.Categorical(["control"] * len(people), schema.GROUPS, ordered=True)
    treatment = people["treatment"].where(people["treatment"].isna(), "untreated")
    return world.with_people(group=group, treatment=treatment, **nobody)


def make_strangers(world: World) -> World:
    """Return the world in which partners are strangers, reassigned within each site."""
    return draw_world(world.design.replace(**STUDY_PRESETS["strangers"]), world.seed)


def stop_therapy(world: World) -> World:
    """Return the world in which no patient is treated; severity does not change."""
    return give_drug(world, "untreated")


def give_drug(world: World, drug: str = "interferon") -> World:
    """Return the world in which every patient takes the same drug.

    Raises
    ------
    ValueError
        When there is no such drug; names the nearest.
    """
    if drug not in schema.TREATMENTS:
        raise ValueError(f"no drug {drug!r}: {nearest(drug, schema.TREATMENTS)}")
    return world.with_people(treatment=world.people["treatment"].mask(world.patients, drug))


def enrich_diet(world: World, fibre: float = 30.0) -> World:
    """Return the world in which everybody eats at least `fibre` grams of fibre a day.

    People who eat more do not change.
    """
    if not fibre >= 0:
        raise ValueError(f"fibre: expected grams a day, from 0; got {fibre!r}")
    return world.with_people(fibre=world.people["fibre"].clip(lower=fibre))


def stop_smoking(world: World) -> World:
    """Return the world in which nobody has ever smoked."""
    return world.with_people(smoking=pd.Series("never", world.people.index))


def transfer_species(world: World, species: Sequence[str], share: float = 1.0) -> World:
    """Return the world in which each patient receives species from the partner at home.

    The partner's amounts are added to the patient's before closure: ``amount + share * partner's
    amount``, with a share from 0. All other amounts stay the same.

    Raises
    ------
    ValueError
        When the template has no such species, or the share is negative.
    """
    unknown = [name for name in species if name not in world.species.taxa]
    if unknown:
        raise ValueError(f"no species {unknown[0]!r}: {nearest(unknown[0], world.species.taxa)}")
    if not share >= 0:
        raise ValueError(f"share: expected a number from 0; got {share!r}")
    columns = world.species.taxa.get_indexer(list(species))
    patient, donor = _partners(world)
    before = world.species
    given = _amount(before, donor, columns) + (np.log(share) if share else -np.inf)
    after = np.logaddexp(_amount(before, patient, columns), given)
    carried = np.isfinite(after)
    cells = np.ix_(patient, columns)
    log_abundance, liability = before.log_abundance.copy(), before.liability.copy()
    log_abundance[cells] = np.where(carried, after, log_abundance[cells])
    arrived = carried & (liability[cells] <= 0)
    liability[cells] = np.where(arrived, np.inf, liability[cells])
    return world.with_species(replace(before, log_abundance=log_abundance, liability=liability))


def _amount(community, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return log amounts, people x species; -inf where a species is not carried."""
    cells = np.ix_(rows, columns)
    return np.where(community.carried[cells], community.log_abundance[cells], -np.inf)


def _partners(world: World) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of patients who have a partner, and of their partners."""
    people = world.people
    place = pd.Series(np.arange(len(people)), people["household_id"])
    is_patient = world.patients.to_numpy()
    patients, controls = place[is_patient], place[~is_patient]
    both = patients.index.intersection(controls.index)
    return patients[both].to_numpy(), controls[both].to_numpy()


@dataclass(frozen=True)
class Change:
    """A change and the people whose mean effect it is judged by."""

    apply: Callable[..., World]
    concerns: Callable[[pd.DataFrame], pd.Series]
    """People -> True for those over whom the mean effect is taken."""


def _patients(people: pd.DataFrame) -> pd.Series:
    return people["group"] == "MS"


def _treated(people: pd.DataFrame) -> pd.Series:
    return people["treatment"].isin(schema.TREATMENTS[1:])


def _everyone(people: pd.DataFrame) -> pd.Series:
    return people["group"].notna()


CHANGES = {
    "without disease": Change(remove_disease, _patients),
    "as strangers": Change(make_strangers, _everyone),
    "without therapy": Change(stop_therapy, _treated),
    "one drug for all": Change(give_drug, _patients),
    "a fibre-rich diet": Change(enrich_diet, _everyone),
    "a transfer": Change(transfer_species, _patients),
}
"""Name -> change."""


def change_all(
    world: World, *, drug: str, fibre: float, species: Sequence[str]
) -> dict[str, World]:
    """Return every changed world by name, in the order of `CHANGES`.

    For arguments see `give_drug`, `enrich_diet` and `transfer_species`.
    """
    settings = {"one drug for all": drug, "a fibre-rich diet": fibre, "a transfer": species}
    return {
        name: change.apply(world, *([settings[name]] if name in settings else []))
        for name, change in CHANGES.items()
    }
