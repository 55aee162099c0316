"""The traps: switch, wrong analysis, right analysis and the quantity compared."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pandas as pd

from cohabit.data.schema import nearest
from cohabit.experiments.traps import analyses
from cohabit.experiments.traps.sample import (
    BLOOMING,
    NO_DISEASE,
    bloom,
    draw_sample,
    lose_carriage,
)
from cohabit.simulate.design import PAIRS_PER_SITE

SMALL_STUDY = {site: round(pairs * 120 / 576) for site, pairs in PAIRS_PER_SITE.items()}
TWO_CITIES = {"Buenos Aires": 60, "Edinburgh": 60}
STRANGERS = NO_DISEASE | {"strangers": True, "household_sharing": 0.0}
CALLED = "Untouched species with p \N{LESS-THAN OR EQUAL TO} 0.05 (%)"
SHARED_AT_HOME = "Variance 'shared at home' by strangers (%)"


@dataclass(frozen=True)
class Trap:
    """A statistical trap and the switch that sets it."""

    title: str
    switch: str
    """Description of what is switched."""

    quantity: str
    """Description of what is measured, with its unit."""

    truth: float
    """Result of a correct analysis, with the switch on or off."""

    analyse: Callable[..., float]
    """The analysis that both sides run with different options, one of `analyses`."""

    wrong: tuple[str, Mapping[str, object]]
    """Description of the wrong analysis and its options."""

    right: tuple[str, Mapping[str, object]]
    dials: Mapping[str, object] = field(default_factory=lambda: NO_DISEASE)
    turned: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Dial -> its values with the switch off and on."""

    alter: Callable | None = None
    """Change to the world, beyond dials, while the switch is on."""

    sites: Mapping[str, int] = field(default_factory=lambda: SMALL_STUDY)
    sites_on: Mapping[str, int] | None = None
    """Sites while the switch is on, if they differ."""

    @property
    def words(self) -> dict[str, str]:
        """Title, quantity and switch, as arguments of `figures.draw_trap`."""
        return {"title": self.title, "quantity": self.quantity, "switch": self.switch}

    def look(self, seed: int, on: bool) -> list[dict]:
        """Return the results of both analyses for one cohort, with the switch off or on."""
        turned = {dial: values[on] for dial, values in self.turned.items()}
        sites = self.sites_on if on and self.sites_on else self.sites
        alter = self.alter if on else None
        sample = draw_sample({**self.dials, **turned}, sites, seed, on=on, alter=alter)
        return [
            {"analysis": name, "words": words, "value": self.analyse(sample, **options)}
            for name, (words, options) in {"wrong": self.wrong, "right": self.right}.items()
        ]


TRAPS: dict[str, Trap] = {
    "depth": Trap(
        "Deeper libraries look richer",
        "patients' libraries are twice as deep",
        "More species seen in MS than in partners (%)",
        0.0,
        analyses.percent_more_species,
        wrong=("species counted as they are", {"rarefied": False}),
        right=("rarefied to one depth", {"rarefied": True}),
        dials=NO_DISEASE | {"shotgun_depth": 20_000, "covariates": 0.0},
        turned={"depth_confounding": (0.0, 0.7)},
    ),
    "country": Trap(
        "Patients here, controls there",
        "places differ",
        CALLED,
        5.0,
        analyses.percent_called,
        wrong=(
            "Edinburgh's patients, controls from Buenos Aires",
            {"patients_at": "Edinburgh", "controls_at": "Buenos Aires"},
        ),
        right=("everyone with the own partner", {}),
        turned={"geography": (0.0, 1.0)},
        sites=TWO_CITIES,
    ),
    "indication": Trap(
        "The drug stands for who gets it",
        "severity moves species, thrice as observed; no drug does",
        "'Effect' of therapy on what severity moves (SD)",
        0.0,
        analyses.therapy_effect,
        wrong=("treated against untreated", {}),
        right=(
            "at equal site, course and severity",
            {"covariates": "site + course + msss + age + sex"},
        ),
        turned={"severity": (0.0, 3.0)},
    ),
    "bloom": Trap(
        "One bloom pulls all others down",
        "Escherichia coli blooms fiftyfold in patients",
        "Mean change of all other common species (log)",
        0.0,
        analyses.change_of_others,
        wrong=("shares", {"but": BLOOMING, "corrected": False}),
        right=("log-ratios, common shift removed", {"but": BLOOMING, "corrected": True}),
        alter=bloom,
    ),
    "prevalence": Trap(
        "Absent is not less",
        "fewer patients carry some species; carriers carry as much",
        "'Log fold change' of amount, MS minus partner",
        0.0,
        analyses.log_fold_of_amount,
        wrong=("half a read for none", {"carriers": False}),
        right=("where both partners carry it", {"carriers": True}),
        alter=lose_carriage,
    ),
    "forking": Trap(
        "The best of eight scores",
        "eight scores of severity are tried instead of one",
        CALLED,
        5.0,
        analyses.percent_best_score,
        wrong=("the smallest p is reported", {"adjusted": False}),
        right=("times how many were tried", {"adjusted": True}),
    ),
    "boundary": Trap(
        "A variance is never negative",
        "20 pairs of strangers instead of 120",
        SHARED_AT_HOME,
        0.0,
        analyses.household_percent,
        wrong=("mean of random intercepts", {"fit": "reml"}),
        right=("mean of moments, below 0 too", {"fit": "moments"}),
        dials=STRANGERS | {"batch": 0.0},
        sites_on={"Buenos Aires": 10, "Edinburgh": 10},
    ),
    "batch": Trap(
        "Partners share a laboratory batch",
        "a stronger technical batch, the same for both partners",
        SHARED_AT_HOME,
        0.0,
        analyses.percent_shared_of_batch,
        wrong=("partners compared", {"held": False}),
        right=("partners compared within a batch", {"held": True}),
        dials=STRANGERS,
        turned={"batch": (0.0, 3.0)},
    ),
    "sex": Trap(
        "A pair is a woman and a man",
        "sex moves species, twice as much as observed",
        "'Effect' of MS on what sex moves (SD)",
        0.0,
        analyses.status_effect,
        wrong=("partners, nothing held fixed", {}),
        right=("sex in the model", {"covariates": "sex"}),
        turned={"covariates": (0.0, 2.0)},
    ),
    "spillover": Trap(
        "The partner catches some of it",
        "partners catch 40% of the disease signal",
        "Part of the exact effect that is found (%)",
        100.0,
        analyses.percent_of_effect,
        wrong=("against the own partner", {"partners": True}),
        right=("against homes without MS", {"partners": False}),
        dials={"disease": 3.0},
        turned={"spillover": (0.0, 0.4)},
    ),
}
"""Name -> trap; without effects of MS, 5% of species are called by chance."""


def measure(name: str, seed: int, *, n_repeats: int = 3) -> pd.DataFrame:
    """Measure a trap: wrong and right analysis of the same cohorts, switch off and on.

    Repeat r draws its cohort with seed + r, whatever the trap.

    Returns
    -------
    DataFrame, one row per repeat, switch and analysis
        trap, switch (``"off"``, ``"on"``), analysis (``"wrong"``, ``"right"``), words (of the
        analysis), repeat, value (unit: the trap's quantity), truth.

    Raises
    ------
    ValueError
        When there is no such trap; names the nearest.
    """
    if name not in TRAPS:
        raise ValueError(f"no trap {name!r}: {nearest(name, TRAPS)}")
    rows = [
        {"trap": name, "switch": "on" if on else "off", "repeat": repeat} | found
        for repeat in range(n_repeats)
        for on in (False, True)
        for found in TRAPS[name].look(seed + repeat, on)
    ]
    return pd.DataFrame(rows).assign(truth=TRAPS[name].truth)


def summarise(measured: pd.DataFrame) -> pd.DataFrame:
    """Return the mean of each analysis with the switch off and on.

    `measured` holds tables of `measure`, one under the other.

    Returns
    -------
    DataFrame, one row per trap
        truth, wrong_off, wrong_on, right_off, right_on; each in the unit of the trap.
    """
    by = ["analysis", "switch"]
    means = measured.pivot_table("value", "trap", by, aggfunc="mean", sort=False)
    columns = {
        f"{analysis}_{switch}": means[analysis, switch]
        for analysis in ("wrong", "right")
        for switch in ("off", "on")
    }
    truth = measured.groupby("trap")["truth"].first().reindex(means.index)
    return pd.DataFrame({"truth": truth, **columns})
