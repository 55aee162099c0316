"""Audit of a design: what a cohort of this shape cannot answer, with a remedy for each doubt."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from cohabit.data import schema
from cohabit.data.people import USUAL, concerned, why_not_held

FEWEST_PAIRS = 6
"""Smallest number of pairs whose exact test can reach P <= 0.05: 2 / 2**n."""

FEWEST_OF_LEVEL = 4
"""Smallest number of people of a level that a declared contrast may compare."""

_MOST_LEVELS = 1 / 3
"""Largest number of levels of a covariate, as a share of the people."""


@dataclass(frozen=True)
class Doubt:
    """Something that the design cannot answer, or answers badly."""

    where: str
    """The column, or ``[model]``."""

    what: str
    remedy: str
    refused: bool = False
    """True when a declared contrast has no answer here; the import then stops."""


def audit_design(
    people: pd.DataFrame, samples: pd.DataFrame, model: Mapping[str, object] | None = None
) -> list[Doubt]:
    """Return what a cohort's design leaves open, before anything is analysed.

    Parameters
    ----------
    people : DataFrame, one row per person
        `household_id`, `group` and whatever is known.
    samples : DataFrame, one row per library
        `participant_id` and `visit`; `batch` and `kit` where they are known.
    model : mapping, optional
        As ``[model]`` of a mapping: `covariates`, `contrasts` (columns, or ``group:visit``),
        `reference` (column -> level).

    Returns
    -------
    list of Doubt
        Too small, confounded, aliased, unidentified, leaking; declared contrasts without an
        answer are `refused`.
    """
    model = model or {}
    wanted = [str(name) for name in model.get("covariates", USUAL)]
    held = [name for name in wanted if not why_not_held(concerned(people, name), name)]
    held = [name for name in held if name not in schema.ONLY_PATIENTS]
    doubts = [*_declared(people, samples, model), *_too_small(people)]
    if people["group"].nunique() > 1:
        doubts += [*_confounded(people, held), *_leaking(people, samples)]
    return [*doubts, *_aliased(people, held), *_many_levels(people, held)]


def _too_small(people: pd.DataFrame) -> Iterator[Doubt]:
    counts = pd.crosstab(people["household_id"], people["group"].astype(str))
    if {"MS", "control"} <= set(counts):
        pairs = int(((counts["MS"] > 0) & (counts["control"] > 0)).sum())
        if pairs == 0:
            what = "no household holds a case and a control: the home is no control for anything"
            yield Doubt("group", what, "cases and controls are compared between households alone")
        elif pairs < FEWEST_PAIRS:
            what = f"{pairs} household(s) with a case and a control: the smallest exact P"
            what += f" of partners is {min(1, 2 / 2**pairs):.3g}"
            yield Doubt("group", what, f"recruit {FEWEST_PAIRS} pairs or more, or report estimates")


def _confounded(people: pd.DataFrame, held: Iterable[str]) -> Iterator[Doubt]:
    """Yield covariates that are nearly or wholly the same thing as being a case."""
    for name in held:
        if _is_number(people[name]) or people[name].nunique() > len(people) / 4:
            continue
        table = pd.crosstab(people[name], people["group"])
        decided = int(table.to_numpy().sum())
        smaller = int(table.min(axis=1).sum())
        if smaller == 0:
            what = f"{name} tells case from control without exception ({decided} people)"
            remedy = (
                f"no model can separate them: leave {name} out of [model] covariates and say so"
            )
            yield Doubt(name, what, f"{remedy}, or recruit the other combinations")
        elif smaller <= 0.05 * decided and len(table) == 2:
            what = f"{name} tells case from control in all but {smaller} of {decided} people"
            remedy = (
                f"the difference at equal {name} rests on these {smaller}: expect wide intervals"
            )
            yield Doubt(name, what, remedy)


def _aliased(people: pd.DataFrame, held: list[str]) -> Iterator[Doubt]:
    """Yield covariates that other covariates determine."""
    complete = people.dropna(subset=held)
    for place, name in enumerate(held):
        for other in held[:place]:
            if not _is_number(complete[other]) and _determines(complete[other], complete[name]):
                what = f"{other} determines {name}: nothing is left to estimate for one of them"
                yield Doubt(name, what, f"keep one of {other} and {name} in [model] covariates")


def _many_levels(people: pd.DataFrame, held: Iterable[str]) -> Iterator[Doubt]:
    for name in held:
        levels = people[name].nunique()
        if not _is_number(people[name]) and levels > _MOST_LEVELS * len(people):
            what = f"{levels} levels among {len(people)} people: unidentified as a covariate"
            yield Doubt(name, what, "group the levels, or leave it out of [model] covariates")


def _leaking(people: pd.DataFrame, samples: pd.DataFrame) -> Iterator[Doubt]:
    """Yield columns that would tell a classifier, or a model, who is a case."""
    case = people["group"] == "MS"
    for name in people.columns.difference([*schema.ONLY_PATIENTS, "group", "diagnosis"]):
        known = people[name].notna()
        if known[case].all() and not known[~case].any():
            what = f"{name} is recorded for cases and for no control: its blanks tell who is ill"
            yield Doubt(name, what, "never use it to predict; record it for controls too")
    group = samples["participant_id"].map(people["group"])
    for name in [name for name in ("batch", "kit") if name in samples]:
        table = pd.crosstab(samples[name], group)
        if len(table) > 1 and (table.min(axis=1) == 0).all():
            what = f"every {name} holds cases alone or controls alone: its effect is a case effect"
            yield Doubt(name, what, "sequence partners together; here nothing can separate the two")


def _declared(
    people: pd.DataFrame, samples: pd.DataFrame, model: Mapping[str, object]
) -> Iterator[Doubt]:
    """Yield the parts of a declared model that these people cannot answer."""
    for name in [name for name in model.get("covariates", ()) if name not in people]:
        yield _refuse(name, "declared as covariate and not in the metadata", people)
    contrasts = list(model.get("contrasts", ()))
    for column, level in dict(model.get("reference", {})).items():
        if column not in people:
            yield _refuse(column, "has a reference level and is not in the metadata", people)
        elif level not in set(people[column].dropna().astype(str)):
            known = schema.nearest(level, sorted(set(people[column].dropna().astype(str))))
            yield Doubt(column, f"reference level {level!r} is nobody's", known, refused=True)
    for name in contrasts:
        yield from _visits(people, samples) if name == "group:visit" else _contrast(people, name)


def _contrast(people: pd.DataFrame, name: str) -> Iterator[Doubt]:
    if name not in people:
        yield _refuse(name, "declared as contrast and not in the metadata", people)
        return
    values = people[name].dropna()
    if values.nunique() < 2:
        yield Doubt(name, "declared as contrast and the same for all", _LEAVE, refused=True)
    elif not _is_number(values):
        sizes = values.astype(str).value_counts()
        small = sizes[sizes < FEWEST_OF_LEVEL]
        if len(small):
            told = ", ".join(f"{level} ({n})" for level, n in sorted(small.items()))
            what = f"declared as contrast with fewer than {FEWEST_OF_LEVEL} people of {told}"
            remedy = f"join the level with another, or leave its people out, under [levels.{name}]"
            yield Doubt(name, what, remedy, refused=True)
    elif values.nunique() < 3 and len(values) < 2 * FEWEST_OF_LEVEL:
        yield Doubt(name, f"declared as contrast and known for {len(values)}", _LEAVE, refused=True)


def _visits(people: pd.DataFrame, samples: pd.DataFrame) -> Iterator[Doubt]:
    again = samples.groupby("participant_id")["visit"].nunique() > 1
    followed = people.loc[people.index.isin(again.index[again]), "group"].value_counts()
    few = [g for g in schema.GROUPS if followed.get(g, 0) < FEWEST_OF_LEVEL]
    if few:
        what = (
            f"group:visit needs {FEWEST_OF_LEVEL} people of each group with samples of two visits; "
        )
        what += ", ".join(f"{group}: {followed.get(group, 0)}" for group in few)
        yield Doubt(
            "[model]", what, f"{_LEAVE}; name the column of the time as visit", refused=True
        )


_LEAVE = "leave it out of [model] contrasts"


def _refuse(name: str, what: str, people: pd.DataFrame) -> Doubt:
    return Doubt(
        name, what, f"{schema.nearest(name, people)}; keep it under [columns]", refused=True
    )


def _is_number(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _determines(first: pd.Series, second: pd.Series) -> bool:
    """Return True when the first column's level leaves no choice for the second's, told by many."""
    spans = second.groupby(first.to_numpy(), observed=True).nunique()
    repeated = first.value_counts().gt(1).any()
    return bool(repeated and (spans <= 1).all())
