"""Every dial of the simulated population, with its unit, range, default and source."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from cohabit.simulate.dials import OURS, Dials, dial

WINDOW = "Dean and Kurtzke 1971: arrivals before 15 or 16 take on the lower risk"


def _strength(doc: str, high: float = 3.0):
    return dial(1.0, 0.0, high, "1 = as calibrated, 0 = off", OURS, doc)


PRESETS: dict[str, dict] = {
    "default": {},
    "twins": {"twin_families": True, "migrant_share": 0.0},
    "migrants": {"migrant_share": 1.0, "far_moves": 1.0},
    "ancestry_not_sun": {"sun_effect": 0.0, "ancestry_effect": 10.0},
    "care_not_disease": {"sun_effect": 0.0, "ancestry_gradient": 0.0, "care_gradient": 0.95},
    "cluster": {"cluster": 6.0},
    "biased_memory": {"recall_bias": 0.5},
}


@dataclass(frozen=True, kw_only=True)
class PopulationDesign(Dials):
    """A population in which genes, places and exposures make some people ill.

    Every field has a unit, a range and a source in its metadata; a value outside is
    refused by name. The defaults are the world that the published figures calibrate.
    """

    presets: ClassVar[Mapping[str, dict]] = PRESETS

    genes: float = _strength("effect of HLA, risk loci and unmeasured genes on the hazard")
    sun_effect: float = _strength("effect of ultraviolet light and vitamin D on the hazard")
    lifestyle: float = _strength("effect of smoking and obesity on the hazard")
    virus: float = _strength("effect of EBV and mononucleosis on the hazard, on the log scale")
    ancestry_gradient: float = _strength("how strongly ancestry follows latitude")
    ancestry_effect: float = _strength("baseline risk that ancestry carries beside HLA", high=10.0)
    window_closes: float = dial(
        15.0, 6.0, 40.0, "years", WINDOW, "age after which a move changes the risk no more"
    )
    migrant_share: float = dial(0.08, 0.0, 1.0, "share of people", OURS, "people who move once")
    far_moves: float = dial(
        0.0, 0.0, 1.0, "share of kindreds", OURS, "born at one end of the map, moving to the other"
    )
    care_gradient: float = dial(
        0.2, 0.0, 1.0, "share", OURS, "how much less often MS is diagnosed at the equator"
    )
    recall_bias: float = dial(
        0.0, 0.0, 1.0, "share", OURS, "of what they might recall, what patients recall in excess"
    )
    reverse_causation: float = dial(
        0.0, 0.0, 1.0, "share of patients", OURS, "who take up an exposure because of first signs"
    )
    cluster: float = dial(
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
