"""``python -m calibration.population``: solve the population's constants jointly."""

import numpy as np
import pandas as pd

from calibration.population_estimands import Worlds, expect_figures
from calibration.write import write_template
from cohabit.judge.recovery import read_population_targets
from cohabit.simulate.template import read_template

LIFETIME = 0.00298  # 1 in 334 is 0.00299

SOLVED = {
    "intercept": ("lifetime_risk", LIFETIME),
    "women": ("sex_ratio", 2.6),
    "drb1_1501": ("drb1_1501", 3.3),
    "a0201": ("a0201", 0.68),
    "loci": ("largest_locus", 1.322),
    "smoking": ("smoking", 1.55),
    "overweight_women": ("overweight_20_women", 2.1),
    "overweight_men": ("overweight_20_men", 1.7),
    "vitamin_d": ("vitamin_d", 0.59),
    "ebv_negative": ("ebv_negative", 1 / 32),
    "mononucleosis": ("mononucleosis", 2.17),
    "onset_median": ("onset_mean", 31.0),
}
"""Constant -> the estimand that determines it and its target value."""

TWIN = ("identical_twin", 0.195)

HEADER = """\
# constants of the hazard (log scale unless named), solved jointly by
# python -m calibration.population so that every target of population_targets.tsv is met
"""
REACHED = """\
# primary targets (ranges and sources) and what the default population holds, as computed by
# python -m calibration.population over ten seeds of 600,000 people: the planted values of
# claims 01a to 01c
"""


def read_constants() -> dict[str, float]:
    """Return the solved constants shipped with the package."""
    return read_template("population").set_index("name")["value"].to_dict()


def solve(constants: dict, *, n_people: int, seed: int, rounds: int = 5) -> dict:
    """Return constants that give the estimands their target values."""
    constants = dict(constants)
    for _ in range(rounds):
        found = expect_figures(Worlds.draw(constants, n_people, seed))
        _step(constants, found)
    return constants


def _step(constants: dict, found: pd.Series) -> None:
    """Move each constant by the remaining log difference of its estimand."""
    for name, (estimand, target) in SOLVED.items():
        missing = np.log(target / found[estimand])
        if name == "onset_median":
            constants[name] *= np.exp(missing)
        elif name == "loci":
            constants[name] *= np.log(target) / np.log(found[estimand])
        else:
            constants[name] += missing
    _step_spread(constants, found)
    steeper = np.log(0.31) / np.log(found["moved_down_early"])
    constants["light"] *= np.clip(steeper, 0.7, 1.4)


def _step_spread(constants: dict, found: pd.Series) -> None:
    """Adjust unmeasured variance: additive by siblings, interactions by identical twins."""
    for name, relative, risk in (("unmeasured", "sibling", 0.0240), ("combination", *TWIN)):
        wanted = np.log(risk / LIFETIME) / np.log(found[relative] / found["lifetime_risk"])
        before = constants[name]
        constants[name] = before * np.clip(wanted, 0.8, 1.25)
        constants["intercept"] -= 0.4 * (constants[name] ** 2 - before**2)


def score_targets(constants: dict, *, n_people: int, seeds: list[int]) -> pd.DataFrame:
    """Return each target and the value reached: mean, minimum and maximum over seeds."""
    found = pd.DataFrame(
        {seed: expect_figures(Worlds.draw(constants, n_people, seed)) for seed in seeds}
    )
    targets = read_population_targets().drop(columns=["reached", "least", "most"])
    rows = found.loc[targets["feature"]]
    targets["reached"], targets["least"] = rows.mean(axis=1).to_numpy(), rows.min(axis=1).to_numpy()
    targets["most"] = rows.max(axis=1).to_numpy()
    return targets


def main() -> None:
    """Write `population.tsv` and `population_targets.tsv`, which the package ships."""
    constants = solve(read_constants(), n_people=200_000, seed=7)
    targets = score_targets(constants, n_people=600_000, seeds=list(range(101, 111)))
    table = pd.DataFrame({"name": list(constants), "value": list(constants.values())})
    write_template("population", table, HEADER)
    write_template("population_targets", targets, REACHED, "cohabit.judge")


if __name__ == "__main__":
    main()
