"""Solve the pathway template: what carriers already explain is taken off every target."""

import numpy as np
import pandas as pd

from calibration.reference import Reference, site_variance
from calibration.start_pathways import PLANTED, asin_slope, site_pattern, start_pathways
from cohabit.simulate.pathways import SHARPNESS, Pathways, draw_pathways, log_carriers
from cohabit.simulate.taxa import Template

EXPLAINED = 0.6  # most of a pathway's variance that its carriers explain: our assumption
ALWAYS_SEEN = 0.999  # prevalence from which a pathway is never missed
STEPS = 4


def solve_pathways(reference: Reference) -> pd.DataFrame:
    """Return the solved template, one row a pathway."""
    table = _start(start_pathways())
    table = _split_variance(table, reference)
    for _ in range(STEPS):
        table = _level(table, _draw(table, reference))
        table = _plant(table, reference)
        table = _share(table, reference)
    return table.drop(columns=[name for name in table if name.startswith("target_")])


def _draw(table: pd.DataFrame, reference: Reference) -> Pathways:
    return draw_pathways(reference.species, reference.design, 1, Template(table))


def _start(table: pd.DataFrame) -> pd.DataFrame:
    constants = dict.fromkeys(("following", "typical", "total_sd"), 1.0)
    return table.assign(**constants, carriers_typical=0.0, limit=-10.0)


def _split_variance(table: pd.DataFrame, reference: Reference) -> pd.DataFrame:
    """Give the own terms what following carriers leaves: variance, household, site, covariates."""
    logs = log_carriers(reference.species, Template(table.assign(tail=0)))
    coefficients, residuals = reference.fit(logs)
    sd, wanted = residuals.std(axis=0), table["log_sd"].to_numpy()
    following = np.minimum(1, np.sqrt(EXPLAINED) * wanted / np.maximum(sd, 1e-9))
    variance = wanted**2 * (1 - table["site_share"].to_numpy())
    own = np.maximum(variance - (following * sd) ** 2, 0.2 * variance)
    shared = table["household_icc"] * (own + (following * sd) ** 2)
    shared = (shared - following**2 * reference.shared(residuals)) / own
    site = table["site_share"].to_numpy() * wanted**2
    site = np.maximum(site - following**2 * site_variance(coefficients, reference), 0)
    offsets = site_pattern(table.index).mul(np.sqrt(site), axis=0)
    table = table.assign(
        following=following,
        carriers_typical=logs.mean(axis=0),
        spread=np.sqrt(own),
        household_share=shared.clip(0, 0.95),
        intercept=np.log(table["mean"] / table["prevalence"]) - wanted**2 / 2,
        typical=np.log(table["mean"]) - wanted**2 / 2,
        total_sd=wanted,
    )
    for name in ("sex", "age", "bmi"):
        table[name] = table[f"target_{name}"] - following * coefficients.loc[name].to_numpy()
    return table.join(offsets)


def _level(table: pd.DataFrame, drawn: Pathways) -> pd.DataFrame:
    """Move intercept, spread and limit until mean, log SD and prevalence are as released."""
    level = drawn.panel.level
    table = table.assign(typical=level.mean(axis=0), total_sd=level.std(axis=0))
    standard = (level - table["typical"].to_numpy()) / table["total_sd"].to_numpy()
    seen = SHARPNESS * standard + np.sqrt(1 - SHARPNESS**2) * drawn.blur
    always = table["prevalence"] >= ALWAYS_SEEN
    limits = [np.quantile(seen[:, j], 1 - share) for j, share in enumerate(table["prevalence"])]
    table["limit"] = np.where(always, -10.0, limits)
    detected = seen > table["limit"].to_numpy()
    share = np.where(detected, np.exp(level), 0.0)
    positive = np.where(detected, level, np.nan)
    table["intercept"] += np.log(table["mean"] / share.mean(axis=0))
    missing = table["log_sd"] ** 2 - np.nanvar(positive, axis=0)
    least = 0.1 * table["log_sd"] ** 2
    return table.assign(spread=np.sqrt(np.maximum(table["spread"] ** 2 + missing, least)))


def _share(table: pd.DataFrame, reference: Reference) -> pd.DataFrame:
    """Move the household share until partners are as alike as released, as shares are seen."""
    seen = np.arcsin(np.sqrt(_draw(table, reference).share))
    residuals = reference.fit(seen)[1]
    now = reference.shared(residuals) / residuals.var(axis=0)
    missing = (table["household_icc"] - now) * table["total_sd"] ** 2 / table["spread"] ** 2
    return table.assign(household_share=(table["household_share"] + missing).clip(0, 0.95))


def _plant(table: pd.DataFrame, reference: Reference) -> pd.DataFrame:
    """Move the expression part until the whole effect of MS is the released one."""
    now = _draw(table, reference)
    species, _, exposures = reference.label(**{"group:MS": 0.0, "msss": 0.0})
    before = now.expose(exposures, species)
    moved = np.arcsin(np.sqrt(now.share)) - np.arcsin(np.sqrt(before.share))
    missing = table["target_ms"] - moved[reference.patient].mean(axis=0)
    step = (missing / asin_slope(table)).where(table.index.isin(PLANTED), 0.0)
    return table.assign(ms=table["ms"] + step)
