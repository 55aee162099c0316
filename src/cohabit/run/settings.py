"""A sweep's file (`sweeps/NAME.toml`): one question, some notebooks, many sets of parameters.

Every entry of `[[settings]]` is combined with every combination of the values in `[grid]`. A key
is `seed`, for all notebooks, or `NB.name`; a value of the grid is a list or `{from = 1, to = 500}`.
"""

import itertools
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from cohabit.compute.fingerprint import hash_text
from cohabit.data.schema import nearest
from cohabit.files import paths
from cohabit.run.graph import discover, find, find_needs, with_needs
from cohabit.run.plan import Plan
from cohabit.run.profiles import read_profile, resolve, resolve_timeouts

KEYS = ("question", "profile", "notebooks", "grid", "settings")
SEED = "seed"
LONGEST_NAME = 80
MOST_SETTINGS = 10_000


@dataclass(frozen=True)
class Setting:
    """One set of parameters of a sweep."""

    name: str
    """Its folder."""

    values: Mapping[str, object]
    """What the sweep varies: axis -> value; the same axes in every setting."""

    plan: Plan


@dataclass(frozen=True)
class Sweep:
    """A sweep whose every name and value was found to be right."""

    name: str
    question: str
    settings: tuple[Setting, ...]

    @property
    def folder(self) -> Path:
        """Where its settings and its report go."""
        return paths.run(f"sweeps/{self.name}")

    @property
    def axes(self) -> dict[str, str]:
        """What it varies, and what that means in words."""
        first = self.settings[0]
        return {axis: _mean(axis, first.plan.notebooks) for axis in first.values}


def read_sweep(
    reference: str,
    *,
    jobs: int | None = None,
    scheduler: str | None = None,
    timeouts: tuple[str, ...] = (),
    force: bool = False,
) -> Sweep:
    """Read and check a sweep: no kernel starts before every value of every setting is right.

    Parameters
    ----------
    reference : str
        ``sweeps/NAME.toml``, or just ``NAME``.
    jobs, scheduler, timeouts, force
        As in `Request`, for every setting.

    Raises
    ------
    ValueError
        When there is no such sweep, or a key, notebook, parameter or value is wrong.
    """
    path = _find_file(reference)
    content = _read(path)
    profile = read_profile(content.get("profile", "classroom"), paths.root() / "config")
    notebooks = discover(paths.notebooks())
    chosen = [find(name, notebooks) for name in content.get("notebooks", notebooks)]
    needs = _restrict(chosen, notebooks)
    common = {
        "profile": profile,
        "notebooks": {number: notebooks[number] for number in needs},
        "needs": needs,
        "selected": frozenset(needs),
        "forced": frozenset(chosen if force else ()),
        "cohort": None,
        "jobs": jobs,
        "scheduler": scheduler,
        "timeouts": resolve_timeouts(notebooks, profile, timeouts),
    }
    settings = []
    for values in _combine(path, content):
        varied = replace(profile, notebooks=_merge(profile.notebooks, values, notebooks))
        parameters = resolve(notebooks, varied, seed=values.get(SEED))
        name = _name(values)
        run = f"sweeps/{path.stem}/{name}"
        plan = Plan(run=run, parameters=parameters, **common)
        settings.append(Setting(name, values, plan))
    return Sweep(path.stem, str(content.get("question", "")), _check_distinct(path, settings))


def _find_file(reference: str) -> Path:
    if reference.endswith(".toml"):
        path = paths.from_root(reference)
        path = path if path.is_file() else Path(reference).resolve()
    else:
        path = paths.root() / "sweeps" / f"{reference}.toml"
    if not path.is_file():
        known = sorted(found.stem for found in (paths.root() / "sweeps").glob("*.toml"))
        raise ValueError(f"no sweep {reference!r}: {nearest(Path(reference).stem, known)}")
    return path


def _read(path: Path) -> dict:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path.name}: {error}") from None
    for key in content:
        if key not in KEYS:
            raise ValueError(f"{path.name}: no key {key!r}: {nearest(key, KEYS)}")
    if not content.get("grid") and not content.get("settings"):
        raise ValueError(f"{path.name}: expected [grid] or [[settings]]; found neither")
    return content


def _restrict(chosen: list[str], notebooks: Mapping) -> dict[str, frozenset[str]]:
    """Return who waits for whom among the notebooks chosen and what they name as needed.

    One that comes after all others waits for these alone.
    """
    last = {number for number in chosen if notebooks[number].after == "all"}
    named = find_needs({n: book for n, book in notebooks.items() if book.after != "all"})
    kept = with_needs(set(chosen) - last, named) | last
    return find_needs({number: notebooks[number] for number in sorted(kept)})


def _combine(path: Path, content: Mapping) -> Iterator[dict[str, object]]:
    """Give the values of each setting: every entry of the list with every point of the grid."""
    grid = {key: _spread(path, key, value) for key, value in _flatten(content.get("grid", {}))}
    if (count := len(content.get("settings", [{}]))) * _product(grid) > MOST_SETTINGS:
        raise ValueError(f"{path.name}: more than {MOST_SETTINGS:,} settings ({count} x grid)")
    entries = [dict(_flatten(entry)) for entry in content.get("settings", [{}])]
    axes = list(dict.fromkeys(itertools.chain(*entries, grid)))
    for entry in entries:
        if missing := [axis for axis in axes if axis not in entry and axis not in grid]:
            raise ValueError(
                f"{path.name}: each of [[settings]] gives the same keys; {entry} lacks {missing[0]}"
            )
        for point in itertools.product(*grid.values()):
            yield {**entry, **dict(zip(grid, point, strict=True))}


def _product(grid: Mapping[str, list]) -> int:
    count = 1
    for values in grid.values():
        count *= len(values)
    return count


def _flatten(table: Mapping) -> Iterator[tuple[str, object]]:
    """Give `NB.name` and value of a table in which `NB.name` may be one key or two."""
    for key, value in table.items():
        if isinstance(value, dict) and set(value) != {"from", "to"}:
            yield from ((f"{key}.{name}", inner) for name, inner in value.items())
        else:
            yield key, value


def _spread(path: Path, key: str, value: object) -> list:
    if isinstance(value, dict) and all(isinstance(end, int) for end in value.values()):
        value = list(range(value["from"], min(value["to"], value["from"] + MOST_SETTINGS) + 1))
    if not isinstance(value, list) or not value:
        raise ValueError(
            f"{path.name}: grid: expected {key} = [...] or {{from = 1, to = 9}}; got {value!r}"
        )
    return value


def _merge(tables: Mapping, values: Mapping[str, object], notebooks: Mapping) -> dict:
    """Return a profile's tables with one setting's values in them."""
    merged = {find(reference, notebooks): dict(table) for reference, table in tables.items()}
    for key, value in values.items():
        reference, point, name = key.rpartition(".")
        if point:
            merged.setdefault(find(reference, notebooks), {})[name] = value
        elif key != SEED:
            raise ValueError(
                f"sweep: expected `seed` or `NB.name`, for example 02.pairs; got {key}"
            )
    return merged


def _mean(axis: str, notebooks: Mapping) -> str:
    reference, point, name = axis.rpartition(".")
    number = find(reference, notebooks) if point else next(iter(notebooks))
    return notebooks[number].parameters[name].meaning


def _name(values: Mapping[str, object]) -> str:
    """Name a setting's folder by its values, so that it stays when others are added."""
    text = "_".join(f"{key}-{value}" for key, value in values.items())
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.")
    return name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}-{hash_text(text)[:8]}"


def _check_distinct(path: Path, settings: list[Setting]) -> tuple[Setting, ...]:
    names = [setting.name for setting in settings]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"{path.name}: the same setting twice: {', '.join(repeated[:3])}")
    return tuple(settings)
