"""The pathway template: released values, carriers by rule, then the remaining targets."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import stats

from calibration.reference import Reference, site_variance
from cohabit.simulate.design import PAIRS_PER_SITE
from cohabit.simulate.pathways import (
    SHARPNESS,
    Pathways,
    draw_pathways,
    hash_uniform,
    log_carriers,
)
from cohabit.simulate.template import SITES, Template, read_template
from cohabit.stats.composition import arcsine_root

HEXURONATE = ("GLUCUROCAT-PWY", "GALACT-GLUCUROCAT-PWY", "GALACTUROCAT-PWY", "PWY-6507", "PWY-7242")
PLANTED = (*HEXURONATE, "PWY-5097", "PWY-4702")
"""The study's pathways, the only ones whose expression MS changes."""

CALLED = 0.05  # released false discovery rate below which a pathway leans
RAREST = 1e-7  # mean share where the released one is rounded to nothing
GROUP_LOADING = 0.5  # of a pathway on the factor of its class: our assumption
TWIN_LOADING = 0.95  # of the hexuronate pathways, which share most of their reactions
EXPLAINED = 0.6  # most of a pathway's variance that its carriers explain: our assumption
ALWAYS_SEEN = 0.999  # prevalence from which a pathway is never missed
STEPS = 4

GRAM_NEGATIVE = ("Bacteroidetes", "Proteobacteria", "Verrucomicrobia")
FALLING = ("Faecalibacterium", "Roseburia", "Blautia", "Dorea", "Agathobacter")
LEANING = 2 / 3  # share of the falling or rising genera that a leaning pathway has
FALLS = (*FALLING, "Lachnospira", "Coprococcus", "Anaerostipes", "Fusicatenibacter", "Prevotella")
RISES = (
    *("Akkermansia", "Alistipes", "Parabacteroides", "Ruthenibacterium", "Hungatella"),
    *("Eisenbergiella", "Methanobrevibacter", "Mediterraneibacter", "Oscillibacter"),
)
BUTYRATE_PRODUCERS = (
    "Faecalibacterium",
    "Roseburia",
    "Agathobacter",
    "Anaerostipes",
    "Coprococcus",
)

NAMED = {
    **dict.fromkeys(HEXURONATE, (*FALLING, "Enterobacteriaceae", "Lachnospira")),
    "PWY-5097": ("Lachnospiraceae", "Ruminococcaceae", "Clostridiaceae"),
    "PWY-4702": ("Akkermansia", "Enterobacteriaceae"),
    **dict.fromkeys(("CENTFERM-PWY", "PWY-5676", "PWY-6590"), BUTYRATE_PRODUCERS),
    "P108-PWY": ("Bacteroidaceae", "Porphyromonadaceae", "Akkermansiaceae", "Veillonellaceae"),
}
"""Pathway -> genera and families known to carry it."""

RULES = (
    ("methanogen|f420|archae", ("Methanobacteriaceae", "Methanomassiliicoccaceae")),
    ("ubiquino|enterobact|aerobic|glyoxylate|phenylprop", ("Enterobacteriaceae",)),
    ("lipopolysacch|lipid iv|kdo|lipid a|menaquin", GRAM_NEGATIVE),
    ("teichoic|sporul", ("Firmicutes",)),
)
"""Pattern in the pathway name -> taxa that carry it."""


def find_breadth(log_sd: float) -> float:
    """Return the breadth of carriage, 0.05 to 0.9, of a pathway from its log SD."""
    return float(np.clip(0.9 - log_sd, 0.05, 0.9))


def name_carriers(pathways: pd.DataFrame) -> pd.DataFrame:
    """Return the named carriers of each pathway (joined by semicolons) and its breadth.

    Carriers are named where biology says who has a pathway (`NAMED`, `RULES`). Every other pathway
    is the narrower the more it varies between people. A pathway that was released as lower (higher)
    in MS has half that breadth, and besides two thirds of the genera that fall (rise) in this
    world, by hash.

    Parameters
    ----------
    pathways : DataFrame
        Index pathway; columns name, log_sd, leans (-1, 0 or 1).
    """
    rows = {}
    for pathway, row in pathways.iterrows():
        by_name = [taxa for pattern, taxa in RULES if re.search(pattern, row["name"], re.I)]
        taxa = NAMED.get(pathway) or next(iter(by_name), ())
        breadth = 0.0 if taxa else find_breadth(row["log_sd"])
        if not taxa and row["leans"]:
            pool = RISES if row["leans"] > 0 else FALLS
            taxa = [name for name in pool if hash_uniform(f"{pathway} in {name}") < LEANING]
            breadth /= 2
        rows[pathway] = {"carriers": ";".join(taxa), "breadth": breadth}
    return pd.DataFrame.from_dict(rows, orient="index")


def solve_pathways(reference: Reference) -> pd.DataFrame:
    """Return the solved template with one row per pathway."""
    table = _start(start_pathways())
    table = _split_variance(table, reference)
    for _ in range(STEPS):
        table = _level(table, _draw(table, reference))
        table = _plant(table, reference)
        table = _share(table, reference)
    return table.drop(columns=[name for name in table if name.startswith("target_")])


def _start(table: pd.DataFrame) -> pd.DataFrame:
    constants = dict.fromkeys(("following", "typical", "total_sd"), 1.0)
    return table.assign(**constants, carriers_typical=0.0, limit=-10.0)


def start_pathways() -> pd.DataFrame:
    """Return one row per pathway: targets, carriers by rule, first approximate effects."""
    source = read_template("pathways_source").set_index("id")
    table = source[["name", "class_path", "prevalence", "household_icc", "site_share"]].copy()
    table["mean"] = source["mean_rel_abund"].clip(lower=RAREST)
    table["log_sd"] = source["log_sd_positive"]
    table["household_icc"] = table["household_icc"].fillna(table["household_icc"].median())
    table["leans"] = np.sign(source["all_ms_coef"]).where(source["all_ms_fdr"] < CALLED, 0.0)
    table = table.join(name_carriers(table)).drop(columns="leans")
    table["group"] = [" > ".join(path.split(" > ")[:2]) for path in table["class_path"]]
    table["group_loading"] = GROUP_LOADING
    table.loc[list(HEXURONATE), ["group", "group_loading"]] = ["hexuronate", TWIN_LOADING]
    for name in ("sex", "age", "bmi"):
        coefficient = shrink_by_p(source[f"{name}_coef"], source[f"{name}_p"])
        table[f"target_{name}"] = (coefficient / asin_slope(table)).fillna(0.0)
    table["target_ms"] = source["all_ms_coef"].where(table.index.isin(PLANTED), 0.0)
    table["ms"] = table["target_ms"] / asin_slope(table)
    return table.rename_axis("feature")


def shrink_by_p(estimate: pd.Series, p_value: pd.Series) -> pd.Series:
    """Return estimates times 1 - 1/z², or 0 if |z| < 1 (positive-part James-Stein)."""
    z = stats.norm.isf(p_value.clip(lower=1e-300) / 2)
    return (estimate * np.clip(1 - 1 / np.maximum(z, 1e-9) ** 2, 0, None)).fillna(0.0)


def asin_slope(table: pd.DataFrame) -> pd.Series:
    """Return the average change in arcsine square roots per unit of log level."""
    spread = np.exp(-(table["log_sd"] ** 2) / 8)
    return 0.5 * table["prevalence"] * np.sqrt(table["mean"] / table["prevalence"]) * spread


def _split_variance(table: pd.DataFrame, reference: Reference) -> pd.DataFrame:
    """Set the pathways' own terms to what carriers leave of the targets."""
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


def site_pattern(features: pd.Index) -> pd.DataFrame:
    """Return site offsets with variance 1 over the study's pairs, features x sites.

    Only the share of variance is released; the order of sites is our choice, from a hash of the
    names.
    """
    weight = np.array([PAIRS_PER_SITE[site] for site in SITES], float)
    weight /= weight.sum()
    drawn = [[hash_uniform(f"{name} at {site}") for site in SITES] for name in features]
    offsets = stats.norm.ppf(np.array(drawn))
    offsets -= (offsets * weight).sum(axis=1, keepdims=True)
    offsets /= np.sqrt((offsets**2 * weight).sum(axis=1, keepdims=True))
    columns = [f"site_{site.replace(' ', '_')}" for site in SITES]
    return pd.DataFrame(offsets, features, columns)


def _level(table: pd.DataFrame, drawn: Pathways) -> pd.DataFrame:
    """Adjust intercept, spread and limit to the released mean, log SD and prevalence."""
    level = drawn.levels.level
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


def _draw(table: pd.DataFrame, reference: Reference) -> Pathways:
    dice = replace(reference.world.dice, seed=1)
    return draw_pathways(reference.species, dice, reference.world.design, Template(table))


def _plant(table: pd.DataFrame, reference: Reference) -> pd.DataFrame:
    """Adjust the expression effect until the total effect of MS is as released."""
    now = _draw(table, reference)
    species, _, exposures = reference.label(**{"group:MS": 0.0, "msss": 0.0})
    before = now.expose(exposures, species)
    moved = arcsine_root(now.share) - arcsine_root(before.share)
    missing = table["target_ms"] - moved[reference.patient].mean(axis=0)
    step = (missing / asin_slope(table)).where(table.index.isin(PLANTED), 0.0)
    return table.assign(ms=table["ms"] + step)


def _share(table: pd.DataFrame, reference: Reference) -> pd.DataFrame:
    """Adjust the household share until the correlation of partners is as released."""
    seen = arcsine_root(_draw(table, reference).share)
    residuals = reference.fit(seen)[1]
    now = reference.shared(residuals) / residuals.var(axis=0)
    missing = (table["household_icc"] - now) * table["total_sd"] ** 2 / table["spread"] ** 2
    return table.assign(household_share=(table["household_share"] + missing).clip(0, 0.95))
