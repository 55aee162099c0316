"""The design of a planned study: recruitment, measurement, true effects and costs."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from cohabit.simulate.design import OURS, PAIRS_PER_SITE, Dials, StudyDesign, choice, dial, dial_of

CONTROLS = {
    "household": "somebody who lives with the patient",
    "site": "a stranger of the patient's site and sex",
    "anyone": "a stranger of any site, of whatever sex",
}
"""Types of controls."""

ANALYSED = {"all": "every patient", "untreated": "patients without therapy, and their controls"}
"""Recruited patients who are analysed."""


@dataclass(frozen=True, kw_only=True)
class Scenario(Dials):
    """A planned study; the metadata of each field give its unit, range and source.

    `n` counts the patients recruited, each with one control. Dials have the same meaning as in
    `simulate.StudyDesign`.
    """

    presets: ClassVar[Mapping[str, dict]] = {"study": {}}

    n: int = dial(100, 8, 5000, "patients", OURS, "patients recruited, each with one control")
    controls: str = choice("household", CONTROLS, "who the controls are")
    sites: int = dial(7, 1, 7, "sites", OURS, "sites, the study's largest first, sized as there")
    missing_partners: float = dial(
        0.0, 0.0, 0.95, "share of controls", OURS, "controls who never give a sample"
    )
    opposite_sex_share: float = dial_of(StudyDesign, "opposite_sex_share")
    analysed: str = choice("all", ANALYSED, "which patients are analysed")
    visits: int = dial(1, 1, 12, "samples a person", OURS, "visits; their CLR values are averaged")
    occasion_share: float = dial(
        0.3, 0.0, 0.9, "share of a person's own variance", OURS, "what differs from visit to visit"
    )
    depth: float = dial_of(StudyDesign, "shotgun_depth")
    sequenced: bool = field(
        default=True,
        metadata={
            "unit": "yes or no",
            "source": OURS,
            "doc": "no: latent log abundance itself is analysed, as if measured without error",
        },
    )

    geography: float = dial_of(StudyDesign, "geography")
    household_sharing: float = dial_of(StudyDesign, "household_sharing")
    disease: float = dial_of(StudyDesign, "disease")
    treatment: float = dial_of(StudyDesign, "treatment")
    covariates: float = dial_of(StudyDesign, "covariates")
    batch: float = dial_of(StudyDesign, "batch")
    spillover: float = dial_of(StudyDesign, "spillover")

    def __post_init__(self):
        self.validate()

    @property
    def paired(self) -> bool:
        """True if a patient and the control share a household."""
        return self.controls == "household"

    @property
    def site_names(self) -> list[str]:
        """The sites that recruit."""
        return sorted(PAIRS_PER_SITE, key=lambda site: -PAIRS_PER_SITE[site])[: self.sites]


@dataclass(frozen=True, kw_only=True)
class Costs(Dials):
    """Prices in any currency; the defaults are round numbers, not quotations."""

    presets: ClassVar[Mapping[str, dict]] = {"study": {}}

    household: float = dial(
        100.0, 0.0, 1e9, "money", OURS, "finding and visiting one home, whoever takes part there"
    )
    participant: float = dial(
        50.0, 0.0, 1e9, "money", OURS, "consent, questionnaires and care of one person"
    )
    sample: float = dial(
        150.0, 0.0, 1e9, "money", OURS, "kit, courier, extraction and sequencing of one sample"
    )
    visit: float = dial(30.0, 0.0, 1e9, "money", OURS, "one contact of one person to give a sample")
    site: float = dial(0.0, 0.0, 1e9, "money", OURS, "opening a site")

    def __post_init__(self):
        self.validate()

    def of(self, scenario: Scenario) -> float:
        """Return the expected cost of a study.

        A shared household is paid once per pair; a patient and a stranger are two households. A
        control who never gives a sample is paid for being found and enrolled, but not for visits
        and samples. Patients who are not analysed are paid for.
        """
        per_pair, per_site = self._parts(scenario)
        return scenario.n * per_pair + per_site

    def afford(self, scenario: Scenario, budget: float) -> int:
        """Return the number of patients that a budget can recruit for this design."""
        per_pair, per_site = self._parts(scenario)
        if per_pair <= 0:
            raise ValueError("costs: a pair costs nothing, so a budget buys any number of them")
        return max(0, int((budget - per_site) / per_pair + 1e-9))

    def _parts(self, scenario: Scenario) -> tuple[float, float]:
        homes = 1 if scenario.paired else 2
        sampled = 2 - scenario.missing_partners
        each_visit = self.visit + self.sample
        per_pair = homes * self.household + 2 * self.participant
        return per_pair + sampled * scenario.visits * each_visit, scenario.sites * self.site


def list_designs(base: Scenario, choices: Mapping[str, Sequence]) -> list[Scenario]:
    """Return every combination of choices as a scenario; the first field changes slowest.

    `choices` are values to try by field, as in ``{"controls": ["household", "site"]}``.
    """
    return [
        base.replace(**dict(zip(choices, values, strict=True)))
        for values in itertools.product(*choices.values())
    ]
