"""What every design shares: dials with a unit, a range and a source, refused by name."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import ClassVar, Self

from cohabit.data.schema import nearest

OURS = "a choice of this project"


def dial(default: float, low: float, high: float, unit: str, source: str, doc: str):
    """Declare one number of the world; its metadata is the single place of its meaning."""
    metadata = {"low": low, "high": high, "unit": unit, "source": source, "doc": doc}
    return dataclasses.field(default=default, metadata=metadata)


def choice(default: str, known: Mapping[str, str] | Sequence[str], doc: str, source: str = OURS):
    """Declare a name, one of those known."""
    unit = "one of " + ", ".join(known)
    metadata = {"choices": known, "unit": unit, "source": source, "doc": doc}
    return dataclasses.field(default=default, metadata=metadata)


def dial_of(design: type, name: str):
    """Declare a dial that means, and may be, what it is in another design."""
    (found,) = (item for item in dataclasses.fields(design) if item.name == name)
    return dataclasses.field(default=found.default, metadata=found.metadata)


class Dials:
    """Base of a frozen dataclass whose fields are dials, or yes and no."""

    presets: ClassVar[Mapping[str, dict]] = {}
    """Name -> the differences from the defaults."""

    @classmethod
    def preset(cls, name: str) -> Self:
        """Return a named design.

        Raises
        ------
        ValueError
            When no preset has that name; suggests the nearest.
        """
        if name not in cls.presets:
            raise ValueError(f"no preset {name!r}: {nearest(name, cls.presets)}")
        return cls(**cls.presets[name])

    def replace(self, **changes: object) -> Self:
        """Return a copy with other values.

        Raises
        ------
        ValueError
            When a dial is unknown, suggesting the nearest, or a value is out of range.
        """
        known = [item.name for item in dataclasses.fields(self)]
        for name in changes:
            if name not in known:
                raise ValueError(f"no dial {name!r}: {nearest(name, known)}")
        return dataclasses.replace(self, **changes)

    def validate(self) -> None:
        """Refuse a value outside its range.

        Raises
        ------
        ValueError
            Names the field, what was expected, and what came.
        """
        for item in dataclasses.fields(self):
            value = getattr(self, item.name)
            if "low" in item.metadata:
                _check_number(item, value)
            elif "choices" in item.metadata and value not in item.metadata["choices"]:
                raise ValueError(f"{item.name}: {nearest(value, item.metadata['choices'])}")
            elif item.type is bool and not isinstance(value, bool):
                raise ValueError(f"{item.name}: expected true or false; got {value!r}")

    def to_dict(self) -> dict:
        """Return every field as plain data, for `cohort.json`."""
        return dataclasses.asdict(self)


def _check_number(item: dataclasses.Field, value: object) -> None:
    low, high, unit = (item.metadata[key] for key in ("low", "high", "unit"))
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or not low <= value <= high:
        raise ValueError(f"{item.name}: expected {low:g} to {high:g} ({unit}); got {value!r}")
    if item.type is int and not isinstance(value, int):
        raise ValueError(f"{item.name}: expected a whole number; got {value!r}")
