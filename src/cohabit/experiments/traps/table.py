"""The traps: a switch, the analysis that falls in, the one that does not, and a quantity."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from cohabit.experiments.traps import looks
from cohabit.experiments.traps.sample import BLOOMING, QUIET, Sample, bloom, lose_carriage
from cohabit.experiments.two_worlds import World
from cohabit.simulate.design import PAIRS_PER_SITE

SITES = {site: round(pairs * 120 / 576) for site, pairs in PAIRS_PER_SITE.items()}
TWO_CITIES = {"Buenos Aires": 60, "Edinburgh": 60}
STRANGERS = QUIET | {"strangers": True, "household_sharing": 0.0}

Look = Callable[[Sample], float]


@dataclass(frozen=True)
class Trap:
    """One way to be misled, and the switch that makes it."""

    title: str
    switch: str
    """What is turned, in words."""

    quantity: str
    """What is measured, with its unit."""

    truth: float
    """What an honest analysis finds, switch on or off."""

    wrong: tuple[str, Look]
    """Words and analysis."""

    right: tuple[str, Look]
    dials: Mapping[str, object] = field(default_factory=lambda: QUIET)
    off: Mapping[str, object] = field(default_factory=dict)
    on: Mapping[str, object] = field(default_factory=dict)
    """Dials that differ while the switch is off, or on."""

    alter: Callable[[World], World] | None = None
    """What the switch does beyond dials."""

    sites: Mapping[str, int] = field(default_factory=lambda: SITES)
    sites_on: Mapping[str, int] | None = None
    """Other sites while the switch is on."""

    @property
    def words(self) -> dict[str, str]:
        """Title, quantity and switch, as `figures.draw_trap` takes them."""
        return {"title": self.title, "quantity": self.quantity, "switch": self.switch}


CALLED = "Untouched species with p \N{LESS-THAN OR EQUAL TO} 0.05 (%)"

TRAPS: dict[str, Trap] = {
    "depth": Trap(
        title="Deeper libraries look richer",
        switch="patients' libraries are twice as deep",
        quantity="More species seen in MS than in partners (%)",
        truth=0.0,
        wrong=("species counted as they are", partial(looks.percent_more_species, rarefied=False)),
        right=("rarefied to one depth", partial(looks.percent_more_species, rarefied=True)),
        dials=QUIET | {"shotgun_depth": 20_000, "covariates": 0.0},
        on={"depth_confounding": 0.7},
    ),
    "country": Trap(
        title="Patients here, controls there",
        switch="places differ",
        quantity=CALLED,
        truth=5.0,
        wrong=(
            "Edinburgh's patients, controls from Buenos Aires",
            partial(
                looks.percent_called,
                covariates="sex + age + bmi",
                patients_at="Edinburgh",
                controls_at="Buenos Aires",
            ),
        ),
        right=(
            "everyone with the own partner",
            partial(looks.percent_called, covariates="sex + age + bmi"),
        ),
        off={"geography": 0.0},
        on={"geography": 1.0},
        sites=TWO_CITIES,
    ),
    "indication": Trap(
        title="The drug stands for who gets it",
        switch="severity moves species, thrice as observed; no drug does",
        quantity="'Effect' of therapy on what severity moves (SD)",
        truth=0.0,
        wrong=("treated against untreated", looks.therapy_effect),
        right=(
            "at equal site, course and severity",
            partial(looks.therapy_effect, covariates="site + course + msss + age + sex"),
        ),
        off={"severity": 0.0},
        on={"severity": 3.0},
    ),
    "bloom": Trap(
        title="One bloom pulls all others down",
        switch="Escherichia coli blooms fiftyfold in patients",
        quantity="Mean change of all other common species (log)",
        truth=0.0,
        wrong=("shares", partial(looks.change_of_others, but=BLOOMING, corrected=False)),
        right=(
            "log-ratios, common shift removed",
            partial(looks.change_of_others, but=BLOOMING, corrected=True),
        ),
        alter=bloom,
    ),
    "prevalence": Trap(
        title="Absent is not less",
        switch="fewer patients carry some species; carriers carry as much",
        quantity="'Log fold change' of amount, MS minus partner",
        truth=0.0,
        wrong=("half a read for none", partial(looks.log_fold_of_amount, carriers=False)),
        right=("where both partners carry it", partial(looks.log_fold_of_amount, carriers=True)),
        alter=lose_carriage,
    ),
    "forking": Trap(
        title="The best of eight scores",
        switch="eight scores of severity are tried instead of one",
        quantity=CALLED,
        truth=5.0,
        wrong=("the smallest p is reported", partial(looks.percent_best_score, adjusted=False)),
        right=("times how many were tried", partial(looks.percent_best_score, adjusted=True)),
        dials=QUIET,
    ),
    "boundary": Trap(
        title="A variance is never negative",
        switch="20 pairs of strangers instead of 120",
        quantity="Variance 'shared at home' by strangers (%)",
        truth=0.0,
        wrong=("mean of random intercepts", partial(looks.household_percent, fit="reml")),
        right=("mean of moments, below 0 too", partial(looks.household_percent, fit="moments")),
        dials=STRANGERS | {"batch": 0.0},
        sites_on={"Buenos Aires": 10, "Edinburgh": 10},
    ),
    "batch": Trap(
        title="Partners share a laboratory batch",
        switch="a stronger technical batch, the same for both partners",
        quantity="Variance 'shared at home' by strangers (%)",
        truth=0.0,
        wrong=("partners compared", partial(looks.percent_shared_of_batch, held=False)),
        right=(
            "partners compared within a batch",
            partial(looks.percent_shared_of_batch, held=True),
        ),
        dials=STRANGERS,
        off={"batch": 0.0},
        on={"batch": 3.0},
    ),
    "sex": Trap(
        title="A pair is a woman and a man",
        switch="sex moves species, twice as much as observed",
        quantity="'Effect' of MS on what sex moves (SD)",
        truth=0.0,
        wrong=("partners, nothing held fixed", looks.status_effect),
        right=("sex in the model", partial(looks.status_effect, covariates="sex")),
        off={"covariates": 0.0},
        on={"covariates": 2.0},
    ),
    "spillover": Trap(
        title="The partner catches some of it",
        switch="partners catch 40% of the disease signal",
        quantity="Part of the exact effect that is found (%)",
        truth=100.0,
        wrong=("against the own partner", partial(looks.percent_of_effect, partners=True)),
        right=(
            "against homes without MS",
            partial(looks.percent_of_effect, partners=False),
        ),
        dials={"disease": 3.0},
        off={"spillover": 0.0},
        on={"spillover": 0.4},
    ),
}
"""Name -> trap; where MS does nothing, 5% of species are called by luck alone."""
