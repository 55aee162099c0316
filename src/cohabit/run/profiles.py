"""Profiles (`config/*.toml`) and command-line settings, checked against the notebooks."""

import ast
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cohabit.data.schema import nearest
from cohabit.data.shapes import Number, check_shape
from cohabit.files import paths
from cohabit.run.graph import COHORT_MAKER, DIRECTORIES, Notebook, find, read_notebook

STUDY = "study"
"""The default preset, for which the text of the notebooks was written."""

FIGURES_VARIABLE = "COHABIT_FIGURES"
"""Environment variable with further formats of each figure, ``svg``, ``pdf`` or ``pdf,svg``."""

PROFILE_SHAPE = {"preset": str, "notebooks": dict, "timeout": Number, "timeouts": {str: Number}}


@dataclass(frozen=True)
class Profile:
    """A preset of the world and the parameters that differ from the notebooks' defaults."""

    name: str
    preset: str
    notebooks: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    timeout: float | None = None
    """Time limit of each notebook in seconds, or None."""

    timeouts: Mapping[str, float] = field(default_factory=dict)
    """Time limits of single notebooks."""


def read_profile(name: str, folder: Path) -> Profile:
    """Read `folder`/`name`.toml.

    Raises
    ------
    ValueError
        When there is no such profile, naming the nearest, or it has an unknown key.
    """
    known = sorted(path.stem for path in folder.glob("*.toml"))
    if name not in known:
        raise ValueError(f"no profile {name!r}: {nearest(name, known)}")
    content = read_toml(folder / f"{name}.toml", PROFILE_SHAPE)
    return Profile(name, **{"preset": STUDY, **content})


def read_toml(path: Path, shape: Mapping[str, object]) -> dict[str, object]:
    """Read a TOML file and check the names and values of its keys.

    Raises
    ------
    ValueError
        When it is no TOML, holds another key (names the nearest) or a value of another shape.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from None
    for key in content:
        if key not in shape:
            raise ValueError(f"{path.name}: no key {key!r}: {nearest(key, shape)}")
    check_shape(content, shape, path.name)
    return content


def resolve_parameters(
    notebooks: Mapping[str, Notebook],
    profile: Profile,
    *,
    seed: int | None = None,
    settings: Iterable[str] = (),
) -> dict[str, dict[str, object]]:
    """Return the parameters of every notebook except the directories.

    Settings, ``NB.name=value``, win over the seed, which wins over the profile.

    Raises
    ------
    ValueError
        When a notebook or parameter is unknown, naming the nearest, or a value is not allowed.
    """
    chosen = {
        number: {name: item.default for name, item in notebook.parameters.items()}
        for number, notebook in notebooks.items()
    }
    for number, name, value in _differences(notebooks, profile):
        chosen[number][name] = _check(notebooks[number], name, value)
    if seed is not None:
        for number, notebook in notebooks.items():
            chosen[number]["seed"] = _check(notebook, "seed", seed)
    for setting in settings:
        number, name, text = _split(setting, notebooks)
        chosen[number][name] = _check(notebooks[number], name, text, parse=True)
    return {
        number: {name: value for name, value in values.items() if name not in DIRECTORIES}
        for number, values in chosen.items()
    }


def resolve_timeouts(
    notebooks: Mapping[str, Notebook], profile: Profile, settings: Iterable[str] = ()
) -> dict[str, float]:
    """Return time limits in seconds for the notebooks that have one.

    Settings, ``SECONDS`` for all or ``NB=SECONDS``, win over the profile.

    Raises
    ------
    ValueError
        When a notebook is unknown or a time is not one.
    """
    given = [(None, profile.timeout)] if profile.timeout is not None else []
    given += profile.timeouts.items()
    for setting in settings:
        reference, _, text = setting.rpartition("=")
        given.append((reference.strip() or None, text))
    found = {}
    for reference, value in given:
        numbers = notebooks if reference is None else [find(reference, notebooks)]
        found |= dict.fromkeys(numbers, _check_seconds(value))
    return found


def _check_seconds(value: object) -> float:
    try:
        seconds = 0.0 if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise ValueError(f"timeout: expected seconds above 0, or NB=SECONDS; got {value!r}")
    return seconds


def _differences(notebooks: Mapping[str, Notebook], profile: Profile):
    """Yield notebook, parameter and value for each line of a profile."""
    if COHORT_MAKER in notebooks and "preset" in notebooks[COHORT_MAKER].parameters:
        yield COHORT_MAKER, "preset", profile.preset
    for reference, table in profile.notebooks.items():
        number = find(reference, notebooks)
        if not isinstance(table, dict):
            raise ValueError(f"profile {profile.name}: expected [notebooks.{reference}] as a table")
        for name, value in table.items():
            yield number, name, value


def _split(setting: str, notebooks: Mapping[str, Notebook]) -> tuple[str, str, str]:
    target, equals, text = setting.partition("=")
    reference, point, name = target.strip().rpartition(".")
    if not (equals and point and name):
        raise ValueError(f"--set: expected NB.name=value, for example 05.seed=2; got {setting!r}")
    return find(reference, notebooks), name, text


def _check(notebook: Notebook, name: str, value: object, *, parse: bool = False) -> object:
    free = [known for known in notebook.parameters if known not in DIRECTORIES]
    if name in DIRECTORIES:
        raise ValueError(f"{notebook.number}.{name} is the runner's; use --run or --cohort")
    if name not in free:
        raise ValueError(
            f"notebook {notebook.name} has no parameter {name!r}: {nearest(name, free)}"
        )
    parameter = notebook.parameters[name]
    try:
        return parameter.parse(value) if parse else parameter.check(value)
    except ValueError as error:
        raise ValueError(f"{notebook.number}.{error}") from None


def check_running(number: str, namespace: Mapping[str, object]) -> None:
    """Check the parameters of a running notebook, as the runner does before starting one.

    The namespace holds its variables, those of its kernel among them. A number that belongs to no
    source notebook is not checked.

    Raises
    ------
    ValueError
        When a value is not allowed, or papermill was given a name that is no parameter.
    """
    try:
        found = sorted(paths.notebooks().glob(f"{number}_*.ipynb"))
    except FileNotFoundError:
        return
    for notebook in map(read_notebook, found[:1]):
        for name in _find_injected(namespace) - set(DIRECTORIES):
            _check(notebook, name, namespace.get(name))
        for name in notebook.parameters:
            if name in namespace and name not in DIRECTORIES:
                _check(notebook, name, namespace[name])


def _find_injected(namespace: Mapping[str, object]) -> set[str]:
    """Return the names set by papermill in the cell that it inserts."""
    cells = [cell for cell in namespace.get("In", ()) if str(cell).startswith("# Parameters\n")]
    lines = [line for cell in cells for line in ast.parse(cell).body]
    return {line.targets[0].id for line in lines if isinstance(line, ast.Assign)}
