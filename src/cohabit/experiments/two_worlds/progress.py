"""Mediation over time from exposure through species and butyrate to progression.

The path exists if the design's dial ``microbe_effect`` is on. Effects of an exposure are split by
simulating worlds in which single edges of the graph are turned off.
"""

import numpy as np
import pandas as pd

from cohabit.data import schema
from cohabit.simulate import followup
from cohabit.simulate.amplicons import follow_species
from cohabit.simulate.effects import MEAN_LOG_FIBRE, SD_LOG_FIBRE
from cohabit.simulate.metabolites import BUTYRATE
from cohabit.simulate.template import read_taxa
from cohabit.simulate.world import World
from cohabit.stats.mediation import fit_mediation

FOLLOWED_YEARS = 3
EDGES = ("none", "exposure to species", "species to butyrate", "butyrate to progression")
"""Edges of the causal graph that `cut_edges` turns off, one at a time."""

EXPOSURES = {"fibre": "diet:fibre", "smokes": "smoking:current"}
"""Column of `observe_progress` -> factor of the world with the same unit."""


def gain_disability(world: World, butyrate: pd.DataFrame, effect: float | None = None) -> pd.Series:
    """Return each patient's gain in disability over three years, given butyrate.

    Parameters
    ----------
    world : World
        Whose people, with their habits and therapies, live on.
    butyrate : DataFrame, people x months
        From `world.metabolites.follow_butyrate`, of this or another world: that is how an edge
        is held.
    effect : float, optional
        Another value of the dial ``microbe_effect``; 0 turns the edge to progression off.

    Returns
    -------
    Series
        EDSS points, of all patients.
    """
    design = world.design if effect is None else world.design.replace(microbe_effect=effect)
    patients = world.people[world.patients]
    level = followup.follow_disability(
        patients, world.dice.take(world.patients.to_numpy()), design, butyrate=butyrate
    )
    return (level[12 * FOLLOWED_YEARS] - level[0]).rename("gain")


def mediate(after: World, before: World) -> pd.DataFrame:
    """Split the effect of a change on progression into direct and through butyrate.

    Parameters
    ----------
    after, before : World
        Of the same people with the same patients.

    Returns
    -------
    DataFrame, one row per patient
        EDSS points in three years: ``total``; ``direct``, with the butyrate of `before`;
        ``indirect``, everything of `before` but the butyrate of `after`. Exact. They add up
        but for patients who reach an end of the scale.

    Raises
    ------
    ValueError
        When the two worlds do not have the same patients.
    """
    if not after.patients.equals(before.patients):
        raise ValueError("after and before: expected two worlds with the same patients; got others")
    old, new = before.metabolites.follow_butyrate(), after.metabolites.follow_butyrate()
    base = gain_disability(before, old)
    return pd.DataFrame(
        {
            "total": gain_disability(after, new) - base,
            "direct": gain_disability(after, old) - base,
            "indirect": gain_disability(before, new) - base,
        }
    )


def cut_edges(after: World, before: World) -> pd.DataFrame:
    """Return the effect of a change on progression with single edges turned off.

    Returns
    -------
    DataFrame, patients x `EDGES`
        EDSS points in three years. With ``"exposure to species"`` off, species stay as in
        `before`, genera without species and molecules do not; and so on along the chain.
    """
    exposures = after.species.exposures
    genera = {
        "exposure to species": follow_species(
            before.genera_alone.expose(exposures), before.species
        ),
        "species to butyrate": before.genera,
    }
    old = before.metabolites.follow_butyrate()
    left = {"none": gain_disability(after, after.metabolites.follow_butyrate())}
    for edge, community in genera.items():
        made = before.metabolites.expose(exposures, community)
        left[edge] = gain_disability(after, made.follow_butyrate())
    gains = pd.DataFrame(left).sub(gain_disability(before, old), axis=0)
    unmoved = [gain_disability(one, old, effect=0.0) for one in (after, before)]
    gains["butyrate to progression"] = unmoved[0] - unmoved[1]
    return gains[list(EDGES)]


def trace(after: World, before: World) -> pd.Series:
    """Return the mean total, direct and indirect effect, and the total without each edge."""
    left = cut_edges(after, before).mean()[list(EDGES[1:])].add_prefix("without ")
    return pd.concat([mediate(after, before).mean(), left])


def observe_progress(world: World) -> pd.DataFrame:
    """Return the data that a study could regress: patients with complete measurements.

    Returns
    -------
    DataFrame, one row per patient who answered, gave stool and came back after three years
        ``fibre`` and ``butyrate`` (SD of the log, as measured at baseline), ``gain`` (EDSS at 36
        months less EDSS at 0), ``smokes`` (1 or 0), and site, sex, age, bmi, course, treatment.
    """
    reported, answers = world.answers, world.diet
    edss = world.visits.pivot(index="participant_id", columns="visit", values="edss")
    table = world.metabolites.table()[BUTYRATE]
    solved = read_taxa("metabolites").table.loc[BUTYRATE]
    columns = {
        "fibre": (np.log1p(answers["fibre"]) - MEAN_LOG_FIBRE) / SD_LOG_FIBRE,
        "butyrate": (np.log(table) - solved["typical"]) / solved["total_sd"],
        "gain": edss[12 * FOLLOWED_YEARS] - edss[0],
        "smokes": (reported["smoking"] == "current")
        .astype(float)
        .where(reported["smoking"].notna()),
    }
    names = ["site", "sex", "age", "bmi", "course", "treatment"]
    seen = reported.loc[world.patients.to_numpy(), names].join(pd.DataFrame(columns))
    return schema.order_levels(seen.dropna())


def _mean_dose(exposure: str, after: World, before: World) -> float:
    """Return the mean change in a patient's exposure, in its units."""
    factor = EXPOSURES[exposure]
    change = after.species.exposures[factor] - before.species.exposures[factor]
    return float(change[before.patients].mean())


def observe_mediation(
    exposure: str,
    after: World,
    before: World,
    covariates: str,
    *,
    seen: pd.DataFrame,
    exact: pd.Series,
    n_bootstrap: int = 999,
    rng: np.random.Generator | int | None = None,
) -> pd.DataFrame:
    """Join the regression estimates of a mediated path with the exact effects.

    Parameters
    ----------
    exposure : str
        One of `EXPOSURES`.
    after, before : World
        Of the same patients; the study sees `before`.
    covariates : str
        Formula over the columns of `seen`.
    seen : DataFrame
        From `observe_progress` of `before`.
    exact : Series
        ``total``, ``direct`` and ``indirect``, from `trace`.
    n_bootstrap, rng
        As for `mediation.fit_mediation`.

    Returns
    -------
    DataFrame, one row per path
        As from `fit_mediation`, per unit of exposure, and ``dose`` and ``exact``: the mean over
        all patients, divided by the dose, so that both stand in one unit. Exact slopes on the
        way are given for the first step, exposure to mediator, alone.
    """
    fit = fit_mediation(
        seen, exposure, "butyrate", "gain", covariates, n_bootstrap=n_bootstrap, rng=rng
    )
    dose = _mean_dose(exposure, after, before)
    step = (after.metabolites.follow_butyrate() - before.metabolites.follow_butyrate()).loc[
        before.patients, 0
    ].mean() / dose
    known = {"exposure to mediator": step, **(exact / dose).to_dict()}
    return fit.assign(dose=dose, exact=fit["path"].map(known))
