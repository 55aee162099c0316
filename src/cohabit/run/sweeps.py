"""The file of a sweep (`sweeps/NAME.toml`): notebooks and many sets of parameters.

Every entry of `[[settings]]` is combined with every combination of the values in `[grid]`. A key
is `seed`, for all notebooks, or `NB.name`; a value of the grid is a list or `{from = 1, to = 500}`.
"""

import itertools
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cohabit.compute.fingerprint import hash_text
from cohabit.data.schema import nearest
from cohabit.files import paths
from cohabit.run.profiles import read_toml

SWEEP_SHAPE = {
    **{"question": str, "profile": str, "notebooks": [str]},
    **{"grid": dict, "settings": [dict]},
}
SEED_AXIS = "seed"
LONGEST_NAME = 80
MOST_SETTINGS = 10_000


@dataclass(frozen=True)
class Sweep:
    """The unchecked content of a sweep's file."""

    name: str
    question: str
    profile: str
    notebooks: tuple[str, ...]
    """Notebooks to run, with what they need; empty for all."""

    settings: tuple[Mapping[str, object], ...]
    """Axis -> value for each setting."""


def read_sweep(reference: str) -> Sweep:
    """Read a sweep's file: ``sweeps/NAME.toml``, or just ``NAME``.

    Raises
    ------
    ValueError
        When there is no such sweep, or its form is invalid.
    """
    path = _find_file(reference)
    content = read_toml(path, SWEEP_SHAPE)
    if not content.get("grid") and not content.get("settings"):
        raise ValueError(f"{path.name}: expected [grid] or [[settings]]; found neither")
    if content.get("notebooks") == []:
        raise ValueError(f"{path.name}: notebooks: expected at least one; leave it out for all")
    return Sweep(
        name=path.stem,
        question=content.get("question", ""),
        profile=content.get("profile", "classroom"),
        notebooks=tuple(content.get("notebooks", ())),
        settings=tuple(_combine(path, content)),
    )


def _find_file(reference: str) -> Path:
    if reference.endswith(".toml"):
        path = paths.from_root(reference)
        path = path if path.is_file() else Path(reference).resolve()
    else:
        path = paths.collection("sweeps", f"{reference}.toml")
    if not path.is_file():
        known = sorted(found.stem for found in paths.collection("sweeps").glob("*.toml"))
        raise ValueError(f"no sweep {reference!r}: {nearest(Path(reference).stem, known)}")
    return path


def _combine(path: Path, content: Mapping) -> list[dict[str, object]]:
    """Return the values of each setting: list entries combined with points of the grid."""
    grid = {key: _spread(path, key, value) for key, value in _flatten(content.get("grid", {}))}
    entries = [dict(_flatten(entry)) for entry in content.get("settings", [{}])]
    if (count := len(entries)) * math.prod(map(len, grid.values())) > MOST_SETTINGS:
        raise ValueError(f"{path.name}: more than {MOST_SETTINGS:,} settings ({count} x grid)")
    axes = list(dict.fromkeys(itertools.chain(*entries, grid)))
    for entry in entries:
        if missing := [axis for axis in axes if axis not in entry and axis not in grid]:
            raise ValueError(
                f"{path.name}: each of [[settings]] gives the same keys; {entry} lacks {missing[0]}"
            )
    points = [dict(zip(grid, point, strict=True)) for point in itertools.product(*grid.values())]
    found = [entry | point for entry in entries for point in points]
    _check_distinct(path, [name_values(values) for values in found])
    return found


def _flatten(table: Mapping) -> Iterator[tuple[str, object]]:
    """Yield `NB.name` and value from a table whose keys may be flat or nested."""
    for key, value in table.items():
        if isinstance(value, dict) and set(value) != {"from", "to"}:
            yield from ((f"{key}.{name}", inner) for name, inner in value.items())
        else:
            yield key, value


def _spread(path: Path, key: str, value: object) -> list:
    if isinstance(value, dict) and all(type(end) is int for end in value.values()):
        value = list(range(value["from"], min(value["to"], value["from"] + MOST_SETTINGS) + 1))
    if not isinstance(value, list) or not value:
        raise ValueError(
            f"{path.name}: grid: expected {key} = [...] or {{from = 1, to = 9}}; got {value!r}"
        )
    return value


def name_values(values: Mapping[str, object]) -> str:
    """Return a folder name made from a setting's values, so that it stays the same."""
    text = "_".join(f"{key}-{value}" for key, value in values.items())
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.")
    return name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}-{hash_text(text)[:8]}"


def _check_distinct(path: Path, names: list[str]) -> None:
    repeated = sorted(name for name, count in Counter(names).items() if count > 1)
    if repeated:
        raise ValueError(f"{path.name}: the same setting twice: {', '.join(repeated[:3])}")
