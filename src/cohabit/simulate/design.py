"""The parameters of studies and populations with units, ranges, defaults and sources."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from cohabit.data import schema
from cohabit.data.schema import nearest

OURS = "a choice of this project"


def dial(default: float, low: float, high: float, unit: str, source: str, doc: str):
    """Declare a numeric design parameter with its metadata."""
    metadata = {"low": low, "high": high, "unit": unit, "source": source, "doc": doc}
    return dataclasses.field(default=default, metadata=metadata)


def choice(
    default: str,
    known: Mapping[str, str] | Sequence[str],
    doc: str,
    source: str = OURS,
    unit: str | None = None,
):
    """Declare a parameter whose value is one of several known names."""
    unit = unit or "one of " + ", ".join(known)
    metadata = {"choices": known, "unit": unit, "source": source, "doc": doc}
    return dataclasses.field(default=default, metadata=metadata)


def setting(default: object, unit: str, doc: str, source: str = OURS):
    """Declare a parameter whose value is no number: a flag or a table by name."""
    metadata = {"unit": unit, "source": source, "doc": doc}
    if isinstance(default, dict):
        return dataclasses.field(default_factory=lambda: dict(default), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def dial_of(design: type, name: str):
    """Declare a parameter with the meaning and range of one in another design."""
    (found,) = (item for item in dataclasses.fields(design) if item.name == name)
    return dataclasses.field(default=found.default, metadata=found.metadata)


class Dials:
    """Base class of frozen dataclasses whose fields are dials or booleans."""

    presets: ClassVar[Mapping[str, dict]] = {}
    """Preset name -> differences from the defaults."""

    @classmethod
    def preset(cls, name: str) -> Self:
        """Return the design of a preset.

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
        """Raise ValueError, naming the field, when a value is outside its range."""
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


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check_number(item: dataclasses.Field, value: object) -> None:
    low, high, unit = (item.metadata[key] for key in ("low", "high", "unit"))
    if not _is_number(value) or not math.isfinite(value) or not low <= value <= high:
        raise ValueError(f"{item.name}: expected {low:g} to {high:g} ({unit}); got {value!r}")
    if item.type is int and not isinstance(value, int):
        raise ValueError(f"{item.name}: expected a whole number; got {value!r}")


IMSMS = "iMSMS Consortium 2022 released data (authors' repository), re-analysed"

PAIRS_PER_SITE = {
    "San Francisco": 164,
    "Boston": 42,
    "New York": 59,
    "Pittsburgh": 12,
    "Buenos Aires": 129,
    "Edinburgh": 131,
    "San Sebastian": 39,
}


def _strength(default: float, doc: str, high: float = 3.0, source: str = IMSMS):
    return dial(default, 0.0, high, "1 = as observed, 0 = off", source, doc)


_NULL = {"disease": 0.0, "treatment": 0.0, "severity": 0.0}
STUDY_PRESETS: dict[str, dict] = {
    "study": {},
    "classroom": {},
    "null": _NULL,
    "null_clean": {**_NULL, "covariates": 0.0, "diet": 0.0, "lifestyle": 0.0},
    "population": {"source": "population"},
    "strangers": {"household_sharing": 0.0, "strangers": True},
    "sex_by_design": {**_NULL, "covariates": 2.0},
    "shared_batch": {"batch": 3.0},
    "spillover": {"spillover": 0.4},
    "deep_cases": {"depth_confounding": 0.7},
    "watery_stool": {"stool_water": -0.3},
    "microbes_matter": {"microbe_effect": 1.0},
    "progression_matters": {"progression_effect": 1.0},
}


@dataclass(frozen=True, kw_only=True)
class StudyDesign(Dials):
    """A household-paired study: recruitment by site and the strength of each effect.

    The metadata of every field give its unit, range and source; values outside the range raise an
    error. ``StudyDesign.preset("study")`` has the shape of the published study.
    """

    presets: ClassVar[Mapping[str, dict]] = STUDY_PRESETS

    pairs_per_site: Mapping[str, int] = setting(
        PAIRS_PER_SITE, "pairs", "pairs recruited at each site", IMSMS
    )
    source: str = choice(
        "direct",
        ("direct", "population"),
        "people drawn as the study's were, or recruited from a simulated population",
        unit="a name",
    )
    treated_share: Mapping[str, float] = setting(
        {},
        "share of a site's patients",
        "patients on any treatment, by site; a site not named has the released share",
    )
    course_shares: Mapping[str, float] = setting(
        {},
        "shares of patients, adding up to 1",
        "courses of the disease at every site; none named: as released at each",
    )
    opposite_sex_share: float = dial(
        531 / 576, 0.0, 1.0, "share of pairs", IMSMS, "pairs of a woman and a man"
    )
    strangers: bool = setting(False, "yes or no", "controls re-paired at random within site")
    missing_partners: float = dial(
        0.0, 0.0, 0.95, "share of households", OURS, "households whose control is missing"
    )

    geography: float = _strength(1.0, "differences between sites")
    household_sharing: float = _strength(1.0, "what people of one household share")
    disease: float = _strength(1.0, "effect of MS on the community; labels stay")
    treatment: float = _strength(1.0, "effect of each drug on the community")
    severity: float = _strength(1.0, "effect of MSSS on the community")
    diet: float = _strength(1.0, "effect of diet on the community")
    lifestyle: float = _strength(1.0, "effect of smoking and alike on the community")
    covariates: float = _strength(1.0, "effect of sex, age and BMI on the community")
    batch: float = _strength(1.0, "technical batch that partners share")
    spillover: float = dial(
        0.0, 0.0, 0.6, "share of the disease effect", OURS, "disease signal the partner catches"
    )
    microbe_effect: float = _strength(0.0, "SCFA on later progression", source=OURS)
    progression_effect: float = _strength(
        0.0, "change of severity on the gut of later visits", source=OURS
    )
    stool_visits: int = dial(
        1, 1, 4, "visits", OURS, "visits with a stool sample, a year apart; 1 is the first alone"
    )
    drift: float = _strength(1.0, "how a person's gut changes from visit to visit", 2.0, OURS)
    partner_change: float = dial(
        0.1, 0.0, 1.0, "share", OURS, "of a person's change that those at home show too"
    )
    depth_confounding: float = dial(
        0.0, -2.0, 2.0, "log reads", OURS, "patients' libraries deeper by this much"
    )
    stool_water: float = dial(
        0.0, -2.0, 2.0, "log concentration", OURS, "all stool metabolites of patients move by this"
    )

    shotgun_depth: float = dial(
        500_000, 1_000, 1e8, "reads a person", "assumption: not released", "median depth"
    )
    sixteen_s_depth: float = dial(
        1.0, 0.01, 100, "times as observed", IMSMS, "16S depth, relative to each site's own"
    )

    def __post_init__(self):
        for name in ("pairs_per_site", "treated_share", "course_shares"):
            object.__setattr__(self, name, dict(getattr(self, name)))
        self.validate()

    @property
    def n_pairs(self) -> int:
        """Number of pairs at all sites."""
        return sum(self.pairs_per_site.values())

    def with_pairs(self, n_pairs: int) -> "StudyDesign":
        """Return a copy with `n_pairs` pairs in total, divided among sites in proportion.

        Shares are rounded by largest remainder, so a small site can lose all its pairs.

        Raises
        ------
        ValueError
            When `n_pairs` is not a positive integer.
        """
        if isinstance(n_pairs, bool) or not isinstance(n_pairs, int) or n_pairs < 1:
            raise ValueError(f"n_pairs: expected a whole number from 1; got {n_pairs!r}")
        whole = {s: divmod(n_pairs * n, self.n_pairs) for s, n in self.pairs_per_site.items()}
        left = n_pairs - sum(pairs for pairs, _ in whole.values())
        favoured = sorted(whole, key=lambda site: -whole[site][1])[:left]
        dealt = {site: pairs + (site in favoured) for site, (pairs, _) in whole.items()}
        return self.replace(pairs_per_site=dealt)

    def validate(self) -> None:
        """Raise ValueError, naming the field, when a value is outside its range."""
        self._validate_sites()
        self._validate_patients()
        super().validate()

    def _validate_sites(self) -> None:
        for site, pairs in self.pairs_per_site.items():
            _check_name("pairs_per_site", "site", site, schema.SITE_COUNTRY)
            if isinstance(pairs, bool) or not isinstance(pairs, int) or pairs < 0:
                raise ValueError(
                    f"pairs_per_site[{site!r}]: expected a whole number from 0; got {pairs!r}"
                )
        if self.n_pairs < 1:
            raise ValueError("pairs_per_site: expected at least one pair; got 0 over all sites")

    def _validate_patients(self) -> None:
        for site, share in self.treated_share.items():
            _check_name("treated_share", "site", site, schema.SITE_COUNTRY)
            more = ": more treated than patients" if _is_number(share) and share > 1 else ""
            _check_share(f"treated_share[{site!r}]", share, more)
        for course, share in self.course_shares.items():
            _check_name("course_shares", "course", course, schema.COURSES)
            _check_share(f"course_shares[{course!r}]", share)
        total = sum(self.course_shares.values())
        if self.course_shares and abs(total - 1) > 1e-6:
            raise ValueError(f"course_shares: expected shares that add up to 1; got {total:g}")
        if self.source != "direct" and (self.treated_share or self.course_shares):
            raise ValueError(
                "treated_share, course_shares: a population's patients have those that follow "
                "from their age; expected source='direct'"
            )


def _check_name(field_name: str, kind: str, name: str, known) -> None:
    if name not in known:
        raise ValueError(f"{field_name}: no {kind} {name!r}: {nearest(name, known)}")


def _check_share(name: str, share: object, more: str = "") -> None:
    if not _is_number(share) or not 0 <= share <= 1:
        raise ValueError(f"{name}: expected 0 to 1 (share of patients); got {share!r}{more}")


_WINDOW = "Dean and Kurtzke 1971: arrivals before 15 or 16 take on the lower risk"


def _scale(doc: str, high: float = 3.0):
    return dial(1.0, 0.0, high, "1 = as calibrated, 0 = off", OURS, doc)


POPULATION_PRESETS: dict[str, dict] = {
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
    """A population in which genes, places and exposures cause MS.

    The metadata of every field give its unit, range and source; values outside the range raise an
    error. The defaults are calibrated to published figures.
    """

    presets: ClassVar[Mapping[str, dict]] = POPULATION_PRESETS

    genes: float = _scale("effect of HLA, risk loci and unmeasured genes on the hazard")
    sun_effect: float = _scale("effect of ultraviolet light and vitamin D on the hazard")
    lifestyle: float = _scale("effect of smoking and obesity on the hazard")
    virus: float = _scale("effect of EBV and mononucleosis on the hazard, on the log scale")
    ancestry_gradient: float = _scale("how strongly ancestry follows latitude")
    ancestry_effect: float = _scale("baseline risk that ancestry carries beside HLA", high=10.0)
    window_closes: float = dial(
        15.0, 6.0, 40.0, "years", _WINDOW, "age after which a move changes the risk no more"
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
    twin_families: bool = setting(
        False, "yes or no", "a twin register: families of two parents and their twins, no others"
    )

    def __post_init__(self):
        self.validate()
