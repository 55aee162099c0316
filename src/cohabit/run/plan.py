"""What was asked for, checked against what is there; standard library only, no kernel."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cohabit.files import paths
from cohabit.run.graph import (
    COHORT_MAKER,
    Notebook,
    discover,
    find,
    find_needs,
    with_dependents,
    with_needs,
)
from cohabit.run.profiles import Profile, read_profile, resolve, resolve_timeouts

RUN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Request:
    """What the command line asked for."""

    profile: str = "study"
    cohort: str | None = None
    run: str | None = None
    seed: int | None = None
    only: tuple[str, ...] = ()
    start: tuple[str, ...] = ()
    """`--from`: these notebooks and all that depend on them."""

    settings: tuple[str, ...] = ()
    """`NB.name=value`."""

    jobs: int | None = None
    force: bool = False
    scheduler: str | None = None
    timeouts: tuple[str, ...] = ()
    """``SECONDS`` for every notebook, or ``NB=SECONDS``."""


@dataclass(frozen=True)
class Plan:
    """A request whose every name and value was found to be right."""

    run: str
    profile: Profile
    notebooks: Mapping[str, Notebook]
    """All notebooks of the run, by number."""

    needs: Mapping[str, frozenset[str]]
    """For each notebook those before it; its order is one that works."""

    selected: frozenset[str]
    """Those to bring up to date."""

    forced: frozenset[str]
    """Those to run although nothing changed."""

    parameters: Mapping[str, Mapping[str, object]]
    cohort: Path | None
    """A reader's own cohort; None when notebook 02 makes it."""

    jobs: int | None
    scheduler: str | None = None
    """Address of a running Dask scheduler."""

    timeouts: Mapping[str, float] = field(default_factory=dict)
    """Seconds that a notebook may take."""

    @property
    def preset(self) -> str | None:
        """The world that notebook 02 makes; None for a cohort of the reader's own."""
        if self.cohort is not None:
            return None
        return self.parameters.get(COHORT_MAKER, {}).get("preset", self.profile.preset)

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return paths.run(self.run)


def make_plan(request: Request) -> Plan:
    """Check a request.

    Raises
    ------
    ValueError
        When a profile, notebook, parameter or value is wrong; names the nearest or the range.
    FileNotFoundError
        When the cohort is not there.
    """
    profile = read_profile(request.profile, paths.root() / "config")
    notebooks = discover(paths.notebooks())
    settings = {"seed": request.seed, "settings": request.settings}
    parameters = resolve(notebooks, profile, **settings)
    cohort = _find_cohort(request.cohort)
    if cohort is not None:
        notebooks.pop(COHORT_MAKER, None)
    needs = find_needs(notebooks)
    chosen = _choose(request, notebooks, needs)
    selected = with_needs(chosen, needs)
    _check_settings_are_used(request, notebooks, selected)
    if request.jobs is not None and request.jobs < 1:
        raise ValueError(f"--jobs: expected a whole number from 1; got {request.jobs}")
    return Plan(
        run=_name_run(request, cohort),
        profile=profile,
        notebooks={number: notebooks[number] for number in needs},
        needs=needs,
        selected=frozenset(selected),
        forced=frozenset(chosen if request.force else ()),
        parameters=parameters,
        cohort=cohort,
        jobs=request.jobs,
        scheduler=request.scheduler,
        timeouts=resolve_timeouts(notebooks, profile, request.timeouts),
    )


def _find_cohort(named: str | None) -> Path | None:
    if named is None:
        return None
    cohort = Path(named).resolve()
    if not (cohort / "participants.tsv").is_file():
        raise FileNotFoundError(
            f"--cohort {named}: expected a cohort folder with participants.tsv; there is none"
        )
    return cohort


def _choose(request: Request, notebooks: Mapping, needs: Mapping) -> set[str]:
    """Return the notebooks asked for by name, or all."""
    only = {find(reference, notebooks) for reference in request.only}
    start = {find(reference, notebooks) for reference in request.start}
    if not only and not start:
        return set(notebooks)
    return only | with_dependents(start, needs)


def _check_settings_are_used(request: Request, notebooks: Mapping, selected: set[str]) -> None:
    for setting in request.settings:
        reference = setting.partition("=")[0].strip().rpartition(".")[0]
        number = find(reference, notebooks)
        if number not in selected:
            raise ValueError(f"--set {setting}: notebook {number} is not among those to run")


def _name_run(request: Request, cohort: Path | None) -> str:
    name = request.run or (cohort.name if cohort else request.profile)
    if not RUN_NAME.fullmatch(name):
        raise ValueError(
            f"--run: expected a name of letters, digits, dots, dashes and underscores; got {name!r}"
        )
    return name
