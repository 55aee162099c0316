"""A study somebody might do: whom it recruits, how it measures, and what is true there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from cohabit.simulate.design import IMSMS, PAIRS_PER_SITE
from cohabit.simulate.dials import OURS, Dials, dial

CONTROLS = {
    "household": "somebody who lives with the patient",
    "site": "a stranger of the patient's site and sex",
    "anyone": "a stranger of any site, of whatever sex",
}
"""Who the controls are."""

ANALYSED = {"all": "every patient", "untreated": "patients without therapy, and their controls"}
"""Which of the recruited patients enter the analysis."""


def _choice(default: str, known: Mapping[str, str], doc: str):
    metadata = {"choices": known, "unit": "one of " + ", ".join(known), "source": OURS, "doc": doc}
    return field(default=default, metadata=metadata)


def _strength(default: float, doc: str, source: str = IMSMS):
    return dial(default, 0.0, 3.0, "1 = as observed, 0 = off", source, doc)


@dataclass(frozen=True, kw_only=True)
class Scenario(Dials):
    """A study to be planned; every field has a unit, a range and a source in its metadata.

    `n` counts patients recruited; each has one control. The dials of the world mean what they
    mean in `simulate.StudyDesign`.
    """

    presets: ClassVar[Mapping[str, dict]] = {"study": {}}

    n: int = dial(100, 8, 5000, "patients", OURS, "patients recruited, each with one control")
    controls: str = _choice("household", CONTROLS, "who the controls are")
    sites: int = dial(7, 1, 7, "sites", OURS, "sites, the study's largest first, sized as there")
    missing_partners: float = dial(
        0.0, 0.0, 0.95, "share of controls", OURS, "controls who never give a sample"
    )
    opposite_sex_share: float = dial(
        531 / 576, 0.0, 1.0, "share of pairs", IMSMS, "household pairs of a woman and a man"
    )
    analysed: str = _choice("all", ANALYSED, "which patients are analysed")
    visits: int = dial(1, 1, 12, "samples a person", OURS, "visits; their CLR values are averaged")
    occasion_share: float = dial(
        0.3, 0.0, 0.9, "share of a person's own variance", OURS, "what differs from visit to visit"
    )
    depth: float = dial(500_000, 1_000, 1e8, "reads", "assumption: not released", "median depth")
    sequenced: bool = field(
        default=True,
        metadata={
            "unit": "yes or no",
            "source": OURS,
            "doc": "no: latent log abundance itself is analysed, as if measured without error",
        },
    )

    geography: float = _strength(1.0, "differences between sites")
    household_sharing: float = _strength(1.0, "what people of one household share")
    disease: float = _strength(1.0, "effect of MS on the community")
    treatment: float = _strength(1.0, "effect of each drug on the community")
    covariates: float = _strength(1.0, "effect of sex, age and BMI on the community")
    batch: float = _strength(1.0, "technical batch that partners share")
    spillover: float = dial(
        0.0, 0.0, 0.6, "share of the disease effect", OURS, "disease signal the cohabitant catches"
    )

    def __post_init__(self):
        self.validate()

    def validate(self) -> None:
        """Refuse a value outside its range.

        Raises
        ------
        ValueError
            Names the field, what was expected, and what came.
        """
        super().validate()
        for name in ("n", "sites", "visits"):
            if not isinstance(getattr(self, name), int):
                raise ValueError(f"{name}: expected a whole number; got {getattr(self, name)!r}")

    @property
    def paired(self) -> bool:
        """Whether a patient and a control share a home."""
        return self.controls == "household"

    @property
    def site_names(self) -> list[str]:
        """The sites that recruit."""
        return sorted(PAIRS_PER_SITE, key=lambda site: -PAIRS_PER_SITE[site])[: self.sites]
