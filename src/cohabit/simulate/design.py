"""Every dial of the simulated world, with its unit, range, default and source."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from cohabit.data import schema
from cohabit.simulate.dials import OURS, Dials, dial

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


PRESETS: dict[str, dict] = {
    "study": {},
    "classroom": {},
    "null": {"disease": 0.0, "treatment": 0.0, "severity": 0.0},
    "null_clean": {
        "disease": 0.0,
        "treatment": 0.0,
        "severity": 0.0,
        "covariates": 0.0,
        "diet": 0.0,
        "lifestyle": 0.0,
    },
    "population": {"source": "population"},
    "strangers": {"household_sharing": 0.0, "strangers": True},
    "sex_by_design": {"disease": 0.0, "treatment": 0.0, "severity": 0.0, "covariates": 2.0},
    "shared_batch": {"batch": 3.0},
    "spillover": {"spillover": 0.4},
    "deep_cases": {"depth_confounding": 0.7},
    "watery_stool": {"stool_water": -0.3},
    "microbes_matter": {"microbe_effect": 1.0},
}


@dataclass(frozen=True, kw_only=True)
class StudyDesign(Dials):
    """A household-paired study: who is recruited where, and how strong each force is.

    Every field has a unit, a range and a source in its metadata; a value outside is
    refused by name. ``StudyDesign.preset("study")`` is the published study's shape.
    """

    presets: ClassVar[Mapping[str, dict]] = PRESETS

    pairs_per_site: Mapping[str, int] = field(
        default_factory=lambda: dict(PAIRS_PER_SITE),
        metadata={"unit": "pairs", "source": IMSMS, "doc": "pairs recruited at each site"},
    )
    source: str = field(
        default="direct",
        metadata={
            "unit": "a name",
            "choices": ("direct", "population"),
            "source": OURS,
            "doc": "people drawn as the study's were, or recruited from a simulated population",
        },
    )
    treated_share: Mapping[str, float] = field(
        default_factory=dict,
        metadata={
            "unit": "share of a site's patients",
            "source": OURS,
            "doc": "patients on any treatment, by site; a site not named has the released share",
        },
    )
    course_shares: Mapping[str, float] = field(
        default_factory=dict,
        metadata={
            "unit": "shares of patients, adding up to 1",
            "source": OURS,
            "doc": "courses of the disease at every site; none named: as released at each",
        },
    )
    opposite_sex_share: float = dial(
        531 / 576, 0.0, 1.0, "share of pairs", IMSMS, "pairs of a woman and a man"
    )
    strangers: bool = field(
        default=False,
        metadata={
            "unit": "yes or no",
            "source": OURS,
            "doc": "controls re-paired at random within site",
        },
    )
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
        """Pairs over all sites."""
        return sum(self.pairs_per_site.values())

    def with_pairs(self, n_pairs: int) -> "StudyDesign":
        """Return a copy with `n_pairs` pairs in all, dealt to the sites as they are now.

        Shares are rounded by largest remainder, so a small site can be left without a pair.

        Raises
        ------
        ValueError
            When `n_pairs` is no whole number from 1.
        """
        if isinstance(n_pairs, bool) or not isinstance(n_pairs, int) or n_pairs < 1:
            raise ValueError(f"n_pairs: expected a whole number from 1; got {n_pairs!r}")
        whole = {s: divmod(n_pairs * n, self.n_pairs) for s, n in self.pairs_per_site.items()}
        left = n_pairs - sum(pairs for pairs, _ in whole.values())
        favoured = sorted(whole, key=lambda site: -whole[site][1])[:left]
        dealt = {site: pairs + (site in favoured) for site, (pairs, _) in whole.items()}
        return self.replace(pairs_per_site=dealt)

    def validate(self) -> None:
        """Refuse a value outside its range.

        Raises
        ------
        ValueError
            Names the field, what was expected, and what came.
        """
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
        raise ValueError(f"{field_name}: no {kind} {name!r}: {schema.nearest(name, known)}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check_share(name: str, share: object, more: str = "") -> None:
    if not _is_number(share) or not 0 <= share <= 1:
        raise ValueError(f"{name}: expected 0 to 1 (share of patients); got {share!r}{more}")
