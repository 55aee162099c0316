"""Every dial of the simulated population, with its unit, range, default and source."""

import dataclasses
import math
from dataclasses import dataclass, field

from cohabit.naming import nearest

OURS = "a choice of this project"
WINDOW = "Dean and Kurtzke 1971: arrivals before 15 or 16 take on the lower risk"


def _dial(default: float, low: float, high: float, unit: str, source: str, doc: str):
    """Declare one number of the world; its metadata is the single place of its meaning."""
    metadata = {"low": low, "high": high, "unit": unit, "source": source, "doc": doc}
    return field(default=default, metadata=metadata)


def _strength(doc: str, high: float = 3.0):
    return _dial(1.0, 0.0, high, "1 = as calibrated, 0 = off", OURS, doc)


@dataclass(frozen=True, kw_only=True)
class PopulationDesign:
    """A population in which genes, places and exposures make some people ill.

    Every field has a unit, a range and a source in its metadata; a value outside is
    refused by name. The defaults are the world that the published figures calibrate.
    """

    genes: float = _strength("effect of HLA, risk loci and unmeasured genes on the hazard")
    sun_effect: float = _strength("effect of ultraviolet light and vitamin D on the hazard")
    lifestyle: float = _strength("effect of smoking and obesity on the hazard")
    virus: float = _strength("effect of EBV and mononucleosis on the hazard, on the log scale")
    ancestry_gradient: float = _strength("how strongly ancestry follows latitude")
    ancestry_effect: float = _strength("baseline risk that ancestry carries beside HLA", high=10.0)
    window_closes: float = _dial(
        15.0, 6.0, 40.0, "years", WINDOW, "age after which a move changes the risk no more"
    )
    migrant_share: float = _dial(0.08, 0.0, 1.0, "share of people", OURS, "people who move once")
    far_moves: float = _dial(
        0.0, 0.0, 1.0, "share of kindreds", OURS, "born at one end of the map, moving to the other"
    )
    care_gradient: float = _dial(
        0.2, 0.0, 1.0, "share", OURS, "how much less often MS is diagnosed at the equator"
    )
    recall_bias: float = _dial(
        0.0, 0.0, 1.0, "share", OURS, "of what they might recall, what patients recall in excess"
    )
    reverse_causation: float = _dial(
        0.0, 0.0, 1.0, "share of patients", OURS, "who take up an exposure because of first signs"
    )
    cluster: float = _dial(
        1.0, 1.0, 20.0, "times the hazard", OURS, "of those who grow up in the towns of one circle"
    )
    twin_families: bool = field(
        default=False,
        metadata={
            "unit": "yes or no",
            "source": OURS,
            "doc": "a twin register: families of two parents and their twins, no others",
        },
    )

    def __post_init__(self):
        self.validate()

    @classmethod
    def preset(cls, name: str) -> "PopulationDesign":
        """Return a named design.

        Raises
        ------
        ValueError
            When no preset has that name; suggests the nearest.
        """
        if name not in PRESETS:
            raise ValueError(f"no preset {name!r}: {nearest(name, PRESETS)}")
        return cls(**PRESETS[name])

    def replace(self, **changes: object) -> "PopulationDesign":
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
            elif not isinstance(value, bool):
                raise ValueError(f"{item.name}: expected true or false; got {value!r}")

    def to_dict(self) -> dict:
        """Return every field as plain data."""
        return dataclasses.asdict(self)


def _check_number(item: dataclasses.Field, value: object) -> None:
    low, high, unit = (item.metadata[key] for key in ("low", "high", "unit"))
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or not low <= value <= high:
        raise ValueError(f"{item.name}: expected {low:g} to {high:g} ({unit}); got {value!r}")


PRESETS: dict[str, dict] = {
    "default": {},
    "twins": {"twin_families": True, "migrant_share": 0.0},
    "migrants": {"migrant_share": 1.0, "far_moves": 1.0},
    "ancestry_not_sun": {"sun_effect": 0.0, "ancestry_effect": 10.0},
    "care_not_disease": {"sun_effect": 0.0, "ancestry_gradient": 0.0, "care_gradient": 0.95},
    "cluster": {"cluster": 6.0},
    "biased_memory": {"recall_bias": 0.5},
}
