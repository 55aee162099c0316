"""Requests from the command line, checked against the notebooks without a kernel.

A run is a sweep of one setting: both become a `Plan`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
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
from cohabit.run.profiles import Profile, read_profile, resolve_parameters, resolve_timeouts
from cohabit.run.sweeps import SEED_AXIS, name_values, read_sweep

RUN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
RESERVED = ("sweeps", "plan")
OF_ONE_RUN = {
    **{name: f"--{name}" for name in ("cohort", "run", "seed", "only")},
    "start": "--from",
    "settings": "--set",
}
"""Fields of a request that a sweep must leave unset -> their option."""


@dataclass(frozen=True)
class Request:
    """A request from the command line."""

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
    retries: int = 0
    """Number of retries of a notebook whose worker or process died."""

    force: bool = False
    scheduler: str | None = None
    timeouts: tuple[str, ...] = ()
    """``SECONDS`` for every notebook, or ``NB=SECONDS``."""

    sweep: str | None = None
    """``sweeps/NAME.toml`` or ``NAME``; fields above apply to what the file leaves open."""


@dataclass(frozen=True)
class Setting:
    """One checked set of parameters, whose results have their own folder."""

    run: str
    """Its folder in `results/`."""

    profile: Profile
    notebooks: Mapping[str, Notebook]
    """All notebooks of the run by number."""

    needs: Mapping[str, frozenset[str]]
    """The notebooks that must precede each notebook, in a valid order."""

    selected: frozenset[str]
    """Notebooks to bring up to date."""

    forced: frozenset[str]
    """Notebooks to run even if unchanged."""

    parameters: Mapping[str, Mapping[str, object]]
    timeouts: Mapping[str, float]
    """Time limits of notebooks in seconds."""

    cohort: Path | None = None
    """The user's own cohort; None when notebook 02 makes the cohort."""

    values: Mapping[str, object] = field(default_factory=dict)
    """Axis -> value in a sweep; all settings have the same axes."""

    @property
    def name(self) -> str:
        """Name of its folder."""
        return self.run.rpartition("/")[2]

    @property
    def preset(self) -> str | None:
        """Preset of the world that notebook 02 makes; None with the user's own cohort."""
        if self.cohort is not None:
            return None
        return self.parameters.get(COHORT_MAKER, {}).get("preset", self.profile.preset)

    @property
    def folder(self) -> Path:
        """Folder of its results."""
        return paths.run(self.run)


@dataclass(frozen=True)
class Plan:
    """A request for a run or a sweep with all names and values checked."""

    name: str
    settings: tuple[Setting, ...]
    jobs: int | None = None
    scheduler: str | None = None
    """Address of a running Dask scheduler."""

    retries: int = 0

    question: str | None = None
    """Question of a sweep; None for a single run."""

    @property
    def is_sweep(self) -> bool:
        """True if it has a report on many settings."""
        return self.question is not None

    @property
    def folder(self) -> Path:
        """Folder of its report."""
        return paths.run(f"sweeps/{self.name}" if self.is_sweep else self.name)

    @property
    def axes(self) -> dict[str, str]:
        """Axis of a sweep -> meaning."""
        first = self.settings[0]
        return {axis: _mean(axis, first.notebooks) for axis in first.values}


def make_plan(request: Request) -> Plan:
    """Check a request.

    Raises
    ------
    ValueError
        When a profile, notebook, parameter or value is wrong; names the nearest or the range.
    FileNotFoundError
        When the cohort is not there.
    """
    if request.jobs is not None and request.jobs < 1:
        raise ValueError(f"--jobs: expected a whole number from 1; got {request.jobs}")
    if request.retries < 0:
        raise ValueError(f"--retries: expected a whole number from 0; got {request.retries}")
    return _plan_sweep(request) if request.sweep else _plan_run(request)


def _plan_run(request: Request) -> Plan:
    profile = read_profile(request.profile, paths.collection("config"))
    notebooks = discover(paths.notebooks())
    asked = {"seed": request.seed, "settings": request.settings}
    parameters = resolve_parameters(notebooks, profile, **asked)
    cohort = _find_cohort(request.cohort)
    if cohort is not None:
        notebooks.pop(COHORT_MAKER, None)
    needs = find_needs(notebooks)
    chosen = _choose(request, notebooks, needs)
    setting = Setting(
        run=_name_run(request, cohort),
        profile=profile,
        notebooks={number: notebooks[number] for number in needs},
        needs=needs,
        selected=frozenset(with_needs(chosen, needs)),
        forced=frozenset(chosen if request.force else ()),
        parameters=parameters,
        timeouts=resolve_timeouts(notebooks, profile, request.timeouts),
        cohort=cohort,
    )
    _check_settings_are_used(request, setting)
    return Plan(setting.run, (setting,), **_how(request))


def _plan_sweep(request: Request) -> Plan:
    """Check every value of every setting of a sweep."""
    if given := [name for name in OF_ONE_RUN if getattr(request, name) not in (None, ())]:
        option = OF_ONE_RUN[given[0]]
        raise ValueError(f"--sweep: {option} is for single runs; set it in the sweep's file")
    sweep = read_sweep(request.sweep)
    profile = read_profile(sweep.profile, paths.collection("config"))
    notebooks = discover(paths.notebooks())
    chosen = [find(name, notebooks) for name in sweep.notebooks or notebooks]
    needs = _restrict(chosen, notebooks)
    first = Setting(
        run="",
        profile=profile,
        notebooks={number: notebooks[number] for number in needs},
        needs=needs,
        selected=frozenset(needs),
        forced=frozenset(chosen if request.force else ()),
        parameters={},
        timeouts=resolve_timeouts(notebooks, profile, request.timeouts),
    )
    settings = tuple(
        replace(
            first,
            run=f"sweeps/{sweep.name}/{name_values(values)}",
            parameters=_resolve_varied(notebooks, profile, values),
            values=values,
        )
        for values in sweep.settings
    )
    return Plan(sweep.name, settings, question=sweep.question, **_how(request))


def _how(request: Request) -> dict[str, object]:
    return {name: getattr(request, name) for name in ("jobs", "scheduler", "retries")}


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
    """Return the notebooks requested by name, or all."""
    only = {find(reference, notebooks) for reference in request.only}
    start = {find(reference, notebooks) for reference in request.start}
    if not only and not start:
        return set(notebooks)
    return only | with_dependents(start, needs)


def _check_settings_are_used(request: Request, setting: Setting) -> None:
    for text in request.settings:
        reference = text.partition("=")[0].strip().rpartition(".")[0]
        number = find(reference, setting.notebooks)
        if number not in setting.selected:
            raise ValueError(f"--set {text}: notebook {number} is not among those to run")


def _name_run(request: Request, cohort: Path | None) -> str:
    name = request.run or (cohort.name if cohort else request.profile)
    if not RUN_NAME.fullmatch(name):
        hint = "; choose one with --run NAME" if cohort and not request.run else ""
        raise ValueError(
            "--run: expected a name of letters, digits, dots, dashes and underscores; "
            f"got {name!r}{hint}"
        )
    if name in RESERVED:
        raise ValueError(f"--run: results/{name} is kept for other results; choose another name")
    return name


def _restrict(chosen: list[str], notebooks: Mapping) -> dict[str, frozenset[str]]:
    """Return the dependencies among the chosen notebooks and the ones that they need.

    A notebook that follows all others waits only for these.
    """
    last = {number for number in chosen if notebooks[number].after == "all"}
    named = find_needs({n: book for n, book in notebooks.items() if book.after != "all"})
    kept = with_needs(set(chosen) - last, named) | last
    return find_needs({number: notebooks[number] for number in sorted(kept)})


def _resolve_varied(notebooks: Mapping, profile: Profile, values: Mapping[str, object]) -> dict:
    """Return the parameters of every notebook from a profile and one setting's values."""
    tables = {find(name, notebooks): dict(table) for name, table in profile.notebooks.items()}
    for key, value in values.items():
        reference, point, name = key.rpartition(".")
        if point:
            tables.setdefault(find(reference, notebooks), {})[name] = value
        elif key != SEED_AXIS:
            raise ValueError(
                f"sweep: expected `seed` or `NB.name`, for example 02.pairs; got {key}"
            )
    varied = replace(profile, notebooks=tables)
    return resolve_parameters(notebooks, varied, seed=values.get(SEED_AXIS))


def _mean(axis: str, notebooks: Mapping) -> str:
    reference, point, name = axis.rpartition(".")
    number = find(reference, notebooks) if point else next(iter(notebooks))
    return notebooks[number].parameters[name].meaning
